//! The counts of lines as metrics.
//!
//! `/metrics` is open to whoever can reach it, so counts under k are for holders
//! of the token. A class that can be detected and has no line shows 0; one that
//! cannot be detected shows nothing.

use std::sync::Arc;

use super::tally::{Complete, Evidence, Row};
use super::view::Facts;
use super::withhold::withheld;
use crate::metrics::Metrics;
use crate::model::line::RegionId;
use crate::model::rules::ClassRule;
use crate::model::time::Window;

/// Series of `hayrake_lines` at most, so that many regions times many classes
/// do not swamp a scrape; beyond it rows are left out and counted.
const SERIES: usize = 50_000;

/// Replaces the counts of one window's length by those of `complete`.
pub fn show_lines(metrics: &Metrics, facts: &Facts, complete: &Complete, k: u64) {
    let regions: Vec<_> = facts.regions.iter().map(|(id, name)| (id, name.clone())).collect();
    // Region 0 is always known. Where prefixes have regions it is shown only if
    // some line fell into it.
    let all_nameless = regions.iter().all(|(_, region)| region.is_empty());
    let mut shown = Shown::default();
    for class in facts.rules.classes() {
        let counted = Counted::of(class, &regions, complete, k);
        for (place, (_, region)) in regions.iter().enumerate() {
            let is_shown = counted.lines[place] > 0
                || class.monitored() > 0 && (!region.is_empty() || all_nameless);
            let labels = [&*class.class, class.level.as_str(), complete.window.as_str(), &**region];
            counted.show(metrics, &labels, place, is_shown, &mut shown);
        }
        show_evidence(metrics, class, complete.window, &counted, k);
    }
    if shown.left_out > 0 {
        metrics.limits.with_label_values(&["line_series"]).inc_by(shown.left_out);
    }
    let window = complete.window.as_str();
    metrics.lines.set_withheld(complete.window, shown.withheld);
    let start = i64::try_from(complete.start.as_secs()).unwrap_or(i64::MAX);
    metrics.lines.window_start.with_label_values(&[window]).set(start);
    metrics.lines.window_partial.with_label_values(&[window]).set(complete.partial.into());
}

/// What has been shown so far.
#[derive(Default)]
struct Shown {
    series: usize,
    withheld: usize,
    left_out: u64,
}

/// The counts of one class, by the place of the region.
struct Counted {
    lines: Vec<u64>,
    evidence: Vec<Evidence>,
    /// Whose number of lines is withheld.
    lines_hidden: Vec<bool>,
    /// Whose number of lines in use is withheld: it shows how many idle too, so
    /// neither may be small.
    in_use_hidden: Vec<bool>,
}

impl Counted {
    fn of(
        class: &ClassRule,
        regions: &[(RegionId, Arc<str>)],
        complete: &Complete,
        k: u64,
    ) -> Self {
        let rows = regions.iter().map(|(region, _)| Row {
            class: class.class.clone(),
            level: class.level,
            region: *region,
        });
        let (lines, evidence): (Vec<u64>, Vec<Evidence>) = rows
            .map(|row| {
                let lines = complete.lines.get(&row).copied().unwrap_or_default();
                (lines, complete.evidence.get(&row).copied().unwrap_or_default())
            })
            .unzip();
        let in_use: Vec<u64> = evidence.iter().map(|evidence| evidence.in_use).collect();
        let idle: Vec<u64> = lines
            .iter()
            .zip(&in_use)
            .map(|(lines, in_use)| lines.saturating_sub(*in_use))
            .collect();
        let lines_hidden = withheld(&lines, k);
        let parts = withheld(&in_use, k).into_iter().zip(withheld(&idle, k));
        let in_use_hidden =
            parts.zip(&lines_hidden).map(|((a, b), lines)| a || b || *lines).collect();
        Self { lines, evidence, lines_hidden, in_use_hidden }
    }

    fn show(
        &self,
        metrics: &Metrics,
        labels: &[&str],
        place: usize,
        is_shown: bool,
        shown: &mut Shown,
    ) {
        if !is_shown || shown.series >= SERIES {
            shown.left_out += u64::from(is_shown);
            metrics.lines.lines.remove(labels);
            metrics.lines.in_use.remove(labels);
            return;
        }
        shown.series += 1;
        shown.withheld += usize::from(self.lines_hidden[place]);
        metrics.lines.lines.set(labels, float(self.lines[place]), self.lines_hidden[place]);
        let in_use = float(self.evidence[place].in_use);
        metrics.lines.in_use.set(labels, in_use, self.in_use_hidden[place]);
    }
}

/// Shows means over all regions; those over few lines are withheld.
fn show_evidence(metrics: &Metrics, class: &ClassRule, window: Window, counted: &Counted, k: u64) {
    let lines: u64 = counted.lines.iter().sum();
    let mut all = Evidence::default();
    for evidence in &counted.evidence {
        all.add(evidence);
    }
    let labels = [&*class.class, class.level.as_str(), window.as_str()];
    let of = &metrics.lines;
    for (gauges, sum) in [
        (&of.confidence, float(all.confidence) / Evidence::CERTAIN),
        (&of.groups, float(all.groups)),
        (&of.packets, float(all.packets)),
    ] {
        if lines == 0 {
            gauges.remove(&labels);
        } else {
            gauges.set(&labels, sum / float(lines), lines < k);
        }
    }
}

fn float(count: u64) -> f64 {
    // Exact up to 2^53, which no count of lines or packets reaches.
    count as f64
}
