//! Who lives on the lines: which devices, and whom each of them talks to.
//!
//! About one line in five has a device (paper §6.2). Products are drawn by how
//! many lines of 15 million had them on a day (figures 12 and 14), so Alexa
//! devices are by far the most. A device talks to the groups of its class and
//! of every class above it: a Fire TV also to Amazon's and Alexa's.

use super::backends::Backends;
use super::draw::{Draw, Purpose};
use super::export::Format;
use super::rates::{Habit, Manner};
use crate::signature::SignatureSet;

/// Share of lines with a device.
const IOT_SHARE: f64 = 0.20;
/// Chance of one more device on a line that has some.
const ONE_MORE: f64 = 0.25;
/// Most devices on a line.
const MOST_DEVICES: usize = 8;

/// Lines in thousands of 15 million with a class of its own kind on a day, by
/// words of the class's name. The first that matches is taken; subclasses are
/// taken out of their superclass (paper §6.2, figures 12 and 14).
const SHARES: [(&str, f64); 29] = [
    ("alexa", 1_800.0),
    ("fire-tv", 45.0),
    ("amazon", 340.0),
    ("samsung-tv", 85.0),
    ("samsung-family", 20.0),
    ("samsung-smartcam", 10.0),
    ("samsung", 600.0),
    ("hue", 182.0),
    ("philips", 182.0),
    ("smartlife", 132.0),
    ("tuya", 132.0),
    ("netatmo", 37.0),
    ("smartthings", 34.0),
    ("ring", 33.0),
    ("reolink", 15.0),
    ("xiaomi", 14.0),
    ("meross", 8.5),
    ("blink", 8.3),
    ("wansview", 7.1),
    ("magichome", 5.9),
    ("yi", 5.1),
    ("tp-link", 4.7),
    ("tplink", 4.7),
    ("icsee", 4.5),
    ("roku", 2.3),
    ("zmodo", 1.4),
    ("d-link", 1.1),
    ("dlink", 1.1),
    ("nest", 6.0),
];
/// What every class gets at least, so that a simulation of some 20,000 lines
/// has a few lines of each; the paper's rarest had none in 15 million.
const SMALLEST_SHARE: f64 = 8.0;

/// One device's habits towards one group.
#[derive(Clone, Debug)]
pub(super) struct Contact {
    /// Place in [`Backends::groups`].
    pub(super) group: usize,
    /// Which of the group's names it uses, as its region or batch has it.
    pub(super) name: usize,
    /// How often and how much.
    pub(super) habit: Habit,
}

/// A device on a line.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// Place of its class in the signature set.
    pub(super) class: usize,
    /// The host part of its address.
    pub(super) host: u64,
    pub(super) contacts: Vec<Contact>,
}

/// A line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Place of the router that sees its traffic.
    pub(super) router: usize,
    /// How much more other traffic it has than the mean.
    pub(super) heaviness: f64,
    pub(super) devices: Vec<Device>,
}

/// What the population is drawn from, made once.
pub(super) struct Market<'a> {
    backends: &'a Backends,
    /// Cumulated shares of the classes.
    cumulated: Vec<f64>,
    /// For each class the groups of itself and of those above, by place.
    groups: Vec<Vec<usize>>,
    /// The routers that carry both families, and the share of each.
    routers: &'a [(Format, f64)],
    seed: u64,
}

impl<'a> Market<'a> {
    pub(super) fn new(
        set: &SignatureSet,
        backends: &'a Backends,
        routers: &'a [(Format, f64)],
        seed: u64,
    ) -> Self {
        let mut sum = 0.0;
        let cumulated = set
            .classes
            .iter()
            .map(|definition| {
                sum += share(&definition.class);
                sum
            })
            .collect();
        let group_of = |place: usize| &backends.groups[place];
        let groups = (0..set.classes.len())
            .map(|class| {
                let family = lineage(set, class);
                let of = |class: usize| {
                    let groups = backends.groups.iter().enumerate();
                    groups.filter(move |(_, group)| group.class == class).map(|(place, _)| place)
                };
                let mut groups: Vec<usize> = Vec::new();
                for group in family.into_iter().rev().flat_map(of) {
                    // A class may count a group of the class above it as its
                    // own: the device still contacts those servers once.
                    let same = |known: &usize| backends.groups[*known].is_where(group_of(group));
                    if !groups.iter().any(same) {
                        groups.push(group);
                    }
                }
                groups
            })
            .collect();
        Self { backends, cumulated, groups, routers, seed }
    }

    /// Draws line number `line`.
    pub(super) fn line(&self, line: u32, v6: bool) -> Line {
        let mut draw = Draw::new(self.seed, Purpose::Population, u64::from(line), 0);
        let router = self.router(&mut draw, v6);
        // Mean one, from a quarter to nearly three times it.
        let spread = draw.unit();
        let heaviness = 0.25 + 2.25 * spread * spread;
        let mut devices = Vec::new();
        if !self.cumulated.is_empty() && draw.chance(IOT_SHARE) {
            devices.push(self.device(&mut draw));
            while devices.len() < MOST_DEVICES && draw.chance(ONE_MORE) {
                devices.push(self.device(&mut draw));
            }
        }
        Line { router, heaviness, devices }
    }

    /// Draws line number `line` with a device of each of `classes`.
    pub(super) fn line_of(&self, line: u32, v6: bool, classes: &[usize]) -> Line {
        let mut draw = Draw::new(self.seed, Purpose::Population, u64::from(line), 0);
        let router = self.router(&mut draw, v6);
        let devices = classes.iter().map(|class| self.device_of(&mut draw, *class)).collect();
        Line { router, heaviness: 1.0, devices }
    }

    fn router(&self, draw: &mut Draw, v6: bool) -> usize {
        let fit = |format: Format| !v6 || format.carries_v6();
        let all: f64 = self.routers.iter().filter(|(f, _)| fit(*f)).map(|(_, share)| share).sum();
        let mut left = draw.unit() * all;
        let mut last = 0;
        for (place, (format, share)) in self.routers.iter().enumerate() {
            if fit(*format) {
                last = place;
                left -= share;
                if left < 0.0 {
                    break;
                }
            }
        }
        last
    }

    fn device(&self, draw: &mut Draw) -> Device {
        let wanted = draw.unit() * self.cumulated.last().copied().unwrap_or(0.0);
        let class = self.cumulated.partition_point(|sum| *sum <= wanted);
        let class = class.min(self.cumulated.len() - 1);
        self.device_of(draw, class)
    }

    /// Draws a device of a class.
    fn device_of(&self, draw: &mut Draw, class: usize) -> Device {
        let manner = Manner::new(draw);
        let mut of_class = usize::MAX;
        let contacts = self.groups[class]
            .iter()
            .map(|group| {
                let backend = &self.backends.groups[*group];
                // The first group of every class is a main one.
                let is_main = of_class != backend.class;
                of_class = backend.class;
                Contact {
                    group: *group,
                    name: draw.index(backend.names.len()),
                    habit: manner.habit(draw, is_main, backend.rate),
                }
            })
            .collect();
        let host = u64::from(draw.below(u32::MAX)) << 16 | 0xbeef;
        Device { class, host, contacts }
    }
}

/// The class and every class above it, itself first.
pub(super) fn lineage(set: &SignatureSet, class: usize) -> Vec<usize> {
    let mut family = vec![class];
    let mut at = class;
    // Parents stand before their children, so this ends.
    while let Some(parent) = set.classes[at].parent.as_ref().and_then(|parent| {
        set.classes[..at].iter().position(|definition| definition.class == *parent)
    }) {
        family.push(parent);
        at = parent;
    }
    family
}

/// The share of a class.
fn share(class: &str) -> f64 {
    known_share(class).map_or(SMALLEST_SHARE, |share| share.max(SMALLEST_SHARE))
}

/// The share that the paper counted, if it did: of the first entry all of
/// whose words are words of the class's name.
pub(super) fn known_share(class: &str) -> Option<f64> {
    let words: Vec<&str> = class.split('-').collect();
    let is_meant = |known: &str| known.split('-').all(|word| words.contains(&word));
    SHARES.iter().find(|(known, _)| is_meant(known)).map(|(_, share)| *share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_goes_by_whole_words() {
        assert_eq!(share("alexa-enabled"), 1_800.0);
        assert_eq!(share("amazon-fire-tv"), 45.0);
        assert_eq!(share("amazon-product"), 340.0);
        assert_eq!(share("samsung-tv"), 85.0);
        assert_eq!(share("yi-camera"), SMALLEST_SHARE);
        assert_eq!(share("spring-garden"), SMALLEST_SHARE, "no ring in it");
    }
}
