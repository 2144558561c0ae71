//! Data sets that wait for their template, in bounded memory.
//!
//! After a restart of either side data come before templates, for minutes
//! (docs/exporters.md 2, 18). Each set waits with its own datagram's clock. The
//! oldest goes when room is needed, first of the same exporter, then of the one
//! that has most waiting, so that no flood pushes out everybody's data; another
//! decoder, tried on hostile
//! input, held 197 MB without such bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use hashbrown::HashMap;

use crate::model::exporter::ExporterId;
use crate::model::time::Timestamp;

use super::Protocol;
use super::counts::{DecodeCounts, Outcome, Queued};
use super::time::Clock;

/// Bytes held for all exporters.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Bytes held for one exporter and domain.
pub(crate) const MAX_BYTES_PER_EXPORTER: usize = 2 << 20;
/// Charged for each set beside its bytes, for the tables around it.
const OVERHEAD: usize = 512;
/// Routers resend templates within 30 minutes (docs/exporters.md 18).
pub(crate) const LIFETIME: Duration = Duration::from_secs(1_800);

/// A data set that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) exporter: ExporterId,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) template: u16,
    /// The datagram it came in.
    pub(crate) datagram: u64,
    pub(crate) received: Timestamp,
    pub(crate) clock: Clock,
    /// Where its header stood in the datagram.
    pub(crate) offset: usize,
    /// The body, from `body` on; before it stand zeros, so that the first
    /// record's window has its lead.
    pub(crate) bytes: Box<[u8]>,
    pub(crate) body: usize,
}

/// A datagram of which sets wait.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    sets: u64,
    outcome: Outcome,
    /// It is still being decoded.
    open: bool,
}

#[derive(Clone, Debug, Default)]
struct OfExporter {
    bytes: usize,
    places: BTreeSet<u64>,
}

/// The waiting buffer of a decoder.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitingQueue {
    sets: BTreeMap<u64, Waiting>,
    by_template: HashMap<(ExporterId, Protocol, u16), BTreeSet<u64>>,
    by_exporter: HashMap<ExporterId, OfExporter>,
    /// Exporters by the bytes they have waiting.
    by_bytes: BTreeSet<(usize, ExporterId)>,
    datagrams: HashMap<u64, Pending>,
    bytes: usize,
    next: u64,
}

impl WaitingQueue {
    /// What waits now.
    pub(crate) fn queued(&self) -> Queued {
        Queued {
            datagrams: self.datagrams.len() as u64,
            records: self.sets.len() as u64,
            bytes: self.bytes as u64,
        }
    }

    /// How many sets of one exporter wait.
    pub(crate) fn queued_of(&self, exporter: ExporterId) -> u64 {
        self.by_exporter.get(&exporter).map_or(0, |of| of.places.len() as u64)
    }

    /// Where the next set will stand: the end of those that wait now.
    pub(crate) fn end(&self) -> u64 {
        self.next
    }

    /// The sets that wait in these places, in the order in which they came, each
    /// with its place and how the other parts of its datagram ended so far.
    pub(crate) fn waiting(
        &self,
        places: Range<u64>,
    ) -> impl Iterator<Item = (u64, &Waiting, Outcome)> {
        self.sets.range(places).map(|(place, set)| {
            let outcome =
                self.datagrams.get(&set.datagram).map_or_else(Outcome::default, |of| of.outcome);
            (*place, set, outcome)
        })
    }

    /// Puts all that waits into the order in which it came, by its time: the
    /// queues of several decoders were read one after another.
    pub(crate) fn put_in_order(&mut self) {
        let mut sets: Vec<Waiting> = std::mem::take(&mut self.sets).into_values().collect();
        sets.sort_by_key(|set| set.received);
        self.by_template.clear();
        self.by_exporter.values_mut().for_each(|of| of.places.clear());
        for set in sets {
            let place = self.next;
            self.next += 1;
            let key = (set.exporter, set.protocol, set.template);
            self.by_template.entry(key).or_default().insert(place);
            self.by_exporter.entry(set.exporter).or_default().places.insert(place);
            self.sets.insert(place, set);
        }
    }

    /// Lets a set wait; the oldest ones go if there is no room.
    pub(crate) fn push(&mut self, set: Waiting, counts: &mut DecodeCounts) {
        let cost = cost(&set);
        let exporter = set.exporter;
        while self
            .by_exporter
            .get(&exporter)
            .is_some_and(|of| of.bytes + cost > MAX_BYTES_PER_EXPORTER)
        {
            let oldest = self.by_exporter.get(&exporter).and_then(|of| of.places.first().copied());
            let Some(oldest) = oldest else { break };
            self.give_up(oldest, counts);
            counts.sets_evicted += 1;
        }
        while self.bytes + cost > MAX_BYTES
            && let Some((_, greediest)) = self.by_bytes.last()
            && let Some(of) = self.by_exporter.get(greediest)
            && let Some(oldest) = of.places.first().copied()
        {
            self.give_up(oldest, counts);
            counts.sets_evicted += 1;
        }
        let place = self.next;
        self.next += 1;
        self.bytes += cost;
        let of = self.by_exporter.entry(exporter).or_default();
        self.by_bytes.remove(&(of.bytes, exporter));
        of.bytes += cost;
        self.by_bytes.insert((of.bytes, exporter));
        of.places.insert(place);
        self.by_template.entry((exporter, set.protocol, set.template)).or_default().insert(place);
        let pending = self.datagrams.entry(set.datagram).or_default();
        pending.sets += 1;
        pending.open = true;
        self.sets.insert(place, set);
        counts.sets_queued += 1;
    }

    /// Takes out the sets that wait for a template and that `ready` lets go,
    /// oldest first.
    pub(crate) fn release(
        &mut self,
        exporter: ExporterId,
        protocol: Protocol,
        template: u16,
        mut ready: impl FnMut(&Waiting) -> bool,
        counts: &mut DecodeCounts,
        sink: &mut Vec<Waiting>,
    ) {
        if self.sets.is_empty() {
            return;
        }
        let Some(places) = self.by_template.get(&(exporter, protocol, template)) else { return };
        let places: Vec<u64> = places
            .iter()
            .copied()
            .filter(|place| self.sets.get(place).is_some_and(&mut ready))
            .collect();
        for place in places {
            if let Some(set) = self.remove(place) {
                counts.sets_released += 1;
                sink.push(set);
            }
        }
    }

    /// Gives up what has waited too long.
    pub(crate) fn expire(&mut self, now: Timestamp, counts: &mut DecodeCounts) {
        while let Some((place, set)) = self.sets.first_key_value()
            && now.since(set.received) > LIFETIME
        {
            let place = *place;
            self.give_up(place, counts);
            counts.sets_expired += 1;
        }
    }

    /// Says how a released set ended; settles its datagram if it was the last.
    pub(crate) fn settle(&mut self, datagram: u64, outcome: Outcome, counts: &mut DecodeCounts) {
        let Some(pending) = self.datagrams.get_mut(&datagram) else { return };
        pending.outcome = pending.outcome.max(outcome);
        pending.sets = pending.sets.saturating_sub(1);
        if pending.sets == 0 && !pending.open {
            counts.settle(pending.outcome);
            self.datagrams.remove(&datagram);
        }
    }

    /// Says how a datagram ended, apart from its sets that wait.
    pub(crate) fn close(&mut self, datagram: u64, outcome: Outcome, counts: &mut DecodeCounts) {
        let Some(pending) = self.datagrams.get_mut(&datagram) else {
            counts.settle(outcome);
            return;
        };
        pending.outcome = pending.outcome.max(outcome);
        pending.open = false;
        if pending.sets == 0 {
            counts.settle(pending.outcome);
            self.datagrams.remove(&datagram);
        }
    }

    fn give_up(&mut self, place: u64, counts: &mut DecodeCounts) {
        if let Some(set) = self.remove(place) {
            counts.records_received += 1;
            counts.records_unknown_template += 1;
            self.settle(set.datagram, Outcome::UnknownTemplate, counts);
        }
    }

    /// Takes a set out; its datagram stays pending until it is settled.
    fn remove(&mut self, place: u64) -> Option<Waiting> {
        let set = self.sets.remove(&place)?;
        let cost = cost(&set);
        self.bytes = self.bytes.saturating_sub(cost);
        let key = (set.exporter, set.protocol, set.template);
        if let Some(places) = self.by_template.get_mut(&key) {
            places.remove(&place);
            if places.is_empty() {
                self.by_template.remove(&key);
            }
        }
        if let Some(of) = self.by_exporter.get_mut(&set.exporter) {
            self.by_bytes.remove(&(of.bytes, set.exporter));
            of.bytes = of.bytes.saturating_sub(cost);
            of.places.remove(&place);
            if !of.places.is_empty() {
                self.by_bytes.insert((of.bytes, set.exporter));
            } else {
                self.by_exporter.remove(&set.exporter);
            }
        }
        Some(set)
    }
}

fn cost(set: &Waiting) -> usize {
    set.bytes.len() + OVERHEAD
}
