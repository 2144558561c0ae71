//! Whether windows past are kept, and for how long.

use std::time::Duration;

use super::read::or;
use super::values::{read_duration, read_switch};
use crate::signature::document::Node;
use crate::signature::fields::{Fields, Report};

/// A day, in which retention is counted.
const DAY: Duration = Duration::from_secs(86_400);
/// Longest time that anything is kept: ten years.
const LONGEST: Duration = Duration::from_secs(3_660 * 86_400);

/// What is kept of windows past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Whether anything is.
    pub enabled: bool,
    /// How long counts are kept.
    pub counts: Duration,
    /// How long it is kept which classes a line showed on which day; zero keeps
    /// none.
    pub lines: Duration,
}

impl Default for History {
    /// Counts for a year and a month, so that a month can be compared with the
    /// same of last year; lines for a month.
    fn default() -> Self {
        Self { enabled: true, counts: 400 * DAY, lines: 30 * DAY }
    }
}

pub(super) fn read_history(node: &Node, report: &mut Report) -> Option<History> {
    let default = History::default();
    let fields = Fields::read(node, "history", &["enabled", "counts", "lines"], report)?;
    let enabled =
        or(&fields, "enabled", || default.enabled, |node| read_switch(node, "enabled", report));
    let counts = or(
        &fields,
        "counts",
        || default.counts,
        |node| read_duration(node, "counts", DAY, LONGEST, report),
    );
    let lines = or(
        &fields,
        "lines",
        || default.lines,
        |node| read_duration(node, "lines", Duration::ZERO, LONGEST, report),
    );
    Some(History { enabled: enabled?, counts: counts?, lines: lines? })
}
