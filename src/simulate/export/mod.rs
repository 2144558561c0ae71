//! Routers that export flows: real NetFlow v5, v9, IPFIX and sFlow v5 bytes.
//!
//! The encoders are plain functions over [`FlowRecord`] with no clock and no
//! randomness: [`netflow5`], [`netflow9`], [`ipfix`] and [`sflow`] each write
//! one datagram into a buffer. [`Router`] keeps what a router keeps between
//! datagrams: sequence numbers, the boot time and when its templates are due.
//!
//! Written from RFC 3954, RFC 7011, the NetFlow v5 layout in Cisco's
//! documentation and the sFlow v5 specification, and on purpose not from our
//! decoder, so that a test of one with the other is a test of both.

pub mod element;
pub mod ipfix;
pub mod netflow5;
pub mod netflow9;
mod router;
pub mod sflow;
#[cfg(test)]
mod tests;

pub use router::{Format, Router};

use crate::model::flow::FlowRecord;
use crate::model::time::Timestamp;

/// What NetFlow headers count: the instant the datagram leaves and the instant
/// the router booted, from which uptimes are reckoned.
#[derive(Clone, Copy, Debug)]
pub struct RouterClock {
    /// When the datagram leaves.
    pub at: Timestamp,
    /// When the router booted.
    pub boot: Timestamp,
}

impl RouterClock {
    /// Uptime at `instant` in milliseconds. It wraps after 49.7 days, as it
    /// does in real routers.
    pub(crate) fn uptime(&self, instant: Timestamp) -> u32 {
        let millis = instant.signed_since(self.boot).cast_unsigned();
        let [.., a, b, c, d] = millis.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Seconds since the epoch as in headers, which hold 32 bits.
    pub(crate) fn seconds(&self) -> u32 {
        low32(self.at.as_secs())
    }
}

/// The low 32 bits, which is what a 32-bit header field holds of a larger count.
pub(crate) fn low32(value: u64) -> u32 {
    let [.., a, b, c, d] = value.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The length of what was written, as a 16-bit length field holds it. Callers
/// keep datagrams far below 64 KiB.
pub(crate) fn length16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// Overwrites two bytes at `place` with `value`.
pub(crate) fn patch16(out: &mut [u8], place: usize, value: u16) {
    if let Some(two) = out.get_mut(place..place + 2) {
        two.copy_from_slice(&value.to_be_bytes());
    }
}

/// Whether both addresses of the flow are IPv4.
pub(crate) fn is_v4(flow: &FlowRecord) -> bool {
    flow.source.is_ipv4() && flow.destination.is_ipv4()
}
