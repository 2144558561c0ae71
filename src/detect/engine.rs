//! Windows of evidence, opened by sightings and closed by time.
//!
//! Hour and day windows are independent of each other, with one exception: a
//! day is marked as in use when one of its hours was, because
//! `in_use_packets` is a rate per hour. A window is closed once its end lies
//! the lateness bound in the past, with the rules that were in force at its
//! end; sightings that come later are counted.
//!
//! Judging millions of lines takes seconds. Whoever has other things to do says
//! what time it is ([`Engine::pass`]) and closes in slices
//! ([`Engine::close_some`]); the result is the same.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::closing::Closing;
use super::evidence::{Evidence, Line};
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

/// Shards are given back while so many lines could be judged; freeing one that
/// holds thousands of lines takes some microseconds.
const LINES_GIVEN_BACK: usize = 32;

/// The end and the length of a window.
pub(super) type Key = (Timestamp, Window);

/// How an engine gathers evidence.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long after a window's end its sightings may still come.
    pub lateness: Duration,
    /// The most touches (line and group) held in one window.
    pub most_touches: usize,
}

impl Default for Settings {
    /// Five minutes, and 20 million touches: by their sizes under 1.3 GB.
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
    pub(super) open: BTreeMap<Key, Evidence>,
    /// Ended and not yet judged, in the order of their ends and hours before
    /// the day they belong to, because a day asks which of its hours were in
    /// use.
    pub(super) closing: VecDeque<Closing>,
    /// Judged, and not yet given back.
    spent: Vec<Evidence>,
    rules: Vec<InForce>,
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
            closing: VecDeque::new(),
            spent: Vec::new(),
            rules: vec![InForce { from: Timestamp::EPOCH, rules }],
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
        open: &mut BTreeMap<Key, Evidence>,
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
        self.pass(now);
        self.close_all()
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
        self.end();
        self.close_all()
    }

    /// Says that it is now `now`, as [`Self::advance`] does, and leaves closing
    /// to [`Self::close_some`]. Windows that have to be closed take nothing in
    /// any more.
    pub fn pass(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let closed_before = self.now.minus(self.settings.lateness);
        self.begin_closing(|end| end <= closed_before);
        self.forget_rules(closed_before);
    }

    /// Says that the input has ended, as [`Self::finish`] does, and leaves
    /// closing to [`Self::close_some`].
    pub fn end(&mut self) {
        self.begin_closing(|_| true);
    }

    /// Judges up to so many lines of windows that have to be closed, and
    /// appends what is claimed on them. Says whether there is more to do.
    pub fn close_some(&mut self, lines: usize, into: &mut Vec<Detection>) -> bool {
        let before = into.len();
        let mut left = lines;
        while let Some(mut closing) = self.closing.pop_front() {
            let (end, window) = closing.key;
            let day = (window == Window::Hour)
                .then(|| Window::Day.start(window_start(end, window)))
                .and_then(|day| self.evidence_of((Window::Day.end(day), Window::Day)));
            let is_closed = closing.step(&mut left, day, into);
            self.counts.dropped_touches += std::mem::take(&mut closing.dropped);
            if !is_closed {
                self.closing.push_front(closing);
                break;
            }
            self.closed += 1;
            self.counts.closed_windows += 1;
            self.spent.push(closing.evidence);
        }
        self.counts.detections += (into.len() - before) as u64;
        self.give_back(lines);
        self.is_closing() || !self.spent.is_empty()
    }

    /// Whether windows have ended and are not judged yet.
    pub fn is_closing(&self) -> bool {
        !self.closing.is_empty()
    }

    /// What was counted since the last call.
    pub fn take_counts(&mut self) -> EngineCounts {
        std::mem::take(&mut self.counts)
    }

    /// How many touches are held in all windows that are not closed.
    pub fn touches(&self) -> usize {
        self.windows().map(|(_, evidence, _)| evidence.len()).sum()
    }

    /// The windows that are open, with their starts.
    pub fn open_windows(&self) -> impl Iterator<Item = (Window, Timestamp)> + '_ {
        self.open.keys().map(|(end, window)| (*window, window_start(*end, *window)))
    }

    /// What the windows that are not closed say of one line so far: its
    /// detections if they were closed now, under the newest rules.
    pub fn line(&self, line: LineId) -> Vec<Detection> {
        let mut detections = Vec::new();
        for ((end, window), evidence, seen) in self.on(line) {
            if let Some(rules) = self.rules_at(end) {
                let start = window_start(end, window);
                let mut judge = Judge::new(rules, (window, start), evidence);
                judge.judge(evidence, &seen, &mut detections);
            }
        }
        detections
    }

    /// What the windows that are not closed say of one line so far, and why.
    pub fn open_line(&self, line: LineId) -> OpenLine {
        OpenLine { claims: self.line(line), evidence: self.evidence(line) }
    }

    /// What one line touched in each window that is not closed, monitored or
    /// not.
    pub fn evidence(&self, line: LineId) -> Vec<LineEvidence> {
        self.on(line)
            .map(|((end, window), evidence, seen)| LineEvidence {
                window,
                start: window_start(end, window),
                touched: seen
                    .touches()
                    .filter_map(|(group, touch)| {
                        Some(TouchedGroup {
                            group: *evidence.groups().get(group)?,
                            packets: touch.packets,
                            bytes: touch.bytes(),
                            first: evidence.at(touch.first),
                            last: evidence.at(touch.last()),
                        })
                    })
                    .collect(),
            })
            .collect()
    }

    /// The windows in which a line is still to be judged, with the line.
    fn on(&self, line: LineId) -> impl Iterator<Item = (Key, &Evidence, Line<'_>)> + '_ {
        self.windows().filter_map(move |(key, evidence, closing)| {
            let is_judged = closing.is_some_and(|closing| !closing.awaits(line));
            Some((key, evidence, evidence.line(line).filter(|_| !is_judged)?))
        })
    }

    /// All windows that are not closed, in the order in which they will be.
    pub(super) fn windows(&self) -> impl Iterator<Item = (Key, &Evidence, Option<&Closing>)> + '_ {
        let closing =
            self.closing.iter().map(|closing| (closing.key, &closing.evidence, Some(closing)));
        closing.chain(self.open.iter().map(|(key, evidence)| (*key, evidence, None)))
    }

    /// The evidence of a window that is not closed.
    fn evidence_of(&mut self, key: Key) -> Option<&mut Evidence> {
        let closing = self.closing.iter_mut().find(|closing| closing.key == key);
        closing.map(|closing| &mut closing.evidence).or_else(|| self.open.get_mut(&key))
    }

    fn begin_closing(&mut self, fits: impl Fn(Timestamp) -> bool) {
        while let Some(entry) = self.open.first_entry()
            && fits(entry.key().0)
        {
            let (key, evidence) = entry.remove_entry();
            if let Some(rules) = self.rules_at(key.0) {
                self.closing.push_back(Closing::new(key, evidence, rules));
            }
        }
    }

    fn close_all(&mut self) -> Vec<Detection> {
        let mut detections = Vec::new();
        while self.close_some(usize::MAX, &mut detections) {}
        detections
    }

    /// Gives back memory of closed windows: what as many lines took, roughly.
    fn give_back(&mut self, lines: usize) {
        while let Some(evidence) = self.spent.last_mut() {
            if evidence.give_back(1 + lines / LINES_GIVEN_BACK) {
                return;
            }
            self.spent.pop();
        }
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
    }
}

pub(super) fn window_start(end: Timestamp, window: Window) -> Timestamp {
    end.minus(window.length())
}
