//! Seeded randomness that is the same on every machine.
//!
//! ChaCha8 gives the bits; all that is made of them uses whole numbers and the
//! four basic operations, which IEEE 754 rounds the same everywhere. The
//! system's `exp` and `ln` do not keep that promise, so the usual
//! distribution crates are not used here.
//!
//! A [`Draw`] is made for a purpose and two numbers (a line and an hour, say),
//! so what one line does depends neither on the order of the work nor on how
//! many other lines there are.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// What randomness is drawn for; the same seed gives unrelated draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Names, addresses and DNS answers.
    Backends = 1,
    /// Lines and their devices.
    Population = 2,
    /// A line's traffic in an hour.
    Traffic = 3,
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Draw(ChaCha8Rng);

/// Means above this are drawn in parts, since the inversion below needs the
/// probability of zero to be far from underflow.
const LARGEST_PART: f64 = 8.0;

impl Draw {
    /// The stream of `purpose` for the numbers `a` and `b`.
    pub(super) fn new(seed: u64, purpose: Purpose, a: u64, b: u64) -> Self {
        let mut key = [0; 32];
        for (part, number) in key.chunks_exact_mut(8).zip([seed, purpose as u64, a, b]) {
            part.copy_from_slice(&number.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        const ONE: f64 = (1_u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 / ONE
    }

    /// A whole number below `bound`; zero when the bound is.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let product = u64::from(self.0.next_u32()) * u64::from(bound);
        // The high half of a 32 by 32 bit product.
        let [a, b, c, d, ..] = product.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// A whole number from `low` to `high`, both possible.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Whether something of probability `p` happens.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of `items`, `None` only when there are none.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.index(items.len()))
    }

    /// A place in a list of `length` entries.
    pub(super) fn index(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).unwrap_or(u32::MAX)) as usize
    }

    /// A Poisson number: how many packets of a stream with `mean` packets are
    /// sampled. Thinning a Poisson stream one in R gives one of mean/R.
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        let mut number = 0;
        let mut left = mean;
        while left > LARGEST_PART {
            number += self.small_poisson(LARGEST_PART);
            left -= LARGEST_PART;
        }
        number + self.small_poisson(left)
    }

    /// Inversion: the first number whose cumulated probability exceeds a
    /// uniform one.
    fn small_poisson(&mut self, mean: f64) -> u32 {
        if mean <= 0.0 {
            return 0;
        }
        let wanted = self.unit();
        let mut number = 0;
        let mut probability = exp_of_minus(mean);
        let mut cumulated = probability;
        // The bound is for a `wanted` within rounding of one.
        while cumulated <= wanted && number < 100 {
            number += 1;
            probability *= mean / f64::from(number);
            cumulated += probability;
        }
        number
    }
}

/// exp(-x) for 0 <= x <= [`LARGEST_PART`] by basic operations alone: a series
/// for x/256, squared eight times.
fn exp_of_minus(x: f64) -> f64 {
    let step = x / 256.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..=8 {
        term *= -step / f64::from(n);
        sum += term;
    }
    for _ in 0..8 {
        sum *= sum;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_these_on_every_machine() {
        let mut draw = Draw::new(1, Purpose::Traffic, 2, 3);
        let numbers: Vec<u32> = (0..4).map(|_| draw.below(1_000)).collect();
        let poisson: Vec<u32> = (0..6).map(|_| draw.poisson(30.0)).collect();
        assert_eq!((numbers, poisson), (vec![801, 384, 423, 501], vec![25, 24, 26, 31, 32, 32]));
    }

    #[test]
    fn exp_is_exp() {
        for tenth in 0..=80 {
            let x = f64::from(tenth) / 10.0;
            let error = (exp_of_minus(x) / (-x).exp() - 1.0).abs();
            assert!(error < 1e-12, "{x}: {error}");
        }
    }

    #[test]
    fn poisson_numbers_have_the_mean_and_the_variance_of_their_kind() {
        for mean in [0.05, 0.7, 6.0, 55.0] {
            let mut draw = Draw::new(7, Purpose::Traffic, 0, 0);
            let runs = 20_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..runs {
                let number = f64::from(draw.poisson(mean));
                sum += number;
                squares += number * number;
            }
            let average = sum / f64::from(runs);
            let variance = squares / f64::from(runs) - average * average;
            // Five standard errors of the average; the variance's is a little wider.
            let error = 5.0 * (mean / f64::from(runs)).sqrt();
            assert!((average - mean).abs() < error, "mean {mean}: {average}");
            assert!((variance / mean - 1.0).abs() < 0.25, "variance {mean}: {variance}");
        }
    }
}
