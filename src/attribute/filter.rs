//! What rules a key out, for most of those that are not in a set.
//!
//! A Bloom filter in blocks of one word: the hash of a key chooses a word of 64
//! bits and three bits in it, and the key may be in the set only if all three are
//! set. Asking reads one word. The filter grows with the set, so that of a usual
//! hitlist stays in the fastest caches; that of a million addresses takes 1 MiB,
//! and the word then comes from far. Therefore many are asked at once
//! ([`Filter::sift`]): nothing but the reads is done between one read and the
//! next, and none waits for another.

/// Bits for a key, at least; up to twice as many, since the number of words is a
/// power of two. Of the keys that are not in the set, one in fourteen gets through
/// at six bits and one in fifty at twelve.
const BITS: usize = 6;

/// A set that knows of few keys wrongly that they may be in it.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    words: Box<[u64]>,
}

impl Filter {
    /// A filter of keys with these hashes.
    pub(super) fn new(hashes: &[u64]) -> Self {
        let length = (hashes.len() * BITS / 64).next_power_of_two();
        let mut words = vec![0; length];
        for hash in hashes {
            words[word(*hash, length)] |= bits(*hash);
        }
        Self { words: words.into() }
    }

    /// Puts into `places`, after emptying it, which of `hashes` may be of keys in
    /// the set: those that are, and a few others.
    pub(super) fn sift(&self, hashes: &[u64], places: &mut Vec<usize>) {
        places.clear();
        places.resize(hashes.len(), 0);
        let mut found = 0;
        for (place, hash) in hashes.iter().enumerate() {
            let bits = bits(*hash);
            // Every place is written and only those found are kept: a branch that
            // cannot be foreseen would make the reads wait for one another.
            places[found] = place;
            found += usize::from(self.words[word(*hash, self.words.len())] & bits == bits);
        }
        places.truncate(found);
    }
}

/// The word of a key with this hash; `words` is a power of two.
#[inline]
const fn word(hash: u64, words: usize) -> usize {
    (hash >> 24) as usize & (words - 1)
}

/// The bits of a key with this hash.
#[inline]
const fn bits(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Of so many unknown keys that many get through a filter of `keys` keys.
    fn through(keys: usize, unknown: usize) -> usize {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut hashes = |number| (0..number).map(|_| random.next_u64()).collect::<Vec<_>>();
        let (known, unknown) = (hashes(keys), hashes(unknown));
        let filter = Filter::new(&known);
        let mut places = vec![7];
        filter.sift(&known, &mut places);
        assert_eq!(places, (0..keys).collect::<Vec<_>>(), "what is in the set always gets through");
        filter.sift(&unknown, &mut places);
        places.len()
    }

    #[test]
    fn what_is_in_the_set_gets_through_and_little_else() {
        // The most that a filter is filled, and the least.
        let (full, roomy) = ((1 << 16) / BITS, (1 << 15) / BITS + 64);
        assert!((6_500..7_500).contains(&through(full, 100_000)), "{}", through(full, 100_000));
        assert!((1_500..2_500).contains(&through(roomy, 100_000)), "{}", through(roomy, 100_000));
    }

    #[test]
    fn nothing_gets_through_an_empty_one() {
        assert_eq!(through(0, 1_000), 0);
    }
}
