//! Candidate signatures of what devices did.
//!
//! A group that devices of several makers have says the platform; one that
//! several products of a maker have, the maker; one that a single product has,
//! the product, if other products of the maker were there to be compared with.
//! Where only one product of a maker showed evidence nothing tells the two apart,
//! and the lesser claim is made.
//!
//! The outcome depends on the traffic, the verdicts and the date alone, in one
//! order, so that a second run is an empty diff. What was left out is told.

pub(super) mod alike;
mod group;
mod level;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;

use self::group::{Group, groups};
use self::level::{Drawer, drawers, one_line};
use super::domains::{Grounds, Role, judge};
use super::traffic::{Captured, DeviceTraffic, Mode};
use crate::model::domain::NamePattern;
use crate::model::group::GroupId;
use crate::model::rules::{self, Level, PacketRate, Threshold};
use crate::signature::{ClassDefinition, GroupDefinition, write};

/// A rate is only told of devices that were watched for so long in a mode: what
/// a device does while it is set up is no rate.
const SHORTEST_WATCH: f64 = 3_600.0;
/// Longest line of a source, in characters; a signature takes 300.
const LONGEST_SOURCE: usize = 240;

/// What became of the traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// The classes, by level and name.
    pub classes: Vec<ClassDefinition>,
    /// What is in no class, and why.
    pub left_out: Vec<LeftOut>,
}

/// Something that is in no class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "left_out", rename_all = "snake_case")]
pub enum LeftOut {
    /// Domains that wait for a person's decision.
    Undecided {
        /// The device.
        device: String,
        /// The domains.
        domains: Vec<String>,
    },
    /// Domains that devices looked up and exchanged no packet with: they would
    /// be counted in N and never be seen.
    NeverContacted {
        /// The domains.
        domains: Vec<String>,
    },
    /// A class would have nothing of the maker's own.
    NoPrimary {
        /// The class.
        class: String,
        /// First names of its groups.
        groups: Vec<String>,
    },
    /// Nobody said who made the device.
    NoMaker {
        /// The device.
        device: String,
    },
    /// Nothing of the device is evidence.
    NoEvidence {
        /// The device.
        device: String,
    },
}

/// A signature file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Path below the signature folder.
    pub path: String,
    /// The text.
    pub text: String,
}

/// The candidate signatures for `captured`, looked at on the day `checked`.
pub fn derive(captured: &Captured, grounds: Grounds<'_>, checked: Date) -> Derived {
    let judged = judge(captured, grounds);
    let groups = groups(captured, &judged, &grounds.signatures.owners);
    let (groups, silent): (Vec<Group>, Vec<Group>) =
        groups.into_iter().partition(|group| group.packets > 0);
    let names = |group: Group| group.names.into_iter().map(|name| name.to_string());
    let mut left_out: Vec<LeftOut> = silent
        .into_iter()
        .map(|group| LeftOut::NeverContacted { domains: names(group).collect() })
        .collect();
    for (place, (device, verdicts)) in captured.devices.iter().zip(&judged.devices).enumerate() {
        let undecided = verdicts.domains.iter().filter(|domain| domain.role == Role::Undecided);
        let domains: Vec<String> = undecided.map(|domain| domain.domain.clone()).collect();
        if !domains.is_empty() {
            left_out.push(LeftOut::Undecided { device: device.device.clone(), domains });
        }
        if !groups.iter().any(|group| group.devices.contains(&place)) {
            left_out.push(LeftOut::NoEvidence { device: device.device.clone() });
        } else if device.maker.is_empty() {
            left_out.push(LeftOut::NoMaker { device: device.device.clone() });
        }
    }
    let drawers = drawers(captured, groups, grounds.signatures, &mut left_out);
    let classes = drawers.iter().map(|drawer| class(captured, &drawers, drawer, checked));
    let mut classes: Vec<ClassDefinition> = classes.collect();
    classes.sort_by(|one, two| (one.level, &one.class).cmp(&(two.level, &two.class)));
    left_out.sort();
    Derived { classes, left_out }
}

impl Derived {
    /// The files of the classes, by path.
    pub fn files(&self) -> Vec<File> {
        let file = |class: &ClassDefinition| File {
            path: format!("{}/{}.yaml", class.level, class.class),
            text: write(class),
        };
        let mut files: Vec<File> = self.classes.iter().map(file).collect();
        files.sort_by(|one, two| one.path.cmp(&two.path));
        files
    }
}

fn class(
    captured: &Captured,
    drawers: &[Drawer],
    drawer: &Drawer,
    checked: Date,
) -> ClassDefinition {
    let devices: BTreeSet<usize> =
        drawer.groups.iter().flat_map(|group| group.devices.iter().copied()).collect();
    let devices = || devices.iter().filter_map(|place| captured.devices.get(*place));
    ClassDefinition {
        class: drawer.class.as_str().into(),
        name: drawer.name.as_str().into(),
        level: drawer.level,
        vendor: drawer.vendor.as_str().into(),
        parent: parent(drawers, drawer).map(Arc::from),
        threshold: Threshold::DEFAULT,
        in_use_packets: None,
        groups: drawer.groups.iter().map(|group| definition(captured, drawer, group)).collect(),
        sources: devices().map(source).collect(),
        checked,
    }
}

/// The class above that every device of this class has enough evidence of: only
/// then can it be asked for on the same line.
fn parent<'a>(drawers: &'a [Drawer], drawer: &Drawer) -> Option<&'a str> {
    let above = drawers.iter().filter(|other| other.level < drawer.level);
    let fitting = above.filter(|other| {
        let required = Threshold::DEFAULT.required(other.groups.len());
        let having = |place: &usize| {
            other.groups.iter().filter(|group| group.devices.contains(place)).count()
        };
        let mut devices = drawer.groups.iter().flat_map(|group| &group.devices);
        devices.all(|place| having(place) >= required)
    });
    // The nearest level first.
    let nearest = fitting
        .max_by(|one, two| one.level.cmp(&two.level).then_with(|| two.class.cmp(&one.class)));
    nearest.map(|parent| parent.class.as_str())
}

fn definition(captured: &Captured, drawer: &Drawer, group: &Group) -> GroupDefinition {
    let first = group.names.first().map(ToString::to_string).unwrap_or_default();
    GroupDefinition {
        id: GroupId::new(&drawer.class, &first),
        names: group.names.iter().cloned().map(NamePattern::Exact).collect(),
        role: if group.primary { rules::Role::Primary } else { rules::Role::Support },
        ports: group.ports.iter().copied().collect(),
        packets_per_hour: rate(captured, group),
    }
}

/// The mean over the devices that were watched long enough. Whoever was only
/// watched while nobody used it is at least as busy in use.
fn rate(captured: &Captured, group: &Group) -> Option<PacketRate> {
    let of_mode = |mode: Mode| {
        let devices = group.devices.iter().filter_map(|place| captured.devices.get(*place));
        let rates: Vec<f64> = devices.filter_map(|device| hourly(device, group, mode)).collect();
        let count = u32::try_from(rates.len()).ok().filter(|count| *count > 0)?;
        let mean = rates.iter().sum::<f64>() / f64::from(count);
        Some((mean * 10.0).round() / 10.0)
    };
    let idle = of_mode(Mode::Idle)?;
    Some(PacketRate { idle, active: of_mode(Mode::Active).map_or(idle, |rate| rate.max(idle)) })
}

fn hourly(device: &DeviceTraffic, group: &Group, mode: Mode) -> Option<f64> {
    let captures = device.captures.iter().filter(|capture| capture.mode == mode);
    let watched: f64 = captures.map(|capture| capture.seconds).sum();
    let contacts = device
        .contacts
        .iter()
        .filter(|contact| group.names.iter().any(|name| name.as_str() == contact.domain));
    let rate = |hours: super::traffic::Hourly| match mode {
        Mode::Idle => hours.idle,
        _ => hours.active,
    };
    let sum: f64 = contacts.filter_map(|contact| rate(contact.hours)).sum();
    (watched >= SHORTEST_WATCH).then_some(sum)
}

/// Where the facts of a class come from: a line a device.
fn source(device: &DeviceTraffic) -> String {
    let names: Vec<&str> = device.captures.iter().map(|capture| capture.name.as_str()).collect();
    let day = device.captures.iter().map(|capture| capture.start).min();
    let day = day.map_or(String::new(), |start| format!(" from {} on", start.day()));
    let text = format!("captures of {}{day}: {}", device.device, names.join(", "));
    one_line(&text, LONGEST_SOURCE)
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undecided { device, domains } => {
                write!(f, "{device}: to be decided: {}", domains.join(", "))
            }
            Self::NeverContacted { domains } => {
                write!(f, "looked up, never contacted: {}", domains.join(", "))
            }
            Self::NoPrimary { class, groups } => write!(
                f,
                "{class}: no class, nothing in it is the maker's own: {}",
                groups.join(", ")
            ),
            Self::NoMaker { device } => {
                write!(f, "{device}: nobody said who made it, so no class is named for it")
            }
            Self::NoEvidence { device } => write!(f, "{device}: nothing of it is evidence"),
        }
    }
}

/// How many classes each level has.
pub fn counts(classes: &[ClassDefinition]) -> BTreeMap<Level, usize> {
    let mut counts = BTreeMap::new();
    for class in classes {
        *counts.entry(class.level).or_default() += 1;
    }
    counts
}
