//! What was claimed in windows past: lines per class and region by hour and
//! day, and which classes a line showed on which day.
//!
//! A [`History`] is told [`News`] and asked questions. It may be told the same
//! claim any number of times, since a service that was killed claims again what
//! it had claimed since its last checkpoint; each counts once. So a claim is
//! known by its window, line and class for as long as its window is open, and
//! what is told of a window that is closed is known already.
//!
//! A window is in the answers when it is closed and the service was there in
//! it. A class that could be detected in it and was on no line counts zero; one
//! that could not be detected has no count; a window in which the service was
//! down is absent.

mod shape;
pub mod sqlite;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::model::line::LineId;
use crate::model::rules::Level;
use crate::model::time::{Day, Timestamp, Window};

pub use shape::{Shape, Shaped, ShapedPoint, Span, shape, span};

/// A claim as a history takes it in: less than a detection.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Length of the window.
    pub window: Window,
    /// Start of the window.
    pub start: Timestamp,
    /// Pseudonym of the line.
    pub line: LineId,
    /// Region of the line; empty when it has none.
    pub region: Arc<str>,
    /// The class.
    pub class: Arc<str>,
    /// Its level.
    pub level: Level,
    /// Whether somebody used the device.
    pub in_use: bool,
    /// Probability that the claim is right.
    pub confidence: f64,
    /// Groups seen.
    pub seen: usize,
    /// Groups monitored (N).
    pub of: usize,
}

/// From when on which classes could be detected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detectable {
    /// From then on.
    pub from: Timestamp,
    /// These.
    pub classes: Vec<(Arc<str>, Level)>,
}

/// What is told at once: it is taken in whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// Classes claimed on lines.
    pub claims: Vec<Claim>,
    /// Claims that could not be told, by window.
    pub lost: Vec<(Window, Timestamp, u64)>,
    /// The service has been there from the first instant to the second.
    pub there: Option<(Timestamp, Timestamp)>,
    /// Windows that end by then are closed: nothing new will be told of them.
    pub closed: Option<Timestamp>,
    /// What could be detected, oldest first; for the windows just closed.
    pub detectable: Vec<Detectable>,
}

/// How long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Counts of windows.
    pub counts: Duration,
    /// Classes of lines by day; zero keeps none of a window that is closed.
    pub lines: Duration,
}

/// Which counts are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountsQuestion {
    /// Length of the windows.
    pub window: Window,
    /// The windows that start in it.
    pub span: Span,
    /// One class; all of them, and lines with any class, when there is none.
    pub class: Option<Arc<str>>,
}

/// Lines with a class in one window, by region.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The class; none stands for lines with any class.
    pub class: Option<(Arc<str>, Level)>,
    /// Start of the window.
    pub start: Timestamp,
    /// How much of the window the service was there.
    pub covered: Duration,
    /// Claims of the window that were lost.
    pub lost: u64,
    /// The regions in which there is a line.
    pub cells: Vec<Cell>,
}

/// Lines with a class in one window and region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// The region; empty for lines that have none.
    pub region: Arc<str>,
    /// Lines.
    pub lines: u64,
    /// Lines on which somebody used the device.
    pub in_use: u64,
    /// Sum of the confidences.
    pub confidence: f64,
    /// Sum of the groups seen.
    pub seen: u64,
    /// Sum of the groups monitored.
    pub of: u64,
}

/// Which lines are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinesQuestion {
    /// The days, the first and the last.
    pub days: (Day, Day),
    /// One line.
    pub line: Option<LineId>,
    /// One class.
    pub class: Option<Arc<str>>,
}

/// A class that a line showed on a day.
#[derive(Clone, Debug, PartialEq)]
pub struct LineDay {
    /// The day.
    pub day: Day,
    /// The line.
    pub line: LineId,
    /// The class.
    pub class: Arc<str>,
    /// Its level.
    pub level: Level,
    /// Region of the line.
    pub region: Arc<str>,
    /// The windows of the day in which it was claimed.
    pub claimed: Windows,
    /// Those in which somebody used the device.
    pub in_use: Windows,
    /// The highest confidence of any of them.
    pub confidence: f64,
}

/// Some of the 25 windows of a day: a bit for each hour, and one for the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows(pub u32);

impl Windows {
    /// The bit of the day's own window.
    const DAY: u32 = 1 << 24;

    /// The window that starts at `start` alone.
    pub fn one(window: Window, start: Timestamp) -> Self {
        match window {
            Window::Day => Self(Self::DAY),
            Window::Hour => Self(1 << (start.as_secs() / 3_600 % 24)),
        }
    }

    /// The windows of `day` that end by `instant`.
    pub fn ended(day: Day, instant: Timestamp) -> Self {
        let hours = instant.since(day.start()).as_secs() / 3_600;
        let hours = (0..24).filter(|hour| *hour < hours).fold(0, |bits, hour| bits | 1 << hour);
        Self(if day.end() <= instant { hours | Self::DAY } else { hours })
    }

    /// The hours of the day.
    pub fn hours(self) -> impl Iterator<Item = u32> {
        (0..24).filter(move |hour| self.0 & 1 << hour != 0)
    }

    /// Whether the day's own window is among them.
    pub fn has_day(self) -> bool {
        self.0 & Self::DAY != 0
    }
}

/// What a history knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Classes that were detectable or claimed in a window held.
    pub classes: Vec<(Arc<str>, Level)>,
    /// Regions in which a line was.
    pub regions: Vec<Arc<str>>,
    /// Starts of the first and the last window of the length asked for.
    pub windows: Option<(Timestamp, Timestamp)>,
    /// The first and the last day of which there are lines.
    pub days: Option<(Day, Day)>,
}

impl Known {
    /// The class of this name.
    pub fn class(&self, name: &str) -> Option<Arc<str>> {
        let (class, _) = self.classes.iter().find(|(class, _)| **class == *name)?;
        Some(class.clone())
    }

    /// The days that begin in `span`, among those of which there are lines; where
    /// there is none, the last is before the first.
    pub fn days_in(&self, span: Span) -> (Day, Day) {
        let Some((first, last)) = self.days else { return (Day(1), Day(0)) };
        let begins = |at: Timestamp| if at.day().start() < at { at.day().next() } else { at.day() };
        let after = begins(span.to);
        if after == Day(0) {
            return (Day(1), Day(0));
        }
        (first.max(begins(span.from)), last.min(Day(after.0 - 1)))
    }
}

/// Why a history does not answer or take in.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// It cannot be used at the moment.
    #[error("{0}")]
    Unusable(String),
    /// What is in it is damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A later version of this program has made it.
    #[error("made by a later version (its format is {found}, this version knows up to {known})")]
    Later {
        /// The format found.
        found: u32,
        /// The last one known.
        known: u32,
    },
}

/// Told so as to go on or to stop.
pub type Tell<'t, T> = &'t mut dyn FnMut(T) -> ControlFlow<()>;

/// Where history is kept.
pub trait History: Send + Sync {
    /// Takes in all of it or nothing.
    fn write(&self, news: &News) -> Result<(), HistoryError>;

    /// Forgets some of what is older than its retention. Says whether there is
    /// more to forget.
    fn forget(&self, now: Timestamp) -> Result<bool, HistoryError>;

    /// What there is to ask for among windows of this length.
    fn known(&self, window: Window) -> Result<Known, HistoryError>;

    /// Tells counts, by class, level and start, lines with any class last.
    fn counts(&self, of: &CountsQuestion, tell: Tell<'_, Point>) -> Result<(), HistoryError>;

    /// Tells classes of lines, by day, line and class.
    fn lines(&self, of: &LinesQuestion, tell: Tell<'_, LineDay>) -> Result<(), HistoryError>;
}
