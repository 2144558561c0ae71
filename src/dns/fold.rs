//! Keeping [`Knowledge`] within a limit of memory: what can matter is kept
//! whole, of everything else remains who was on an address and when.
//!
//! What can matter, seen from the signatures, are the names they match, the
//! aliases from there on, the addresses these end at, every name on those
//! addresses, and all aliases, since any of them may lead to such a name. The
//! rest, answers about other names on other addresses, is by far the most; it
//! is *folded* into traces whenever enough of it has gathered. Readers stream,
//! so whether an answer matters may show only later: *settling* takes the
//! traces of names and addresses that matter by now back into the table. A
//! name that had no part in an alias comes back as "a name of its owner". What
//! does not come back is an address of more owners than traces are kept of: an
//! alias to a name on it, told for the first time after that was folded, leads
//! there only when the name is answered again.
//!
//! A table that has never had more than fits is never folded, and then no name
//! is lost.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};
use serde::Serialize;

use super::knowledge::{Entry, Knowledge, NameId};

use super::seen::{SourceId, Spans};
use super::sieve::Sieve;
use super::traces::{NameHash, RegistrableId, Trace};
use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

/// Bytes of a fact with its name, about, before it is folded.
const BYTES_OF_A_FACT: usize = 400;
/// Facts gather until they take this part of memory.
const GATHERING_PART: usize = 16;
/// Fewer facts than this are not folded.
const FEWEST_FACTS: usize = 1_000;
/// Traces that are sorted before they are added: a few megabytes.
const TRACES_AT_ONCE: usize = 1 << 16;
/// Most names on one address that are kept whole; more say nothing new.
pub const MOST_NAMES_ON_AN_ADDRESS: usize = 4_096;

/// What a table may take, and what is kept whole in it.
#[derive(Debug)]
pub(super) struct Bounds {
    sieve: Sieve,
    memory: usize,
    /// Facts that gather before they are folded.
    room: usize,
    /// How many facts are folded next.
    due: usize,
    /// Names whose traces have been looked for.
    settled: HashSet<NameHash>,
    /// Whether what must be kept whole takes all memory.
    full: bool,
}

/// What has left a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// Facts that were last seen too long ago.
    pub expired: u64,
    /// Facts whose names are not kept.
    pub folded: u64,
    /// Of those, the ones that went altogether for want of memory, oldest
    /// first.
    pub evicted: u64,
    /// Addresses of which nothing is kept but that they have many owners.
    pub saturated: u64,
}

impl Knowledge {
    /// An empty table that takes about `memory` bytes at most and keeps whole
    /// what can matter to the names that `sieve` matches.
    pub fn bounded(sieve: Sieve, memory: usize) -> Self {
        let room = (memory / GATHERING_PART / BYTES_OF_A_FACT).max(FEWEST_FACTS);
        Self::with_room(sieve, memory, room)
    }

    /// The same, folding whenever `room` facts have gathered.
    pub(crate) fn with_room(sieve: Sieve, memory: usize, room: usize) -> Self {
        let settled = HashSet::new();
        let bounds = Bounds { sieve, memory, room, due: room, settled, full: false };
        Self { bounds: Some(Box::new(bounds)), ..Self::default() }
    }

    pub(super) fn is_out_of_memory(&self) -> bool {
        self.bounds.as_ref().is_some_and(|bounds| bounds.full)
    }

    /// Waits while a checkpoint is written, as long as facts gather that fit
    /// once more.
    pub(super) fn fold_if_due(&mut self) {
        let waits = self.underway.is_some();
        let is_due =
            |bounds: &Bounds| self.facts >= bounds.due + if waits { bounds.room } else { 0 };
        if self.bounds.as_deref().is_some_and(is_due) {
            self.fold();
        }
    }

    /// Gets a table that was read back into order.
    pub(super) fn restored(&mut self) {
        if self.bounds.as_ref().is_some_and(|bounds| self.facts >= bounds.due) {
            self.fold();
        } else {
            self.keep_within_memory();
        }
    }

    /// Notes, between foldings, whether traces and `other` bytes are too much.
    pub(super) fn note_memory(&mut self, other: usize) {
        if let Some(bounds) = &mut self.bounds {
            bounds.full = self.traces.memory() + other > bounds.memory;
        }
    }

    /// Leaves traces only of what cannot matter as far as is known now.
    fn fold(&mut self) {
        let chains = self.chains();
        self.forget_settled(&chains);
        let hot = self.addresses_of(&chains);
        let mut on_hot: HashMap<IpAddr, usize> = HashMap::new();
        let (mut folded, mut leaving) = (0, Vec::new());
        for ((entry, name), in_chain) in self.entries.iter_mut().zip(&self.names).zip(&chains) {
            if *in_chain || entry.addresses.is_empty() {
                continue;
            }
            let (hash, mut owner_id) = (NameHash::new(name), None);
            let owners = &mut self.traces.owners;
            entry.addresses.retain(|(address, spans)| {
                if hot.contains(address) {
                    let names = on_hot.entry(*address).or_default();
                    *names += 1;
                    if *names <= MOST_NAMES_ON_AN_ADDRESS {
                        return true;
                    }
                }
                let owner = *owner_id.get_or_insert_with(|| owners.of(name));
                let spans = spans.all().iter();
                leaving.extend(spans.map(|span| (*address, Trace::new(hash, owner, span))));
                folded += 1;
                false
            });
            if leaving.len() >= TRACES_AT_ONCE {
                self.traces.add_all(&mut leaving);
            }
        }
        self.traces.add_all(&mut leaving);
        self.gone.folded += folded;
        self.tidy();
        self.keep_within_memory();
    }

    /// A name that matters no longer may leave traces again.
    fn forget_settled(&mut self, chains: &[bool]) {
        let in_chain = self.names.iter().zip(chains).filter(|(_, in_chain)| **in_chain);
        let hashes: HashSet<NameHash> = in_chain.map(|(name, _)| NameHash::new(name)).collect();
        if let Some(bounds) = &mut self.bounds {
            bounds.settled.retain(|hash| hashes.contains(hash));
        }
    }

    /// Takes back what matters by now, so that the table can be asked. To be
    /// called when answers were added, before verdicts are made.
    pub fn settle(&mut self) {
        if self.bounds.is_none() || self.traces.len() == 0 {
            return;
        }
        let chains = self.chains();
        let mut news: HashMap<NameHash, NameId> = HashMap::new();
        if let Some(bounds) = &mut self.bounds {
            for (id, name) in (0..).map(NameId).zip(&self.names) {
                if chains[id.place()] && bounds.settled.insert(NameHash::new(name)) {
                    news.insert(NameHash::new(name), id);
                }
            }
        }
        if !news.is_empty() {
            for (address, trace) in self.traces.take_named(&news) {
                self.put_back(news[&trace.name], address, trace);
            }
        }
        self.recall(self.addresses_of(&chains));
    }

    /// Takes back the traces of these addresses, so that they can be asked
    /// for.
    pub fn recall(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        let mut known: Option<HashMap<NameHash, NameId>> = None;
        for address in addresses {
            for trace in self.traces.take(address) {
                let names = || (0..).map(NameId).zip(&self.names);
                let known = known.get_or_insert_with(|| {
                    names().map(|(id, name)| (NameHash::new(name), id)).collect()
                });
                let id = match known.get(&trace.name).filter(|id| !self.name(**id).is_unkept()) {
                    Some(id) => Ok(*id),
                    None => {
                        let owner = self.traces.owners.text(trace.owner);
                        self.intern(DomainName::unkept(owner))
                    }
                };
                // A table that is full of names keeps the trace.
                match id {
                    Ok(id) => self.put_back(id, address, trace),
                    Err(_) => self.traces.add(address, trace),
                }
            }
        }
    }

    fn put_back(&mut self, id: NameId, address: IpAddr, trace: Trace) {
        if let Some(underway) = &mut self.underway {
            underway.taken_back(id, address, &trace, self.traces.owners.text(trace.owner));
        }
        if self.insert_address(id, address, trace.span(), false).is_ok() {
            self.gone.folded = self.gone.folded.saturating_sub(1);
        } else {
            self.gone.evicted += 1;
        }
    }

    /// Adds what `from` knows, without names, from sources that are `wanted`.
    pub(super) fn take_traces(&mut self, from: &Self, wanted: impl Fn(&str) -> bool) {
        let mut places: HashMap<SourceId, Option<SourceId>> = HashMap::new();
        let unkept = from.names.iter().zip(&from.entries).filter(|(name, _)| name.is_unkept());
        let mut known: Vec<(IpAddr, Trace, Option<&str>)> = Vec::new();
        for (name, entry) in unkept {
            let owner = (*name != DomainName::unkept(None)).then(|| name.registrable());
            for (address, spans) in &entry.addresses {
                let traces = spans.all().iter().map(|span| {
                    (*address, Trace::new(NameHash::new(name), RegistrableId::MANY, span), owner)
                });
                known.extend(traces);
            }
        }
        let traces = from.traces.all();
        let traces =
            traces.map(|(address, trace)| (address, *trace, from.traces.owners.text(trace.owner)));
        for (address, trace, owner) in known.into_iter().chain(traces) {
            let source = &from.sources[usize::from(trace.source())];
            let place = *places
                .entry(trace.source())
                .or_insert_with(|| wanted(source).then(|| self.source(source).ok()).flatten());
            let Some(place) = place else { continue };
            let owner = owner.map_or(RegistrableId::MANY, |owner| self.traces.owners.intern(owner));
            self.traces.add(address, trace.told_by(place, owner));
            self.gone.folded += 1;
        }
        if let Some(bounds) = &mut self.bounds {
            bounds.settled.clear();
        }
    }

    /// Forgets what was last seen before `oldest`.
    pub fn expire(&mut self, oldest: Timestamp) {
        let mut expired = 0;
        for entry in &mut self.entries {
            let before = entry.addresses.len() + entry.aliases.len();
            entry.addresses.retain_mut(|(_, spans)| !spans.expire(oldest));
            entry.aliases.retain_mut(|(_, spans)| !spans.expire(oldest));
            expired += before - entry.addresses.len() - entry.aliases.len();
        }
        expired += self.traces.expire(oldest);
        self.gone.expired += expired as u64;
        self.tidy();
        self.keep_within_memory();
    }

    /// Which names a signature matches or leads to by aliases.
    fn chains(&self) -> Vec<bool> {
        let mut reached = vec![false; self.names.len()];
        let Some(bounds) = &self.bounds else { return reached };
        let matched = |(_, name): &(NameId, &DomainName)| bounds.sieve.matches(name);
        let mut open: Vec<NameId> = self.names().filter(matched).map(|(id, _)| id).collect();
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut reached[id.place()], true) {
                open.extend(self.entries[id.place()].aliases.iter().map(|(target, _)| *target));
            }
        }
        reached
    }

    fn addresses_of(&self, names: &[bool]) -> HashSet<IpAddr> {
        let entries = self.entries.iter().zip(names).filter(|(_, wanted)| **wanted);
        entries.flat_map(|(entry, _)| entry.addresses.iter().map(|(address, _)| *address)).collect()
    }

    /// Lets go of names without facts. Ids change.
    fn tidy(&mut self) {
        self.drop_checkpoint();
        let mut used: Vec<bool> = self
            .entries
            .iter()
            .map(|entry| !entry.addresses.is_empty() || !entry.aliases.is_empty())
            .collect();
        for (target, _) in self.entries.iter().flat_map(|entry| &entry.aliases) {
            used[target.place()] = true;
        }
        let mut ids = (0..).map(NameId);
        let moved: Vec<Option<NameId>> =
            used.iter().map(|used| if *used { ids.next() } else { None }).collect();
        let number = used.iter().filter(|used| **used).count();
        let entries = std::mem::replace(&mut self.entries, Vec::with_capacity(number));
        let names = std::mem::replace(&mut self.names, Vec::with_capacity(number));
        self.facts = 0;
        for ((mut entry, name), _) in
            entries.into_iter().zip(names).zip(used).filter(|(_, used)| *used)
        {
            entry.pointing = Vec::new();
            entry.addresses.shrink_to_fit();
            for (target, _) in &mut entry.aliases {
                *target = moved[target.place()].unwrap_or(*target);
            }
            self.facts += entry.addresses.len() + entry.aliases.len();
            self.names.push(name);
            self.entries.push(entry);
        }
        self.find_ways_back();
    }

    /// Makes everything anew that follows from names and entries.
    pub(super) fn find_ways_back(&mut self) {
        self.places = HashMap::with_capacity(self.names.len());
        self.on_address = HashMap::new();
        let ids = (0..).map(NameId);
        for (id, name) in ids.clone().zip(&self.names) {
            self.places.insert(name.clone(), id);
        }
        let mut pointing = Vec::new();
        for (id, entry) in ids.zip(&self.entries) {
            for (address, _) in &entry.addresses {
                self.on_address.entry(*address).or_default().push(id);
            }
            pointing.extend(entry.aliases.iter().map(|(target, _)| (*target, id)));
        }
        for (target, id) in pointing {
            self.entries[target.place()].pointing.push(id);
        }
    }

    /// Lets traces go until all that is held, and as much as gathers before
    /// the next folding, is within the limit.
    fn keep_within_memory(&mut self) {
        let Some((limit, room)) = self.bounds.as_ref().map(|bounds| (bounds.memory, bounds.room))
        else {
            return;
        };
        let over = (self.memory() + room * BYTES_OF_A_FACT).saturating_sub(limit);
        if over > 0 {
            // A little more, or it would be the same the next time.
            let traces = over / size_of::<(u32, Trace)>() + self.traces.len() / 32;
            self.gone.evicted += self.traces.evict(traces) as u64;
        }
        let memory = self.memory();
        let spare = limit.saturating_sub(memory) / BYTES_OF_A_FACT;
        let (facts, traces) = (self.facts, self.traces.len());
        if let Some(bounds) = &mut self.bounds {
            bounds.full = memory > limit && traces == 0;
            // Folding goes over all that is kept, so it waits for a part of
            // that, if it fits.
            bounds.due = facts + room.max((facts / 2).min(spare));
        }
    }

    /// The bytes that the table takes, but for what allocators add: next to
    /// nothing to traces, but to facts nearly as much again.
    pub fn memory(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.as_str().len() + 16).sum();
        let links: usize = self
            .entries
            .iter()
            .map(|entry| {
                let inner = entry.addresses.iter().map(|(_, spans)| spans.heap());
                let inner = inner.chain(entry.aliases.iter().map(|(_, spans)| spans.heap()));
                entry.addresses.capacity() * size_of::<(IpAddr, Spans)>()
                    + entry.aliases.capacity() * size_of::<(NameId, Spans)>()
                    + entry.pointing.capacity() * size_of::<NameId>()
                    + inner.sum::<usize>()
            })
            .sum();
        names
            + links
            + self.names.capacity() * size_of::<DomainName>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.places.allocation_size()
            + self.on_address.allocation_size()
            + self.traces.memory()
    }
}

#[cfg(test)]
mod tests;
