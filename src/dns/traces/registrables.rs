//! Registrable domains, each kept once: millions of them behind one text and
//! one index, since a string of its own would cost several times its letters.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::model::domain::DomainName;

/// A registrable domain in [`Registrables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::dns) struct RegistrableId(pub(super) u32);

impl RegistrableId {
    /// Many different ones.
    pub(in crate::dns) const MANY: Self = Self(u32::MAX);

    /// Its place among all, but for many.
    pub(in crate::dns) fn place(self) -> usize {
        self.0 as usize
    }
}

/// All that are known.
#[derive(Debug, Default)]
pub(in crate::dns) struct Registrables {
    texts: String,
    /// Where each text ends.
    ends: Vec<u32>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Registrables {
    /// Whose `name` is, by its registrable domain. A name that came back as one
    /// of many goes as such.
    pub(in crate::dns) fn of(&mut self, name: &DomainName) -> RegistrableId {
        if *name == DomainName::unkept(None) {
            RegistrableId::MANY
        } else {
            self.intern(name.registrable())
        }
    }

    /// The id of `domain`, new or not; of many, when the table is full.
    pub(in crate::dns) fn intern(&mut self, domain: &str) -> RegistrableId {
        let Self { texts, ends, index, hasher } = self;
        let hash = hasher.hash_one(domain);
        if let Some(id) = index.find(hash, |id| text(texts, ends, *id) == domain) {
            return RegistrableId(*id);
        }
        let id = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        let Ok(end) = u32::try_from(texts.len() + domain.len()) else { return RegistrableId::MANY };
        if id == u32::MAX {
            return RegistrableId::MANY;
        }
        if texts.capacity() - texts.len() < domain.len() {
            texts.reserve_exact(texts.len() / 8 + 4_096);
        }
        if ends.len() == ends.capacity() {
            ends.reserve_exact(ends.len() / 8 + 256);
        }
        texts.push_str(domain);
        ends.push(end);
        index.insert_unique(hash, id, |id| hasher.hash_one(text(texts, ends, *id)));
        RegistrableId(id)
    }

    /// The text of `id`; nothing for many.
    pub(in crate::dns) fn text(&self, id: RegistrableId) -> Option<&str> {
        (id != RegistrableId::MANY).then(|| text(&self.texts, &self.ends, id.0))
    }

    pub(in crate::dns) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(in crate::dns) fn memory(&self) -> usize {
        self.texts.capacity() + 4 * self.ends.capacity() + self.index.allocation_size()
    }
}

fn text<'t>(texts: &'t str, ends: &[u32], id: u32) -> &'t str {
    let place = id as usize;
    let start = place.checked_sub(1).map_or(0, |before| ends[before]);
    &texts[start as usize..ends[place] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_kept_once_and_found_again() {
        let mut held = Registrables::default();
        let ids: Vec<_> = (0..10_000).map(|n| held.intern(&format!("owner{n}.example"))).collect();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(held.text(*id), Some(&*format!("owner{n}.example")));
            assert_eq!(held.intern(&format!("owner{n}.example")), *id);
        }
        assert_eq!(held.len(), 10_000);
        assert_eq!(held.text(RegistrableId::MANY), None);
    }
}
