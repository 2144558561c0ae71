//! The decoding of one datagram: what it reads, changes and puts out.
//!
//! A datagram is walked once. Templates and options take effect as they come;
//! flow sets are noted and decoded at its end, so that options hold for the
//! flows of their own datagram in whichever order they stand (docs/exporters.md 2).

use std::sync::Arc;

use crate::model::exporter::ExporterId;
use crate::model::sampling::Sampling;
use crate::model::time::Timestamp;

use super::apart::Apart;
use super::counts::Outcome;
use super::exporter::{Exporter, Rated};
use super::problem::{MAX_PROBLEMS, Problem, ProblemKind};
use super::queue::{Waiting, WaitingQueue};
use super::record::Oddities;
use super::sequence::Numbered;
use super::template::Template;
use super::time::Clock;
use super::{Datagram, DecodeSettings, Decoded, Format};

/// A flow set whose template is known.
#[derive(Clone, Debug)]
pub(crate) struct Deferred {
    pub(crate) template: Arc<Template>,
    pub(crate) set: FlowSet,
}

/// Where a flow set's bytes are.
#[derive(Clone, Debug)]
pub(crate) enum FlowSet {
    /// In this datagram.
    Here { offset: usize, begin: usize, end: usize },
    /// In an earlier one.
    Waited(Box<Waiting>),
}

/// Buffers that a decoder keeps from datagram to datagram.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) deferred: Vec<Deferred>,
    pub(crate) released: Vec<Waiting>,
}

/// The decoding of one datagram.
pub(crate) struct Session<'a> {
    pub(crate) datagram: Datagram<'a>,
    /// Number of the datagram, to know it by while its sets wait.
    pub(crate) serial: u64,
    pub(crate) format: Format,
    pub(crate) settings: &'a DecodeSettings,
    pub(crate) exporter: &'a mut Exporter,
    pub(crate) fields_held: &'a mut usize,
    pub(crate) queue: &'a mut WaitingQueue,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) out: &'a mut Decoded,
    pub(crate) outcome: Outcome,
    /// Where flow sets of fixed layout go instead of being read at once.
    pub(crate) apart: Option<LeftApart<'a>>,
}

/// Where flow sets go that are read apart.
pub(crate) struct LeftApart<'a> {
    pub(crate) apart: &'a mut Apart,
    /// Where the datagram begins in the bytes they will be read from.
    pub(crate) base: usize,
}

impl LeftApart<'_> {
    /// The same for one message of several.
    pub(crate) fn again(&mut self) -> LeftApart<'_> {
        LeftApart { apart: self.apart, base: self.base }
    }
}

/// Where a problem is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) set: Option<usize>,
    pub(crate) template: Option<u16>,
    pub(crate) offset: usize,
}

impl Place {
    /// A place outside any set.
    pub(crate) fn at(offset: usize) -> Self {
        Self { set: None, template: None, offset }
    }

    /// The set or sample that begins at `offset`.
    pub(crate) fn set(offset: usize) -> Self {
        Self { set: Some(offset), template: None, offset }
    }

    /// The same place, naming the template.
    pub(crate) fn of_template(self, id: u16) -> Self {
        Self { template: Some(id), ..self }
    }

    /// Further in, in the same set.
    pub(crate) fn inside(self, offset: usize) -> Self {
        Self { offset, ..self }
    }
}

impl Session<'_> {
    /// A clock for a message with this header time.
    pub(crate) fn clock(&mut self, export: Timestamp, uptime: Option<u32>) -> Clock {
        let clock = Clock::new(self.datagram.received, export, uptime, self.settings.max_skew);
        self.exporter.skew_ms = Some(clock.skew_ms());
        clock
    }

    /// Reports something that costs no record.
    pub(crate) fn note(&mut self, place: Place, kind: ProblemKind) {
        report(self.out, Some(self.format), place, kind);
    }

    /// Refuses a record, a set or what is left of the datagram.
    pub(crate) fn reject(&mut self, place: Place, kind: ProblemKind) {
        self.note(place, kind);
        self.out.counts.records_received += 1;
        self.refuse(1);
    }

    /// Counts records that were received as refused.
    pub(crate) fn refuse(&mut self, records: u64) {
        self.out.counts.records_rejected += records;
        self.exporter.rejected += records;
        self.outcome = Outcome::Rejected;
    }

    /// Takes the datagram's or message's sequence number.
    pub(crate) fn number(&mut self, number: u32, units: Option<u32>) {
        let port = self.datagram.source_port;
        let observed =
            self.exporter.sequence(self.format).observe(Numbered { port, number, units });
        let counts = &mut self.out.counts;
        *match self.format {
            Format::Netflow5 | Format::Netflow7 => &mut counts.lost_flows,
            Format::Netflow9 => &mut counts.lost_packets,
            Format::Ipfix => &mut counts.lost_records,
            Format::Sflow5 => &mut counts.lost_datagrams,
        } += observed.lost;
        counts.restarts += u64::from(observed.restarted);
    }

    /// Counts flows that were decoded with one rate.
    pub(crate) fn tally(&mut self, rated: Rated, flows: u64) {
        if rated.sampling == Sampling::Unknown {
            self.out.counts.unknown_sampling += flows;
        }
        self.exporter.tally(rated, flows);
    }

    /// Counts what was odd about decoded records.
    pub(crate) fn count_oddities(&mut self, odd: Oddities) {
        let counts = &mut self.out.counts;
        counts.without_addresses += odd.without_addresses;
        counts.implausible_time += odd.implausible_time;
        counts.implausible_counters += odd.implausible_counters;
        self.exporter.implausible_time += odd.implausible_time;
        self.exporter.implausible_counters += odd.implausible_counters;
    }

    /// The exporter's identity.
    pub(crate) fn id(&self) -> ExporterId {
        self.exporter.id
    }
}

/// Adds a problem to the bounded list.
pub(crate) fn report(out: &mut Decoded, format: Option<Format>, place: Place, kind: ProblemKind) {
    if out.problems.len() >= MAX_PROBLEMS {
        out.counts.problems_dropped += 1;
        return;
    }
    let Place { set, template, offset } = place;
    out.problems.push(Problem { format, set, template, offset, kind });
}
