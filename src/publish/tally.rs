//! Lines per class and region, counted as windows close.
//!
//! Every back worker owns some of the lines and closes its windows on its own.
//! A window is complete once all of them have passed its end and the lateness
//! bound; only complete windows are shown, because half a count would look
//! like fewer lines. Within a window a line has at most one detection of a
//! class, so detections are lines. What they rest on is summed beside them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;

use crate::model::detection::Detection;
use crate::model::line::RegionId;
use crate::model::rules::Level;
use crate::model::time::{Timestamp, Window};

/// Windows counted at once. Workers are rarely a window apart; an hour and a
/// day window each, with room for a worker that hangs behind.
const OPEN_WINDOWS: usize = 16;

/// What is counted: a class in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// The class.
    pub class: Arc<str>,
    /// Its level.
    pub level: Level,
    /// The region of the lines.
    pub region: RegionId,
}

/// What the detections of a row rest on, summed over its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Lines on which somebody uses the device.
    pub in_use: u64,
    /// Groups seen.
    pub groups: u64,
    /// Sampled packets.
    pub packets: u64,
    /// Confidence, in parts of [`Evidence::CERTAIN`]: whole numbers, because
    /// their sum does not depend on the order of lines.
    pub confidence: u64,
}

impl Evidence {
    /// The confidence of what is certain.
    pub const CERTAIN: f64 = 10_000.0;

    fn of(detection: &Detection) -> Self {
        let confidence = detection.confidence.clamp(0.0, 1.0) * Self::CERTAIN;
        Self {
            in_use: detection.in_use.into(),
            groups: detection.groups.len() as u64,
            packets: detection.packets,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 10,000"
            )]
            confidence: confidence.round() as u64,
        }
    }

    /// Adds what other lines have.
    pub fn add(&mut self, other: &Self) {
        self.in_use += other.in_use;
        self.groups += other.groups;
        self.packets = self.packets.saturating_add(other.packets);
        self.confidence += other.confidence;
    }
}

/// The counts of a window that every worker has closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    /// Its length.
    pub window: Window,
    /// Its start.
    pub start: Timestamp,
    /// Whether the service began after the window did.
    pub partial: bool,
    /// Lines with a detection; a row without any is absent.
    pub lines: BTreeMap<Row, u64>,
    /// What these rest on, of the same rows.
    pub evidence: BTreeMap<Row, Evidence>,
}

/// Counts of windows that some workers have closed and others not yet.
pub struct Tally {
    lateness: Duration,
    began: Timestamp,
    reached: Vec<Timestamp>,
    open: BTreeMap<(Timestamp, Window), HashMap<Row, (u64, Evidence)>>,
    last: BTreeMap<Window, Timestamp>,
}

impl Tally {
    /// A tally over `workers` back workers of a service that began at `began`
    /// and closes windows `lateness` after their end.
    pub fn new(workers: usize, lateness: Duration, began: Timestamp) -> Self {
        Self {
            lateness,
            began,
            reached: vec![Timestamp::EPOCH; workers],
            open: BTreeMap::new(),
            last: BTreeMap::new(),
        }
    }

    /// Takes what `worker` claimed, and up to when it has closed all windows;
    /// nothing while it is closing some. Gives the windows that are complete
    /// now, at most the last one of each length.
    pub fn record(
        &mut self,
        worker: usize,
        until: impl Into<Option<Timestamp>>,
        detections: &[Detection],
    ) -> Vec<Complete> {
        for detection in detections {
            let row = Row {
                class: detection.class.clone(),
                level: detection.level,
                region: detection.region,
            };
            let window = (detection.start, detection.window);
            let (lines, evidence) = self.open.entry(window).or_default().entry(row).or_default();
            *lines += 1;
            evidence.add(&Evidence::of(detection));
        }
        while self.open.len() > OPEN_WINDOWS {
            self.open.pop_first();
        }
        let until: Option<Timestamp> = until.into();
        let reached = self.reached.get(worker).copied().unwrap_or(Timestamp::EPOCH);
        if let Some(until) = until {
            if until.plus(self.lateness) < reached {
                // The clock was set back: windows come that were complete, and
                // they wait for every worker again.
                self.reached.fill(Timestamp::EPOCH);
                self.last.retain(|window, start| window.end(*start) <= until);
            }
            if let Some(reached) = self.reached.get_mut(worker) {
                *reached = until.max(*reached);
            }
        }
        Window::ALL.into_iter().filter_map(|window| self.complete(window)).collect()
    }

    fn complete(&mut self, window: Window) -> Option<Complete> {
        let all_reached = self.reached.iter().min().copied()?;
        let closed = all_reached.minus(self.lateness);
        let start = window.start(closed).minus(window.length());
        // A window that ended before the service began was never looked at.
        if window.end(start) <= self.began || self.last.get(&window).is_some_and(|s| *s >= start) {
            return None;
        }
        self.last.insert(window, start);
        let counts = self.open.remove(&(start, window)).unwrap_or_default();
        self.open.retain(|(other, length), _| *length != window || *other > start);
        Some(Complete {
            window,
            start,
            partial: start < self.began,
            lines: counts.iter().map(|(row, (lines, _))| (row.clone(), *lines)).collect(),
            evidence: counts.into_iter().map(|(row, (_, evidence))| (row, evidence)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::wire::detection_for_tests as detection;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn tally() -> Tally {
        Tally::new(2, Duration::from_secs(300), at("2026-11-21T09:30:00Z"))
    }

    #[test]
    fn a_window_is_complete_when_every_worker_has_closed_it() {
        let mut tally = tally();
        assert_eq!(tally.record(0, at("2026-11-21T11:05:00Z"), &[detection(), detection()]), []);
        assert_eq!(tally.record(1, at("2026-11-21T11:04:59Z"), &[]).len(), 1, "only 9 to 10");
        let complete = tally.record(1, at("2026-11-21T11:05:00Z"), &[detection()]);
        assert_eq!(complete.len(), 1);
        assert_eq!(complete[0].start, at("2026-11-21T10:00:00Z"));
        assert_eq!(complete[0].lines.values().copied().collect::<Vec<_>>(), [3]);
        let evidence = complete[0].evidence.values().next().unwrap();
        let one = Evidence::of(&detection());
        assert_eq!(evidence.packets, 3 * one.packets);
        assert_eq!(evidence.confidence, 3 * one.confidence);
        assert!(!complete[0].partial);
        assert_eq!(tally.record(1, at("2026-11-21T11:06:00Z"), &[]), [], "told once");
    }

    #[test]
    fn a_window_in_which_the_service_began_is_partial_and_one_before_is_not_told() {
        let mut tally = tally();
        for worker in 0..2 {
            assert_eq!(tally.record(worker, at("2026-11-21T09:40:00Z"), &[]), []);
        }
        tally.record(0, at("2026-11-21T10:05:00Z"), &[]);
        let complete = tally.record(1, at("2026-11-21T10:05:00Z"), &[]);
        assert!(complete[0].partial);
        assert_eq!(complete[0].start, at("2026-11-21T09:00:00Z"));
        tally.record(0, at("2026-11-22T00:05:00Z"), &[]);
        let complete = tally.record(1, at("2026-11-22T00:05:00Z"), &[]);
        let day = complete.iter().find(|complete| complete.window == Window::Day).unwrap();
        assert!(day.partial);
    }

    #[test]
    fn a_clock_that_is_set_back_completes_windows_again() {
        let mut tally = tally();
        for worker in 0..2 {
            tally.record(worker, at("2026-11-22T11:05:00Z"), &[detection()]);
        }
        tally.record(0, at("2026-11-21T10:40:00Z"), &[]);
        assert_eq!(
            tally.record(1, at("2026-11-21T10:40:00Z"), &[])[0].start,
            at("2026-11-21T09:00:00Z")
        );
        tally.record(0, at("2026-11-21T11:05:00Z"), &[detection()]);
        let complete = tally.record(1, at("2026-11-21T11:05:00Z"), &[]);
        assert_eq!(complete[0].start, at("2026-11-21T10:00:00Z"));
        assert_eq!(complete[0].lines.values().sum::<u64>(), 1);
    }

    #[test]
    fn windows_nobody_asks_for_any_more_are_let_go() {
        let mut tally = tally();
        let mut odd = detection();
        for hour in 0..1000u64 {
            odd.start = Timestamp::from_secs(hour * 3600);
            tally.record(0, Timestamp::EPOCH, std::slice::from_ref(&odd));
        }
        assert!(tally.open.len() <= OPEN_WINDOWS);
    }
}
