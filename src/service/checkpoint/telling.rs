//! What is said of checkpoints of one kind: in metrics, in the log, and in the
//! answer about readiness.

use super::Kind;
use super::writer::Written;
use crate::metrics::CheckpointMetrics;
use crate::service::clock::{Clock, Stopwatch};
use crate::service::readiness::SAY_AGAIN;

/// Tells what came of checkpoints.
pub(super) struct Telling {
    kind: Kind,
    clock: Clock,
    metrics: CheckpointMetrics,
    /// Why the last one failed, and since when that is not said again.
    failing: Option<(String, Stopwatch)>,
}

impl Telling {
    pub(super) fn new(kind: Kind, clock: Clock, metrics: CheckpointMetrics) -> Self {
        metrics.show_zeros(kind.name());
        Self { kind, clock, metrics, failing: None }
    }

    /// Whether the last one failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// What is to be said about readiness.
    pub(super) fn warning(&self) -> Option<String> {
        let (reason, _) = self.failing.as_ref()?;
        let what = self.kind.what();
        Some(format!("{what} would not survive a restart, no checkpoint: {reason}"))
    }

    pub(super) fn written(&mut self, Written { bytes, took }: &Written) {
        let kind = [self.kind.name()];
        let now = i64::try_from(self.clock.now().as_secs()).unwrap_or(i64::MAX);
        self.metrics.written.with_label_values(&kind).inc();
        self.metrics.last_success.with_label_values(&kind).set(now);
        let shown = i64::try_from(*bytes).unwrap_or(i64::MAX);
        self.metrics.bytes.with_label_values(&kind).set(shown);
        self.metrics.seconds.with_label_values(&kind).set(took.as_secs_f64());
        if self.failing.take().is_some() {
            tracing::info!(kind = self.kind.name(), "checkpoints are written again");
        }
    }

    pub(super) fn failed(&mut self, reason: String) {
        self.metrics.failures.with_label_values(&[self.kind.name()]).inc();
        let known = self.failing.as_mut().filter(|(known, _)| *known == reason);
        if known.is_some_and(|(_, said)| !said.every(SAY_AGAIN)) {
            return;
        }
        tracing::error!(kind = self.kind.name(), "no checkpoint could be written: {reason}");
        self.failing = Some((reason, Stopwatch::start()));
    }
}
