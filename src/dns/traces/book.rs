//! The traces of one address family, in pages by a hash of the address. Each
//! page is sorted, so that an insertion moves a few kilobytes and growth copies
//! no more than a page.

use smallvec::SmallVec;

use super::registrables::RegistrableId;
use super::{MOST_TRACES, NameHash, Trace};

/// Pages of each address family.
pub(super) const PAGES: usize = 1 << 16;

/// Where an address is kept.
pub(super) trait Key: Copy + Ord {
    fn page(self) -> usize;
}

impl Key for u32 {
    fn page(self) -> usize {
        (self.wrapping_mul(0x9e37_79b1) >> 16) as usize
    }
}

/// In four parts, since a `u128` would be padded.
impl Key for [u32; 4] {
    fn page(self) -> usize {
        let mixed = self.iter().fold(0_u64, |mixed, part| {
            (mixed ^ u64::from(*part)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        (mixed >> 24) as usize % PAGES
    }
}

/// The traces of one address family.
#[derive(Debug)]
pub(super) struct Book<K> {
    pub(super) pages: Vec<Vec<(K, Trace)>>,
    pub(super) traces: usize,
    pub(super) addresses: usize,
}

impl<K> Default for Book<K> {
    fn default() -> Self {
        Self { pages: Vec::new(), traces: 0, addresses: 0 }
    }
}

impl<K: Key> Book<K> {
    /// Adds a trace; says whether this has made the address one of many.
    pub(super) fn add(&mut self, key: K, new: Trace) -> bool {
        if self.pages.is_empty() {
            self.pages.resize_with(PAGES, Vec::new);
        }
        let page = &mut self.pages[key.page()];
        let start = page.partition_point(|(held, _)| *held < key);
        let length = page[start..].iter().take_while(|(held, _)| *held == key).count();
        let run = &mut page[start..start + length];
        if let Some((_, held)) = run.iter_mut().find(|(_, held)| held.is_many()) {
            held.absorb(&new);
            return false;
        }
        if let Some((_, held)) = run.iter_mut().find(|(_, held)| held.same(&new)) {
            held.absorb(&new);
            return false;
        }
        if !new.is_many() {
            if length < MOST_TRACES {
                self.traces += 1;
                self.addresses += usize::from(length == 0);
                make_room(page);
                page.insert(start, (key, new));
                return false;
            }
            // Room is made of what one owner has in several traces.
            if let Some((_, held)) = run.iter_mut().find(|(_, held)| held.owner == new.owner) {
                held.unite(&new);
                return false;
            }
            let pair = (0..length)
                .flat_map(|one| (one + 1..length).map(move |other| (one, other)))
                .find(|(one, other)| run[*one].1.owner == run[*other].1.owner);
            if let Some((one, other)) = pair {
                let gone = run[other].1;
                run[one].1.unite(&gone);
                run[other].1 = new;
                return false;
            }
        }
        let mut all = Trace { owner: RegistrableId::MANY, name: NameHash::SEVERAL, ..new };
        for (_, held) in run.iter() {
            all.unite(held);
        }
        page.drain(start..start + length);
        make_room(page);
        page.insert(start, (key, all));
        self.traces = self.traces + 1 - length;
        self.addresses += usize::from(length == 0);
        true
    }

    pub(super) fn take(&mut self, key: K) -> SmallVec<[Trace; MOST_TRACES]> {
        let Some(page) = self.pages.get_mut(key.page()) else { return SmallVec::new() };
        let start = page.partition_point(|(held, _)| *held < key);
        let length = page[start..].iter().take_while(|(held, _)| *held == key).count();
        self.traces -= length;
        self.addresses -= usize::from(length > 0);
        page.drain(start..start + length).map(|(_, trace)| trace).collect()
    }

    /// Keeps what `wanted` says, and returns how many traces went.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(K, &Trace) -> bool) -> usize {
        let before = self.traces;
        (self.traces, self.addresses) = (0, 0);
        for page in &mut self.pages {
            page.retain(|(key, trace)| wanted(*key, trace));
            if page.capacity() - page.len() > page.len() / 16 + 2 {
                page.shrink_to_fit();
            }
            self.traces += page.len();
            self.addresses += page.chunk_by(|(one, _), (other, _)| one == other).count();
        }
        before - self.traces
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &(K, Trace)> {
        self.pages.iter().flatten()
    }

    /// What is on one page; nothing beyond the last.
    pub(super) fn page(&self, page: usize) -> impl Iterator<Item = &(K, Trace)> {
        self.pages.get(page).into_iter().flatten()
    }

    pub(super) fn memory(&self) -> usize {
        let taken: usize = self.pages.iter().map(Vec::capacity).sum();
        taken * size_of::<(K, Trace)>() + self.pages.capacity() * size_of::<Vec<(K, Trace)>>()
    }
}

/// Grows by little: a page that doubles would leave half of memory empty.
fn make_room<T>(page: &mut Vec<T>) {
    if page.len() == page.capacity() {
        page.reserve_exact(page.len() / 16 + 1);
    }
}
