//! How many packets devices send, and to whom: the traffic model.
//!
//! Rates are the quantiles of the paper's figure 9 (packets per hour of one
//! device to one IoT-specific domain, before sampling). That figure holds only
//! pairs that talk; at one packet in 550 it alone would show 40 % of servers an
//! hour where the paper saw 16 %. So silence is modelled, and that a name has
//! several addresses, with seven parameters that are fitted to the paper's visibility figures (§3) and to nothing else,
//! least of all to how soon classes are detected: see `docs/evaluation.md` for
//! each parameter with the figure it stands for, and [`super::visibility`] for
//! what the model achieves.
//!
//! A device *keeps up* with some servers: it talks to them every hour at a rate
//! of figure 9. All others it contacts *slightly*: now and then, a few packets
//! at once. A device that does not keep up with its main servers is rarely heard
//! at all; its rates go together, and a device that is chatty when idle is
//! chatty when used.

use super::draw::Draw;
use crate::model::rules::PacketRate;

/// Chance that a device keeps up with its main servers, which are the first
/// group of its class and of every class above it. From the share of devices
/// seen in an hour.
const KEEPS_MAIN: f64 = 0.33;
/// Chance that it keeps up with any other server. From the share of servers
/// seen in an hour.
const KEEPS_OTHER: f64 = 0.28;
/// Packets of a slight contact. From the share of servers that are seen at all
/// in three days.
pub(super) const SLIGHT_PACKETS: f64 = 4.0;
/// Mean number of short contacts in an hour, as many packets each, of a device
/// with a name that it keeps up with: they may go to any address of the name.
/// From the number of service addresses in an hour.
const SHORT_CONTACTS: f64 = 4.0;
/// A name has from one to this many addresses at a site. From the share of
/// addresses that are seen at all in three days.
pub(super) const MOST_ADDRESSES: u32 = 3;
/// By how much slight contacts are more frequent while somebody uses the
/// device. From the share of servers seen in an hour of use.
const SLIGHT_IN_USE: f64 = 1.5;
/// Chance that a server's place on the curves of figure 9 is its device's own.
/// From the share of devices seen in an hour of use, which is hardly more than
/// in an idle one although figure 9 has more packets then.
const TOGETHER: f64 = 0.75;

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

/// What all of one device's contacts have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    keeps_main: bool,
    /// The device's own place on the curves of figure 9.
    place: f64,
}

/// How one device treats one server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Habit {
    /// It talks to it every hour, this many packets.
    KeptUp(PacketRate),
    /// It contacts it in an idle hour with this chance, a few packets at once.
    Slight(f64),
}

/// What a device exchanges with a server in an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exchange {
    /// Mean number of packets.
    pub(super) packets: f64,
    /// Whether they come all at once instead of over the whole hour.
    pub(super) at_once: bool,
}

impl Manner {
    /// Draws what one device is like.
    pub(super) fn new(draw: &mut Draw) -> Self {
        Self { keeps_main: draw.chance(KEEPS_MAIN), place: draw.unit() }
    }

    /// Draws how the device treats one server. What the signature states is
    /// taken for a server that the device keeps up with.
    pub(super) fn habit(
        &self,
        draw: &mut Draw,
        is_main: bool,
        stated: Option<PacketRate>,
    ) -> Habit {
        // All are drawn whatever comes of it, so that a model with other
        // parameters draws the same world.
        let (keeps, together, own, chance) =
            (draw.unit(), draw.chance(TOGETHER), draw.unit(), draw.unit());
        let place = if together { self.place } else { own };
        match stated {
            Some(rate) => {
                // Half to one and a half times what the signature expects.
                let factor = 0.5 + place;
                let PacketRate { idle, active } = rate;
                Habit::KeptUp(PacketRate { idle: idle * factor, active: active * factor })
            }
            None if if is_main { self.keeps_main } else { keeps < KEEPS_OTHER } => {
                Habit::KeptUp(rates(place))
            }
            None => Habit::Slight(chance),
        }
    }
}

impl Exchange {
    /// Draws how many of the packets' contacts are short ones, which may go to
    /// any address of the name, while all other packets stay on one address.
    pub(super) fn short_contacts(&self, draw: &mut Draw, used: bool) -> u32 {
        if self.at_once {
            return 1;
        }
        let often = if used { SLIGHT_IN_USE } else { 1.0 };
        let mut short = draw.poisson(SHORT_CONTACTS * often);
        while short > 0 && f64::from(short) * SLIGHT_PACKETS > self.packets {
            short -= 1;
        }
        short
    }
}

impl Habit {
    /// Draws what is exchanged in an hour; `None` when nothing is.
    pub(super) fn exchange(&self, draw: &mut Draw, used: bool) -> Option<Exchange> {
        let chance = draw.unit();
        match self {
            Self::KeptUp(rate) => {
                let packets = if used { rate.active } else { rate.idle };
                Some(Exchange { packets, at_once: false })
            }
            Self::Slight(idle) => {
                let often = if used { SLIGHT_IN_USE } else { 1.0 };
                let exchange = Exchange { packets: SLIGHT_PACKETS, at_once: true };
                (chance < idle * often).then_some(exchange)
            }
        }
    }
}

/// The rates at one place on the curves of figure 9.
fn rates(place: f64) -> PacketRate {
    let idle = quantile(&IDLE, place);
    // The two curves cross below 5 %: using a device never makes it quieter.
    PacketRate { idle, active: quantile(&ACTIVE, place).max(idle) }
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
        let kept = |habit| match habit {
            Habit::KeptUp(rate) => Some(rate.idle),
            Habit::Slight(_) => None,
        };
        let mut idle: Vec<f64> = (0..20_000)
            .filter_map(|_| kept(Manner::new(&mut draw).habit(&mut draw, true, None)))
            .collect();
        idle.sort_by(f64::total_cmp);
        let share = idle.len() as f64 / 20_000.0;
        assert!((share - KEEPS_MAIN).abs() < 0.02, "{share} are kept up with");
        let at = |share: usize| idle[idle.len() * share / 100];
        assert!((at(50) - 226.0).abs() < 10.0, "median {}", at(50));
        assert!((at(90) - 801.0).abs() < 60.0, "nine in ten {}", at(90));
    }

    #[test]
    fn a_used_device_is_never_quieter() {
        for place in 0..1_000 {
            let rate = rates(f64::from(place) / 1_000.0);
            assert!(rate.active >= rate.idle && rate.idle >= 0.0);
        }
    }

    #[test]
    fn a_stated_rate_is_kept_up_to_within_a_half() {
        let mut draw = Draw::new(3, Purpose::Population, 0, 0);
        let stated = Some(PacketRate { idle: 100.0, active: 400.0 });
        for _ in 0..1_000 {
            let Habit::KeptUp(rate) = Manner::new(&mut draw).habit(&mut draw, false, stated) else {
                panic!("a stated rate says that the device talks");
            };
            assert!((50.0..150.0).contains(&rate.idle) && (200.0..600.0).contains(&rate.active));
        }
    }

    #[test]
    fn slight_contacts_are_more_frequent_in_use() {
        let mut draw = Draw::new(4, Purpose::Traffic, 0, 0);
        let mut hours = |used| {
            let contacts = (0..10_000).filter_map(|_| Habit::Slight(0.4).exchange(&mut draw, used));
            contacts.inspect(|exchange| assert!(exchange.at_once)).count()
        };
        let (idle, used) = (hours(false), hours(true));
        assert!((3_800..4_200).contains(&idle), "{idle}");
        assert!((5_800..6_200).contains(&used), "{used}");
    }
}
