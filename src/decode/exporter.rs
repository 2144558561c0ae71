//! What is remembered of one exporter and domain, and the bounded table of
//! all of them.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::model::exporter::ExporterId;
use crate::model::sampling::{Sampling, SamplingSource};
use crate::model::time::Timestamp;

use super::described::Described;
use super::reader::Tally;
use super::sampling::{RateField, Sampler, SamplerKey, Set};
use super::sequence::Sequence;
use super::templates::{NEARLY_ALL, SHARED, Templates};
use super::{DecodeSettings, Format, Protocol};

/// Exporters and domains remembered; the one not heard of for longest goes
/// for a new one, so a flood from invented sources costs bounded memory.
pub(crate) const MAX_EXPORTERS: usize = 4_096;
/// How many go at once: looking for them takes some hundred microseconds, which
/// a flood of invented sources must not cost for each.
pub(crate) const EVICTED_AT_ONCE: usize = 64;
/// Domains of one address that are safe when the table is full; one that has more
/// gives up its own for a new one, not another's.
pub(crate) const DOMAINS_OF_AN_ADDRESS: usize = 256;
/// Source ports per exporter whose samplers are held apart; the rest share.
pub(crate) const MAX_SAMPLER_PORTS: usize = 4;
/// Different rates, unknown ids and the like listed per exporter.
pub(crate) const MAX_LISTED: usize = 32;

/// A sampling rate with the field that gave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rated {
    pub(crate) sampling: Sampling,
    pub(crate) field: Option<RateField>,
}

impl Rated {
    /// A rate, or unknown if it is zero.
    pub(crate) fn new(rate: u32, source: SamplingSource, field: RateField) -> Self {
        let sampling = Sampling::new(rate, source);
        Self { sampling, field: sampling.rate().map(|_| field) }
    }

    pub(crate) fn options(sampler: Sampler) -> Self {
        Self::new(sampler.rate.get(), SamplingSource::Options, sampler.field)
    }

    /// This rate, or `other` if it is unknown.
    pub(crate) fn or(self, other: Self) -> Self {
        if self.sampling == Sampling::Unknown { other } else { self }
    }
}

/// What is remembered of one exporter and domain.
#[derive(Clone, Debug)]
pub(crate) struct Exporter {
    pub(crate) id: ExporterId,
    pub(crate) templates: Templates,
    /// What is known about its sampling.
    pub(crate) sampling: Arc<Described>,
    /// When the exporter started, as its options say, milliseconds since 1970.
    pub(crate) system_init: u64,
    sequences: SmallVec<[(Format, Sequence); 1]>,
    /// Its clock minus ours at the last datagram; sFlow tells no time.
    pub(crate) skew_ms: Option<i64>,
    /// When the first datagram came; the epoch before one came.
    pub(crate) first_seen: Timestamp,
    pub(crate) last_seen: Timestamp,
    pub(crate) datagrams: [u64; Format::ALL.len()],
    pub(crate) flow_records: u64,
    pub(crate) option_records: u64,
    pub(crate) rejected: u64,
    pub(crate) sflow_flow_samples: u64,
    pub(crate) sflow_counter_samples: u64,
    /// Template ids of sets that had to wait, with how often.
    pub(crate) unknown_sets: Vec<(u16, u64)>,
    /// Sampler ids that flows carry and that have no rate.
    pub(crate) unknown_samplers: Vec<u64>,
    /// Sampler ids that options describe without telling a rate.
    pub(crate) ambiguous_samplers: Vec<u64>,
    /// Flows per rate.
    pub(crate) rates: Vec<(Rated, u64)>,
    pub(crate) sampling_changes: u64,
    pub(crate) ambiguous_sampling: u64,
    pub(crate) implausible_sampling: u64,
    pub(crate) reversed_sampling: u64,
    pub(crate) implausible_time: u64,
    pub(crate) implausible_counters: u64,
}

impl Exporter {
    fn new(id: ExporterId, settings: &DecodeSettings) -> Self {
        Self {
            id,
            templates: Templates::default(),
            sampling: Arc::new(Described {
                configured: configured(id.address, settings),
                ..Described::default()
            }),
            system_init: 0,
            sequences: SmallVec::new(),
            skew_ms: None,
            first_seen: Timestamp::EPOCH,
            last_seen: Timestamp::EPOCH,
            datagrams: [0; Format::ALL.len()],
            flow_records: 0,
            option_records: 0,
            rejected: 0,
            sflow_flow_samples: 0,
            sflow_counter_samples: 0,
            unknown_sets: Vec::new(),
            unknown_samplers: Vec::new(),
            ambiguous_samplers: Vec::new(),
            rates: Vec::new(),
            sampling_changes: 0,
            ambiguous_sampling: 0,
            implausible_sampling: 0,
            reversed_sampling: 0,
            implausible_time: 0,
            implausible_counters: 0,
        }
    }

    /// Remembers a sampler that an options record from `port` describes.
    pub(crate) fn set_sampler(
        &mut self,
        protocol: Protocol,
        port: u16,
        key: SamplerKey,
        sampler: Sampler,
    ) -> Set {
        // What is shared with readers is copied only when it changes.
        if self.sampling.knows(protocol, port, key, sampler) {
            return Set::Same;
        }
        Arc::make_mut(&mut self.sampling).set_sampler(protocol, port, key, sampler)
    }

    /// Adds what reading its flow sets has told.
    pub(crate) fn add(&mut self, tally: &Tally) {
        self.flow_records += tally.flow_records;
        self.ambiguous_sampling += tally.ambiguous_sampling;
        self.implausible_sampling += tally.implausible_sampling;
        self.reversed_sampling += tally.reversed_sampling;
        self.implausible_time += tally.implausible_time;
        self.implausible_counters += tally.implausible_counters;
        for (rated, flows) in &tally.rates {
            self.tally(*rated, *flows);
        }
        for id in &tally.unknown_samplers {
            note(&mut self.unknown_samplers, *id);
        }
    }

    /// The sequence numbers of `format`.
    pub(crate) fn sequence(&mut self, format: Format) -> &mut Sequence {
        let place = self.sequences.iter().position(|of| of.0 == format).unwrap_or_else(|| {
            self.sequences.push((format, Sequence::default()));
            self.sequences.len() - 1
        });
        &mut self.sequences[place].1
    }

    /// Every format's sequence numbers.
    pub(crate) fn sequences(&self) -> &[(Format, Sequence)] {
        &self.sequences
    }

    /// Counts `flows` with this rate.
    pub(crate) fn tally(&mut self, rated: Rated, flows: u64) {
        if flows == 0 {
            return;
        }
        if let Some(known) = self.rates.iter_mut().find(|known| known.0 == rated) {
            known.1 += flows;
        } else if self.rates.len() < MAX_LISTED {
            self.rates.push((rated, flows));
        }
    }

    /// Notes a set that had to wait for template `id`.
    pub(crate) fn note_unknown_set(&mut self, id: u16) {
        if let Some(known) = self.unknown_sets.iter_mut().find(|known| known.0 == id) {
            known.1 += 1;
        } else if self.unknown_sets.len() < MAX_LISTED {
            self.unknown_sets.push((id, 1));
        }
    }

    /// Notes that options describe a sampler without telling its rate.
    pub(crate) fn note_ambiguous_sampler(&mut self, id: u64) {
        note(&mut self.ambiguous_samplers, id);
    }

    /// Sampler ids that flows carry and no options record describes.
    pub(crate) fn missing_samplers(&self) -> Vec<u64> {
        let described = |id: &u64| self.ambiguous_samplers.contains(id);
        let missing = self.unknown_samplers.iter().copied().filter(|id| !described(id));
        let mut missing: Vec<_> = missing.collect();
        // They were noted in the order in which sets were read, which is any.
        missing.sort_unstable();
        missing
    }
}

/// Adds to a bounded list of different ids.
pub(crate) fn note(list: &mut Vec<u64>, id: u64) {
    if !list.contains(&id) && list.len() < MAX_LISTED {
        list.push(id);
    }
}

/// The configured rate of an exporter: that of the longest prefix it is in.
fn configured(address: IpAddr, settings: &DecodeSettings) -> Rated {
    settings
        .default_sampling
        .iter()
        .filter(|(prefix, _)| prefix.contains(address))
        .max_by_key(|(prefix, _)| prefix.prefix())
        .map_or(Rated::default(), |(_, rate): &(_, NonZeroU32)| {
            Rated::new(rate.get(), SamplingSource::Configured, RateField::Configured)
        })
}

/// All exporters, bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exporters {
    known: HashMap<ExporterId, Box<Exporter>>,
    /// What all templates that are held cost, in fields.
    pub(crate) fields: usize,
}

impl Exporters {
    /// The exporter `id`, made if it is new, and what the templates of all
    /// exporters cost. The last value is how many others had to go for it.
    pub(crate) fn get(
        &mut self,
        id: ExporterId,
        settings: &DecodeSettings,
    ) -> (&mut Exporter, &mut usize, u64) {
        let mut evicted = 0;
        if self.known.len() >= MAX_EXPORTERS && !self.known.contains_key(&id) {
            evicted = self.evict(id.address);
        }
        let exporter =
            self.known.entry(id).or_insert_with(|| Box::new(Exporter::new(id, settings)));
        (exporter, &mut self.fields, evicted)
    }

    /// Lets go of the exporters not heard of for longest, for one of `address`:
    /// of its own domains if it has many. Several at once, since looking for
    /// them takes as long as there are exporters. Returns how many.
    fn evict(&mut self, address: IpAddr) -> u64 {
        let of_it = |held: &Exporter| held.id.address == address;
        let domains = self.known.values().filter(|held| of_it(held)).count();
        let own = domains >= DOMAINS_OF_AN_ADDRESS;
        let all = self.known.values().filter(|held| !own || of_it(held));
        let mut oldest: Vec<_> = all.map(|held| (held.last_seen, held.id)).collect();
        if oldest.len() > EVICTED_AT_ONCE {
            oldest.select_nth_unstable(EVICTED_AT_ONCE);
            oldest.truncate(EVICTED_AT_ONCE);
        }
        for (_, id) in &oldest {
            if let Some(mut gone) = self.known.remove(id) {
                gone.templates.clear(&mut self.fields);
            }
        }
        oldest.len() as u64
    }

    /// Takes templates from who holds more than a fair share of them, when all
    /// together hold nearly what they may: nobody's churning keeps the template
    /// of another from being taken. Returns how many were forgotten.
    pub(crate) fn make_room(&mut self) -> u64 {
        if self.fields <= NEARLY_ALL {
            return 0;
        }
        let share = SHARED / self.known.len().max(1);
        let fields = &mut self.fields;
        self.known.values_mut().map(|held| held.templates.shed(share, fields)).sum()
    }

    /// Applies changed settings to the exporters that are known.
    pub(crate) fn reconfigure(&mut self, settings: &DecodeSettings) {
        for exporter in self.known.values_mut() {
            let configured = configured(exporter.id.address, settings);
            if exporter.sampling.configured != configured {
                Arc::make_mut(&mut exporter.sampling).configured = configured;
            }
        }
    }

    /// The exporter `id` to be changed, if it is known.
    pub(crate) fn find_mut(&mut self, id: ExporterId) -> Option<&mut Exporter> {
        self.known.get_mut(&id).map(|held| &mut **held)
    }

    /// The exporter `id`, if it is known.
    pub(crate) fn find(&self, id: ExporterId) -> Option<&Exporter> {
        self.known.get(&id).map(|held| &**held)
    }

    /// Every exporter, in the order of address and domain.
    pub(crate) fn sorted(&self) -> Vec<&Exporter> {
        let mut all: Vec<&Exporter> = self.known.values().map(|held| &**held).collect();
        all.sort_unstable_by_key(|exporter| exporter.id);
        all
    }
}
