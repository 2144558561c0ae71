//! An immutable table from key to values, in one piece.
//!
//! The entries stand in the order of their buckets, with a list of where each
//! bucket begins: finding what is there costs two reads of memory and not one
//! more, and no room is left between entries. Who asks brings the hash of the
//! key, which he needed before.

/// Keys, each with one or more values.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    /// Where each bucket begins in `entries`, and where the last one ends.
    begins: Box<[u32]>,
    entries: Box<[(K, V)]>,
    keys: usize,
}

impl<K: Copy + Ord, V> Table<K, V> {
    /// A table of these hashes, keys and values; the values of one key stay in
    /// their order.
    pub(super) fn new(mut entries: Vec<(u64, K, V)>) -> Self {
        let buckets = entries.len().next_power_of_two();
        entries.sort_by_key(|(hash, key, _)| (bucket(*hash, buckets), *key));
        // An entry takes some 32 bytes: more than fit in 32 bits fit in no memory.
        entries.truncate(u32::MAX as usize);
        let mut begins = vec![0_u32; buckets + 1];
        entries.iter().for_each(|(hash, ..)| begins[bucket(*hash, buckets) + 1] += 1);
        let mut end = 0;
        for begin in &mut begins {
            end += *begin;
            *begin = end;
        }
        let entries: Box<[_]> = entries.into_iter().map(|(_, key, value)| (key, value)).collect();
        let keys = entries.chunk_by(|one, next| one.0 == next.0).count();
        Self { begins: begins.into(), entries, keys }
    }

    /// The values of `key`.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: K) -> impl Iterator<Item = &V> {
        let bucket = bucket(hash, self.begins.len() - 1);
        let (begin, end) = (self.begins[bucket], self.begins[bucket + 1]);
        let entries = &self.entries[begin as usize..end as usize];
        entries.iter().filter(move |entry| entry.0 == key).map(|entry| &entry.1)
    }

    /// The first key of the bucket in which a key with this hash would be.
    #[inline]
    pub(super) fn first(&self, hash: u64) -> Option<K> {
        let begin = self.begins[bucket(hash, self.begins.len() - 1)];
        self.entries.get(begin as usize).map(|entry| entry.0)
    }

    /// Every key once.
    pub(super) fn keys(&self) -> impl Iterator<Item = K> {
        self.entries.chunk_by(|one, next| one.0 == next.0).map(|same| same[0].0)
    }

    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.keys
    }
}

/// The bucket of a key with this hash; `buckets` is a power of two.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
const fn bucket(hash: u64, buckets: usize) -> usize {
    hash as usize & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_key_keep_their_order_whatever_shares_its_bucket() {
        // All in one bucket, and every second one in it.
        for hash in [|_| 4, |key: u32| u64::from(key % 2)] {
            let entries = (0..9_u32).map(|number| (hash(number % 3), number % 3, number));
            let table = Table::new(entries.collect());
            for key in 0..3 {
                let values: Vec<u32> = table.find(hash(key), key).copied().collect();
                assert_eq!(values, [key, key + 3, key + 6]);
            }
            assert_eq!(table.find(hash(3), 3).count(), 0);
            assert_eq!((table.len(), table.keys().count()), (3, 3));
        }
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        let table = Table::<u32, ()>::new(Vec::new());
        assert_eq!((table.find(7, 7).count(), table.first(7), table.len()), (0, None, 0));
    }
}
