//! What all workers read and the keeper alone replaces.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnetwork::IpNetwork;

use crate::decode::DecodeSettings;
use crate::model::time::Timestamp;
use crate::orient::LineKeys;
use crate::pipeline::View;

/// Everything a worker needs that can change while it runs. Immutable; swapped
/// whole, so that no worker sees half a reload.
pub(super) struct Snapshot {
    /// What the pipeline reads.
    pub(super) view: View,
    /// From when the rules hold.
    pub(super) from: Timestamp,
    /// Who may send; empty stands for everybody.
    pub(super) allow: Vec<IpNetwork>,
    /// The keys of pseudonyms.
    pub(super) keys: LineKeys,
    /// What the decoder is told.
    pub(super) decode: DecodeSettings,
}

/// The snapshot in force.
pub(super) type InForce = Arc<ArcSwap<Snapshot>>;

impl Snapshot {
    /// Whether datagrams from `source` are taken.
    pub(super) fn allows(&self, source: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|net| net.contains(source))
    }
}
