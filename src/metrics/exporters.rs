//! Metrics of single exporters. The label is bounded by
//! [`super::EXPORTERS_LABELLED`], and the rates told of one exporter by
//! [`RATES_LABELLED`].

use prometheus::{GaugeVec, IntCounterVec, IntGauge, IntGaugeVec};

use super::declarations::Declarations;

/// Sampling rates (with where each came from) that get a series of their own
/// for one exporter; a router that is in order has one or two.
pub const RATES_LABELLED: usize = 4;

/// Metrics with the exporter as a label.
#[derive(Clone)]
pub struct ExporterMetrics {
    /// Exporters known.
    pub known: IntGauge,
    /// When the last datagram came.
    pub last_heard: IntGaugeVec,
    /// Datagrams it sent.
    pub datagrams: IntCounterVec,
    /// Flow records by sampling rate.
    pub flows: IntCounterVec,
    /// What was refused of what it sent.
    pub rejected: IntCounterVec,
    /// What waits for a template of it.
    pub queued: IntGaugeVec,
    /// What exporters sent and we never saw.
    pub sequence_lost: IntCounterVec,
    /// Flows without a sampling rate.
    pub sampling_unknown: IntCounterVec,
    /// How far its clock is from ours.
    pub skew: GaugeVec,
    /// Things to mend about it.
    pub advice: IntGaugeVec,
}

impl ExporterMetrics {
    pub(super) fn new(d: &mut Declarations) -> Result<Self, prometheus::Error> {
        Ok(Self {
            known: d.gauge(
                "hayrake_exporters",
                "exporters",
                "Exporters (address and observation domain) known now",
            )?,
            last_heard: d.gauges(
                "hayrake_exporter_last_heard_timestamp_seconds",
                "seconds",
                &["exporter"],
                "When the exporter's last datagram came, Unix time by the service's clock; exporters of the time before a restart are there as well",
            )?,
            datagrams: d.counters(
                "hayrake_exporter_datagrams_total",
                "datagrams",
                &["exporter"],
                "Datagrams of the exporter; IPFIX messages where a datagram holds several",
            )?,
            flows: d.counters(
                "hayrake_exporter_flows_total",
                "records",
                &["exporter", "rate", "source"],
                "Flow records of the exporter by their sampling rate (one packet in so many; unknown when nobody told it) and by what told it: record, options, header or configured. Beyond four rates the label is other",
            )?,
            rejected: d.counters(
                "hayrake_exporter_rejected_total",
                "records",
                &["exporter"],
                "Records, sets and samples of the exporter that were refused, because they are damaged or absurd",
            )?,
            queued: d.gauges(
                "hayrake_exporter_records_queued",
                "records",
                &["exporter"],
                "Data sets of the exporter that wait for their template now",
            )?,
            sequence_lost: d.counters(
                "hayrake_sequence_lost_total",
                "as in label unit",
                &["exporter", "unit"],
                "What the exporter's sequence numbers say was sent and did not arrive here, nor late among the next 32 datagrams; unit says what the exporter counts",
            )?,
            sampling_unknown: d.counters(
                "hayrake_sampling_unknown_total",
                "records",
                &["exporter"],
                "Flow records of which neither the exporter nor the configuration told the sampling rate",
            )?,
            skew: d.seconds_of(
                "hayrake_exporter_skew_seconds",
                &["exporter"],
                "The exporter's clock minus ours, as last seen; sFlow tells no time",
            )?,
            advice: d.gauges(
                "hayrake_exporter_advice",
                "things to mend",
                &["exporter"],
                "What there is to mend about the exporter now; /api/v1/exporters has the sentences",
            )?,
        })
    }
}
