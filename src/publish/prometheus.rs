//! The counts of lines as metrics.
//!
//! `/metrics` is open to whoever can reach it, so counts under k are absent.
//! A class that can be detected and has no line shows 0; one that cannot be
//! detected shows nothing.

use super::tally::Complete;
use super::view::{Facts, rows};
use crate::metrics::Metrics;

/// Series of `hayrake_lines` at most, so that many regions times many classes
/// do not swamp a scrape; beyond it rows are left out and counted.
const SERIES: usize = 50_000;

/// Replaces the counts of one window's length by those of `complete`.
pub fn show_lines(metrics: &Metrics, facts: &Facts, complete: &Complete, k: u64) {
    let window = complete.window.as_str();
    let mut shown = 0;
    let mut left_out = 0;
    let counted: std::collections::HashMap<_, _> =
        rows(complete, k).into_iter().map(|(row, count, hidden)| (row, (count, hidden))).collect();
    // Region 0 is always known. Where prefixes have regions it is shown only if
    // some line fell into it.
    let all_nameless = facts.regions.iter().all(|(_, region)| region.is_empty());
    for class in facts.rules.classes() {
        for (id, region) in facts.regions.iter() {
            let labels = [&*class.class, class.level.as_str(), window, &**region];
            let row =
                super::tally::Row { class: class.class.clone(), level: class.level, region: id };
            let value = match counted.get(&row) {
                Some((count, false)) => Some(*count),
                Some((_, true)) => None,
                None => {
                    (class.monitored() > 0 && (!region.is_empty() || all_nameless)).then_some(0)
                }
            };
            match value {
                Some(value) if shown < SERIES => {
                    shown += 1;
                    let value = i64::try_from(value).unwrap_or(i64::MAX);
                    metrics.lines.with_label_values(&labels).set(value);
                }
                other => {
                    left_out += u64::from(other.is_some());
                    // Absent already is as good as removed.
                    let _ = metrics.lines.remove_label_values(&labels);
                }
            }
        }
    }
    if left_out > 0 {
        metrics.limits.with_label_values(&["line_series"]).inc_by(left_out);
    }
    let start = i64::try_from(complete.start.as_secs()).unwrap_or(i64::MAX);
    metrics.window_start.with_label_values(&[window]).set(start);
}
