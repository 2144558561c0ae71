//! NetFlow v5: a 24-byte header and up to 30 fixed records of 48 bytes, IPv4
//! only. Times are milliseconds of router uptime, the sampling rate stands in
//! the header.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;

use super::{RouterClock, length16, low32};
use crate::model::flow::FlowRecord;

/// Most records that one datagram may carry.
pub const MOST_RECORDS: usize = 30;
/// Largest sampling rate that the header's 14 bits hold.
pub const MOST_SAMPLING: u32 = 0x3fff;

/// What a v5 header says beside its clock.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Clock of the router.
    pub clock: RouterClock,
    /// Flows sent before this datagram.
    pub sequence: u32,
    /// Engine type and engine id.
    pub engine: [u8; 2],
    /// The sampling rate, `None` for a header that does not tell it.
    pub sampling: Option<NonZeroU32>,
}

/// Writes one datagram. Flows over IPv6 cannot be written in this format and
/// are left out, and so are flows beyond [`MOST_RECORDS`]; the number written
/// is returned.
pub fn encode(out: &mut Vec<u8>, header: &Header, flows: &[FlowRecord]) -> usize {
    let flows = || {
        flows
            .iter()
            .filter_map(|flow| match (flow.source, flow.destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => Some((source, destination, flow)),
                _ => None,
            })
            .take(MOST_RECORDS)
    };
    let written = flows().count();
    let clock = &header.clock;
    out.extend_from_slice(&5_u16.to_be_bytes());
    out.extend_from_slice(&length16(written).to_be_bytes());
    out.extend_from_slice(&clock.uptime(clock.at).to_be_bytes());
    out.extend_from_slice(&clock.seconds().to_be_bytes());
    let nanos = low32(clock.at.as_millis() % 1_000 * 1_000_000);
    out.extend_from_slice(&nanos.to_be_bytes());
    out.extend_from_slice(&header.sequence.to_be_bytes());
    out.extend_from_slice(&header.engine);
    // The two high bits are the mode: 1 is deterministic, one in `rate`.
    let sampling = header
        .sampling
        .and_then(|rate| u16::try_from(rate.get().min(MOST_SAMPLING)).ok())
        .map_or(0, |rate| 0x4000 | rate);
    out.extend_from_slice(&sampling.to_be_bytes());
    for (source, destination, flow) in flows() {
        record(out, clock, source, destination, flow);
    }
    written
}

fn record(
    out: &mut Vec<u8>,
    clock: &RouterClock,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    flow: &FlowRecord,
) {
    out.extend_from_slice(&source.octets());
    out.extend_from_slice(&destination.octets());
    // Next hop, then the two interfaces.
    out.extend_from_slice(&[0, 0, 0, 0, 0, 1, 0, 2]);
    for counter in [flow.packets, flow.bytes] {
        out.extend_from_slice(&u32::try_from(counter).unwrap_or(u32::MAX).to_be_bytes());
    }
    out.extend_from_slice(&clock.uptime(flow.start).to_be_bytes());
    out.extend_from_slice(&clock.uptime(flow.end).to_be_bytes());
    out.extend_from_slice(&flow.source_port.to_be_bytes());
    out.extend_from_slice(&flow.destination_port.to_be_bytes());
    // Padding, flags, protocol, type of service; AS numbers, masks, padding.
    let [_, flags] = flow.tcp_flags.to_be_bytes();
    out.extend_from_slice(&[0, flags, flow.protocol, 0, 0, 0, 0, 0, 24, 24, 0, 0]);
}
