//! How many packets devices send: the quantiles of the paper's figure 9
//! (packets per hour of one device to one IoT-specific domain, before
//! sampling), and when in the day devices are used.
//!
//! Two simplifications are ours. A device that is chatty when idle is chatty
//! when used: one draw gives both quantiles. And figure 9 holds only pairs
//! that talk, so silence is added: see [`contact_chance`].

use super::draw::Draw;
use crate::model::rules::PacketRate;

/// Share of pairs below, and packets per hour there.
type Quantiles = [(f64, f64); 10];

/// Figure 9, somebody uses the device. The two ends are ours: the drawn curve
/// stops at 1 % and 99 %.
const ACTIVE: Quantiles = [
    (0.0, 20.0),
    (0.05, 56.0),
    (0.10, 66.0),
    (0.25, 121.0),
    (0.50, 255.0),
    (0.75, 1_061.0),
    (0.90, 9_384.0),
    (0.95, 9_642.0),
    (0.99, 21_924.0),
    (1.0, 30_000.0),
];
/// Figure 9, nobody uses it.
const IDLE: Quantiles = [
    (0.0, 0.0),
    (0.05, 1.0),
    (0.10, 46.0),
    (0.25, 120.0),
    (0.50, 226.0),
    (0.75, 474.0),
    (0.90, 801.0),
    (0.95, 1_935.0),
    (0.99, 9_399.0),
    (1.0, 12_000.0),
];

/// Share of devices in use in each hour of the day (UTC): little at night, a
/// small bump in the morning, a peak around 18 h (paper §6.2, figure 11).
const IN_USE: [f64; 24] = [
    0.02, 0.01, 0.01, 0.01, 0.01, 0.02, 0.05, 0.08, 0.08, 0.06, 0.06, 0.06, 0.07, 0.07, 0.07, 0.08,
    0.10, 0.14, 0.16, 0.15, 0.13, 0.10, 0.06, 0.03,
];

/// Packets that people's other traffic has in each hour, the day's mean being 1.
const OTHER: [f64; 24] = [
    0.6, 0.4, 0.3, 0.2, 0.2, 0.3, 0.5, 0.8, 0.9, 0.9, 1.0, 1.0, 1.1, 1.1, 1.1, 1.2, 1.3, 1.5, 1.7,
    1.9, 2.0, 1.8, 1.3, 0.9,
];

/// The share of devices somebody uses in this hour of the day.
pub(super) fn in_use(hour: usize) -> f64 {
    IN_USE[hour % 24]
}

/// By how much other traffic differs from its mean in this hour of the day.
pub(super) fn other_traffic(hour: usize) -> f64 {
    OTHER[hour % 24]
}

/// Draws the rates of one device to one group: around the signature's own
/// figures when it has some, otherwise from figure 9.
pub(super) fn rates(draw: &mut Draw, stated: Option<PacketRate>) -> PacketRate {
    let share = draw.unit();
    match stated {
        Some(rate) => {
            // Half to one and a half times what the signature expects.
            let factor = 0.5 + share;
            PacketRate { idle: rate.idle * factor, active: rate.active * factor }
        }
        None => {
            let idle = quantile(&IDLE, share);
            // The two curves cross below 5 %: using a device never makes it
            // quieter.
            PacketRate { idle, active: quantile(&ACTIVE, share).max(idle) }
        }
    }
}

/// The chance that a device contacts a group at all in an hour.
///
/// Devices of classes with many groups contact some of them rarely: the first
/// two groups always, of the others six in ten nearly always, a quarter every
/// few hours and the rest about once in two days.
pub(super) fn contact_chance(draw: &mut Draw, place: usize) -> f64 {
    let share = draw.unit();
    if place < 2 {
        1.0
    } else if share < 0.60 {
        0.9
    } else if share < 0.85 {
        0.2
    } else {
        0.02
    }
}

fn quantile(quantiles: &Quantiles, share: f64) -> f64 {
    let above = quantiles.partition_point(|(at, _)| *at <= share).clamp(1, quantiles.len() - 1);
    let ((low, from), (high, to)) = (quantiles[above - 1], quantiles[above]);
    from + (to - from) * (share - low) / (high - low)
}

#[cfg(test)]
mod tests {
    use super::super::draw::Purpose;
    use super::*;

    #[test]
    fn rates_have_the_quantiles_of_figure_9() {
        let mut draw = Draw::new(1, Purpose::Population, 0, 0);
        let mut idle: Vec<f64> = (0..10_001).map(|_| rates(&mut draw, None).idle).collect();
        idle.sort_by(f64::total_cmp);
        assert!((idle[5_000] - 226.0).abs() < 10.0, "median {}", idle[5_000]);
        assert!((idle[9_000] - 801.0).abs() < 60.0, "nine in ten {}", idle[9_000]);
    }

    #[test]
    fn a_used_device_is_never_quieter() {
        let mut draw = Draw::new(2, Purpose::Population, 0, 0);
        for _ in 0..1_000 {
            let rate = rates(&mut draw, None);
            assert!(rate.active >= rate.idle && rate.idle >= 0.0);
        }
    }

    #[test]
    fn a_stated_rate_is_kept_to_within_a_half() {
        let mut draw = Draw::new(3, Purpose::Population, 0, 0);
        for _ in 0..1_000 {
            let rate = rates(&mut draw, Some(PacketRate { idle: 100.0, active: 400.0 }));
            assert!((50.0..150.0).contains(&rate.idle) && (200.0..600.0).contains(&rate.active));
        }
    }
}
