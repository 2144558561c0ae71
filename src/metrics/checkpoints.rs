//! Metrics of what is written for the next start.

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec};

use super::declarations::Declarations;

/// Metrics of checkpoints, by what they hold.
#[derive(Clone)]
pub struct CheckpointMetrics {
    /// Attempts to write one that failed.
    pub failures: IntCounterVec,
    /// Those written.
    pub written: IntCounterVec,
    /// When the last was written.
    pub last_success: IntGaugeVec,
    /// Its size.
    pub bytes: IntGaugeVec,
    /// How long it took.
    pub seconds: GaugeVec,
    /// What was read back at the start.
    pub restored: IntGaugeVec,
    /// Those that could not be read.
    pub set_aside: IntCounterVec,
}

impl CheckpointMetrics {
    pub(super) fn new(d: &mut Declarations) -> Result<Self, prometheus::Error> {
        Ok(Self {
            failures: d.counters(
                "hayrake_checkpoint_failures_total",
                "checkpoints",
                &["kind"],
                "Checkpoints that could not be written; the log and /readyz say why",
            )?,
            written: d.counters(
                "hayrake_checkpoint_written_total",
                "checkpoints",
                &["kind"],
                "Checkpoints that are on the disk",
            )?,
            last_success: d.gauges(
                "hayrake_checkpoint_last_success_timestamp_seconds",
                "seconds",
                &["kind"],
                "When the last checkpoint was on the disk, Unix time; absent before the first. Nothing is written while nothing new is told",
            )?,
            bytes: d.gauges(
                "hayrake_checkpoint_bytes",
                "bytes",
                &["kind"],
                "Size of the last checkpoint; the state folder holds up to four times as much",
            )?,
            seconds: d.seconds_of(
                "hayrake_checkpoint_seconds",
                &["kind"],
                "How long the last checkpoint took, beside other work, until it was on the disk",
            )?,
            restored: d.gauges(
                "hayrake_checkpoint_restored_records",
                "records",
                &["kind"],
                "What was read back at the start: exporters, or groups touched by lines in open windows",
            )?,
            set_aside: d.counters(
                "hayrake_checkpoint_set_aside_total",
                "checkpoints",
                &["kind"],
                "Checkpoints that could not be read at the start and were set aside as .damaged",
            )?,
        })
    }

    /// Shows what can fail as zero from the start.
    pub fn show_zeros(&self, kind: &str) {
        self.failures.with_label_values(&[kind]);
        self.written.with_label_values(&[kind]);
        self.set_aside.with_label_values(&[kind]);
    }
}
