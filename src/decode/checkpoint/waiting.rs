//! Data sets that wait for a template, as the bytes that are sealed: some at a
//! time, whole datagrams, in the order in which they came.
//!
//! ```text
//! sets, each: 1 byte flags, and if it is no more of the datagram before:
//!     address, port, received (ms), 1 byte how the rest of the datagram ended
//!   domain, protocol, template, export time (ms), uptime (ms) if the flags say so,
//!   offset, length, bytes
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::read::Reader;
use super::write::code;
use super::{CheckpointError, FORMAT, PROTOCOLS, Restored};
use crate::bytes::{Input, put_number};
use crate::decode::Decoder;
use crate::decode::counts::{DecodeCounts, Outcome};
use crate::decode::layout::LEAD;
use crate::decode::queue::{LIFETIME, Waiting, WaitingQueue};
use crate::decode::time::Clock;
use crate::model::exporter::ExporterId;
use crate::model::time::Timestamp;

/// Bytes sealed at once, and the rest of the last one's datagram.
const ENOUGH: usize = 1 << 16;
/// Most bytes of a UDP datagram.
const MOST_BYTES: usize = 1 << 16;
/// Longest seal: a datagram holds at most 16,384 sets, of which each takes 55
/// bytes beside its own.
pub(super) const LONGEST: usize = 1 << 20;

/// Flag of a set: its header tells an uptime.
const UPTIME: u8 = 1;
/// Flag of a set: it came in the datagram of the set before.
const SAME_DATAGRAM: u8 = 2;
/// Flag of a set: its exporter has an IPv6 address.
const V6: u8 = 4;

/// In the order of their numbers.
const OUTCOMES: [Outcome; 3] = [Outcome::Decoded, Outcome::UnknownTemplate, Outcome::Rejected];

/// Some of the sets that wait.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) sets: u64,
    pub(super) datagrams: u64,
    /// The place of the next one.
    pub(super) next: u64,
}

/// What a seal holds beside its bytes, and that cannot be changed without
/// breaking it.
pub(super) fn context(sets: u64, datagrams: u64) -> Vec<u8> {
    let mut context = b"data sets that wait".to_vec();
    context.extend(FORMAT.to_le_bytes());
    put_number(&mut context, sets);
    put_number(&mut context, datagrams);
    context
}

/// The first of those that wait in these places.
pub(super) fn gather(queue: &WaitingQueue, places: Range<u64>) -> Chunk {
    let mut chunk = Chunk { bytes: Vec::new(), sets: 0, datagrams: 0, next: places.end };
    let mut before = None;
    for (place, set, outcome) in queue.waiting(places) {
        let same = before.replace(set.datagram) == Some(set.datagram);
        if !same && chunk.bytes.len() >= ENOUGH {
            chunk.next = place;
            break;
        }
        chunk.sets += 1;
        chunk.datagrams += u64::from(!same);
        put_set(&mut chunk.bytes, set, (!same).then_some(outcome));
    }
    chunk
}

/// `outcome` is that of its datagram, when it is the first one of it.
fn put_set(into: &mut Vec<u8>, set: &Waiting, outcome: Option<Outcome>) {
    let (export, uptime) = set.clock.told();
    let mut flags = if uptime.is_some() { UPTIME } else { 0 };
    if outcome.is_none() {
        flags |= SAME_DATAGRAM;
    }
    if set.exporter.address.is_ipv6() {
        flags |= V6;
    }
    into.push(flags);
    if let Some(outcome) = outcome {
        match set.exporter.address {
            IpAddr::V4(v4) => into.extend(v4.octets()),
            IpAddr::V6(v6) => into.extend(v6.octets()),
        }
        put_number(into, set.port.into());
        put_number(into, set.received.as_millis());
        into.push(code(&outcome, &OUTCOMES));
    }
    put_number(into, set.exporter.domain.into());
    into.push(code(&set.protocol, &PROTOCOLS));
    put_number(into, set.template.into());
    put_number(into, export.as_millis());
    if let Some(uptime) = uptime {
        put_number(into, uptime.into());
    }
    put_number(into, set.offset as u64);
    let body = set.bytes.get(set.body..).unwrap_or_default();
    put_number(into, body.len() as u64);
    into.extend_from_slice(body);
}

/// The datagram of which sets are being read.
#[derive(Clone, Copy)]
struct Begun {
    address: IpAddr,
    port: u16,
    received: Timestamp,
    outcome: Outcome,
    /// Which decoder has it.
    decoder: usize,
}

/// Lets sets wait that were opened, of so many datagrams. What there is no room
/// for any more goes, the oldest first.
pub(super) fn restore(
    opened: &[u8],
    said: (u64, u64),
    now: Timestamp,
    (decoders, owner): (&mut [Decoder], &impl Fn(IpAddr) -> usize),
    counts: &mut DecodeCounts,
) -> Result<(), CheckpointError> {
    let mut reader = Reader { input: Input::new(opened), now, restored: Restored::default() };
    let mut begun: Option<Begun> = None;
    let mut found = (0, 0);
    while !reader.input.is_at_end()? {
        let flags = reader.input.byte()?;
        if flags & !(UPTIME | SAME_DATAGRAM | V6) != 0 {
            return reader.input.damaged(format!("flags {flags:#04x} of a set"));
        }
        let mut datagram = match begun {
            Some(datagram) if flags & SAME_DATAGRAM != 0 => datagram,
            before => {
                end(before, decoders, counts);
                found.1 += 1;
                reader.datagram(flags & V6 != 0, owner)?
            }
        };
        let Some(decoder) = decoders.get_mut(datagram.decoder) else {
            return reader.input.damaged("an exporter without a decoder");
        };
        if flags & SAME_DATAGRAM == 0 || begun.is_none() {
            decoder.serial += 1;
        }
        found.0 += 1;
        let set = reader.set(&datagram, flags & UPTIME != 0, decoder)?;
        if now.since(set.received) > LIFETIME {
            counts.sets_expired += 1;
            counts.records_unknown_template += 1;
            datagram.outcome = datagram.outcome.max(Outcome::UnknownTemplate);
        } else {
            decoder.queue.push(set, counts);
        }
        begun = Some(datagram);
    }
    end(begun, decoders, counts);
    if found != said {
        let what = format!("{found:?} sets and datagrams were found, and {said:?} were written");
        return reader.input.damaged(what);
    }
    Ok(())
}

fn end(begun: Option<Begun>, decoders: &mut [Decoder], counts: &mut DecodeCounts) {
    if let Some(Begun { decoder, outcome, .. }) = begun
        && let Some(decoder) = decoders.get_mut(decoder)
    {
        decoder.queue.close(decoder.serial, outcome, counts);
    }
}

impl Reader<&[u8]> {
    fn datagram(
        &mut self,
        is_v6: bool,
        owner: &impl Fn(IpAddr) -> usize,
    ) -> Result<Begun, CheckpointError> {
        let address: IpAddr = if is_v6 {
            Ipv6Addr::from(self.input.array::<16>()?).into()
        } else {
            Ipv4Addr::from(self.input.array::<4>()?).into()
        };
        if address.to_canonical() != address {
            return self.input.damaged("an IPv4 address written as IPv6");
        }
        let (port, received) = (self.input.small("a port")?, self.time()?);
        let outcome = self.one_of(&OUTCOMES, "an outcome")?;
        Ok(Begun { address, port, received, outcome, decoder: owner(address) })
    }

    fn set(
        &mut self,
        datagram: &Begun,
        has_uptime: bool,
        decoder: &Decoder,
    ) -> Result<Waiting, CheckpointError> {
        let exporter = ExporterId::new(datagram.address, self.input.small("a domain")?);
        let protocol = self.one_of(&PROTOCOLS, "a protocol")?;
        let template = self.input.small("a template")?;
        let export = self.instant()?;
        let uptime = if has_uptime { Some(self.input.small("an uptime")?) } else { None };
        let offset = self.input.below(MOST_BYTES, "an offset")?;
        let length = self.input.below(MOST_BYTES, "a set of length")?;
        let mut bytes = vec![0; LEAD + length];
        self.input.exact(bytes.get_mut(LEAD..).unwrap_or_default())?;
        let received = datagram.received;
        Ok(Waiting {
            exporter,
            protocol,
            port: datagram.port,
            template,
            datagram: decoder.serial,
            received,
            clock: Clock::new(received, export, uptime, decoder.settings.max_skew),
            offset,
            bytes: bytes.into_boxed_slice(),
            body: LEAD,
        })
    }
}
