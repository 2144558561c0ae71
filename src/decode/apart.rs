//! Flow sets that are read apart from their decoder, by whoever has time.
//!
//! One exporter may send more than a core reads. What depends on the order of
//! arrival (templates, options, sequence numbers, what waits for a template) is
//! a small part of the work and stays with the one decoder that remembers it.
//! The records of a set are the large part, and how they read is settled once
//! the set's datagram was walked: by the template in force then, the clock of
//! its header, and what was known of samplers. A set noted here holds just
//! these, immutable and shared, so no later template or option can touch it and
//! it may be read at any time, in any order, on any core.
//!
//! Only sets whose records have a fixed length are noted: such a set cannot
//! fail, so that its datagram is settled, and its records are numbered, before
//! anybody has read it. What is told of exporters comes back as [`Learnt`].

use std::sync::Arc;

use crate::model::exporter::ExporterId;
use crate::model::flow::FlowRecord;

use super::described::Described;
use super::rates;
use super::reader::{Reader, Tally};
use super::record::{self, Oddities, Sides};
use super::template::Template;
use super::time::Clock;
use super::{DecodeCounts, Protocol};

/// Flow sets to be read.
#[derive(Clone, Debug, Default)]
pub struct Apart {
    contexts: Vec<Held>,
    sets: Vec<Set>,
}

/// What neighbouring sets are read with.
type Held = Context<Arc<Template>, Arc<Described>>;
/// The same, lent: it may be held already.
type Lent<'l> = Context<&'l Arc<Template>, &'l Arc<Described>>;

/// What a set is read with.
#[derive(Clone, Debug)]
pub(crate) struct Context<T, D> {
    pub(crate) exporter: ExporterId,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) template: T,
    pub(crate) sampling: D,
}

#[derive(Clone, Debug)]
struct Set {
    /// Place in [`Apart::contexts`].
    context: usize,
    clock: Clock,
    /// Where its body begins in the bytes that hold the datagram.
    begin: usize,
    /// How many records it holds.
    records: usize,
}

impl Lent<'_> {
    fn is(&self, other: &Held) -> bool {
        self.exporter == other.exporter
            && self.protocol == other.protocol
            && self.port == other.port
            && Arc::ptr_eq(self.template, &other.template)
            && Arc::ptr_eq(self.sampling, &other.sampling)
    }
}

impl Apart {
    /// How many sets were noted.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Forgets them and keeps the room.
    pub fn clear(&mut self) {
        self.contexts.clear();
        self.sets.clear();
    }

    pub(crate) fn push(
        &mut self,
        context: Lent<'_>,
        clock: Clock,
        (begin, records): (usize, usize),
    ) {
        if !self.contexts.last().is_some_and(|last| context.is(last)) {
            let Context { exporter, protocol, port, template, sampling } = context;
            let (template, sampling) = (Arc::clone(template), Arc::clone(sampling));
            self.contexts.push(Context { exporter, protocol, port, template, sampling });
        }
        self.sets.push(Set { context: self.contexts.len() - 1, clock, begin, records });
    }

    /// Reads of the records of one set only between whom they are, and adds that
    /// to `into`; `data` is what held the datagram. Everything is counted here, in
    /// `counts`, and in `learnt` what the exporter is to be reported with.
    pub fn sides(
        &self,
        set: usize,
        data: &[u8],
        counts: &mut DecodeCounts,
        learnt: &mut Learnt,
        into: &mut Vec<Sides>,
    ) {
        let Some((noted, context)) = self.set(set) else { return };
        let tally = learnt.of(context.exporter);
        Reader { sampling: &context.sampling, tally, counts }.sides(
            (context.protocol, context.port),
            &context.template,
            &noted.clock,
            (data, noted.begin, noted.records),
            (set, into),
        );
    }

    /// The whole of a record of which [`Self::sides`] read the sides, from the same
    /// data. Counts nothing.
    pub fn flow(&self, sides: &Sides, data: &[u8]) -> Option<FlowRecord> {
        let (set, context) = self.set(sides.set)?;
        let layout = context.template.layout();
        let window = context.template.window(data, sides.at);
        let mut flow = record::read(window, layout, &set.clock, &mut Oddities::default());
        let from = (context.protocol, context.port);
        flow.sampling = rates::rated(&context.sampling, from, window, layout).0.sampling;
        Some(flow)
    }

    fn set(&self, set: usize) -> Option<(&Set, &Held)> {
        let set = self.sets.get(set)?;
        Some((set, self.contexts.get(set.context)?))
    }
}

/// What reading sets apart has told of exporters, for the decoder that knows
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    pub(crate) tallies: Vec<(ExporterId, Tally)>,
}

impl Learnt {
    /// Empties it and keeps its room.
    pub fn clear(&mut self) {
        self.tallies.clear();
    }

    fn of(&mut self, exporter: ExporterId) -> &mut Tally {
        if self.tallies.last().is_none_or(|last| last.0 != exporter) {
            self.tallies.push((exporter, Tally::default()));
        }
        let last = self.tallies.len() - 1;
        &mut self.tallies[last].1
    }
}
