//! What an evaluation says, as JSON and as Markdown.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde::Serialize;

use super::svg::{Panel, draw};
use crate::model::rules::Level;

/// An evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What was looked at.
    pub source: String,
    /// One packet in this many was sampled.
    pub sampling: u32,
    /// `random` or `count`.
    pub method: &'static str,
    /// Runs, each with other packets.
    pub seeds: u32,
    /// The first run's seed.
    pub seed: u64,
    /// Lines or devices.
    pub lines: usize,
    /// Days that were watched.
    pub days: usize,
    /// Flow records decoded in all runs.
    pub flow_records: u64,
    /// What came out at each threshold, on the same traffic.
    pub thresholds: Vec<ThresholdReport>,
}

/// What came out at one threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThresholdReport {
    /// D, or `own` for the signatures' own.
    pub threshold: String,
    /// Every class.
    pub classes: Vec<ClassReport>,
    /// For each device the classes it was claimed to be of, with the share of
    /// runs; only for captures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<ConfusionRow>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfusionRow {
    /// The device.
    pub device: Arc<str>,
    /// The classes it has.
    pub truth: Vec<Arc<str>>,
    /// The classes claimed, with the share of runs.
    pub claimed: Vec<(Arc<str>, f64)>,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassReport {
    /// The class.
    pub class: Arc<str>,
    /// Its level.
    pub level: Level,
    /// N.
    pub monitored: usize,
    /// How many groups must be seen.
    pub required: usize,
    /// Lines that have it.
    pub devices: usize,
    /// Recall within each horizon.
    pub within: Vec<Within>,
    /// Hours after which half of all looks had found it; 0 is the first hour.
    pub median_hours: Option<u32>,
    /// Claims on lines that do not have it.
    pub false_claims: FalseClaims,
}

/// Recall within some hours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Within {
    /// The hours.
    pub hours: u32,
    /// An hour window claimed it.
    pub any_hour: Estimate,
    /// Evidence of all the hours, united, claims it.
    pub cumulative: Estimate,
}

/// A share with its 95 % interval over devices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The share; none without a device.
    pub share: Option<f64>,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Claims that are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FalseClaims {
    /// Days of lines without the class.
    pub line_days: u64,
    /// Those of them on which the line touched an endpoint of the class.
    pub touched_line_days: u64,
    /// Days of lines without the class on which it was claimed.
    pub claims: u64,
    /// Exact 95 % upper bound of false claims a line-day.
    pub upper_a_line_day: f64,
    /// The same, a line-day on which the line touched an endpoint.
    pub upper_a_touched_line_day: f64,
}

impl Report {
    /// The classes that have devices, were claimed wrongly or were touched.
    fn shown(threshold: &ThresholdReport) -> impl Iterator<Item = &ClassReport> {
        threshold.classes.iter().filter(|class| {
            let FalseClaims { claims, touched_line_days, .. } = class.false_claims;
            class.devices > 0 || claims > 0 || touched_line_days > 0
        })
    }
}

/// Hours to detect against D for every class that has devices.
pub fn figure(report: &Report) -> String {
    let Some(first) = report.thresholds.first() else { return draw("", &[], &[], 1.0) };
    let curve = |place: usize| {
        let point = |threshold: &ThresholdReport| {
            let hours = threshold.classes.get(place).and_then(|class| class.median_hours);
            (threshold.threshold.parse().unwrap_or(0.4), hours.map(f64::from))
        };
        report.thresholds.iter().map(point).collect::<Vec<_>>()
    };
    let with_devices = first.classes.iter().enumerate().filter(|(_, class)| class.devices > 0);
    let panels: Vec<Panel> = with_devices
        .map(|(place, class)| Panel {
            title: format!("{} (N = {})", class.class, class.monitored),
            curves: vec![curve(place)],
        })
        .collect();
    let hours = first.classes.iter().flat_map(|class| &class.within).map(|within| within.hours);
    let title = format!("Hours to detect against D, {}, 1:{}", report.source, report.sampling);
    draw(&title, &["half of all looks"], &panels, f64::from(hours.max().unwrap_or(1)))
}

impl fmt::Display for Report {
    /// As Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, sampling, method, seeds, seed, lines, days, flow_records, .. } = self;
        writeln!(
            f,
            "{source}: {lines} lines, {days} days, 1:{sampling} ({method}), {seeds} runs from seed {seed}, {flow_records} flow records\n"
        )?;
        for threshold in &self.thresholds {
            writeln!(f, "D = {}\n", threshold.threshold)?;
            write!(f, "{}", classes(threshold))?;
            if !threshold.confusion.is_empty() {
                writeln!(f, "\n| device | is | claimed (share of runs) |\n| --- | --- | --- |")?;
            }
            for ConfusionRow { device, truth, claimed } in &threshold.confusion {
                let claimed: Vec<String> = claimed
                    .iter()
                    .map(|(class, share)| format!("{class} {:.0} %", share * 100.0))
                    .collect();
                writeln!(f, "| {device} | {} | {} |", truth.join(", "), claimed.join(", "))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn classes(threshold: &ThresholdReport) -> String {
    let mut out = String::new();
    let horizons: Vec<u32> = threshold
        .classes
        .first()
        .map(|class| class.within.iter().map(|within| within.hours).collect())
        .unwrap_or_default();
    // Writing to a string cannot fail, here and below.
    let _ = write!(out, "| class | of N | devices |");
    for hours in &horizons {
        let _ = write!(out, " {hours} h | {hours} h united |");
    }
    let _ = writeln!(out, " median | wrong | touched line-days | at most a line-day |");
    let _ = writeln!(out, "|{}", " --- |".repeat(7 + 2 * horizons.len()));
    for class in Report::shown(threshold) {
        let ClassReport { class: name, required, monitored, devices, median_hours, .. } = class;
        let _ = write!(out, "| {name} | {required}/{monitored} | {devices} |");
        for Within { any_hour, cumulative, .. } in &class.within {
            let _ = write!(out, " {} | {} |", percent(any_hour), percent(cumulative));
        }
        let median = median_hours.map_or("-".to_owned(), |hours| format!("{hours} h"));
        let FalseClaims { claims, touched_line_days, upper_a_line_day, .. } = class.false_claims;
        let _ =
            writeln!(out, " {median} | {claims} | {touched_line_days} | {upper_a_line_day:.1e} |");
    }
    out
}

fn percent(estimate: &Estimate) -> String {
    match estimate.share {
        None => "-".to_owned(),
        Some(share) => format!(
            "{:.0} % ({:.0} to {:.0})",
            share * 100.0,
            estimate.low * 100.0,
            estimate.high * 100.0
        ),
    }
}
