//! Information elements (IANA IPFIX registry; the low numbers are also the
//! NetFlow v9 field types of RFC 3954 §8) and how a flow's values are written
//! in them.
//!
//! Every value is an unsigned big-endian number in as many bytes as the
//! template says, addresses included: an IPv4 address is 4 bytes of a number.
//! That makes reduced-size encoding (RFC 7011 §6.2) the same code. A number
//! that does not fit is written as the largest that does.

use std::net::IpAddr;

use super::RouterClock;
use crate::model::flow::{FlowDirection, FlowRecord};

/// One field of a template: which element and in how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The element's number.
    pub id: u16,
    /// Bytes it takes, 65535 for variable length (RFC 7011 §7).
    pub length: u16,
    /// The enterprise that defines it, if it is none of IANA's.
    pub enterprise: Option<u32>,
}

/// The template length that announces a variable-length value.
pub const VARIABLE: u16 = 65_535;

/// An element of IANA's in `length` bytes.
pub const fn field(id: u16, length: u16) -> Field {
    Field { id, length, enterprise: None }
}

/// A template: its id and its fields in order.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// 256 or more.
    pub id: u16,
    /// The fields of a record, in order.
    pub fields: &'a [Field],
}

/// Element numbers by name, where code outside a template needs them.
pub mod id {
    /// samplingInterval (v9 SAMPLING_INTERVAL).
    pub const SAMPLING_INTERVAL: u16 = 34;
    /// samplingAlgorithm.
    pub const SAMPLING_ALGORITHM: u16 = 35;
    /// samplerId (v9 FLOW_SAMPLER_ID).
    pub const SAMPLER_ID: u16 = 48;
    /// samplerMode.
    pub const SAMPLER_MODE: u16 = 49;
    /// samplerRandomInterval.
    pub const SAMPLER_RANDOM_INTERVAL: u16 = 50;
    /// observationDomainId.
    pub const OBSERVATION_DOMAIN: u16 = 149;
    /// selectorId.
    pub const SELECTOR_ID: u16 = 302;
    /// selectorAlgorithm: 1 systematic count, 3 random n out of N.
    pub const SELECTOR_ALGORITHM: u16 = 304;
    /// samplingPacketInterval: packets taken in a row.
    pub const PACKET_INTERVAL: u16 = 305;
    /// samplingPacketSpace: packets left out between.
    pub const PACKET_SPACE: u16 = 306;
    /// samplingSize: n of n-out-of-N.
    pub const SAMPLING_SIZE: u16 = 309;
    /// samplingPopulation: N of n-out-of-N.
    pub const SAMPLING_POPULATION: u16 = 310;
}

/// A record's value of `field`, zero for elements that a flow has nothing for
/// (interfaces, AS numbers, masks, next hops).
fn value(field: Field, flow: &FlowRecord, clock: &RouterClock, sampler: u32) -> u128 {
    if field.enterprise.is_some() {
        return 0;
    }
    match field.id {
        1 | 85 => flow.bytes.into(),
        2 | 86 => flow.packets.into(),
        4 => flow.protocol.into(),
        6 => flow.tcp_flags.into(),
        7 => flow.source_port.into(),
        8 | 27 => number(flow.source),
        10 | 14 => 1,
        11 => flow.destination_port.into(),
        12 | 28 => number(flow.destination),
        21 => clock.uptime(flow.end).into(),
        22 => clock.uptime(flow.start).into(),
        34 | 305 => flow.sampling.rate().map_or(0, |rate| rate.get().into()),
        48 | 302 => sampler.into(),
        60 => {
            if flow.source.is_ipv4() {
                4
            } else {
                6
            }
        }
        61 => u128::from(flow.direction == FlowDirection::Egress),
        150 => flow.start.as_secs().into(),
        151 => flow.end.as_secs().into(),
        152 => flow.start.as_millis().into(),
        153 => flow.end.as_millis().into(),
        158 => delta_micros(clock, flow.start.as_millis()),
        159 => delta_micros(clock, flow.end.as_millis()),
        160 => clock.boot.as_millis().into(),
        _ => 0,
    }
}

/// Microseconds by which `millis` lies before the datagram's time.
fn delta_micros(clock: &RouterClock, millis: u64) -> u128 {
    u128::from(clock.at.as_secs().saturating_mul(1_000).saturating_sub(millis)) * 1_000
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Appends `value` in `length` bytes, or the largest value that fits.
pub fn write_number(out: &mut Vec<u8>, value: u128, length: u16) {
    let length = usize::from(length).min(16);
    let fits = length == 16 || value >> (8 * length) == 0;
    let bytes = if fits { value } else { u128::MAX }.to_be_bytes();
    out.extend_from_slice(bytes.get(16 - length..).unwrap_or(&[]));
}

/// Appends one data record of `fields`; `sampler` is the id that joins it to
/// the options record with its rate.
pub fn write_record(
    out: &mut Vec<u8>,
    fields: &[Field],
    flow: &FlowRecord,
    clock: &RouterClock,
    sampler: u32,
) {
    for field in fields {
        if field.length == VARIABLE {
            // The only variable-length element in our templates is a name.
            let name = b"xe-0/0/1";
            out.push(8);
            out.extend_from_slice(name);
        } else {
            write_number(out, value(*field, flow, clock, sampler), field.length);
        }
    }
}
