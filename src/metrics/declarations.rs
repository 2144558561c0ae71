//! How a metric is declared, and the reference that is printed from it.

use std::fmt::Write as _;

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// One row of the reference.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) unit: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

/// Registers metrics and keeps what was said about each.
#[derive(Default)]
pub(super) struct Declarations {
    pub(super) registry: Registry,
    pub(super) declared: Vec<Declared>,
}

type Made<T> = Result<T, prometheus::Error>;

impl Declarations {
    fn keep<T: Collector + Clone + 'static>(&mut self, made: T, row: Declared) -> Made<T> {
        self.registry.register(Box::new(made.clone()))?;
        self.declared.push(row);
        Ok(made)
    }

    pub(super) fn counter(
        &mut self,
        name: &'static str,
        unit: &'static str,
        help: &'static str,
    ) -> Made<IntCounter> {
        let row = Declared { name, kind: "counter", unit, labels: &[], help };
        self.keep(IntCounter::new(name, help)?, row)
    }

    pub(super) fn counters(
        &mut self,
        name: &'static str,
        unit: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Made<IntCounterVec> {
        let row = Declared { name, kind: "counter", unit, labels, help };
        self.keep(IntCounterVec::new(Opts::new(name, help), labels)?, row)
    }

    pub(super) fn gauge(
        &mut self,
        name: &'static str,
        unit: &'static str,
        help: &'static str,
    ) -> Made<IntGauge> {
        let row = Declared { name, kind: "gauge", unit, labels: &[], help };
        self.keep(IntGauge::new(name, help)?, row)
    }

    pub(super) fn gauges(
        &mut self,
        name: &'static str,
        unit: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Made<IntGaugeVec> {
        let row = Declared { name, kind: "gauge", unit, labels, help };
        self.keep(IntGaugeVec::new(Opts::new(name, help), labels)?, row)
    }

    pub(super) fn seconds(&mut self, name: &'static str, help: &'static str) -> Made<Gauge> {
        let row = Declared { name, kind: "gauge", unit: "seconds", labels: &[], help };
        self.keep(Gauge::new(name, help)?, row)
    }

    pub(super) fn seconds_of(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Made<GaugeVec> {
        let row = Declared { name, kind: "gauge", unit: "seconds", labels, help };
        self.keep(GaugeVec::new(Opts::new(name, help), labels)?, row)
    }
}

/// The reference of all metrics declared.
pub(super) fn reference(declared: &[Declared]) -> String {
    let mut text = String::from(HEADING);
    for row in declared {
        let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            row.name, row.kind, row.unit, labels, row.help
        );
    }
    text
}

const HEADING: &str = "\
# Metrics

Served at `/metrics` in the Prometheus text format. This page is printed from
`src/metrics.rs`; a test fails when it is not current.

At rest, to the packet:

- `hayrake_datagrams_received_total` = `hayrake_datagrams_total` over all
  outcomes + `hayrake_datagrams_queued` +
  `hayrake_queue_dropped_total{queue=\"datagrams\"}`
- `hayrake_records_received_total` = `hayrake_records_total` over all outcomes +
  `hayrake_records_queued`

No metric has a subscriber in a label. `/metrics` is open to whoever can reach
it, so counts of lines under the configured k are left out of `hayrake_lines`.

| name | kind | unit | labels | meaning |
|---|---|---|---|---|
";
