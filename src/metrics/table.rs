//! Metrics of the table of DNS answers: what it holds, and what has left it.

use prometheus::{IntGauge, IntGaugeVec};

use super::declarations::Declarations;

/// How full the table is.
#[derive(Clone)]
pub struct TableMetrics {
    /// What it holds.
    pub holds: IntGaugeVec,
    /// Bytes taken.
    pub bytes: IntGauge,
    /// What has left it.
    pub gone: IntGaugeVec,
}

impl TableMetrics {
    pub(super) fn new(d: &mut Declarations) -> Result<Self, prometheus::Error> {
        Ok(Self {
            holds: d.gauges(
                "hayrake_dns_table_entries",
                "entries",
                &["kind"],
                "What the table of DNS answers holds: names, addresses, facts (kept whole), traces (facts of which only the owner and times are kept)",
            )?,
            bytes: d.gauge(
                "hayrake_dns_table_bytes",
                "bytes",
                "Memory that the table of DNS answers takes, about; dns.memory limits it",
            )?,
            gone: d.gauges(
                "hayrake_dns_table_gone",
                "facts",
                &["why"],
                "Facts that have left the table since the files were last read: expired (seen too long ago), evicted (no memory, oldest first); and addresses saturated (of whose many owners none is kept)",
            )?,
        })
    }
}
