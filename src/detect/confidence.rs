//! How sure a claim is, given what sampling leaves visible.
//!
//! The confidence is the posterior probability that the device is there: the
//! prior odds times one likelihood ratio for each monitored group, seen or not
//! seen. Under sampling 1 in `s`, a group that exchanges `k` packets an hour
//! leaves at least one sampled packet in `h` hours with probability
//! `1 - exp(-k*h/s)`; so an unseen group speaks strongly against a device at
//! 1:1 and hardly at 1:10,000, and the same three groups seen say more when
//! three of three were expected than when three of sixty were.
//!
//! It judges claims; it makes none. A class is claimed by the rule alone.

use crate::model::rules::GroupRule;

/// Packets per hour of a group whose signature does not say: the median of
/// idle (device, domain) pairs in the paper's figure 9.
const TYPICAL_PACKETS_PER_HOUR: f64 = 226.0;

/// How likely a device talks to a group at all in a window. Figure 9 holds
/// only pairs that talk; the paper sees 16 % of service addresses an hour
/// where the median rate at 1:550 would show 34 % (§3): 0.16 / 0.34.
const TALKS: f64 = 0.47;

/// How likely a line without the device touches a dedicated group within an
/// hour: an app, a web page, an address that changed hands. An assumption, ten
/// times above the false claims per line and day that are aimed for.
const FALSE_TOUCH_PER_HOUR: f64 = 1e-4;

/// How many lines have a class before anything was seen: one in a hundred. The
/// paper finds from 14 % (Alexa) down to far below 0.1 % (§6.2).
const PRIOR: f64 = 0.01;

/// The probability that the device is there.
///
/// `groups` are all monitored groups of the class with whether each was seen,
/// `hours` the window's length and `rate` the sampling rate as the mean over
/// the packets seen (`None` when it is unknown: absence then says nothing).
pub(super) fn confidence<'a>(
    groups: impl Iterator<Item = (&'a GroupRule, bool)>,
    hours: f64,
    rate: Option<f64>,
) -> f64 {
    let false_touch = -(-FALSE_TOUCH_PER_HOUR * hours).exp_m1();
    let mut log_odds = (PRIOR / (1.0 - PRIOR)).ln();
    for (group, seen) in groups {
        let packets =
            group.packets_per_hour.map_or(TYPICAL_PACKETS_PER_HOUR, |packets| packets.idle);
        let visible = match rate {
            Some(rate) => TALKS * -(-packets * hours / rate).exp_m1(),
            None => TALKS,
        };
        log_odds += match (seen, rate) {
            (true, _) => (visible / false_touch).max(f64::MIN_POSITIVE).ln(),
            (false, Some(_)) => ((1.0 - visible) / (1.0 - false_touch)).ln(),
            (false, None) => 0.0,
        };
    }
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::group::GroupId;
    use crate::model::rules::Role;

    fn of(seen: usize, monitored: usize, hours: f64, rate: Option<f64>) -> f64 {
        let groups: Vec<_> = (0..monitored)
            .map(|i| GroupRule {
                id: GroupId::from_u64(i as u64),
                name: format!("g{i}").into(),
                role: Role::Primary,
                packets_per_hour: None,
            })
            .collect();
        confidence(groups.iter().enumerate().map(|(i, group)| (group, i < seen)), hours, rate)
    }

    #[test]
    fn more_groups_seen_make_a_claim_surer() {
        let rate = Some(550.0);
        assert!(of(1, 4, 1.0, rate) < of(2, 4, 1.0, rate));
        assert!(of(2, 4, 1.0, rate) < of(3, 4, 1.0, rate));
        assert!(of(3, 4, 1.0, rate) > 0.99);
    }

    #[test]
    fn unseen_groups_weigh_less_when_sampling_is_coarse() {
        assert!(of(1, 8, 1.0, Some(10_000.0)) > of(1, 8, 1.0, Some(1.0)) * 0.9);
        let drop_at = |rate| of(2, 2, 1.0, Some(rate)) - of(2, 20, 1.0, Some(rate));
        assert!(drop_at(1.0) > drop_at(10_000.0));
    }

    #[test]
    fn it_stays_a_probability_at_the_extremes() {
        for rate in [None, Some(1.0), Some(4e9)] {
            for (seen, monitored) in [(1, 1), (67, 67), (1, 67)] {
                let value = of(seen, monitored, 24.0, rate);
                assert!((0.0..=1.0).contains(&value), "{value} for {seen} of {monitored}");
            }
        }
    }
}
