//! What must be seen before a class is claimed: the compiled rules.
//!
//! Rules are made when the hitlist is built, because N counts the groups that
//! are dedicated and resolvable *now*. They are immutable, swapped whole, and
//! frozen for a UTC day unless an operator reloads signatures.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::group::GroupId;

/// How much a class says about the device (paper §4.3.1).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A backend that several manufacturers build on.
    Platform,
    /// Devices of one manufacturer.
    Manufacturer,
    /// One product or product line.
    Product,
}

impl Level {
    /// All levels, coarsest first.
    pub const ALL: [Self; 3] = [Self::Platform, Self::Manufacturer, Self::Product];

    /// `platform`, `manufacturer` or `product`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Manufacturer => "manufacturer",
            Self::Product => "product",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who runs a group's domains (paper §4.1).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Registered to the maker or the operator of its service.
    Primary,
    /// Registered to somebody else but serving the device.
    Support,
}

/// The share D of a class's groups that must be seen, as an exact decimal.
///
/// `floor(D*N)` in binary floating point is wrong where it matters: 0.7 x 10
/// is 6.999… and 0.29 x 100 is 28.999…. D is therefore held in thousandths of
/// a thousandth and multiplied as an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold {
    millionths: u32,
}

impl Threshold {
    /// 0.4, the paper's conservative choice (§4.3.2, §6).
    pub const DEFAULT: Self = Self { millionths: 400_000 };

    /// How many of `monitored` groups must be seen: `max(1, floor(D*N))`.
    pub fn required(self, monitored: usize) -> usize {
        let product = u128::from(self.millionths) * monitored as u128 / 1_000_000;
        usize::try_from(product).unwrap_or(usize::MAX).max(1)
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "threshold `{text}` is not allowed, expected a decimal above 0 and at most 1 with up to six places, such as 0.4"
            )
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits_only = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) || fraction.len() > 6 {
            return Err(wrong());
        }
        let whole: u32 = whole.parse().map_err(|_| wrong())?;
        let fraction: u32 = format!("{fraction:0<6}").parse().map_err(|_| wrong())?;
        let millionths = whole.checked_mul(1_000_000).and_then(|part| part.checked_add(fraction));
        match millionths {
            Some(millionths @ 1..=1_000_000) => Ok(Self { millionths }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.millionths / 1_000_000, self.millionths % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Packets per hour that one device sends and receives, before sampling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketRate {
    /// While nobody uses the device.
    pub idle: f64,
    /// While somebody uses it.
    pub active: f64,
}

/// One monitored group of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRule {
    /// Its identity.
    pub id: GroupId,
    /// Its first name as written in the signature.
    pub name: Arc<str>,
    /// Primary if any of the groups merged into it is.
    pub role: Role,
    /// Expected traffic, if the signature tells it.
    pub packets_per_hour: Option<PacketRate>,
}

/// One class and what it takes to claim it today.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassRule {
    /// The class, as its file is called.
    pub class: Arc<str>,
    /// The name for people.
    pub name: Arc<str>,
    /// How much it says.
    pub level: Level,
    /// Place in [`Rules::classes`] of the class that must be detected too.
    pub parent: Option<usize>,
    /// The share D.
    pub threshold: Threshold,
    /// Sampled packets per hour at 1:550 that mean somebody uses it.
    pub in_use_packets: Option<u32>,
    /// The class's own groups that are dedicated and resolvable now; N is
    /// their number. Empty: the class is not detectable now.
    pub groups: Vec<GroupRule>,
}

impl ClassRule {
    /// N: the number of groups monitored now.
    pub fn monitored(&self) -> usize {
        self.groups.len()
    }

    /// How many of them must be seen.
    pub fn required(&self) -> usize {
        self.threshold.required(self.groups.len())
    }
}

/// All rules in force, parents before their children.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    classes: Vec<ClassRule>,
    places: HashMap<GroupId, GroupPlace>,
}

/// Where a group stands in [`Rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPlace {
    /// Place of the class in [`Rules::classes`].
    pub class: usize,
    /// Place of the group in [`ClassRule::groups`].
    pub group: usize,
}

impl Rules {
    /// Rules over `classes`, which stand parents first; `merged` leads from the
    /// identity of each group that was absorbed to the group that absorbed it.
    pub fn new(classes: Vec<ClassRule>, merged: &[(GroupId, GroupId)]) -> Self {
        let mut places = HashMap::new();
        for (class, rule) in classes.iter().enumerate() {
            for (group, monitored) in rule.groups.iter().enumerate() {
                places.insert(monitored.id, GroupPlace { class, group });
            }
        }
        for (absorbed, into) in merged {
            if let Some(place) = places.get(into).copied() {
                places.insert(*absorbed, place);
            }
        }
        Self { classes, places }
    }

    /// The same rules with one threshold for every class.
    #[must_use]
    pub fn with_threshold(mut self, threshold: Threshold) -> Self {
        for class in &mut self.classes {
            class.threshold = threshold;
        }
        self
    }

    /// Every class, parents before their children, detectable now or not.
    pub fn classes(&self) -> &[ClassRule] {
        &self.classes
    }

    /// Where a group stands, also one that was merged into another; `None` when
    /// it is not monitored now.
    pub fn place(&self, group: GroupId) -> Option<GroupPlace> {
        self.places.get(&group).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_exact_where_floating_point_is_not() {
        let required = |d: &str, n: usize| d.parse::<Threshold>().unwrap().required(n);
        assert_eq!(required("0.7", 10), 7);
        assert_eq!(required("0.29", 100), 29);
        assert_eq!(required("0.4", 67), 26);
        assert_eq!(required("0.4", 1), 1, "at least one group");
        assert_eq!(required("0.95", 14), 13);
        assert_eq!(required("1", 3), 3);
    }

    #[test]
    fn a_threshold_outside_its_range_is_refused() {
        for text in ["0", "0.0", "1.1", "-0.4", "4e-1", ".4", "0.1234567", "", "NaN"] {
            assert!(text.parse::<Threshold>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_threshold_prints_as_written() {
        for text in ["0.4", "1", "0.125"] {
            assert_eq!(text.parse::<Threshold>().unwrap().to_string(), text);
        }
    }
}
