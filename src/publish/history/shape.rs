//! From counts by region to the series that are shown, with what is withheld.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Cell, Point};
use crate::model::rules::Level;
use crate::model::time::{Timestamp, Window};
use crate::publish::withhold::withheld;

/// Windows asked for when nobody says: the last day of hours, ...
const LAST_HOURS: u32 = 24;
/// ... and the last month of days.
const LAST_DAYS: u32 = 30;
/// Sums over all classes are shown in steps of so many k, as in `/metrics`.
const STEP: u64 = 10;
/// A window of which so small a part is missing counts as whole: 36 seconds of
/// an hour are a restart.
const MISSING: f64 = 0.01;

/// Instants from the first until before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub from: Timestamp,
    /// After the last.
    pub to: Timestamp,
}

/// The span between two instants, of which either may be left open, where
/// windows of this length are held from the first to the last.
pub fn span(
    window: Window,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
    held: Option<(Timestamp, Timestamp)>,
) -> Span {
    let to = to.or_else(|| held.map(|(_, last)| window.end(last))).unwrap_or_default();
    let windows = match window {
        Window::Hour => LAST_HOURS,
        Window::Day => LAST_DAYS,
    };
    let from = from.unwrap_or_else(|| to.minus(window.length() * windows));
    // A window belongs to the span in which it begins.
    Span { from, to }
}

/// Counts of one class, or of any, in one region, or in all.
#[derive(Clone, Debug, PartialEq)]
pub struct Shaped {
    /// The class; none stands for any.
    pub class: Option<(Arc<str>, Level)>,
    /// The region; none stands for all.
    pub region: Option<Arc<str>>,
    /// By start.
    pub points: Vec<ShapedPoint>,
}

/// One count, as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapedPoint {
    /// Start of the window.
    pub start: Timestamp,
    /// Whether the service saw part of the window only, or lost some of it.
    pub partial: bool,
    /// What is kept back is absent here, and everything with it.
    pub lines: Option<u64>,
    /// Kept back by itself where it, or the rest, is small.
    pub in_use: Option<u64>,
    /// Mean, where there are lines.
    pub confidence: Option<f64>,
    /// Mean number of groups seen.
    pub seen: Option<f64>,
    /// Mean number of groups monitored.
    pub of: Option<f64>,
}

/// How points are shaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Length of the windows.
    pub window: Window,
    /// Counts under it are kept back.
    pub k: u64,
    /// The regions of which to show counts; none for the sum over all.
    pub regions: Option<Vec<Arc<str>>>,
}

/// Adds a point to the series it belongs to. Points come by class and start.
pub fn shape(point: &Point, by: &Shape, series: &mut Vec<Shaped>) {
    let hidden = Hidden::of(&point.cells, by.k);
    let shown: Vec<(Option<&Arc<str>>, ShapedPoint)> = match &by.regions {
        None => vec![(None, whole(point, by))],
        Some(regions) => regions
            .iter()
            .map(|region| (Some(region), in_region(point, by, region, &hidden)))
            .collect(),
    };
    if series.last().is_none_or(|last| last.class != point.class) {
        series.extend(shown.iter().map(|(region, _)| Shaped {
            class: point.class.clone(),
            region: region.cloned(),
            points: Vec::new(),
        }));
    }
    let first = series.len() - shown.len();
    for (series, (_, point)) in series[first..].iter_mut().zip(shown) {
        series.points.push(point);
    }
}

/// What is kept back of the regions of one point.
struct Hidden {
    lines: BTreeMap<Arc<str>, bool>,
    in_use: BTreeMap<Arc<str>, bool>,
}

impl Hidden {
    fn of(cells: &[Cell], k: u64) -> Self {
        let by_region = |counts: Vec<u64>| -> BTreeMap<Arc<str>, bool> {
            cells.iter().map(|cell| cell.region.clone()).zip(withheld(&counts, k)).collect()
        };
        let lines = by_region(cells.iter().map(|cell| cell.lines).collect());
        let mut in_use = by_region(cells.iter().map(|cell| cell.in_use).collect());
        let idle =
            by_region(cells.iter().map(|cell| cell.lines - cell.in_use.min(cell.lines)).collect());
        for (region, hidden) in &mut in_use {
            *hidden |= idle[region] || lines[region];
        }
        Self { lines, in_use }
    }
}

fn whole(point: &Point, by: &Shape) -> ShapedPoint {
    let mut sum = Cell::default();
    for cell in &point.cells {
        sum.lines += cell.lines;
        sum.in_use += cell.in_use;
        sum.confidence += cell.confidence;
        sum.seen += cell.seen;
        sum.of += cell.of;
    }
    let hidden = withheld(&[sum.lines], by.k)[0];
    let idle = sum.lines.saturating_sub(sum.in_use);
    let in_use_hidden = withheld(&[sum.in_use], by.k)[0] || withheld(&[idle], by.k)[0];
    shown(point, by, &sum, hidden, hidden || in_use_hidden)
}

fn in_region(point: &Point, by: &Shape, region: &Arc<str>, hidden: &Hidden) -> ShapedPoint {
    let none = Cell::default();
    let cell = point.cells.iter().find(|cell| cell.region == *region).unwrap_or(&none);
    let is = |hidden: &BTreeMap<_, bool>| hidden.get(region).copied().unwrap_or(false);
    shown(point, by, cell, is(&hidden.lines), is(&hidden.in_use))
}

fn shown(point: &Point, by: &Shape, sum: &Cell, hidden: bool, in_use_hidden: bool) -> ShapedPoint {
    let any = point.class.is_none();
    let mean = |of: f64| (!hidden && !any && sum.lines > 0).then(|| of / sum.lines as f64);
    let step = if any && by.k > 1 { STEP * by.k } else { 1 };
    let length = by.window.length().as_secs_f64();
    let missing = 1.0 - point.covered.as_secs_f64() / length;
    ShapedPoint {
        start: point.start,
        partial: missing > MISSING || point.lost > 0,
        // Beside the counts of classes the sum would tell one that is kept back.
        lines: (!hidden && (sum.lines == 0 || sum.lines >= step))
            .then_some(sum.lines / step * step),
        in_use: (!in_use_hidden && !any).then_some(sum.in_use),
        confidence: mean(sum.confidence),
        seen: mean(sum.seen as f64),
        of: mean(sum.of as f64),
    }
}
