//! NetFlow v5: a 24-byte header and up to 30 records of 48 bytes, as Cisco's
//! "NetFlow Export Datagram Format" gives them; v7 shares the record's first 40
//! bytes.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::exporter::ExporterId;
use crate::model::flow::FlowRecord;
use crate::model::sampling::SamplingSource;
use crate::model::time::Timestamp;

use super::cursor::{Cursor, Truncated};
use super::exporter::Rated;
use super::fields::TimeEncoding;
use super::problem::ProblemKind;
use super::record::{self, Oddities};
use super::sampling::RateField;
use super::session::{Place, Session};
use super::time::Clock;

/// Length of a record.
const RECORD: usize = 48;
/// The sampling rate in the header's last two bytes; the two bits above are
/// the mode.
const RATE_BITS: u16 = 0x3fff;

/// The header of v5 and, with other last bytes, of v7.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) count: u16,
    uptime: u32,
    pub(crate) seconds: u32,
    nanoseconds: u32,
    pub(crate) sequence: u32,
    engine: u16,
    sampling: u16,
}

impl Header {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Truncated> {
        let _version = cursor.u16()?;
        Ok(Self {
            count: cursor.u16()?,
            uptime: cursor.u32()?,
            seconds: cursor.u32()?,
            nanoseconds: cursor.u32()?,
            sequence: cursor.u32()?,
            engine: cursor.u16()?,
            sampling: cursor.u16()?,
        })
    }

    /// The exporter of a v5 datagram; its domain is engine type and id.
    pub(crate) fn exporter(&self, address: IpAddr) -> ExporterId {
        ExporterId::new(address, u32::from(self.engine))
    }

    pub(crate) fn export(&self) -> Timestamp {
        let millis = u64::from(self.seconds) * 1_000 + u64::from(self.nanoseconds) / 1_000_000;
        Timestamp::from_millis(millis)
    }
}

/// Decodes a datagram after its header.
pub(crate) fn decode(session: &mut Session<'_>, header: &Header, cursor: Cursor<'_>) {
    let rate = u32::from(header.sampling & RATE_BITS);
    let rated = Rated::new(rate, SamplingSource::Header, RateField::Header);
    records::<RECORD>(session, header, rated.or(session.exporter.sampling.configured), cursor);
}

/// Decodes records of `LENGTH` bytes, as v5 and v7 have them.
pub(crate) fn records<const LENGTH: usize>(
    session: &mut Session<'_>,
    header: &Header,
    rated: Rated,
    mut cursor: Cursor<'_>,
) {
    let clock = session.clock(header.export(), Some(header.uptime));
    let announced = usize::from(header.count);
    let present = cursor.left() / LENGTH;
    let mut odd = Oddities::default();
    let mut decoded = 0_u64;
    for _ in 0..announced.min(present) {
        let Ok(bytes) = cursor.array::<LENGTH>() else { break };
        session.out.counts.records_received += 1;
        let mut flow = record(&bytes, &clock, &mut odd);
        flow.sampling = rated.sampling;
        session.out.flows.push(flow);
        decoded += 1;
    }
    session.out.counts.records_decoded += decoded;
    if clock.is_shifted() {
        session.out.counts.skewed_records += decoded;
    }
    session.exporter.flow_records += decoded;
    session.tally(rated, decoded);
    session.count_oddities(odd);
    if announced > present {
        session
            .reject(Place::at(cursor.offset()), ProblemKind::MissingRecords { announced, present });
    } else if cursor.rest().iter().any(|byte| *byte != 0) {
        let kind = ProblemKind::TrailingBytes(cursor.left());
        session.reject(Place::at(cursor.offset()), kind);
    }
    // The numbers go by what the header says, whether or not it all came.
    session.number(header.sequence, Some(u32::from(header.count)));
}

/// One record; the bytes after the fortieth are not read.
fn record(bytes: &[u8], clock: &Clock, odd: &mut Oddities) -> FlowRecord {
    let word = |at: usize| {
        bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |four| u32::from_be_bytes(*four))
    };
    let half = |at: usize| {
        bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |two| u16::from_be_bytes(*two))
    };
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let times = clock.times(
        (TimeEncoding::Uptime, u64::from(word(24))),
        (TimeEncoding::Uptime, u64::from(word(28))),
    );
    odd.implausible_time += u64::from(times.implausible);
    let mut flow = FlowRecord {
        source: IpAddr::V4(Ipv4Addr::from_bits(word(0))),
        destination: IpAddr::V4(Ipv4Addr::from_bits(word(4))),
        packets: u64::from(word(16)),
        bytes: u64::from(word(20)),
        start: times.start,
        end: times.end,
        source_port: half(32),
        destination_port: half(34),
        tcp_flags: u16::from(byte(37)),
        protocol: byte(38),
        ..FlowRecord::EMPTY
    };
    record::settle(&mut flow, odd);
    flow
}
