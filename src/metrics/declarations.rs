//! How a metric is declared, and the reference that is printed from it.

use std::fmt::Write as _;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::lines::WithheldGauges;

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
    /// Rows that only holders of the token see.
    pub(super) confidential: Registry,
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

    pub(super) fn counters_of_seconds(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Made<CounterVec> {
        let row = Declared { name, kind: "counter", unit: "seconds", labels, help };
        self.keep(CounterVec::new(Opts::new(name, help), labels)?, row)
    }

    /// Gauges of which some rows are only for holders of the token.
    pub(super) fn withheld(
        &mut self,
        name: &'static str,
        unit: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Made<WithheldGauges> {
        let withheld = GaugeVec::new(Opts::new(name, help), labels)?;
        self.confidential.register(Box::new(withheld.clone()))?;
        let row = Declared { name, kind: "gauge", unit, labels, help };
        Ok(WithheldGauges {
            open: self.keep(GaugeVec::new(Opts::new(name, help), labels)?, row)?,
            withheld,
        })
    }

    /// What the system says about this process, where it is Linux.
    pub(super) fn process(&mut self) -> Made<()> {
        self.registry.register(Box::new(ProcessCollector::for_self()))?;
        let rows = PROCESS.iter().map(|(name, kind, unit, help)| Declared {
            name,
            kind,
            unit,
            labels: &[],
            help,
        });
        self.declared.extend(rows);
        Ok(())
    }
}

/// What [`ProcessCollector`] gives, which describes itself in fewer words.
const PROCESS: [(&str, &str, &str, &str); 7] = [
    (
        "process_cpu_seconds_total",
        "counter",
        "seconds",
        "Processor time the service has used, in user and system mode",
    ),
    ("process_open_fds", "gauge", "descriptors", "Files and sockets that are open"),
    ("process_max_fds", "gauge", "descriptors", "Files and sockets that may be open"),
    ("process_virtual_memory_bytes", "gauge", "bytes", "Address space of the service"),
    ("process_resident_memory_bytes", "gauge", "bytes", "Memory of the service that is in RAM"),
    (
        "process_start_time_seconds",
        "gauge",
        "seconds",
        "When the service was started, Unix time by the system's clock",
    ),
    ("process_threads", "gauge", "threads", "Threads of the service"),
];

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
`src/metrics.rs`; a test fails when it is not current. [grafana.md](grafana.md)
has dashboards of them, [alerts.md](alerts.md) the rules that watch them.

At rest, to the packet:

- `hayrake_datagrams_received_total` + `hayrake_datagrams_carried_over_total` =
  `hayrake_datagrams_total` over all outcomes + `hayrake_datagrams_queued` +
  `hayrake_queue_dropped_total{queue=\"datagrams\"}`
- `hayrake_records_received_total` + `hayrake_records_carried_over_total` =
  `hayrake_records_total` over all outcomes + `hayrake_records_queued`

No metric has a subscriber in a label. `/metrics` is open to whoever can reach
it, so counts of lines under the configured k are left out; who shows the token
gets them ([grafana.md](grafana.md#the-token-and-small-counts)).

Most series by far are those of lines (classes x regions x windows, at most
50,000 of `hayrake_lines` and as many of `hayrake_lines_in_use`) and of exporters
(about a dozen for each of at most 2,000; further ones share the label `other`).

| name | kind | unit | labels | meaning |
|---|---|---|---|---|
";
