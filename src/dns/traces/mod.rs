//! What is left of an answer that is not known to matter: on which address,
//! whose name, when and how often, in 28 bytes (40 for IPv6).
//!
//! The name itself is a hash, enough to know it again when it turns out to be
//! on the way from a signature's name to its addresses. An address keeps a few
//! such traces; beyond that those of one owner become one, and those of too
//! many owners become one that says "many".

mod book;
mod registrables;
#[cfg(test)]
mod tests;

use std::hash::Hasher;
use std::net::IpAddr;

use hashbrown::HashMap;
use siphasher::sip::SipHasher13;
use smallvec::SmallVec;

use self::book::{Book, Key, PARTS};
pub(super) use self::registrables::{RegistrableId, Registrables};
use super::answer::Coverage;
use super::seen::{SourceId, Span};
use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

/// Most traces of an address.
pub(super) const MOST_TRACES: usize = 4;
/// A count that has reached its end is at least this, and so is believed
/// whatever minimum is configured.
const VERY_OFTEN: u64 = 1_000_000_000;
/// The bit of [`Trace::source`] for partial coverage. Sources are fewer.
const PARTIAL: u16 = 1 << 15;

/// 48 bits of a name's hash: among twenty million names and ten thousand that
/// are looked for, one in a thousand tables has a false match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameHash([u16; 3]);

impl NameHash {
    /// Several names of one owner.
    const SEVERAL: Self = Self([0; 3]);

    pub(super) fn new(name: &DomainName) -> Self {
        if name.is_unkept() {
            return Self::SEVERAL;
        }
        let mut hasher = SipHasher13::new();
        hasher.write(name.as_str().as_bytes());
        let [a, b, c, d, e, f, ..] = hasher.finish().to_le_bytes();
        Self::from_bytes([a, b, c, d, e, f])
    }

    pub(super) fn from_bytes([a, b, c, d, e, f]: [u8; 6]) -> Self {
        Self([u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]), u16::from_le_bytes([e, f])])
    }

    pub(super) fn to_bytes(self) -> [u8; 6] {
        let [[a, b], [c, d], [e, f]] = self.0.map(u16::to_le_bytes);
        [a, b, c, d, e, f]
    }
}

/// What is left of the answers of one source about one name on one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) name: NameHash,
    count: u16,
    pub(super) owner: RegistrableId,
    /// Seconds since the epoch, which lasts until 2106.
    first: u32,
    last: u32,
    source: u16,
    /// On how many days it was certainly seen.
    days: u16,
}

impl Trace {
    /// No trace: every other was seen on a day at least.
    const EMPTY: Self = Self {
        name: NameHash::SEVERAL,
        count: 0,
        owner: RegistrableId::MANY,
        first: 0,
        last: 0,
        source: 0,
        days: 0,
    };

    pub(super) fn new(name: NameHash, owner: RegistrableId, span: &Span) -> Self {
        let seconds = |at: Timestamp| u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        let ends = 1 + u16::from(span.first.day() != span.last.day());
        Self {
            name,
            count: u16::try_from(span.count).unwrap_or(u16::MAX),
            owner,
            first: seconds(span.first),
            last: seconds(span.last),
            source: span.source | if span.coverage == Coverage::Partial { PARTIAL } else { 0 },
            days: ends.saturating_add(span.more_days),
        }
    }

    /// The answers as one.
    pub(super) fn span(&self) -> Span {
        let (first, last) = (time(self.first), time(self.last));
        let ends = 1 + u16::from(first.day() != last.day());
        Span {
            first,
            last,
            count: if self.count == u16::MAX { VERY_OFTEN } else { self.count.into() },
            source: self.source(),
            more_days: self.days.saturating_sub(ends),
            coverage: if self.source & PARTIAL == 0 {
                Coverage::Population
            } else {
                Coverage::Partial
            },
        }
    }

    pub(super) fn source(&self) -> SourceId {
        self.source & !PARTIAL
    }

    /// The same trace in another table.
    pub(super) fn told_by(mut self, source: SourceId, owner: RegistrableId) -> Self {
        self.owner = owner;
        self.source = source | self.source & PARTIAL;
        self
    }

    fn absorb(&mut self, other: &Self) {
        let (first, last) = (time(self.first).day(), time(self.last).day());
        let outside = |at: u32| !(first..=last).contains(&time(at).day());
        let both = outside(other.first) && outside(other.last);
        let apart = time(other.first).day() != time(other.last).day();
        let more =
            u16::from(outside(other.first) || outside(other.last)) + u16::from(both && apart);
        // Days inside may have been counted already.
        self.days = self.days.saturating_add(more).max(other.days);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count = self.count.saturating_add(other.count);
    }

    /// Takes in another name or source.
    fn unite(&mut self, other: &Self) {
        self.absorb(other);
        if self.name != other.name {
            self.name = NameHash::SEVERAL;
        }
        if self.source & PARTIAL != 0 && other.source & PARTIAL == 0 {
            self.source = other.source;
        }
    }

    fn is_empty(&self) -> bool {
        self.days == 0
    }

    fn is_many(&self) -> bool {
        self.owner == RegistrableId::MANY
    }

    /// Whether `other` is told of the same thing.
    fn same(&self, other: &Self) -> bool {
        self.source == other.source
            && self.owner == other.owner
            && (self.name == other.name || self.name == NameHash::SEVERAL)
    }
}

fn time(seconds: u32) -> Timestamp {
    Timestamp::from_secs(seconds.into())
}

/// The first place at which the sum of `counts` reaches `number`, or the last
/// place; and the sum before it.
fn reaching(counts: &[usize], number: usize) -> (u32, usize) {
    let mut before = 0;
    for (place, count) in (0..).zip(counts) {
        if before + count >= number {
            return (place, before);
        }
        before += count;
    }
    (u32::from(u16::MAX), before)
}

fn key_v6(address: std::net::Ipv6Addr) -> [u32; 4] {
    let bits = address.to_bits();
    [96, 64, 32, 0].map(|shift| u32::try_from(bits >> shift & 0xffff_ffff).unwrap_or(0))
}

fn address_v6(key: [u32; 4]) -> IpAddr {
    let bits = key.iter().fold(0_u128, |bits, part| bits << 32 | u128::from(*part));
    IpAddr::V6(bits.into())
}

/// All traces.
#[derive(Debug, Default)]
pub(super) struct Traces {
    v4: Book<u32>,
    v6: Book<[u32; 4]>,
    pub(super) owners: Registrables,
    /// Addresses that came to have many owners.
    pub(super) saturated: u64,
}

impl Traces {
    pub(super) fn add(&mut self, address: IpAddr, trace: Trace) {
        let saturated = match address {
            IpAddr::V4(v4) => self.v4.add(v4.to_bits(), trace),
            IpAddr::V6(v6) => self.v6.add(key_v6(v6), trace),
        };
        self.saturated += u64::from(saturated);
    }

    /// Adds all and leaves none, each near the one before it, since a place that
    /// memory has just shown is found much quicker.
    pub(super) fn add_all(&mut self, all: &mut Vec<(IpAddr, Trace)>) {
        all.sort_by_cached_key(|(address, _)| Self::part_of(*address));
        for (address, trace) in all.drain(..) {
            self.add(address, trace);
        }
    }

    /// Takes out all that is known of `address`.
    pub(super) fn take(&mut self, address: IpAddr) -> SmallVec<[Trace; MOST_TRACES]> {
        match address {
            IpAddr::V4(v4) => self.v4.take(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.take(key_v6(v6)),
        }
    }

    /// Takes out the traces of these names.
    pub(super) fn take_named<T>(&mut self, names: &HashMap<NameHash, T>) -> Vec<(IpAddr, Trace)> {
        let mut taken = Vec::new();
        let mut keep = |address: IpAddr, trace: &Trace| {
            let wanted = names.contains_key(&trace.name);
            if wanted {
                taken.push((address, *trace));
            }
            !wanted
        };
        self.v4.retain(|key, trace| keep(IpAddr::V4(key.into()), trace));
        self.v6.retain(|key, trace| keep(address_v6(key), trace));
        taken
    }

    /// Drops what was last seen before `oldest`; returns how many.
    pub(super) fn expire(&mut self, oldest: Timestamp) -> usize {
        let oldest = u32::try_from(oldest.as_secs()).unwrap_or(u32::MAX);
        let gone = self.v4.retain(|_, trace| trace.last >= oldest)
            + self.v6.retain(|_, trace| trace.last >= oldest);
        self.tidy_owners();
        gone
    }

    /// Drops the `number` traces that were last seen longest ago; returns how
    /// many went.
    pub(super) fn evict(&mut self, number: usize) -> usize {
        let cut = self.oldest(number);
        let mut left = number;
        let mut keep = |trace: &Trace| {
            let goes = trace.last <= cut && left > 0;
            left -= usize::from(goes);
            !goes
        };
        let gone = self.v4.retain(|_, trace| keep(trace)) + self.v6.retain(|_, trace| keep(trace));
        self.tidy_owners();
        gone
    }

    /// When the youngest of the `number` oldest traces was last seen: first to
    /// about a day, then to the second.
    fn oldest(&self, number: usize) -> u32 {
        let (mut days, mut seconds) = (vec![0_usize; 1 << 16], vec![0_usize; 1 << 16]);
        for (_, trace) in self.all() {
            days[(trace.last >> 16) as usize] += 1;
        }
        let (day, before) = reaching(&days, number);
        for (_, trace) in self.all().filter(|(_, trace)| trace.last >> 16 == day) {
            seconds[(trace.last & 0xffff) as usize] += 1;
        }
        day << 16 | reaching(&seconds, number - before).0
    }

    /// Every trace with its address.
    pub(super) fn all(&self) -> impl Iterator<Item = (IpAddr, &Trace)> {
        let v4 = self.v4.all().map(|(key, trace)| (IpAddr::V4((*key).into()), trace));
        v4.chain(self.v6.all().map(|(key, trace)| (address_v6(*key), trace)))
    }

    /// Parts in which traces can be gone through bit by bit. In which part an
    /// address is never changes, whatever is taken out meanwhile.
    pub(super) const PARTS: usize = 2 * PARTS;

    /// The part that the traces of `address` are in.
    pub(super) fn part_of(address: IpAddr) -> usize {
        match address {
            IpAddr::V4(v4) => v4.to_bits().part(),
            IpAddr::V6(v6) => PARTS + key_v6(v6).part(),
        }
    }

    /// Makes going through all parts quick.
    pub(super) fn sort(&mut self) {
        self.v4.sort();
        self.v6.sort();
    }

    /// The traces of one part.
    pub(super) fn part(&self, part: usize) -> impl Iterator<Item = (IpAddr, &Trace)> {
        let v4 = (part < PARTS).then(|| self.v4.part(part)).into_iter().flatten();
        let v4 = v4.map(|(key, trace)| (IpAddr::V4((*key).into()), trace));
        let v6 = part.checked_sub(PARTS).into_iter().flat_map(|part| self.v6.part(part));
        v4.chain(v6.map(|(key, trace)| (address_v6(*key), trace)))
    }

    /// Lets go of owners that nothing refers to any more.
    fn tidy_owners(&mut self) {
        let mut used = vec![false; self.owners.len()];
        for (_, trace) in self.all().filter(|(_, trace)| !trace.is_many()) {
            used[trace.owner.0 as usize] = true;
        }
        if used.iter().filter(|used| **used).count() > used.len() / 4 * 3 {
            return;
        }
        let mut owners = Registrables::default();
        let mut places = vec![RegistrableId::MANY; used.len()];
        for (place, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            let id = RegistrableId(u32::try_from(place).unwrap_or(u32::MAX));
            if let Some(text) = self.owners.text(id) {
                places[place] = owners.intern(text);
            }
        }
        let moved = |trace: &mut Trace| {
            if !trace.is_many() {
                trace.owner = places[trace.owner.0 as usize];
            }
        };
        self.v4.all_mut().chain(self.v6.all_mut()).for_each(moved);
        self.owners = owners;
    }

    pub(super) fn len(&self) -> usize {
        self.v4.traces + self.v6.traces
    }

    pub(super) fn addresses(&self) -> usize {
        self.v4.addresses + self.v6.addresses
    }

    pub(super) fn memory(&self) -> usize {
        self.v4.memory() + self.v6.memory() + self.owners.memory()
    }
}
