//! Reading the flow records of one set: a function of its bytes, its template,
//! its clock and what is known about sampling.
//!
//! It changes nothing that a decoder remembers. What the exporter is to be
//! reported with comes back as a [`Tally`], so that a set can be read at once
//! (`sets`) or later and elsewhere (`apart`) by the same code.
//!
//! Few flows are of interest, and for that their two addresses decide. So a set
//! of fixed layout may be read for addresses only ([`Reader::sides`]), which
//! counts the same as reading it whole and costs less than half.

use std::net::IpAddr;

use smallvec::SmallVec;

use super::cursor::Truncated;
use super::described::Described;
use super::exporter::{MAX_LISTED, Rated, note};
use super::rates::Rates;
use super::record::{self, Oddities, Sides};
use super::sampling::{Reading, Sampler};
use super::template::{Next, Template};
use super::time::Clock;
use super::{DecodeCounts, MAX_FLOWS, Protocol};
use crate::model::flow::FlowRecord;
use crate::model::sampling::Sampling;

/// What reading sets adds to what is reported of their exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) flow_records: u64,
    /// Flows per rate.
    pub(crate) rates: SmallVec<[(Rated, u64); 1]>,
    /// Sampler ids that flows carry and that have no rate.
    pub(crate) unknown_samplers: Vec<u64>,
    pub(crate) ambiguous_sampling: u64,
    pub(crate) implausible_sampling: u64,
    pub(crate) reversed_sampling: u64,
    pub(crate) implausible_time: u64,
    pub(crate) implausible_counters: u64,
}

impl Tally {
    /// Notes that flows carry the id of a sampler without a rate.
    pub(crate) fn note_unknown_sampler(&mut self, id: u64) {
        note(&mut self.unknown_samplers, id);
    }

    fn count(&mut self, rated: Rated, flows: u64) {
        if let Some(known) = self.rates.iter_mut().find(|known| known.0 == rated) {
            known.1 += flows;
        } else if self.rates.len() < MAX_LISTED {
            self.rates.push((rated, flows));
        }
    }
}

/// How a set was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SetRead {
    /// Records it held.
    pub(crate) received: u64,
    /// Records of those that were not taken.
    pub(crate) refused: u64,
    /// Its last record runs over its end.
    pub(crate) truncated: Option<Truncated>,
    /// There were more records than one call may give.
    pub(crate) is_full: bool,
}

/// Where counts go, and what flow records are read with.
pub(crate) struct Reader<'a> {
    pub(crate) sampling: &'a Described,
    pub(crate) tally: &'a mut Tally,
    pub(crate) counts: &'a mut DecodeCounts,
}

impl Reader<'_> {
    /// Reads the flow records in `data[begin..end]` and adds them to `flows`.
    pub(crate) fn set(
        &mut self,
        (protocol, port): (Protocol, u16),
        template: &Template,
        clock: &Clock,
        (data, begin, end): (&[u8], usize, usize),
        flows: &mut Vec<FlowRecord>,
    ) -> SetRead {
        let before = flows.len();
        let mut odd = Oddities::default();
        let mut rates = Rates::new(protocol, port);
        let mut records = template.records(data, begin, end);
        let mut read = SetRead::default();
        loop {
            match records.next() {
                Next::Record(window, layout) => {
                    read.received += 1;
                    if flows.len() >= MAX_FLOWS {
                        read.refused += 1;
                        read.is_full = true;
                        continue;
                    }
                    let mut flow = record::read(window, layout, clock, &mut odd);
                    flow.sampling = rates.of(self, window, layout).sampling;
                    flows.push(flow);
                }
                Next::End { odd_padding } => {
                    self.counts.odd_padding += u64::from(odd_padding);
                    break;
                }
                Next::Truncated(truncated) => {
                    read.received += 1;
                    read.refused += 1;
                    read.truncated = Some(truncated);
                }
            }
        }
        rates.finish(self);
        let decoded = (flows.len() - before) as u64;
        self.count(read.received, decoded, odd, clock.is_shifted());
        read
    }

    /// Reads only the addresses of flow records of fixed length: so many, which stand
    /// in the data from a place on. Adds them to `into` as those of a set.
    pub(crate) fn sides(
        &mut self,
        from: (Protocol, u16),
        template: &Template,
        clock: &Clock,
        records: (&[u8], usize, usize),
        into: (usize, &mut Vec<Sides>),
    ) {
        let layout = template.layout();
        // Most templates have room for one kind of address: what follows from the
        // kind need not be asked for every record then.
        if layout.is_v4_only() {
            let sides = |window: &[u8]| record::v4_sides(window, layout);
            self.sides_by(sides, from, template, clock, records, into);
        } else {
            let sides = |window: &[u8]| record::sides(window, layout);
            self.sides_by(sides, from, template, clock, records, into);
        }
    }

    /// The same, with what reads the addresses.
    #[inline]
    fn sides_by(
        &mut self,
        sides: impl Fn(&[u8]) -> (IpAddr, IpAddr),
        (protocol, port): (Protocol, u16),
        template: &Template,
        clock: &Clock,
        (data, begin, records): (&[u8], usize, usize),
        (set, into): (usize, &mut Vec<Sides>),
    ) {
        let layout = template.layout();
        let mut odd = Oddities::default();
        let mut rates = Rates::new(protocol, port);
        into.reserve(records);
        let mut at = begin;
        for _ in 0..records {
            let window = template.window(data, at);
            let (source, destination) = sides(window);
            record::doubt(window, layout, clock, (source, destination), &mut odd);
            rates.of(self, window, layout);
            into.push(Sides { source, destination, set, at });
            at += template.length;
        }
        rates.finish(self);
        let records = records as u64;
        self.count(records, records, odd, clock.is_shifted());
    }

    fn count(&mut self, received: u64, decoded: u64, odd: Oddities, shifted: bool) {
        let counts = &mut *self.counts;
        counts.records_received += received;
        counts.records_decoded += decoded;
        if shifted {
            counts.skewed_records += decoded;
        }
        counts.without_addresses += odd.without_addresses;
        counts.implausible_time += odd.implausible_time;
        counts.implausible_counters += odd.implausible_counters;
        self.tally.flow_records += decoded;
        self.tally.implausible_time += odd.implausible_time;
        self.tally.implausible_counters += odd.implausible_counters;
    }

    /// Counts flows that were read with one rate.
    pub(crate) fn tally(&mut self, rated: Rated, flows: u64) {
        if flows == 0 {
            return;
        }
        if rated.sampling == Sampling::Unknown {
            self.counts.unknown_sampling += flows;
        }
        self.tally.count(rated, flows);
    }

    /// Counts what is odd about a reading and returns its rate.
    pub(crate) fn rate(&mut self, reading: Reading) -> Option<Sampler> {
        let (counts, tally) = (&mut *self.counts, &mut *self.tally);
        match reading {
            Reading::Rate { reversed, .. } => {
                counts.reversed_sampling += u64::from(reversed);
                tally.reversed_sampling += u64::from(reversed);
            }
            Reading::Ambiguous | Reading::ByTime => {
                counts.ambiguous_sampling += 1;
                tally.ambiguous_sampling += 1;
            }
            Reading::Implausible => {
                counts.implausible_sampling += 1;
                tally.implausible_sampling += 1;
            }
            Reading::Silent => {}
        }
        reading.sampler()
    }
}
