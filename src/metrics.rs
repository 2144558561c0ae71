//! Every metric, declared once: name, unit, help, labels.
//!
//! The chain itself counts in plain fields and hands the sums out; `service`
//! adds them here once a batch, so no flow touches an atomic. A subscriber is
//! never a label, labels that outsiders can multiply (exporters) are bounded,
//! and `docs/metrics.md` is printed from these declarations.
//!
//! At rest, to the packet, names without `hayrake_` and `_total`:
//!
//! ```text
//! datagrams_received + datagrams_carried_over
//!     = datagrams (all outcomes) + datagrams_queued + queue_dropped{queue="datagrams"}
//! records_received + records_carried_over = records (all outcomes) + records_queued
//! ```

mod checkpoints;
mod declarations;
mod exporters;
mod feeds;
mod history;
mod lines;
mod open;
mod running;
mod table;

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder};

pub use checkpoints::CheckpointMetrics;
use declarations::{Declarations, Declared, reference};
pub use exporters::{ExporterMetrics, RATES_LABELLED};
pub use feeds::FeedMetrics;
pub use history::HistoryMetrics;
pub use lines::{LineMetrics, WithheldGauges};
pub use running::RunningMetrics;
pub use table::TableMetrics;

/// Most exporters that get a label of their own; the rest share `other`. Two
/// thousand routers are more than the largest network we know of exports from.
pub const EXPORTERS_LABELLED: usize = 2_000;
/// The label that exporters beyond [`EXPORTERS_LABELLED`] share.
pub const OTHER_EXPORTERS: &str = "other";

/// All metrics of the service. Cloning is cheap and shares the values.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    confidential: Registry,
    declared: Vec<Declared>,

    /// Datagrams read from sockets.
    pub datagrams_received: IntCounterVec,
    /// Datagrams that waited when the service before ended.
    pub datagrams_carried_over: IntCounter,
    /// What became of datagrams.
    pub datagrams: IntCounterVec,
    /// Datagrams waiting for a template.
    pub datagrams_queued: IntGauge,
    /// Datagrams dropped by the kernel, or joined runs of them.
    pub kernel_drops: IntCounterVec,
    /// Bytes of socket buffer given.
    pub socket_buffer: IntGaugeVec,
    /// Reads that failed.
    pub receive_errors: IntCounterVec,

    /// Records found in datagrams.
    pub records_received: IntCounter,
    /// Records that waited when the service before ended.
    pub records_carried_over: IntCounter,
    /// What became of records.
    pub records: IntCounterVec,
    /// Records waiting for a template.
    pub records_queued: IntGauge,
    /// Bytes waiting for a template.
    pub queued_bytes: IntGauge,
    /// Other things decoded.
    pub decoded: IntCounterVec,
    /// Limits that were hit.
    pub limits: IntCounterVec,
    /// Problems found in datagrams.
    pub problems: IntCounterVec,

    /// What single exporters send.
    pub exporters: ExporterMetrics,

    /// Which side of flows the line was on.
    pub flows: IntCounterVec,
    /// Sightings made.
    pub sightings: IntCounterVec,
    /// Touches held in open windows.
    pub evidence: IntGauge,
    /// Detections made.
    pub detections: IntCounterVec,
    /// Lines with a detection in the last complete windows.
    pub lines: LineMetrics,

    /// Entries in queues.
    pub queue_depth: IntGaugeVec,
    /// What was dropped because a queue was full.
    pub queue_dropped: IntCounterVec,
    /// Detections written by a sink.
    pub sink_written: IntCounterVec,
    /// Writes that failed.
    pub sink_errors: IntCounterVec,

    /// Attempts to take over changed configuration, signatures or DNS data.
    pub reloads: IntCounterVec,
    /// Endpoints in the hitlist.
    pub hitlist_endpoints: IntGauge,
    /// Groups by verdict.
    pub hitlist_groups: IntGaugeVec,
    /// When the hitlist was built.
    pub hitlist_built: IntGauge,
    /// How long the last build took.
    pub hitlist_build: Gauge,
    /// Whether a class can be detected now.
    pub class_detectable: IntGaugeVec,
    /// Groups monitored of a class.
    pub class_groups: IntGaugeVec,
    /// What a class is called and belongs to.
    pub class_info: IntGaugeVec,
    /// When a class's signature was last checked.
    pub class_checked: IntGaugeVec,
    /// Classes that lost their last group.
    pub class_lost: IntCounterVec,
    /// What single DNS feeds tell.
    pub feeds: FeedMetrics,
    /// What is written for the next start.
    pub checkpoints: CheckpointMetrics,
    /// What is written to the history.
    pub history: HistoryMetrics,
    /// Jumps of the system's clock.
    pub clock_jumps: IntCounterVec,

    /// Requests answered.
    pub http_requests: IntCounterVec,
    /// What HTTP has refused to protect itself.
    pub http_refused: IntCounterVec,
    /// The service as a program.
    pub running: RunningMetrics,
}

const HTTP_REFUSED: &str = "What HTTP has refused: connections (too many of one address), handshake (no TLS, or a client certificate that does not hold), token (a wrong one), requests (too many of one address)";
const JUMPS: &str = "Times the system's clock jumped by ten seconds or more, forward (windows were closed early) or back (windows are gone through again)";
const CLASS_LOST: &str = "Times the class lost its last group from one build to the next, so that it can no longer be detected; the log says why";

impl Metrics {
    /// Declares and registers all metrics. Fails only if two of them have one
    /// name, which a test rules out.
    pub fn new() -> Result<Self, prometheus::Error> {
        let mut d = Declarations::default();
        let metrics = Self {
            datagrams_received: d.counters(
                "hayrake_datagrams_received_total",
                "datagrams",
                &["listener"],
                "Datagrams read from the listener's socket",
            )?,
            datagrams_carried_over: d.counter(
                "hayrake_datagrams_carried_over_total",
                "datagrams",
                "Datagrams that the service before had received and of which a set still waited for its template when it ended",
            )?,
            datagrams: d.counters(
                "hayrake_datagrams_total",
                "datagrams",
                &["outcome"],
                "Datagrams by what became of them: decoded, unknown_template (a set never got its template), rejected (format, content or exporter refused)",
            )?,
            datagrams_queued: d.gauge(
                "hayrake_datagrams_queued",
                "datagrams",
                "Datagrams of which a set waits for its template",
            )?,
            kernel_drops: d.counters(
                "hayrake_kernel_drops_total",
                "datagrams",
                &["listener"],
                "Datagrams the kernel dropped because the listener's socket buffer was full; with `udp_gro`, runs of datagrams",
            )?,
            socket_buffer: d.gauges(
                "hayrake_socket_buffer_bytes",
                "bytes",
                &["listener"],
                "Socket buffer the kernel gave the listener",
            )?,
            receive_errors: d.counters(
                "hayrake_receive_errors_total",
                "reads",
                &["listener"],
                "Reads of the listener's socket that failed",
            )?,
            records_received: d.counter(
                "hayrake_records_received_total",
                "records",
                "Flow records found in datagrams; a data set that waits for its template counts as one, and so does one that turns out to hold none",
            )?,
            records_carried_over: d.counter(
                "hayrake_records_carried_over_total",
                "records",
                "Data sets that still waited for their template when the service before ended, which has counted each as one record received",
            )?,
            records: d.counters(
                "hayrake_records_total",
                "records",
                &["outcome"],
                "Flow records by what became of them: decoded, unknown_template, rejected",
            )?,
            records_queued: d.gauge(
                "hayrake_records_queued",
                "records",
                "Data sets that wait for their template",
            )?,
            queued_bytes: d.gauge(
                "hayrake_queued_bytes",
                "bytes",
                "Memory held by data sets that wait for their template",
            )?,
            decoded: d.counters(
                "hayrake_decoded_total",
                "events",
                &["what"],
                "What else happened while decoding, one label a counter: option_records, templates, restarts, unknown_sampling, implausible_time and so on",
            )?,
            limits: d.counters(
                "hayrake_limit_hits_total",
                "events",
                &["limit"],
                "Times a bound on memory or work was reached and something was left out or let go",
            )?,
            problems: d.counters(
                "hayrake_problems_total",
                "problems",
                &["stage"],
                "Problems found in input and logged, at most a few a second",
            )?,
            exporters: ExporterMetrics::new(&mut d)?,
            flows: d.counters(
                "hayrake_flows_total",
                "records",
                &["orientation"],
                "Decoded flow records by which side is a subscriber line: from_line, to_line, both_lines, opted_out (the line is left alone), no_line, no_address",
            )?,
            sightings: d.counters(
                "hayrake_sightings_total",
                "sightings",
                &["outcome"],
                "Sightings (a line touched a group): made; taken in_hour and in_day windows; late_for_hour and late_for_day; group_gone when the window closed",
            )?,
            evidence: d.gauge(
                "hayrake_evidence_touches",
                "touches",
                "Touches (a line and a group) held in open windows; without the token down to a step of ten times k",
            )?,
            detections: d.counters(
                "hayrake_detections_total",
                "detections",
                &["level", "window"],
                "Classes claimed on lines when windows closed; without the token down to a step of ten times k",
            )?,
            lines: LineMetrics::new(&mut d)?,
            queue_depth: d.gauges(
                "hayrake_queue_depth",
                "batches",
                &["queue"],
                "Batches waiting in the queue: datagrams (sockets to front workers), sightings (front to back workers), detections (to sinks), history",
            )?,
            queue_dropped: d.counters(
                "hayrake_queue_dropped_total",
                "as in label queue",
                &["queue"],
                "Datagrams, detections, or claims for the history dropped because the queue was full; all but datagrams without the token up to a step of ten times k",
            )?,
            sink_written: d.counters(
                "hayrake_sink_written_total",
                "detections",
                &["sink"],
                "Detections the sink has written; without the token down to a step of ten times k",
            )?,
            sink_errors: d.counters(
                "hayrake_sink_errors_total",
                "detections",
                &["sink"],
                "Detections lost because writing them failed; without the token up to a step of ten times k",
            )?,
            reloads: d.counters(
                "hayrake_reload_total",
                "reloads",
                &["outcome"],
                "Changed configuration, signatures or DNS data: taken (accepted) or not (refused: the old stays in force)",
            )?,
            hitlist_endpoints: d.gauge(
                "hayrake_hitlist_endpoints",
                "endpoints",
                "Endpoints in the hitlist in force",
            )?,
            hitlist_groups: d.gauges(
                "hayrake_hitlist_groups",
                "groups",
                &["verdict"],
                "Groups of all signatures by verdict on their infrastructure",
            )?,
            hitlist_built: d.gauge(
                "hayrake_hitlist_built_timestamp_seconds",
                "seconds",
                "When the hitlist in force was built, Unix time",
            )?,
            hitlist_build: d.seconds(
                "hayrake_hitlist_build_seconds",
                "How long the last build of the hitlist took",
            )?,
            class_detectable: d.gauges(
                "hayrake_class_detectable",
                "0 or 1",
                &["class", "level"],
                "1 when the class has groups that are dedicated and resolvable now, so that it can be detected",
            )?,
            class_groups: d.gauges(
                "hayrake_class_groups",
                "groups",
                &["class", "level"],
                "Groups of the class that are monitored now (N)",
            )?,
            class_info: d.gauges(
                "hayrake_class_info",
                "1",
                &["class", "level", "name", "vendor", "parent"],
                "Always 1; the labels say what people call the class, whose it is, and the class that must be detected on the same line (empty without one)",
            )?,
            class_checked: d.gauges(
                "hayrake_class_checked_timestamp_seconds",
                "seconds",
                &["class", "level"],
                "When the facts of the class's signature were last checked by people, Unix time",
            )?,
            class_lost: d.counters("hayrake_class_lost_total", "times", &["class"], CLASS_LOST)?,
            feeds: FeedMetrics::new(&mut d)?,
            checkpoints: CheckpointMetrics::new(&mut d)?,
            history: HistoryMetrics::new(&mut d)?,
            clock_jumps: d.counters("hayrake_clock_jumps_total", "times", &["direction"], JUMPS)?,
            http_requests: d.counters(
                "hayrake_http_requests_total",
                "requests",
                &["status"],
                "HTTP requests answered, by status code",
            )?,
            http_refused: d.counters("hayrake_http_refused_total", "events", &["reason"], HTTP_REFUSED)?,
            running: RunningMetrics::new(&mut d)?,
            registry: d.registry,
            confidential: d.confidential,
            declared: d.declared,
        };
        metrics.show_zeros();
        Ok(metrics)
    }

    /// Shows what can be lost as zero from the start: a sum or a rate over a
    /// series that does not exist yet is nothing at all.
    fn show_zeros(&self) {
        for outcome in ["decoded", "unknown_template", "rejected"] {
            self.datagrams.with_label_values(&[outcome]);
            self.records.with_label_values(&[outcome]);
        }
        for queue in ["datagrams", "detections", "history"] {
            self.queue_dropped.with_label_values(&[queue]);
        }
        for outcome in ["accepted", "refused"] {
            self.reloads.with_label_values(&[outcome]);
        }
        for reason in ["connections", "handshake", "requests", "token"] {
            self.http_refused.with_label_values(&[reason]);
        }
        for outcome in ["late_for_hour", "late_for_day", "group_gone"] {
            self.sightings.with_label_values(&[outcome]);
        }
    }

    /// What is open to all in the Prometheus text format: no count that is
    /// withheld, and sums of detections in steps of k.
    pub fn open_text(&self, k: u64) -> Result<String, prometheus::Error> {
        let mut families = self.registry.gather();
        open::round(&mut families, k);
        TextEncoder::new().encode_to_string(&families)
    }

    /// All values in the Prometheus text format, for holders of the token.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut families = self.registry.gather();
        open::unite(&mut families, self.confidential.gather());
        TextEncoder::new().encode_to_string(&families)
    }

    /// The reference of all metrics, as `docs/metrics.md` holds it.
    pub fn reference(&self) -> String {
        reference(&self.declared)
    }
}

#[cfg(test)]
mod tests;
