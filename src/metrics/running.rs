//! Metrics of the service as a program: what it is, what time it thinks it is,
//! whether it is ready and how busy its workers are. What the system says about
//! the process comes from the `prometheus` crate, under the names that every
//! program has for it.

use prometheus::{Counter, CounterVec, IntGauge};

use super::declarations::Declarations;

/// Metrics of the running service.
#[derive(Clone)]
pub struct RunningMetrics {
    /// The service's clock.
    pub clock: IntGauge,
    /// Whether it is ready.
    pub ready: IntGauge,
    /// What an operator should look at.
    pub warnings: IntGauge,
    busy: CounterVec,
}

impl RunningMetrics {
    pub(super) fn new(d: &mut Declarations) -> Result<Self, prometheus::Error> {
        let build = d.gauges(
            "hayrake_build_info",
            "1",
            &["version"],
            "Always 1; the label says which version runs",
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let made = Self {
            clock: d.gauge(
                "hayrake_clock_timestamp_seconds",
                "seconds",
                "What the service's clock shows, Unix time. Take ages from it rather than from the time of the query: that of a demonstration runs fast",
            )?,
            ready: d.gauge(
                "hayrake_ready",
                "0 or 1",
                "1 when flows are taken in and classes can be claimed, as /readyz says",
            )?,
            warnings: d.gauge(
                "hayrake_ready_warnings",
                "warnings",
                "What an operator should look at though the service runs; /readyz has the sentences",
            )?,
            busy: d.counters_of_seconds(
                "hayrake_worker_busy_seconds_total",
                &["stage", "worker"],
                "Time that the worker did not wait for input: front workers (decode to sightings; also while they wait for a full back worker) and back workers (evidence)",
            )?,
        };
        d.process()?;
        Ok(made)
    }

    /// The counter of one worker's time.
    pub fn busy(&self, stage: &str, worker: usize) -> Counter {
        self.busy.with_label_values(&[stage, &worker.to_string()])
    }
}
