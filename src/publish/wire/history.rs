//! What `/api/v1/history` answers with, version 1.
//!
//! A window in which the service was down has no point, and a class that could
//! not be detected in a window has none there either; zero is a count.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::detection::rounded;
use crate::model::line::LineId;
use crate::model::rules::Level;
use crate::model::time::{Timestamp, Window};
use crate::publish::history::{LineDay, Shaped, ShapedPoint};

/// Counts of lines in closed windows.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// `1h` or `24h`.
    #[schema(value_type = String)]
    pub window: Window,
    /// Windows that start from here on ...
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// ... and before this.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// Counts under this are withheld without a token.
    pub k: u64,
    /// By class, or by class and region.
    pub series: Vec<HistorySeries>,
    /// Lines with any class, each counted once. Left out where one class is
    /// asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any_class: Vec<AnyClassSeries>,
}

/// Counts of one class.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistorySeries {
    /// The class.
    #[schema(value_type = String)]
    pub class: Arc<str>,
    /// Its level.
    pub level: Level,
    /// The region, empty for lines that have none; `null` for all of them.
    #[schema(value_type = Option<String>)]
    pub region: Option<Arc<str>>,
    /// By start.
    pub points: Vec<HistoryPoint>,
}

/// Counts of lines with any class.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnyClassSeries {
    /// The region, empty for lines that have none; `null` for all of them.
    #[schema(value_type = Option<String>)]
    pub region: Option<Arc<str>>,
    /// By start. Without the token in steps of ten times k.
    pub points: Vec<AnyClassPoint>,
}

/// Counts in one window.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryPoint {
    /// Start of the window.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// Lines with a detection; `null` when withheld.
    pub lines: Option<u64>,
    /// Lines on which somebody used the device; `null` when it or the rest is
    /// under k.
    pub in_use: Option<u64>,
    /// Mean confidence over the lines; `null` where there are none.
    pub confidence: Option<f64>,
    /// Groups seen, mean over the lines.
    pub seen: Option<f64>,
    /// Groups monitored (N), mean over the lines.
    pub of: Option<f64>,
    /// Whether the number is kept back because it is under k.
    #[serde(skip_serializing_if = "is_false")]
    pub withheld: bool,
    /// Whether the service saw only part of the window, or lost some of it.
    #[serde(skip_serializing_if = "is_false")]
    pub partial: bool,
}

/// Lines with any class in one window.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnyClassPoint {
    /// Start of the window.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// Lines with a detection; `null` when withheld.
    pub lines: Option<u64>,
    /// Whether the number is kept back.
    #[serde(skip_serializing_if = "is_false")]
    pub withheld: bool,
    /// Whether the service saw only part of the window, or lost some of it.
    #[serde(skip_serializing_if = "is_false")]
    pub partial: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Means of groups are written with two decimals.
fn hundredths(mean: f64) -> f64 {
    (mean * 100.0).round() / 100.0
}

impl From<ShapedPoint> for HistoryPoint {
    fn from(point: ShapedPoint) -> Self {
        Self {
            start: point.start,
            lines: point.lines,
            in_use: point.in_use,
            confidence: point.confidence.map(rounded),
            seen: point.seen.map(hundredths),
            of: point.of.map(hundredths),
            withheld: point.lines.is_none(),
            partial: point.partial,
        }
    }
}

impl HistoryAnswer {
    /// Takes a series in.
    pub fn add(&mut self, series: Shaped) {
        let Shaped { class, region, points } = series;
        match class {
            Some((class, level)) => {
                let points = points.into_iter().map(HistoryPoint::from).collect();
                self.series.push(HistorySeries { class, level, region, points });
            }
            None => {
                let point = |point: ShapedPoint| AnyClassPoint {
                    start: point.start,
                    lines: point.lines,
                    withheld: point.lines.is_none(),
                    partial: point.partial,
                };
                let points = points.into_iter().map(point).collect();
                self.any_class.push(AnyClassSeries { region, points });
            }
        }
    }
}

/// Which classes a line showed on which day.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryLineAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// The line.
    #[schema(value_type = String)]
    pub line: LineId,
    /// Oldest first.
    pub days: Vec<LineDayAnswer>,
}

/// Classes of a line on one day.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineDayAnswer {
    /// The UTC day.
    pub day: String,
    /// By name.
    pub classes: Vec<LineClass>,
}

/// A class that a line showed on a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineClass {
    /// The class.
    #[schema(value_type = String)]
    pub class: Arc<str>,
    /// Its level.
    pub level: Level,
    /// Region of the line; empty when it has none.
    #[schema(value_type = String)]
    pub region: Arc<str>,
    /// Whether it was claimed for the day as a whole.
    pub day: bool,
    /// Hours (UTC, 0 to 23) in which it was claimed.
    pub hours: Vec<u32>,
    /// Those in which somebody used the device.
    pub in_use_hours: Vec<u32>,
    /// The highest confidence of any of them.
    pub confidence: f64,
}

impl HistoryLineAnswer {
    /// Takes a class of a day in. Days come in order.
    pub fn add(&mut self, found: LineDay) {
        let day = found.day.to_string();
        if self.days.last().is_none_or(|last| last.day != day) {
            self.days.push(LineDayAnswer { day, classes: Vec::new() });
        }
        let Some(today) = self.days.last_mut() else { return };
        today.classes.push(LineClass {
            class: found.class,
            level: found.level,
            region: found.region,
            day: found.claimed.has_day(),
            hours: found.claimed.hours().collect(),
            in_use_hours: found.in_use.hours().collect(),
            confidence: rounded(found.confidence),
        });
    }
}
