//! One record's bytes to one flow record.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::flow::{Counters, FlowDirection, FlowRecord};
use crate::model::sampling::Sampling;

use super::layout::Layout;
use super::time::{Clock, Times};

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

/// The flow record in `window`, its sampling not yet known.
#[inline]
pub(crate) fn read(
    window: &[u8],
    layout: &Layout,
    clock: &Clock,
    odd: &mut Oddities,
) -> FlowRecord {
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
    let at = times(window, layout, clock);
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

/// Brings a record whose fields are filled in to the common shape: no ports
/// where the protocol has none, no counter beyond what is possible.
#[inline]
pub(crate) fn settle(flow: &mut FlowRecord, odd: &mut Oddities) {
    if has_no_ports(flow.protocol) {
        flow.source_port = 0;
        flow.destination_port = 0;
    }
    let most = match flow.packets {
        0 => MOST_BYTES,
        packets => packets.saturating_mul(LARGEST_PACKET).min(MOST_BYTES),
    };
    if flow.packets > MOST_PACKETS || flow.bytes > most {
        flow.packets = flow.packets.min(MOST_PACKETS);
        flow.bytes = flow.bytes.min(most);
        odd.implausible_counters += 1;
    }
    if flow.source.is_unspecified() && flow.destination.is_unspecified() {
        odd.without_addresses += 1;
    }
}

/// ICMP, IGMP and ICMPv6: exporters put type and code where ports would be.
fn has_no_ports(protocol: u8) -> bool {
    matches!(protocol, 1 | 2 | 58)
}

#[inline]
fn times(window: &[u8], layout: &Layout, clock: &Clock) -> Times {
    let start = (layout.start_encoding, layout.start.read(window));
    let end = (layout.end_encoding, layout.end.read(window));
    if layout.system_init.is_present() {
        let init = layout.system_init.read(window);
        return clock.with_start_of_exporter(init).times(start, end);
    }
    clock.times(start, end)
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
