//! The production chain under observation: datagrams in, and for every line
//! and class when it was claimed.
//!
//! A class is claimed within h hours in one of two readings. *Any hour*: at
//! least one hour window that begins within the first h hours claims it, which
//! is how the paper reads its windows, each for itself. *Cumulative*: evidence
//! of the first h hours united claims it. For the latter a second back, the
//! same engine with the same rules, gets the front's sightings with their time
//! moved into one window a horizon.
//!
//! Whatever is compared sees the same sightings: one front feeds the backs of
//! all thresholds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::view::{DayView, Views};
use crate::decode::{Datagram, DecodeSettings, Decoder};
use crate::detect;
use crate::model::detection::Detection;
use crate::model::line::LineId;
use crate::model::sighting::Sighting;
use crate::model::time::{Day, Timestamp, Window};
use crate::orient::LineKey;
use crate::pipeline::{Back, Front, FrontOutput};

/// Hours within which classes are to be found.
pub const HORIZONS: [u32; 3] = [1, 24, 72];
const HOUR: Duration = Duration::from_secs(3_600);

/// When one class was claimed on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The first hour window that claimed it, counted from the start.
    pub first_hour: Option<u32>,
    /// Whether evidence united over each of [`HORIZONS`] claims it.
    pub united: [bool; 3],
    /// The days with a claim, in an hour or day window.
    pub days: Vec<Day>,
}

impl Claim {
    /// Whether an hour window within the first `hours` claimed it.
    pub fn any_hour_within(&self, hours: u32) -> bool {
        self.first_hour.is_some_and(|hour| hour < hours)
    }
}

/// Every claim of one threshold, by line and class.
pub type Claims = HashMap<(LineId, Arc<str>), Claim>;

/// What the front saw of a line on a day.
pub type Touched = HashMap<(LineId, Day), Vec<crate::model::group::GroupId>>;

/// The backs of one threshold.
struct Judge {
    hours: Back,
    united: Back,
    claims: Claims,
}

/// The chain, from one start on.
pub struct Chain<'v> {
    views: &'v Views,
    day: Option<Day>,
    start: Timestamp,
    front: Front,
    judges: Vec<Judge>,
    touched: Touched,
    out: FrontOutput,
    records: u64,
}

impl<'v> Chain<'v> {
    /// A chain that counts hours from the full hour before `start`. `views` has
    /// every day that the datagrams come in.
    pub fn new(views: &'v Views, start: Timestamp, key: LineKey) -> Self {
        let decoder = Decoder::new(DecodeSettings::default());
        Self {
            views,
            day: None,
            start: Window::Hour.start(start),
            front: Front::new(decoder, key),
            judges: Vec::new(),
            touched: Touched::new(),
            out: FrontOutput::default(),
            records: 0,
        }
    }

    /// Takes the next datagram, in the order of time.
    pub fn step(&mut self, datagram: Datagram<'_>) {
        let now = datagram.received;
        let Some(today) = self.view_of(now.day()) else { return };
        self.out.clear();
        self.front.step(datagram, &today.view, &mut self.out);
        self.records += self.out.decoded.records_decoded;
        for sighting in &self.out.sightings {
            let groups = self.touched.entry((sighting.line, sighting.at.day())).or_default();
            if !groups.contains(&sighting.group) {
                groups.push(sighting.group);
            }
        }
        let moved = moved(&self.out.sightings, self.start);
        for judge in &mut self.judges {
            judge.united.step(&moved, Timestamp::EPOCH);
            let detections = judge.hours.step(&self.out.sightings, now);
            judge.note(self.start, &detections);
        }
    }

    /// The view of the day, whose rules are put in force when it begins.
    fn view_of(&mut self, day: Day) -> Option<&'v DayView> {
        // Past the last day, its view stays: exports come after their flows.
        let (&day, view) = self.views.range(..=day).next_back()?;
        if self.day.is_none() {
            let back = |rules: &Arc<_>| Back::new(detect::Settings::default(), Arc::clone(rules));
            let judge =
                |rules| Judge { hours: back(rules), united: back(rules), claims: Claims::new() };
            self.judges = view.rules.iter().map(judge).collect();
        } else if self.day < Some(day) {
            for (judge, rules) in self.judges.iter_mut().zip(&view.rules) {
                judge.hours.adopt(Arc::clone(rules), day.start());
            }
        }
        self.day = self.day.max(Some(day));
        Some(view)
    }

    /// Closes every window.
    pub fn finish(mut self) -> Finished {
        for judge in &mut self.judges {
            let detections = judge.hours.finish();
            judge.note(self.start, &detections);
            for detection in judge.united.finish() {
                if detection.window == Window::Hour
                    && let Some(horizon) = hour_of(self.start, detection.start)
                    && let Some(united) = judge.claim(&detection).united.get_mut(horizon as usize)
                {
                    *united = true;
                }
            }
        }
        let claims = self.judges.into_iter().map(|judge| judge.claims).collect();
        Finished { claims, touched: self.touched, records: self.records }
    }
}

/// What a chain found.
#[derive(Debug, Default)]
pub struct Finished {
    /// The claims of each threshold.
    pub claims: Vec<Claims>,
    /// The groups that each line touched, by day.
    pub touched: Touched,
    /// Flow records decoded.
    pub records: u64,
}

impl Judge {
    fn claim(&mut self, detection: &Detection) -> &mut Claim {
        self.claims.entry((detection.line, Arc::clone(&detection.class))).or_default()
    }

    fn note(&mut self, start: Timestamp, detections: &[Detection]) {
        for detection in detections {
            let hour = hour_of(start, detection.start);
            let is_hour = detection.window == Window::Hour;
            let claim = self.claim(detection);
            if is_hour {
                claim.first_hour = claim.first_hour.into_iter().chain(hour).min();
            }
            let day = detection.start.day();
            if !claim.days.contains(&day) {
                claim.days.push(day);
            }
        }
    }
}

/// The hour of `at`, counted from `start`.
fn hour_of(start: Timestamp, at: Timestamp) -> Option<u32> {
    u32::try_from(at.since(start).as_secs() / HOUR.as_secs()).ok()
}

/// Each sighting once for each horizon that it lies in, in the hour window that
/// stands for the horizon.
fn moved(sightings: &[Sighting], start: Timestamp) -> Vec<Sighting> {
    let mut all = Vec::with_capacity(sightings.len() * HORIZONS.len());
    for sighting in sightings {
        for (place, horizon) in (0..).zip(HORIZONS) {
            if hour_of(start, sighting.at).is_some_and(|hour| hour < horizon) {
                all.push(Sighting { at: start.plus(HOUR * place), ..*sighting });
            }
        }
    }
    all
}
