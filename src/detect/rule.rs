//! The rule that claims a class (paper §4.3.2).
//!
//! A class with N monitored groups is on a line in a window when at least
//! `max(1, floor(D*N))` distinct groups were touched, at least one of them
//! primary, and its parent is claimed on the same line in the same window.

use super::confidence::confidence;
use super::evidence::Evidence;
use super::usage;
use crate::model::detection::Detection;
use crate::model::line::{LineId, RegionId};
use crate::model::rules::{ClassRule, Role, Rules};
use crate::model::time::{Timestamp, Window};

/// What a line showed of one class in one window.
#[derive(Clone, Debug, Default)]
struct ClassSeen {
    /// Places of the groups seen in [`ClassRule::groups`], sorted, distinct.
    groups: Vec<usize>,
    packets: u64,
    known_packets: u64,
    bytes: u64,
    scaled_packets: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    claimed: bool,
}

/// What a line's evidence came to.
pub(super) struct Judged {
    /// The classes claimed, parents first.
    pub detections: Vec<Detection>,
    /// Touches of groups that are no longer monitored.
    pub dropped: u64,
    /// Classes whose traffic in this window says that somebody uses a device,
    /// by place in [`Rules::classes`].
    pub in_use: Vec<usize>,
}

/// Judges lines one after the other, reusing its room.
pub(super) struct Judge<'r> {
    rules: &'r Rules,
    window: Window,
    start: Timestamp,
    seen: Vec<ClassSeen>,
    touched: Vec<usize>,
}

impl<'r> Judge<'r> {
    /// A judge for one window under the rules in force at its end.
    pub(super) fn new(rules: &'r Rules, window: Window, start: Timestamp) -> Self {
        let seen = vec![ClassSeen::default(); rules.classes().len()];
        Self { rules, window, start, seen, touched: Vec::new() }
    }

    /// Judges one line.
    pub(super) fn judge(&mut self, evidence: &Evidence, line: LineId, region: RegionId) -> Judged {
        let dropped = self.gather(evidence, line);
        let mut judged = Judged { detections: Vec::new(), dropped, in_use: Vec::new() };
        // Parents stand before their children, so one pass is enough.
        for i in 0..self.touched.len() {
            let class = self.touched[i];
            let rule = &self.rules.classes()[class];
            if self.window == Window::Hour
                && usage::in_use(rule.in_use_packets, self.seen[class].scaled_packets)
            {
                judged.in_use.push(class);
            }
            self.seen[class].claimed = self.is_claimed(rule, &self.seen[class]);
            if self.seen[class].claimed {
                let in_use = judged.in_use.last() == Some(&class);
                judged.detections.push(self.detection(
                    rule,
                    &self.seen[class],
                    line,
                    region,
                    in_use,
                ));
            }
        }
        for class in self.touched.drain(..) {
            self.seen[class] = ClassSeen::default();
        }
        judged
    }

    /// Sorts a line's touches by class; returns how many are of groups that
    /// are not monitored any more.
    fn gather(&mut self, evidence: &Evidence, line: LineId) -> u64 {
        let mut dropped = 0;
        for (group, touch) in evidence.touches(line) {
            let Some(place) = self.rules.place(group) else {
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
            seen.bytes = seen.bytes.saturating_add(touch.bytes);
            seen.scaled_packets = seen.scaled_packets.saturating_add(touch.scaled_packets);
            let (first, last) = (evidence.first(touch), evidence.last(touch));
            seen.first = Some(seen.first.map_or(first, |known| known.min(first)));
            seen.last = Some(seen.last.map_or(last, |known| known.max(last)));
        }
        self.touched.sort_unstable();
        dropped
    }

    fn is_claimed(&self, rule: &ClassRule, seen: &ClassSeen) -> bool {
        seen.groups.len() >= rule.required()
            && seen.groups.iter().any(|group| rule.groups[*group].role == Role::Primary)
            && rule.parent.is_none_or(|parent| self.seen[parent].claimed)
    }

    fn detection(
        &self,
        rule: &ClassRule,
        seen: &ClassSeen,
        line: LineId,
        region: RegionId,
        in_use: bool,
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
            line,
            region,
            class: rule.class.clone(),
            level: rule.level,
            groups,
            required: rule.required(),
            of: rule.monitored(),
            packets: seen.packets,
            bytes: seen.bytes,
            first: seen.first.unwrap_or(self.start),
            last: seen.last.unwrap_or(self.start),
            in_use,
            confidence: confidence(with_seen, hours, mean_rate(seen)),
        }
    }
}

/// The mean sampling rate over the packets whose rate is known.
#[expect(clippy::cast_precision_loss, reason = "a mean rate needs no more than 52 bits")]
fn mean_rate(seen: &ClassSeen) -> Option<f64> {
    (seen.known_packets > 0).then(|| seen.scaled_packets as f64 / seen.known_packets as f64)
}
