//! The rule that claims a class (paper §4.3.2).
//!
//! A class with N monitored groups is on a line in a window when at least
//! `max(1, floor(D*N))` distinct groups were touched, at least one of them
//! primary, and its parent is claimed on the same line in the same window.

use std::sync::Arc;

use super::confidence::confidence;
use super::evidence::{Evidence, Line};
use super::usage;
use crate::model::detection::Detection;
use crate::model::group::GroupId;
use crate::model::rules::{ClassRule, GroupPlace, Role, Rules};
use crate::model::time::{Timestamp, Window};

/// What a line showed of one class in one window.
#[derive(Clone, Debug)]
struct ClassSeen {
    /// Places of the groups seen in [`ClassRule::groups`], sorted, distinct.
    groups: Vec<usize>,
    packets: u64,
    known_packets: u64,
    bytes: u64,
    scaled_packets: u64,
    /// Milliseconds after the window's start.
    first: u32,
    last: u32,
    in_use: bool,
    claimed: bool,
}

impl ClassSeen {
    const NOTHING: Self = Self {
        groups: Vec::new(),
        packets: 0,
        known_packets: 0,
        bytes: 0,
        scaled_packets: 0,
        first: u32::MAX,
        last: 0,
        in_use: false,
        claimed: false,
    };

    /// Forgets a line and keeps the room.
    fn clear(&mut self) {
        self.groups.clear();
        *self = Self { groups: std::mem::take(&mut self.groups), ..Self::NOTHING };
    }
}

/// Judges lines of one window one after the other, reusing its room.
pub(super) struct Judge {
    rules: Arc<Rules>,
    window: Window,
    start: Timestamp,
    /// Where the groups of the window stand, by their place in it; nothing for
    /// those that are not monitored any more.
    places: Vec<Option<GroupPlace>>,
    seen: Vec<ClassSeen>,
    touched: Vec<usize>,
    in_use: Vec<usize>,
}

impl Judge {
    /// A judge for one window, to which nothing is added any more, under the
    /// rules in force at its end.
    pub(super) fn new(
        rules: Arc<Rules>,
        (window, start): (Window, Timestamp),
        evidence: &Evidence,
    ) -> Self {
        let places = evidence.groups().iter().map(|group| rules.place(*group)).collect();
        let seen = vec![ClassSeen::NOTHING; rules.classes().len()];
        Self { rules, window, start, places, seen, touched: Vec::new(), in_use: Vec::new() }
    }

    /// Judges one line: appends the classes claimed, parents first, and says how
    /// many of its touches are of groups that are not monitored any more.
    pub(super) fn judge(
        &mut self,
        evidence: &Evidence,
        line: &Line<'_>,
        into: &mut Vec<Detection>,
    ) -> u64 {
        let dropped = self.gather(line);
        self.in_use.clear();
        // Parents stand before their children, so one pass is enough.
        for &class in &self.touched {
            let rule = &self.rules.classes()[class];
            let seen = &mut self.seen[class];
            if self.window == Window::Hour {
                seen.in_use = usage::in_use(rule.in_use_packets, seen.scaled_packets);
            }
            if seen.in_use {
                self.in_use.push(class);
            }
            let is_claimed =
                is_enough(rule, seen) && rule.parent.is_none_or(|parent| self.seen[parent].claimed);
            self.seen[class].claimed = is_claimed;
            if is_claimed {
                into.push(self.detection(rule, &self.seen[class], evidence, line));
            }
        }
        for class in self.touched.drain(..) {
            self.seen[class].clear();
        }
        dropped
    }

    /// Whether the traffic of the line that was judged last says that somebody
    /// uses a device.
    pub(super) fn is_in_use(&self) -> bool {
        !self.in_use.is_empty()
    }

    /// Whether it says so of the class to which this group belongs.
    pub(super) fn is_group_in_use(&self, group: GroupId) -> bool {
        self.rules.place(group).is_some_and(|place| self.in_use.contains(&place.class))
    }

    /// Sorts a line's touches by class; returns how many are of groups that
    /// are not monitored any more.
    fn gather(&mut self, line: &Line<'_>) -> u64 {
        let mut dropped = 0;
        for (group, touch) in line.touches() {
            let Some(place) = self.places.get(group).copied().flatten() else {
                dropped += 1;
                continue;
            };
            let seen = &mut self.seen[place.class];
            if seen.groups.is_empty() {
                self.touched.push(place.class);
            }
            // Two groups that were merged meanwhile count once.
            if let Err(at) = seen.groups.binary_search(&place.group) {
                seen.groups.insert(at, place.group);
            }
            seen.packets = seen.packets.saturating_add(u64::from(touch.packets));
            seen.known_packets = seen.known_packets.saturating_add(u64::from(touch.known_packets));
            seen.bytes = seen.bytes.saturating_add(touch.bytes());
            seen.scaled_packets = seen.scaled_packets.saturating_add(touch.scaled_packets());
            seen.first = seen.first.min(touch.first);
            seen.last = seen.last.max(touch.last());
            seen.in_use |= touch.in_use();
        }
        self.touched.sort_unstable();
        dropped
    }

    fn detection(
        &self,
        rule: &ClassRule,
        seen: &ClassSeen,
        evidence: &Evidence,
        line: &Line<'_>,
    ) -> Detection {
        let mut groups: Vec<_> =
            seen.groups.iter().map(|group| rule.groups[*group].name.clone()).collect();
        groups.sort_unstable();
        let with_seen = rule
            .groups
            .iter()
            .enumerate()
            .map(|(place, group)| (group, seen.groups.binary_search(&place).is_ok()));
        let hours = self.window.length().as_secs_f64() / 3_600.0;
        Detection {
            window: self.window,
            start: self.start,
            line: line.line,
            region: line.region,
            class: rule.class.clone(),
            level: rule.level,
            groups,
            required: rule.required(),
            of: rule.monitored(),
            packets: seen.packets,
            bytes: seen.bytes,
            first: evidence.at(seen.first),
            last: evidence.at(seen.last),
            in_use: seen.in_use,
            confidence: confidence(with_seen, hours, mean_rate(seen)),
        }
    }
}

/// Whether enough of a class was seen, parents aside.
fn is_enough(rule: &ClassRule, seen: &ClassSeen) -> bool {
    seen.groups.len() >= rule.required()
        && seen.groups.iter().any(|group| rule.groups[*group].role == Role::Primary)
}

/// The mean sampling rate over the packets whose rate is known.
#[expect(clippy::cast_precision_loss, reason = "a mean rate needs no more than 52 bits")]
fn mean_rate(seen: &ClassSeen) -> Option<f64> {
    (seen.known_packets > 0).then(|| seen.scaled_packets as f64 / seen.known_packets as f64)
}
