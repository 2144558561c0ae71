//! Datagrams to flow records: NetFlow v5, v7, v9, IPFIX and sFlow v5, told
//! apart by content.

use std::net::IpAddr;

use crate::model::time::Timestamp;

/// One datagram as it came from a socket or a capture.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Source port; part of no identity, reported only.
    pub source_port: u16,
    /// When it was received, by our clock or the capture's.
    pub received: Timestamp,
    /// The UDP payload.
    pub payload: &'a [u8],
}
