//! Which packets a router samples (RFC 5475): each with a chance of one in N,
//! or every N-th.

use std::num::NonZeroU32;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// How packets are picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Each with the same chance (RFC 5475 §5.2.2).
    Random,
    /// Every N-th, from a random one on (§5.1, systematic count-based).
    Count,
}

impl Method {
    /// `random` or `count`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Count => "count",
        }
    }
}

/// Picks packets one by one.
#[derive(Debug)]
pub struct Sampler {
    method: Method,
    rate: u32,
    draw: ChaCha8Rng,
    left: u32,
}

impl Sampler {
    /// A sampler whose picks follow from `seed` and `stream`.
    pub fn new(method: Method, rate: NonZeroU32, seed: u64, stream: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&stream.to_le_bytes());
        let mut sampler =
            Self { method, rate: rate.get(), draw: ChaCha8Rng::from_seed(key), left: 0 };
        sampler.left = sampler.below();
        sampler
    }

    /// Whether the next packet is sampled.
    pub fn take(&mut self) -> bool {
        match self.method {
            Method::Random => self.below() == 0,
            Method::Count => {
                let is_it = self.left == 0;
                self.left = if is_it { self.rate - 1 } else { self.left - 1 };
                is_it
            }
        }
    }

    /// A whole number below the rate.
    fn below(&mut self) -> u32 {
        let product = u64::from(self.draw.next_u32()) * u64::from(self.rate);
        let [a, b, c, d, ..] = product.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(method: Method, rate: u32, seed: u64) -> Vec<usize> {
        let mut sampler = Sampler::new(method, rate.try_into().unwrap(), seed, 0);
        (0..10_000).filter(|_| sampler.take()).collect()
    }

    #[test]
    fn a_seed_picks_the_same_packets_and_another_seed_others() {
        for method in [Method::Random, Method::Count] {
            assert_eq!(taken(method, 100, 1), taken(method, 100, 1));
            assert_ne!(taken(method, 100, 1), taken(method, 100, 2));
            assert_eq!(taken(method, 1, 1).len(), 10_000, "1:1 takes all");
        }
    }

    #[test]
    fn counting_is_even_and_chance_is_not() {
        let every = taken(Method::Count, 100, 3);
        assert_eq!(every.len(), 100);
        assert!(every.windows(2).all(|two| two[1] - two[0] == 100));
        let random = taken(Method::Random, 100, 3);
        assert!((60..140).contains(&random.len()), "{}", random.len());
        assert!(random.windows(2).any(|two| two[1] - two[0] != 100));
    }
}
