//! The doctor's answer: who sends, what is lost on the way and what to mend.

use serde::Serialize;
use utoipa::ToSchema;

use crate::decode::ExporterReport;
use crate::model::time::Timestamp;

/// The exporters that were heard, and the listeners they send to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportersAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// When it was asked, by the service's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// Every address that is listened on.
    pub listeners: Vec<ListenerAnswer>,
    /// Datagrams that were read and dropped because a worker was too slow.
    pub queue_dropped: u64,
    /// Datagrams of exporters that are not in `exporters.allow`.
    pub not_allowed: u64,
    /// Exporters heard, before the query narrows them.
    pub heard: usize,
    /// One object an exporter and observation domain.
    pub exporters: Vec<ExporterAnswer>,
}

/// One address that is listened on. What the kernel drops there it drops of all
/// exporters; whose it was nobody can tell but by their sequence numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListenerAnswer {
    /// The address.
    pub listener: String,
    /// Datagrams read.
    pub datagrams: u64,
    /// Datagrams the kernel dropped because the socket's buffer was full; with `udp_gro`
    /// runs of datagrams.
    pub kernel_drops: u64,
    /// Reads that failed.
    pub errors: u64,
    /// Bytes of buffer that the kernel gave.
    pub buffer_bytes: i64,
}

/// One exporter and domain.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExporterAnswer {
    /// What is known of it.
    #[serde(flatten)]
    pub report: ExporterReport,
    /// How fast it sends.
    #[serde(flatten)]
    pub pace: Pace,
    /// Seconds since its last datagram, by the service's clock.
    pub silent_seconds: u64,
}

/// How fast an exporter sends, over the last ten seconds or so; `null` before
/// they are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Pace {
    /// Datagrams a second.
    pub datagrams_per_second: Option<f64>,
    /// Flow records a second.
    pub records_per_second: Option<f64>,
}
