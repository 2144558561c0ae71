//! One record's bytes to one flow record.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::flow::{Counters, FlowDirection, FlowRecord};
use crate::model::sampling::Sampling;

use super::layout::{Layout, Slot};
use super::time::{Clock, Written};

/// Largest packet in bytes; a record with more bytes than this for each packet
/// is a miscount (docs/exporters.md 11, 12).
const LARGEST_PACKET: u64 = 65_535;
/// More packets than any link carries in an hour.
const MOST_PACKETS: u64 = 1 << 42;
/// More bytes than any link carries in an hour, for records without packets.
const MOST_BYTES: u64 = 1 << 52;

/// In two bytes the upper four are the data offset, to be ignored (RFC 7125).
const CONTROL_BITS: u16 = 0x0fff;

/// What was odd about records, counted over a set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Oddities {
    pub(crate) without_addresses: u64,
    pub(crate) implausible_time: u64,
    pub(crate) implausible_counters: u64,
}

impl Oddities {
    /// Counts what is odd about a record's addresses and counters; says whether the
    /// counters are beyond what is possible.
    #[inline(always)]
    fn count(&mut self, (source, destination): (IpAddr, IpAddr), packets: u64, bytes: u64) -> bool {
        let implausible = packets > MOST_PACKETS || bytes > most_bytes(packets);
        self.implausible_counters += u64::from(implausible);
        self.without_addresses +=
            u64::from(source.is_unspecified() && destination.is_unspecified());
        implausible
    }
}

/// Between whom a flow was, and where its record is.
#[derive(Clone, Copy, Debug)]
pub struct Sides {
    /// Source address; unspecified when the record carries none.
    pub source: IpAddr,
    /// Destination address; unspecified when the record carries none.
    pub destination: IpAddr,
    /// Of which of several sets.
    pub(crate) set: usize,
    /// In the bytes that it was read from.
    pub(crate) at: usize,
}

/// The flow record in `window`, its sampling not yet known.
#[inline]
pub(crate) fn read(
    window: &[u8],
    layout: &Layout,
    clock: &Clock,
    odd: &mut Oddities,
) -> FlowRecord {
    let (source, destination) = sides(window, layout);
    let (start, end) = times(window, layout);
    let at = match system_init(window, layout) {
        Some(init) => clock.with_start_of_exporter(init).times(start, end),
        None => clock.times(start, end),
    };
    odd.implausible_time += u64::from(at.implausible);
    let mut flow = FlowRecord {
        source,
        destination,
        source_port: low16(layout.source_port.read(window)),
        destination_port: low16(layout.destination_port.read(window)),
        protocol: low8(layout.protocol.read(window)),
        tcp_flags: low16(layout.tcp_flags.read(window)) & CONTROL_BITS,
        packets: layout.packets.read(window),
        bytes: layout.bytes.read(window),
        counters: if layout.totals { Counters::Total } else { Counters::Delta },
        start: at.start,
        end: at.end,
        sampling: Sampling::Unknown,
        direction: match layout.direction.read(window) {
            _ if !layout.direction.is_present() => FlowDirection::Unknown,
            0 => FlowDirection::Ingress,
            1 => FlowDirection::Egress,
            _ => FlowDirection::Unknown,
        },
    };
    settle(&mut flow, odd);
    flow
}

/// Source and destination of the record in `window`.
#[inline]
pub(crate) fn sides(window: &[u8], layout: &Layout) -> (IpAddr, IpAddr) {
    let source = address(
        layout.source4.read(window),
        layout.source4.is_present(),
        layout.source6.is_present().then(|| layout.source6.read(window)),
    );
    let destination = address(
        layout.destination4.read(window),
        layout.destination4.is_present(),
        layout.destination6.is_present().then(|| layout.destination6.read(window)),
    );
    (source, destination)
}

/// The same where there is no room for IPv6 addresses.
#[inline(always)]
pub(crate) fn v4_sides(window: &[u8], layout: &Layout) -> (IpAddr, IpAddr) {
    let address = |slot: Slot| IpAddr::V4(Ipv4Addr::from_bits(low32(slot.read(window))));
    (address(layout.source4), address(layout.destination4))
}

/// Counts what is odd about the record in `window`, as [`read`] does, without
/// reading the rest.
#[inline(always)]
pub(crate) fn doubt(
    window: &[u8],
    layout: &Layout,
    clock: &Clock,
    sides: (IpAddr, IpAddr),
    odd: &mut Oddities,
) {
    let (start, end) = times(window, layout);
    let doubted = match system_init(window, layout) {
        Some(init) => clock.with_start_of_exporter(init).doubts(start, end),
        None => clock.doubts(start, end),
    };
    odd.implausible_time += u64::from(doubted);
    odd.count(sides, layout.packets.read(window), layout.bytes.read(window));
}

/// Brings a record whose fields are filled in to the common shape: no ports
/// where the protocol has none, no counter beyond what is possible.
#[inline]
pub(crate) fn settle(flow: &mut FlowRecord, odd: &mut Oddities) {
    if has_no_ports(flow.protocol) {
        flow.source_port = 0;
        flow.destination_port = 0;
    }
    if odd.count((flow.source, flow.destination), flow.packets, flow.bytes) {
        flow.bytes = flow.bytes.min(most_bytes(flow.packets));
        flow.packets = flow.packets.min(MOST_PACKETS);
    }
}

/// The most bytes that so many packets can have.
#[inline]
fn most_bytes(packets: u64) -> u64 {
    match packets {
        0 => MOST_BYTES,
        packets => packets.saturating_mul(LARGEST_PACKET).min(MOST_BYTES),
    }
}

/// ICMP, IGMP and ICMPv6: exporters put type and code where ports would be.
fn has_no_ports(protocol: u8) -> bool {
    matches!(protocol, 1 | 2 | 58)
}

/// The fields that say when the flow began and ended.
#[inline]
fn times(window: &[u8], layout: &Layout) -> (Written, Written) {
    let start = (layout.start_encoding, layout.start.read(window));
    let end = (layout.end_encoding, layout.end.read(window));
    (start, end)
}

/// When the exporter started, where the record says so.
#[inline]
fn system_init(window: &[u8], layout: &Layout) -> Option<u64> {
    layout.system_init.is_present().then(|| layout.system_init.read(window))
}

/// Some templates have room for both kinds of address and fill one.
#[inline]
fn address(four: u64, has_four: bool, six: Option<u128>) -> IpAddr {
    match six {
        Some(six) if six != 0 || !has_four => IpAddr::V6(Ipv6Addr::from_bits(six)),
        _ => IpAddr::V4(Ipv4Addr::from_bits(low32(four))),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
fn low32(value: u64) -> u32 {
    value as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
fn low16(value: u64) -> u16 {
    value as u16
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
fn low8(value: u64) -> u8 {
    value as u8
}
