//! Metrics of the history of windows past.

use prometheus::{IntCounter, IntGauge};

use super::declarations::Declarations;

/// Metrics of the history.
#[derive(Clone)]
pub struct HistoryMetrics {
    /// Writes that failed.
    pub failures: IntCounter,
    /// Writes that are on the disk.
    pub written: IntCounter,
    /// When the last was.
    pub last_success: IntGauge,
    /// Size of the file.
    pub bytes: IntGauge,
    /// Files that could not be used.
    pub set_aside: IntCounter,
}

impl HistoryMetrics {
    pub(super) fn new(d: &mut Declarations) -> Result<Self, prometheus::Error> {
        Ok(Self {
            failures: d.counter(
                "hayrake_history_failures_total",
                "writes",
                "Writes to the history that failed and are tried again; the log and /readyz say why",
            )?,
            written: d.counter(
                "hayrake_history_written_total",
                "writes",
                "Writes to the history that are on the disk: at least one each `checkpoint: {every}`",
            )?,
            last_success: d.gauge(
                "hayrake_history_last_success_timestamp_seconds",
                "seconds",
                "When the history was last written, Unix time; 0 before the first and without a history",
            )?,
            bytes: d.gauge(
                "hayrake_history_bytes",
                "bytes",
                "Size of the history's file with its log; 0 without a history",
            )?,
            set_aside: d.counter(
                "hayrake_history_set_aside_total",
                "files",
                "Histories that were damaged and set aside as .damaged; a new one was begun",
            )?,
        })
    }
}
