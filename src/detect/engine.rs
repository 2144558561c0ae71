//! Windows of evidence, opened by sightings and closed by time.
//!
//! Hour and day windows are independent of each other, with one exception: a
//! day is marked as in use when one of its hours was, because
//! `in_use_packets` is a rate per hour. A window is closed once its end lies
//! the lateness bound in the past, with the rules that were in force at its
//! end; sightings that come later are counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashSet;

use super::evidence::Evidence;
use super::rule::Judge;
use crate::model::detection::Detection;
use crate::model::evidence::{LineEvidence, OpenLine, TouchedGroup};
use crate::model::line::LineId;
use crate::model::rules::Rules;
use crate::model::sighting::Sighting;
use crate::model::time::{Timestamp, Window};

/// How many windows of one length may be open at once. In order they are two
/// (the current one and the one before it within the lateness bound); the rest
/// is room for captures that are out of order.
const MOST_OPEN_WINDOWS: usize = 48;

/// How an engine gathers evidence.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long after a window's end its sightings may still come.
    pub lateness: Duration,
    /// The most touches (line and group) held in one window.
    pub most_touches: usize,
}

impl Default for Settings {
    /// Five minutes, and 20 million touches: about 1.5 GB.
    fn default() -> Self {
        Self { lateness: Duration::from_secs(300), most_touches: 20_000_000 }
    }
}

/// What an engine counted; the caller adds it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineCounts {
    /// Sightings taken into the hour window they belong to.
    pub hour_sightings: u64,
    /// Sightings taken into the day window they belong to.
    pub day_sightings: u64,
    /// Sightings that came after their hour was closed.
    pub late_hour: u64,
    /// Sightings that came after their day was closed.
    pub late_day: u64,
    /// Sightings refused because a window was full or too many were open.
    pub refused: u64,
    /// Touches dropped at a window's end because their group was no longer
    /// monitored then.
    pub dropped_touches: u64,
    /// Windows closed.
    pub closed_windows: u64,
    /// Classes claimed.
    pub detections: u64,
}

impl std::ops::AddAssign for EngineCounts {
    fn add_assign(&mut self, other: Self) {
        self.hour_sightings += other.hour_sightings;
        self.day_sightings += other.day_sightings;
        self.late_hour += other.late_hour;
        self.late_day += other.late_day;
        self.refused += other.refused;
        self.dropped_touches += other.dropped_touches;
        self.closed_windows += other.closed_windows;
        self.detections += other.detections;
    }
}

/// Rules and the instant from which they hold.
struct InForce {
    from: Timestamp,
    rules: Arc<Rules>,
}

/// Gathers evidence and claims classes for the lines it is given.
pub struct Engine {
    pub(super) settings: Settings,
    /// By end.
    pub(super) open: BTreeMap<(Timestamp, Window), Evidence>,
    rules: Vec<InForce>,
    /// The classes in use on lines in the hours that were closed, by day.
    pub(super) in_use: BTreeMap<Timestamp, HashSet<(LineId, Arc<str>)>>,
    now: Timestamp,
    counts: EngineCounts,
    /// Windows closed since the engine was made.
    pub(super) closed: u64,
}

impl Engine {
    /// An engine that holds nothing, with the rules it begins with.
    pub fn new(settings: Settings, rules: Arc<Rules>) -> Self {
        Self {
            settings,
            open: BTreeMap::new(),
            rules: vec![InForce { from: Timestamp::EPOCH, rules }],
            in_use: BTreeMap::new(),
            now: Timestamp::EPOCH,
            counts: EngineCounts::default(),
            closed: 0,
        }
    }

    /// Puts new rules in force from `from` on. Windows that end at `from` or
    /// before are still closed with the rules before them.
    pub fn adopt(&mut self, rules: Arc<Rules>, from: Timestamp) {
        // Rules are asked for at the ends of windows only. When no hour ended
        // between two adoptions, nothing will ask for the earlier ones.
        if let Some(last) = self.rules.last_mut()
            && Window::Hour.end(Window::Hour.start(last.from)) > from
        {
            *last = InForce { from: last.from, rules };
        } else {
            self.rules.push(InForce { from, rules });
        }
    }

    /// Takes in one sighting.
    pub fn observe(&mut self, sighting: &Sighting) {
        for window in Window::ALL {
            self.observe_in(window, sighting);
        }
    }

    fn observe_in(&mut self, window: Window, sighting: &Sighting) {
        let (taken, late) = match window {
            Window::Hour => (&mut self.counts.hour_sightings, &mut self.counts.late_hour),
            Window::Day => (&mut self.counts.day_sightings, &mut self.counts.late_day),
        };
        let start = window.start(sighting.at);
        if window.end(start).plus(self.settings.lateness) <= self.now {
            *late += 1;
            return;
        }
        let most = self.settings.most_touches;
        let Some(evidence) = Self::window(&mut self.open, window, start) else {
            self.counts.refused += 1;
            return;
        };
        match evidence.add(sighting, most) {
            Ok(()) => *taken += 1,
            Err(_) => self.counts.refused += 1,
        }
    }

    /// The evidence of a window, opened if there is room for one more.
    pub(super) fn window(
        open: &mut BTreeMap<(Timestamp, Window), Evidence>,
        window: Window,
        start: Timestamp,
    ) -> Option<&mut Evidence> {
        let key = (window.end(start), window);
        if !open.contains_key(&key)
            && open.keys().filter(|(_, open)| *open == window).count() >= MOST_OPEN_WINDOWS
        {
            return None;
        }
        Some(open.entry(key).or_insert_with(|| Evidence::new(start)))
    }

    /// Says that it is now `now`: closes every window whose end lies the
    /// lateness bound in the past. Time never goes back; an earlier `now` does
    /// nothing.
    pub fn advance(&mut self, now: Timestamp) -> Vec<Detection> {
        self.now = self.now.max(now);
        let closed_before = self.now.minus(self.settings.lateness);
        let detections = self.close(|end| end <= closed_before);
        self.forget_rules(closed_before);
        detections
    }

    /// Says that the clock was wrong and was set back to `now`: what is seen from
    /// here on is not late, and the rules in force are so at once. A window that
    /// was closed meanwhile opens again, and closes a second time.
    pub fn set_back(&mut self, now: Timestamp) {
        self.now = self.now.min(now);
        for in_force in &mut self.rules {
            in_force.from = in_force.from.min(now);
        }
    }

    /// Closes every window that is open: the input has ended.
    pub fn finish(&mut self) -> Vec<Detection> {
        self.close(|_| true)
    }

    /// What was counted since the last call.
    pub fn take_counts(&mut self) -> EngineCounts {
        std::mem::take(&mut self.counts)
    }

    /// How many touches are held in all open windows.
    pub fn touches(&self) -> usize {
        self.open.values().map(Evidence::len).sum()
    }

    /// The windows that are open, with their starts.
    pub fn open_windows(&self) -> impl Iterator<Item = (Window, Timestamp)> + '_ {
        self.open.keys().map(|(end, window)| (*window, window_start(*end, *window)))
    }

    /// What the open windows say of one line so far: its detections if they
    /// were closed now, under the newest rules.
    pub fn line(&self, line: LineId) -> Vec<Detection> {
        let mut detections = Vec::new();
        for ((end, window), evidence) in &self.open {
            let (Some(region), Some(rules)) = (evidence.region(line), self.rules_at(*end)) else {
                continue;
            };
            let mut judge = Judge::new(&rules, *window, window_start(*end, *window));
            detections.extend(judge.judge(evidence, line, region).detections);
        }
        detections
    }

    /// What the open windows say of one line so far, and why.
    pub fn open_line(&self, line: LineId) -> OpenLine {
        OpenLine { claims: self.line(line), evidence: self.evidence(line) }
    }

    /// What one line touched in each open window, monitored or not.
    pub fn evidence(&self, line: LineId) -> Vec<LineEvidence> {
        self.open
            .iter()
            .filter(|(_, evidence)| evidence.region(line).is_some())
            .map(|((end, window), evidence)| LineEvidence {
                window: *window,
                start: window_start(*end, *window),
                touched: evidence
                    .touches(line)
                    .map(|(group, touch)| TouchedGroup {
                        group,
                        packets: touch.packets,
                        bytes: touch.bytes,
                        first: evidence.first(touch),
                        last: evidence.last(touch),
                    })
                    .collect(),
            })
            .collect()
    }

    /// Closes the open windows whose end fits, earliest first and hours before
    /// the day they belong to, because a day asks which of its hours were in
    /// use.
    fn close(&mut self, fits: impl Fn(Timestamp) -> bool) -> Vec<Detection> {
        let mut detections = Vec::new();
        while let Some(entry) = self.open.first_entry()
            && fits(entry.key().0)
        {
            let ((end, window), evidence) = entry.remove_entry();
            detections.extend(self.close_window(end, window, &evidence));
        }
        detections
    }

    fn close_window(
        &mut self,
        end: Timestamp,
        window: Window,
        evidence: &Evidence,
    ) -> Vec<Detection> {
        let Some(rules) = self.rules_at(end) else { return Vec::new() };
        let start = window_start(end, window);
        let mut lines: Vec<_> = evidence.lines().collect();
        lines.sort_unstable();
        let used = match window {
            Window::Hour => HashSet::new(),
            Window::Day => self.in_use.remove(&start).unwrap_or_default(),
        };
        self.closed += 1;
        let mut judge = Judge::new(&rules, window, start);
        let mut detections = Vec::new();
        for (line, region) in lines {
            let mut judged = judge.judge(evidence, line, region);
            self.counts.dropped_touches += judged.dropped;
            if window == Window::Hour {
                let day = self.in_use.entry(Window::Day.start(start)).or_default();
                let classes = judged.in_use.iter().map(|class| &rules.classes()[*class].class);
                day.extend(classes.map(|class| (line, class.clone())));
            } else {
                for detection in &mut judged.detections {
                    detection.in_use = used.contains(&(line, detection.class.clone()));
                }
            }
            detections.extend(judged.detections);
        }
        self.counts.closed_windows += 1;
        self.counts.detections += detections.len() as u64;
        detections
    }

    /// The rules that were in force just before `end`.
    fn rules_at(&self, end: Timestamp) -> Option<Arc<Rules>> {
        let newest_before = self.rules.iter().rev().find(|in_force| in_force.from < end);
        newest_before.or(self.rules.first()).map(|in_force| in_force.rules.clone())
    }

    /// Forgets rules that no window still to be closed can ask for.
    fn forget_rules(&mut self, closed_before: Timestamp) {
        let superseded =
            self.rules.iter().skip(1).take_while(|later| later.from < closed_before).count();
        self.rules.drain(..superseded);
        self.in_use.retain(|day, _| day.day().end() > closed_before);
    }
}

pub(super) fn window_start(end: Timestamp, window: Window) -> Timestamp {
    end.minus(window.length())
}
