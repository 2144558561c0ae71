//! Which counts must be kept back so that no small group of lines shows.
//!
//! A count under k is kept back. Where the total over the regions is known,
//! that alone is not enough: the total minus the regions shown tells the rest.
//! So as many further counts are kept back, smallest first, as it takes for
//! the ones kept back to be at least two and k lines together
//! (complementary suppression, as statistical offices do it).

/// For each of the `counts` that make up one total, whether it is kept back.
/// A count of zero says nothing about anybody and is shown.
pub fn withheld(counts: &[u64], k: u64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..counts.len()).filter(|i| counts[*i] > 0).collect();
    order.sort_unstable_by_key(|i| counts[*i]);
    let mut hidden = vec![false; counts.len()];
    let (mut number, mut sum) = (0u64, 0u64);
    for place in order {
        let small = counts[place] < k;
        let reveals_by_difference = number > 0 && (number < 2 || sum < k);
        if !small && !reveals_by_difference {
            break;
        }
        hidden[place] = true;
        number += 1;
        sum = sum.saturating_add(counts[place]);
    }
    hidden
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_small_count_takes_a_second_one_with_it() {
        assert_eq!(withheld(&[3, 100, 20], 5), [true, false, true]);
        assert_eq!(withheld(&[3, 4, 100], 5), [true, true, false]);
        assert_eq!(withheld(&[1, 1, 100], 5), [true, true, true], "1 + 1 shows by difference");
        assert_eq!(withheld(&[5, 100], 5), [false, false]);
        assert_eq!(withheld(&[0, 0], 5), [false, false]);
        assert_eq!(withheld(&[2], 5), [true]);
        assert_eq!(withheld(&[2, 3], 0), [false, false], "k of 0 withholds nothing");
    }

    proptest! {
        /// With the total and everything shown in hand, what is hidden stays
        /// at least two counts and k lines, or the total is under k itself.
        #[test]
        fn differencing_against_the_total_reveals_no_small_count(
            counts in prop::collection::vec(0u64..30, 0..8),
            k in 0u64..12,
        ) {
            let hidden = withheld(&counts, k);
            let total: u64 = counts.iter().sum();
            let rest: Vec<u64> =
                counts.iter().zip(&hidden).filter(|(_, h)| **h).map(|(c, _)| *c).collect();
            for (count, hidden) in counts.iter().zip(&hidden) {
                prop_assert!(*count == 0 || *count >= k || *hidden);
            }
            let sum: u64 = rest.iter().sum();
            let alone = rest.len() == 1 && sum == total;
            prop_assert!(rest.is_empty() || total < k || alone || (rest.len() >= 2 && sum >= k));
        }
    }
}
