//! The traces of one address family: the most by far on full, sorted pages,
//! the newest loose, to be sorted in with one walk over all pages.
//!
//! Everything is allocated in pages of one size, since blocks that grow each
//! on their own leave holes between them that no other fits: half as much
//! again as the traces themselves. What is taken out stays as an empty place
//! until the next walk.

use std::cmp::{Ordering, Reverse};
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use smallvec::SmallVec;

use super::registrables::RegistrableId;
use super::{MOST_TRACES, NameHash, Trace};

/// Bytes of a page with what allocators put before it.
const PAGE: usize = 1 << 18;
/// Loose traces are sorted in when there are so many, or this part of all.
const LEAST_LOOSE: usize = 4_096;
const LOOSE_PART: usize = 32;
/// Emptied pages that wait to be filled again.
const MOST_SPARE: usize = 2;
/// Parts of a book for whoever goes through it bit by bit.
pub(super) const PARTS: usize = 1 << 14;

/// How addresses are sorted.
pub(super) trait Key: Copy + Ord + std::hash::Hash {
    /// Spreads addresses evenly, so that their place can be guessed, and that
    /// what goes first is no one's network.
    fn spread(self) -> u64;

    /// In which of [`PARTS`] it is.
    fn part(self) -> usize {
        let part = self.spread() >> (u64::BITS - PARTS.trailing_zeros());
        usize::try_from(part).unwrap_or(usize::MAX)
    }
}

impl Key for u32 {
    fn spread(self) -> u64 {
        u64::from(self.wrapping_mul(0x9e37_79b1)) << 32
    }
}

/// In four parts, since a `u128` would be padded.
impl Key for [u32; 4] {
    fn spread(self) -> u64 {
        self.iter().fold(0_u64, |mixed, part| {
            (mixed ^ u64::from(*part)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        })
    }
}

fn order<K: Key>(key: K) -> (u64, K) {
    (key.spread(), key)
}

/// Where a trace is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Loose(usize),
    Page(usize, usize),
}

/// The traces of one address, the newest first.
type Run = SmallVec<[Place; MOST_TRACES]>;

/// The traces of one address family.
#[derive(Debug)]
pub(super) struct Book<K> {
    /// Sorted by [`order`]; an address is on one page only.
    pages: Vec<Vec<(K, Trace)>>,
    /// Of each page, what its first address is sorted by.
    firsts: Vec<(u64, K)>,
    spare: Vec<Vec<(K, Trace)>>,
    /// In the order in which they came.
    loose: Vec<(K, Trace)>,
    /// Places in `loose` by address.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    pub(super) traces: usize,
    pub(super) addresses: usize,
}

impl<K> Default for Book<K> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            firsts: Vec::new(),
            spare: Vec::new(),
            loose: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            traces: 0,
            addresses: 0,
        }
    }
}

impl<K: Key> Book<K> {
    /// Traces on a page.
    const ON_A_PAGE: usize = PAGE / size_of::<(K, Trace)>() - 1;

    /// Adds a trace; says whether this has made the address one of many.
    pub(super) fn add(&mut self, key: K, new: Trace) -> bool {
        let run = self.find(key);
        let many = run.iter().find(|place| self.at(**place).is_many());
        if let Some(place) = many.or_else(|| run.iter().find(|place| self.at(**place).same(&new))) {
            self.at_mut(*place).absorb(&new);
            return false;
        }
        if !new.is_many() {
            if run.len() < MOST_TRACES {
                self.put(key, new);
                self.addresses += usize::from(run.is_empty());
                return false;
            }
            // Room is made of what one owner has in several traces.
            if let Some(place) = run.iter().find(|place| self.at(**place).owner == new.owner) {
                self.at_mut(*place).unite(&new);
                return false;
            }
            let pair = (0..run.len())
                .flat_map(|one| run[one + 1..].iter().map(move |other| (one, *other)))
                .map(|(one, other)| (run[one], other))
                .find(|(one, other)| self.at(*one).owner == self.at(*other).owner);
            if let Some((one, other)) = pair {
                let gone = std::mem::replace(self.at_mut(other), new);
                self.at_mut(one).unite(&gone);
                return false;
            }
        }
        let mut all = Trace { owner: RegistrableId::MANY, name: NameHash::SEVERAL, ..new };
        for place in &run {
            all.unite(self.at(*place));
        }
        if let Some((one, others)) = run.split_first() {
            *self.at_mut(*one) = all;
            others.iter().for_each(|place| self.empty(*place));
        } else {
            self.put(key, all);
            self.addresses += 1;
        }
        true
    }

    pub(super) fn take(&mut self, key: K) -> SmallVec<[Trace; MOST_TRACES]> {
        let run = self.find(key);
        self.addresses -= usize::from(!run.is_empty());
        let taken = run.iter().map(|place| *self.at(*place)).collect();
        run.iter().for_each(|place| self.empty(*place));
        taken
    }

    fn find(&self, key: K) -> Run {
        let mut loose: SmallVec<[u32; MOST_TRACES]> = self
            .index
            .iter_hash(self.hasher.hash_one(key))
            .copied()
            .filter(|place| self.loose[*place as usize].0 == key)
            .collect();
        loose.sort_unstable_by_key(|place| Reverse(*place));
        let mut run: Run = loose.iter().map(|place| Place::Loose(*place as usize)).collect();
        let after = self.firsts.partition_point(|first| *first <= order(key));
        if let Some(page) = after.checked_sub(1) {
            let traces = &self.pages[page];
            let start = lower_bound(traces, key);
            let held = (start..).zip(&traces[start..]);
            let held = held.take_while(|(_, (held, _))| *held == key);
            run.extend(
                held.filter(|(_, (_, trace))| !trace.is_empty())
                    .map(|(place, _)| Place::Page(page, place)),
            );
        }
        run
    }

    fn at(&self, place: Place) -> &Trace {
        match place {
            Place::Loose(place) => &self.loose[place].1,
            Place::Page(page, place) => &self.pages[page][place].1,
        }
    }

    fn at_mut(&mut self, place: Place) -> &mut Trace {
        match place {
            Place::Loose(place) => &mut self.loose[place].1,
            Place::Page(page, place) => &mut self.pages[page][place].1,
        }
    }

    /// Leaves an empty place.
    fn empty(&mut self, place: Place) {
        if let Place::Loose(place) = place {
            let hash = self.hasher.hash_one(self.loose[place].0);
            if let Ok(held) = self.index.find_entry(hash, |held| *held as usize == place) {
                held.remove();
            }
        }
        *self.at_mut(place) = Trace::EMPTY;
        self.traces -= 1;
    }

    /// Places in an earlier answer of [`Self::find`] do not hold any longer, and
    /// traces and addresses may be counted anew.
    fn put(&mut self, key: K, trace: Trace) {
        if !self.put_behind(key, trace) {
            self.put_loose(key, trace);
        }
    }

    /// Puts a trace on the last page, if nothing is loose and it belongs there,
    /// as when traces come sorted from a checkpoint; says whether it could.
    fn put_behind(&mut self, key: K, trace: Trace) -> bool {
        if !self.loose.is_empty() {
            return false;
        }
        let last = self.pages.last().and_then(|page| page.last());
        let fits = match last.map(|(last, _)| order(*last).cmp(&order(key))) {
            Some(Ordering::Greater) => return false,
            Some(Ordering::Equal) => 1,
            Some(Ordering::Less) | None => MOST_TRACES,
        };
        let has_room = |page: &&mut Vec<_>| page.len() + fits <= Self::ON_A_PAGE;
        if let Some(page) = self.pages.last_mut().filter(has_room) {
            // The newest of an address come first.
            let start = lower_bound(page, key);
            page.insert(start, (key, trace));
        } else if fits == 1 {
            return false;
        } else {
            let mut page = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(Self::ON_A_PAGE));
            page.push((key, trace));
            self.pages.push(page);
            self.firsts.push(order(key));
        }
        self.traces += 1;
        true
    }

    fn put_loose(&mut self, key: K, trace: Trace) {
        let most = self.most_loose();
        if self.loose.len() >= most {
            self.sort_in(|_, _| true);
        }
        if self.loose.capacity() == 0 {
            self.loose.reserve_exact(self.most_loose());
        }
        let Self { loose, index, hasher, .. } = self;
        let place = u32::try_from(loose.len()).unwrap_or(u32::MAX);
        loose.push((key, trace));
        index.insert_unique(hasher.hash_one(key), place, |held| {
            hasher.hash_one(loose[*held as usize].0)
        });
        self.traces += 1;
    }

    fn most_loose(&self) -> usize {
        (self.pages.len() * Self::ON_A_PAGE / LOOSE_PART).max(LEAST_LOOSE)
    }

    /// Keeps what `wanted` says, and returns how many traces went.
    pub(super) fn retain(&mut self, wanted: impl FnMut(K, &Trace) -> bool) -> usize {
        let before = self.traces;
        self.sort_in(wanted);
        before - self.traces
    }

    /// Walks over all pages, sorts loose traces in and closes what is empty or
    /// not `wanted`. Beside the loose ones this takes a page or two more.
    fn sort_in(&mut self, mut wanted: impl FnMut(K, &Trace) -> bool) {
        let mut loose = std::mem::take(&mut self.loose);
        self.index = HashTable::new();
        loose.retain(|(_, trace)| !trace.is_empty());
        // The newest of an address come first.
        loose.reverse();
        loose.sort_by_key(|(key, _)| order(*key));
        let mut loose = loose.into_iter().peekable();
        let pages = std::mem::take(&mut self.pages);
        self.firsts.clear();
        (self.traces, self.addresses) = (0, 0);
        for mut page in pages {
            for (key, trace) in page.drain(..) {
                while let Some((key, trace)) =
                    loose.next_if(|(before, _)| order(*before) <= order(key))
                {
                    self.put_last(key, trace, &mut wanted);
                }
                self.put_last(key, trace, &mut wanted);
            }
            self.spare.push(page);
        }
        for (key, trace) in loose {
            self.put_last(key, trace, &mut wanted);
        }
        self.spare.truncate(MOST_SPARE);
    }

    fn put_last(&mut self, key: K, trace: Trace, wanted: &mut impl FnMut(K, &Trace) -> bool) {
        if trace.is_empty() || !wanted(key, &trace) {
            return;
        }
        let last = self.pages.last().and_then(|page| page.last());
        if last.is_none_or(|(last, _)| *last != key) {
            self.addresses += 1;
            let fits = |page: &Vec<_>| page.len() + MOST_TRACES <= Self::ON_A_PAGE;
            if !self.pages.last().is_some_and(fits) {
                let page = self.spare.pop();
                self.pages.push(page.unwrap_or_else(|| Vec::with_capacity(Self::ON_A_PAGE)));
                self.firsts.push(order(key));
            }
        }
        if let Some(page) = self.pages.last_mut() {
            page.push((key, trace));
            self.traces += 1;
        }
    }

    /// Every trace, in no order that means anything.
    pub(super) fn all(&self) -> impl Iterator<Item = &(K, Trace)> {
        let all = self.pages.iter().flatten().chain(&self.loose);
        all.filter(|(_, trace)| !trace.is_empty())
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Trace> {
        let all = self.pages.iter_mut().flatten().chain(&mut self.loose).map(|(_, trace)| trace);
        all.filter(|trace| !trace.is_empty())
    }

    /// What is in one part; quick if little is loose.
    pub(super) fn part(&self, part: usize) -> impl Iterator<Item = &(K, Trace)> {
        let before = move |key: K| key.part() < part;
        let page = self.firsts.partition_point(|(_, first)| before(*first)).saturating_sub(1);
        let on_pages = self.pages[page.min(self.pages.len())..].iter().enumerate();
        let on_pages = on_pages.flat_map(move |(place, page)| {
            let start = if place == 0 { page.partition_point(|(key, _)| before(*key)) } else { 0 };
            &page[start..]
        });
        let on_pages = on_pages.take_while(move |(key, _)| key.part() == part);
        let loose = self.loose.iter().filter(move |(key, _)| key.part() == part);
        on_pages.chain(loose).filter(|(_, trace)| !trace.is_empty())
    }

    /// Leaves nothing loose.
    pub(super) fn sort(&mut self) {
        self.sort_in(|_, _| true);
    }

    pub(super) fn memory(&self) -> usize {
        (self.pages.len() + self.spare.len()) * PAGE
            + self.pages.capacity() * size_of::<Vec<(K, Trace)>>()
            + self.firsts.capacity() * size_of::<(u64, K)>()
            + self.loose.capacity() * size_of::<(K, Trace)>()
            + self.index.allocation_size()
    }
}

/// The first place on a page whose address is not sorted before `key`. Guesses
/// first, since addresses are spread evenly.
fn lower_bound<K: Key>(page: &[(K, Trace)], key: K) -> usize {
    let (Some((first, _)), Some((last, _))) = (page.first(), page.last()) else { return 0 };
    let sought = order(key);
    let before = |place: usize| order(page[place].0) < sought;
    let width = u128::from(last.spread().saturating_sub(first.spread())) + 1;
    let along = u128::from(sought.0.saturating_sub(first.spread())) * page.len() as u128 / width;
    let guess = usize::try_from(along).unwrap_or(usize::MAX).min(page.len() - 1);
    let (mut low, mut high, mut step) = (0, page.len(), 16);
    if before(guess) {
        low = guess + 1;
        while low + step < high {
            if !before(low + step) {
                high = low + step;
                break;
            }
            low += step + 1;
            step *= 2;
        }
    } else {
        high = guess;
        while step <= high {
            if before(high - step) {
                low = high - step + 1;
                break;
            }
            high -= step;
            step *= 2;
        }
    }
    low + page[low..high].partition_point(|(held, _)| order(*held) < sought)
}
