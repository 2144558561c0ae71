//! Reports of exporters, gathered from all front workers: for the API as they
//! are, for metrics as counters.
//!
//! A report holds totals since the exporter was first heard; a counter takes
//! what has been added since the last look. When a worker has forgotten an
//! exporter and hears it anew, its totals begin at zero again.

use std::net::SocketAddr;

use hashbrown::{HashMap, HashSet};

use super::fronts::Reports;
use crate::decode::ExporterReport;
use crate::metrics::{EXPORTERS_LABELLED, Metrics, OTHER_EXPORTERS};
use crate::publish::view::Current;

/// What has been counted of one total.
type Counted = HashMap<(String, &'static str), u64>;

/// Gathers reports.
#[derive(Default)]
pub(super) struct Board {
    labelled: HashSet<String>,
    lost: Counted,
    unknown: HashMap<String, u64>,
    advised: HashSet<String>,
}

/// Sentences of advice that are remembered, so that each is logged once.
const ADVISED: usize = 10_000;

impl Board {
    /// Looks at the reports of all workers.
    pub(super) fn gather(&mut self, workers: &[Reports], current: &Current, metrics: &Metrics) {
        let mut shown = Vec::new();
        for worker in workers {
            for report in worker.load().iter() {
                self.count(report, metrics);
                self.advise(report);
                match serde_json::to_value(report) {
                    Ok(value) => shown.push(value),
                    Err(error) => tracing::error!(%error, "cannot show an exporter"),
                }
            }
        }
        metrics.exporters.set(i64::try_from(shown.len()).unwrap_or(i64::MAX));
        current.set_exporters(shown);
    }

    fn count(&mut self, report: &ExporterReport, metrics: &Metrics) {
        let label = self.label(&report.exporter);
        for sequence in &report.sequence {
            let unit = sequence.unit;
            // v5 and v7 both count flows: their totals are kept apart by name.
            let key = (format!("{} {}", report.exporter, sequence.format), unit);
            let added = added(self.lost.entry(key).or_default(), sequence.lost);
            metrics.sequence_lost.with_label_values(&[label.as_str(), unit]).inc_by(added);
        }
        let known = self.unknown.entry(report.exporter.clone()).or_default();
        let added = added(known, report.unknown_sampling);
        if added > 0 {
            metrics.sampling_unknown.with_label_values(&[&label]).inc_by(added);
        }
        if let (Some(skew), true) = (report.skew_ms, label != OTHER_EXPORTERS) {
            metrics.exporter_skew.with_label_values(&[&label]).set(skew);
        }
    }

    /// Logs what an operator should mend, each sentence once.
    fn advise(&mut self, report: &ExporterReport) {
        for advice in &report.advice {
            let said = format!("{}: {advice}", report.exporter);
            if self.advised.len() < ADVISED && !self.advised.contains(&said) {
                tracing::warn!("{said}");
                self.advised.insert(said);
            }
        }
    }

    fn label(&mut self, exporter: &str) -> String {
        if self.labelled.contains(exporter) {
            return exporter.to_owned();
        }
        if self.labelled.len() < EXPORTERS_LABELLED {
            self.labelled.insert(exporter.to_owned());
            return exporter.to_owned();
        }
        OTHER_EXPORTERS.to_owned()
    }
}

fn added(counted: &mut u64, total: u64) -> u64 {
    let before = std::mem::replace(counted, total);
    total.checked_sub(before).unwrap_or(total)
}

/// The addresses as one word for a log line.
pub(super) fn joined(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_that_begins_anew_is_counted_from_zero() {
        let mut counted = 0;
        assert_eq!(added(&mut counted, 5), 5);
        assert_eq!(added(&mut counted, 5), 0);
        assert_eq!(added(&mut counted, 8), 3);
        assert_eq!(added(&mut counted, 2), 2);
    }

    #[test]
    fn exporters_beyond_the_bound_share_a_label() {
        let mut board = Board::default();
        for exporter in 0..EXPORTERS_LABELLED {
            assert_ne!(board.label(&exporter.to_string()), OTHER_EXPORTERS);
        }
        assert_eq!(board.label("one more"), OTHER_EXPORTERS);
        assert_eq!(board.label("0"), "0");
    }
}
