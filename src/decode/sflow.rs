//! sFlow version 5 (sflow.org, "sFlow Version 5", July 2004).
//!
//! Each flow sample is one flow record of one packet; its five-tuple is read
//! from the sampled header, or from the sampled IPv4 or IPv6 record. Samples
//! say their own length; a wrong one costs that sample and not the datagram
//! (docs/exporters.md 20). sFlow tells no wall-clock time: a sample's time is when
//! we received it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::exporter::ExporterId;
use crate::model::flow::FlowRecord;
use crate::model::sampling::SamplingSource;

use super::cursor::{Cursor, Truncated};
use super::exporter::Rated;
use super::packet::{self, Link, Packet};
use super::problem::ProblemKind;
use super::record::{self, Oddities};
use super::sampling::RateField;
use super::session::{Place, Session};

/// Sample formats of enterprise 0 (§5.3): flow, counters, and both expanded;
/// 5 tells of a discarded packet (sFlow "Dropped Packet Notification").
mod sample {
    pub(super) const FLOW: u32 = 1;
    pub(super) const COUNTERS: u32 = 2;
    pub(super) const EXPANDED_FLOW: u32 = 3;
    pub(super) const EXPANDED_COUNTERS: u32 = 4;
    /// Highest format that is defined.
    pub(super) const LAST: u32 = 5;
}

/// Flow record formats of enterprise 0 (§5.3) that hold a five-tuple.
mod flow {
    pub(super) const RAW_HEADER: u32 = 1;
    pub(super) const ETHERNET: u32 = 2;
    pub(super) const IPV4: u32 = 3;
    pub(super) const IPV6: u32 = 4;
}

/// The datagram header (§5.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    agent: IpAddr,
    sub_agent: u32,
    sequence: u32,
    samples: u32,
}

/// Why a header is not read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BadHeader {
    Truncated(Truncated),
    AddressType { offset: usize, kind: u32 },
}

impl From<Truncated> for BadHeader {
    fn from(truncated: Truncated) -> Self {
        Self::Truncated(truncated)
    }
}

impl Header {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, BadHeader> {
        let _version = cursor.u32()?;
        let offset = cursor.offset();
        let agent = match cursor.u32()? {
            1 => IpAddr::from(cursor.array::<4>()?),
            2 => IpAddr::from(cursor.array::<16>()?),
            kind => return Err(BadHeader::AddressType { offset, kind }),
        };
        let sub_agent = cursor.u32()?;
        let sequence = cursor.u32()?;
        let _uptime = cursor.u32()?;
        Ok(Self { agent, sub_agent, sequence, samples: cursor.u32()? })
    }

    /// The agent and its sub-agent.
    pub(crate) fn exporter(&self) -> ExporterId {
        ExporterId::new(self.agent, self.sub_agent)
    }
}

/// Decodes a datagram after its header.
pub(crate) fn decode(session: &mut Session<'_>, header: &Header, mut cursor: Cursor<'_>) {
    let mut odd = Oddities::default();
    let mut present = 0_usize;
    let announced = usize::try_from(header.samples).unwrap_or(usize::MAX);
    while present < announced && cursor.left() > 0 {
        present += 1;
        if !one_sample(session, &mut cursor, &mut odd) {
            break;
        }
    }
    session.count_oddities(odd);
    if present < announced && cursor.left() == 0 {
        let kind = ProblemKind::MissingRecords { announced, present };
        session.reject(Place::at(cursor.offset()), kind);
    } else if cursor.rest().iter().any(|byte| *byte != 0) {
        let kind = ProblemKind::TrailingBytes(cursor.left());
        session.reject(Place::at(cursor.offset()), kind);
    }
    session.number(header.sequence, Some(1));
}

/// Reads the sample at the cursor and moves to the next; `false` when that
/// cannot be found.
fn one_sample(session: &mut Session<'_>, cursor: &mut Cursor<'_>, odd: &mut Oddities) -> bool {
    let place = Place::set(cursor.offset());
    let (Ok(format), Ok(length)) = (cursor.u32(), cursor.u32()) else {
        let kind = ProblemKind::Truncated { wanted: 8, left: cursor.left() };
        session.reject(place, kind);
        let _ = cursor.take(cursor.left());
        return false;
    };
    let announced = usize::try_from(length).unwrap_or(usize::MAX);
    let (enterprise, format) = (format >> 12, format & 0xfff);
    let expanded = matches!(format, sample::EXPANDED_FLOW | sample::EXPANDED_COUNTERS);
    match (enterprise, format) {
        (0, sample::FLOW | sample::EXPANDED_FLOW) => {
            let mut inside = *cursor;
            match flow_sample(&mut inside, expanded) {
                Ok(found) => {
                    let taken = cursor.left() - inside.left();
                    flow(session, found, odd);
                    return go_on(session, cursor, place, announced, Some(taken));
                }
                Err(truncated) => {
                    session.reject(place.inside(truncated.offset), truncated.into());
                    return go_on(session, cursor, place, announced, None);
                }
            }
        }
        (0, sample::COUNTERS | sample::EXPANDED_COUNTERS) => {
            let mut inside = *cursor;
            match counter_sample(&mut inside, expanded) {
                Ok(()) => {
                    session.out.counts.sflow_counter_samples += 1;
                    session.exporter.sflow_counter_samples += 1;
                    let taken = cursor.left() - inside.left();
                    return go_on(session, cursor, place, announced, Some(taken));
                }
                Err(truncated) => {
                    session.reject(place.inside(truncated.offset), truncated.into());
                }
            }
        }
        _ => session.out.counts.sflow_other_samples += 1,
    }
    go_on(session, cursor, place, announced, None)
}

/// Moves past a sample of which `taken` bytes were read. Where that is not the
/// announced length, the place at which another sample plausibly begins wins.
fn go_on(
    session: &mut Session<'_>,
    cursor: &mut Cursor<'_>,
    place: Place,
    announced: usize,
    taken: Option<usize>,
) -> bool {
    let step = match taken {
        Some(taken) if taken != announced => {
            session.out.counts.sflow_wrong_lengths += 1;
            session.note(place, ProblemKind::SampleLength { announced, taken });
            if begins_sample(cursor, announced) { announced } else { taken }
        }
        _ => announced,
    };
    if cursor.take(step).is_ok() {
        return true;
    }
    // A sample that was read needs no second complaint.
    if taken.is_none() {
        let kind = ProblemKind::SetCut { announced, present: cursor.left() };
        session.reject(place, kind);
    }
    let _ = cursor.take(cursor.left());
    false
}

/// Whether a sample, or the end, stands `ahead` bytes further on.
fn begins_sample(cursor: &Cursor<'_>, ahead: usize) -> bool {
    let mut there = *cursor;
    if there.take(ahead).is_err() {
        return false;
    }
    if there.left() == 0 {
        return true;
    }
    let (Ok(format), Ok(length)) = (there.u32(), there.u32()) else { return false };
    (1..=sample::LAST).contains(&(format & 0xfff))
        && usize::try_from(length).is_ok_and(|length| length <= there.left())
}

/// What a flow sample tells.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    rate: u32,
    packet: Option<Packet>,
    /// Length of the frame, if the sample tells one.
    frame: u64,
}

/// A flow sample's fields (§5.3 `flow_sample`, `flow_sample_expanded`).
fn flow_sample(cursor: &mut Cursor<'_>, expanded: bool) -> Result<Found, Truncated> {
    cursor.take(if expanded { 12 } else { 8 })?;
    let rate = cursor.u32()?;
    cursor.take(8)?;
    cursor.take(if expanded { 16 } else { 8 })?;
    let records = cursor.u32()?;
    let mut found = Found { rate, ..Found::default() };
    for _ in 0..records {
        let format = cursor.u32()?;
        let length = cursor.u32()?;
        let body = usize::try_from(length).unwrap_or(usize::MAX);
        let offset = cursor.offset();
        // XDR pads opaque data to four bytes; some agents forget to say so.
        let bytes = cursor.take(body)?;
        let mut inside = Cursor::new(bytes, offset);
        // A record that is cut inside leaves the sample and its neighbours good.
        let _ = match format {
            flow::RAW_HEADER => raw_header(&mut inside, &mut found),
            flow::ETHERNET => ethernet(&mut inside, &mut found),
            flow::IPV4 => sampled_ip(&mut inside, &mut found, false),
            flow::IPV6 => sampled_ip(&mut inside, &mut found, true),
            _ => Ok(()),
        };
    }
    Ok(found)
}

/// §5.3 `sampled_header`.
fn raw_header(cursor: &mut Cursor<'_>, found: &mut Found) -> Result<(), Truncated> {
    let protocol = cursor.u32()?;
    found.frame = u64::from(cursor.u32()?);
    let _stripped = cursor.u32()?;
    let length = usize::try_from(cursor.u32()?).unwrap_or(usize::MAX);
    let header = cursor.take(length.min(cursor.left()))?;
    let link = match protocol {
        1 => Link::Ethernet,
        11 => Link::Ipv4,
        12 => Link::Ipv6,
        13 => Link::Mpls,
        _ => return Ok(()),
    };
    found.packet = packet::parse(link, header).or(found.packet);
    Ok(())
}

/// §5.3 `sampled_ethernet`: it has no addresses that we read.
fn ethernet(cursor: &mut Cursor<'_>, found: &mut Found) -> Result<(), Truncated> {
    let length = u64::from(cursor.u32()?);
    if found.frame == 0 {
        found.frame = length;
    }
    Ok(())
}

/// §5.3 `sampled_ipv4` and `sampled_ipv6`.
fn sampled_ip(cursor: &mut Cursor<'_>, found: &mut Found, six: bool) -> Result<(), Truncated> {
    let bytes = u64::from(cursor.u32()?);
    let protocol = cursor.u32()?;
    let (source, destination) = if six {
        let pair = (cursor.array::<16>()?, cursor.array::<16>()?);
        (IpAddr::V6(Ipv6Addr::from(pair.0)), IpAddr::V6(Ipv6Addr::from(pair.1)))
    } else {
        let pair = (cursor.array::<4>()?, cursor.array::<4>()?);
        (IpAddr::V4(Ipv4Addr::from(pair.0)), IpAddr::V4(Ipv4Addr::from(pair.1)))
    };
    let source_port = cursor.u32()?;
    let destination_port = cursor.u32()?;
    let tcp_flags = cursor.u32()?;
    // The sampled header tells more, where there is one.
    found.packet.get_or_insert(Packet {
        source,
        destination,
        protocol: u8::try_from(protocol).unwrap_or(0),
        source_port: u16::try_from(source_port).unwrap_or(0),
        destination_port: u16::try_from(destination_port).unwrap_or(0),
        tcp_flags: u16::try_from(tcp_flags).unwrap_or(0),
        bytes,
    });
    Ok(())
}

/// A counter sample: only its frame is checked.
fn counter_sample(cursor: &mut Cursor<'_>, expanded: bool) -> Result<(), Truncated> {
    cursor.take(if expanded { 12 } else { 8 })?;
    let records = cursor.u32()?;
    for _ in 0..records {
        let _format = cursor.u32()?;
        let length = usize::try_from(cursor.u32()?).unwrap_or(usize::MAX);
        cursor.take(length)?;
    }
    Ok(())
}

/// Puts a flow sample out.
fn flow(session: &mut Session<'_>, found: Found, odd: &mut Oddities) {
    let rated = Rated::new(found.rate, SamplingSource::Header, RateField::Header)
        .or(session.exporter.sampling.configured);
    let at = session.datagram.received;
    let mut flow = FlowRecord {
        packets: 1,
        bytes: found.frame,
        start: at,
        end: at,
        sampling: rated.sampling,
        ..FlowRecord::EMPTY
    };
    if let Some(packet) = found.packet {
        flow.source = packet.source;
        flow.destination = packet.destination;
        flow.protocol = packet.protocol;
        flow.source_port = packet.source_port;
        flow.destination_port = packet.destination_port;
        flow.tcp_flags = packet.tcp_flags;
        // Bytes of the IP packet, as NetFlow counts them.
        if packet.bytes > 0 {
            flow.bytes = packet.bytes;
        }
    }
    record::settle(&mut flow, odd);
    session.out.flows.push(flow);
    session.out.counts.records_received += 1;
    session.out.counts.records_decoded += 1;
    session.out.counts.sflow_flow_samples += 1;
    session.exporter.sflow_flow_samples += 1;
    session.exporter.flow_records += 1;
    session.tally(rated, 1);
}
