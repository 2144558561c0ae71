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

use std::ops::Range;
use std::sync::Arc;

use crate::model::exporter::ExporterId;

use super::described::Described;
use super::reader::{Reader, Tally};
use super::template::Template;
use super::time::Clock;
use super::{Decoded, Protocol};

/// Flow sets to be read.
#[derive(Clone, Debug, Default)]
pub struct Apart {
    contexts: Vec<Context>,
    sets: Vec<Set>,
}

/// What neighbouring sets are read with.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) exporter: ExporterId,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) template: Arc<Template>,
    pub(crate) sampling: Arc<Described>,
}

#[derive(Clone, Debug)]
struct Set {
    /// Place in [`Apart::contexts`].
    context: usize,
    clock: Clock,
    /// Where its body is in the bytes that hold the datagram.
    begin: usize,
    end: usize,
}

impl Context {
    fn is(&self, other: &Self) -> bool {
        self.exporter == other.exporter
            && self.protocol == other.protocol
            && self.port == other.port
            && Arc::ptr_eq(&self.template, &other.template)
            && Arc::ptr_eq(&self.sampling, &other.sampling)
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

    pub(crate) fn push(&mut self, context: Context, clock: Clock, (begin, end): (usize, usize)) {
        if !self.contexts.last().is_some_and(|last| last.is(&context)) {
            self.contexts.push(context);
        }
        self.sets.push(Set { context: self.contexts.len() - 1, clock, begin, end });
    }

    /// Reads some of the sets into `out`, after emptying it; `data` is what held
    /// their datagrams. What the exporters are to be reported with is added to
    /// `learnt`.
    pub fn read(&self, sets: Range<usize>, data: &[u8], out: &mut Decoded, learnt: &mut Learnt) {
        out.clear();
        for set in self.sets.get(sets).unwrap_or_default() {
            let Some(context) = self.contexts.get(set.context) else { continue };
            let tally = learnt.of(context.exporter);
            Reader { sampling: &context.sampling, tally, out }.set(
                (context.protocol, context.port),
                &context.template,
                &set.clock,
                (data, set.begin, set.end),
            );
        }
    }
}

/// What reading sets apart has told of exporters, for the decoder that knows
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    pub(crate) tallies: Vec<(ExporterId, Tally)>,
}

impl Learnt {
    fn of(&mut self, exporter: ExporterId) -> &mut Tally {
        if self.tallies.last().is_none_or(|last| last.0 != exporter) {
            self.tallies.push((exporter, Tally::default()));
        }
        let last = self.tallies.len() - 1;
        &mut self.tallies[last].1
    }
}
