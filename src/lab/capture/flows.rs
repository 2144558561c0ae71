//! The connections of a device: packets are counted per connection, and the
//! connection is given a name when it ends.
//!
//! A server name that the client itself sent wins, since several names may
//! share an address; else it is the name last answered for the server's address
//! when the connection began.

use std::net::IpAddr;
use std::time::Duration;

use hashbrown::HashMap;

use super::hello::{self, Said};
use super::quic::Connection;
use super::stream::Beginning;
use crate::lab::traffic::Evidence;
use crate::model::domain::DomainName;
use crate::model::endpoint::Port;
use crate::model::flow::{TCP, UDP};
use crate::model::time::Timestamp;

/// Connections followed at a time: with what is kept of each, 128 MiB.
const MOST_FLOWS: usize = 4_096;
/// A connection that was quiet for so long has ended; the timeout of common
/// home routers for UDP is shorter.
const QUIET: Duration = Duration::from_secs(300);
/// Where name servers answer (RFC 1035 §4.2).
const DNS: u16 = 53;

/// What tells one connection from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) own: IpAddr,
    pub(super) own_port: u16,
    pub(super) remote: IpAddr,
    pub(super) remote_port: u16,
    pub(super) protocol: u8,
    /// Inside the home, and read only for what a name server says.
    pub(super) local: bool,
}

/// One packet of a connection.
pub(super) struct Segment<'a> {
    pub(super) at: Timestamp,
    /// Whether the device sent it.
    pub(super) outgoing: bool,
    /// TCP's sequence number.
    pub(super) sequence: u32,
    /// TCP's SYN: who has no ACK with it is the client.
    pub(super) syn: bool,
    /// TCP's ACK.
    pub(super) ack: bool,
    pub(super) payload: &'a [u8],
}

/// A connection that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) remote: IpAddr,
    /// The service, if the device called it.
    pub(super) port: Option<Port>,
    pub(super) packets: u64,
    /// What the client called the server.
    pub(super) named: Option<(DomainName, Evidence)>,
    /// The name last answered for the server when it began.
    pub(super) answered: Option<DomainName>,
}

/// The connections that have not ended.
#[derive(Default)]
pub(super) struct Flows {
    open: HashMap<Key, Flow>,
    /// Connections cut in two because there were too many.
    pub(super) cut: u64,
}

struct Flow {
    last: Timestamp,
    called: bool,
    packets: u64,
    named: Option<(DomainName, Evidence)>,
    answered: Option<DomainName>,
    reading: Reading,
}

/// What is read of the payload.
enum Reading {
    Nothing,
    /// The client's bytes; sequence number of the first, once it is known.
    Client(Option<u32>, Beginning),
    /// A name server's bytes, and how many of them were taken.
    Answers(Option<u32>, Beginning, usize),
    Quic(Box<Connection>),
}

impl Flows {
    /// Counts a packet. Connections that it ends go to `ended`, bytes of a name
    /// server to `answers`.
    pub(super) fn take(
        &mut self,
        key: Key,
        segment: &Segment<'_>,
        answered: Option<&DomainName>,
        ended: &mut Vec<Ended>,
        answers: &mut Vec<Vec<u8>>,
    ) {
        let anew = self.open.get(&key).is_some_and(|flow| {
            let reopened = segment.syn && !segment.ack && flow.has_payload();
            reopened || segment.at.since(flow.last) > QUIET
        });
        if anew && let Some(flow) = self.open.remove(&key) {
            ended.extend(flow.end(key));
        }
        if self.open.len() >= MOST_FLOWS && !self.open.contains_key(&key) {
            self.make_room(segment.at, ended);
        }
        let flow = self.open.entry(key).or_insert_with(|| Flow::new(key, segment, answered));
        flow.last = flow.last.max(segment.at);
        flow.packets += 1;
        flow.read(segment, answers);
    }

    /// Ends what was quiet, and everything if that makes too little room: else a
    /// flood would have all connections looked through for every packet.
    fn make_room(&mut self, now: Timestamp, ended: &mut Vec<Ended>) {
        let mut over: Vec<(Key, Flow)> =
            self.open.extract_if(|_, flow| now.since(flow.last) > QUIET).collect();
        if over.len() < MOST_FLOWS / 4 {
            self.cut += self.open.len() as u64;
            over.extend(self.open.drain());
        }
        ended.extend(over.into_iter().filter_map(|(key, flow)| flow.end(key)));
    }

    /// Ends all.
    pub(super) fn finish(&mut self, ended: &mut Vec<Ended>) {
        ended.extend(self.open.drain().filter_map(|(key, flow)| flow.end(key)));
    }
}

impl Flow {
    fn new(key: Key, segment: &Segment<'_>, answered: Option<&DomainName>) -> Self {
        let reading = match (key.protocol, key.remote_port) {
            (TCP, DNS) => Reading::Answers(None, Beginning::default(), 0),
            (TCP, _) => Reading::Client(None, Beginning::default()),
            (UDP, DNS) => Reading::Nothing,
            (UDP, _) => Reading::Quic(Box::default()),
            _ => Reading::Nothing,
        };
        // A connection whose beginning is not in the capture is called by the
        // side that has no service's port.
        let called = match (key.protocol, segment.syn) {
            (TCP, true) => segment.outgoing != segment.ack,
            (TCP, false) => key.remote_port < key.own_port,
            _ => segment.outgoing || key.remote_port < key.own_port,
        };
        Self {
            last: segment.at,
            called,
            packets: 0,
            named: None,
            answered: answered.cloned(),
            reading,
        }
    }

    /// Whether anything but the opening was seen.
    fn has_payload(&self) -> bool {
        match &self.reading {
            Reading::Client(_, beginning) | Reading::Answers(_, beginning, _) => {
                !beginning.bytes().is_empty()
            }
            Reading::Nothing => true,
            Reading::Quic(_) => false,
        }
    }

    fn read(&mut self, segment: &Segment<'_>, answers: &mut Vec<Vec<u8>>) {
        let said = match &mut self.reading {
            Reading::Nothing => return,
            Reading::Client(first, beginning) if segment.outgoing => {
                gather(first, beginning, segment);
                match hello::read(beginning.bytes()) {
                    Said::TooLittle if beginning.is_full() => Said::Nothing,
                    said => said,
                }
            }
            Reading::Answers(first, beginning, taken) if !segment.outgoing => {
                gather(first, beginning, segment);
                messages(beginning.bytes(), taken, answers);
                return;
            }
            Reading::Quic(connection) if segment.outgoing => connection.take(segment.payload),
            _ => return,
        };
        match said {
            Said::TooLittle => return,
            Said::Nothing => {}
            Said::Name(name, by) => self.named = Some((name, by)),
        }
        self.reading = Reading::Nothing;
    }

    fn end(self, key: Key) -> Option<Ended> {
        let port = (self.called && key.remote_port != 0 && matches!(key.protocol, TCP | UDP))
            .then_some(Port { number: key.remote_port, protocol: key.protocol });
        let Self { packets, named, answered, .. } = self;
        (!key.local).then_some(Ended { remote: key.remote, port, packets, named, answered })
    }
}

/// The messages after the first `taken` bytes of what a name server said over
/// TCP, each behind its length (RFC 1035 §4.2.2).
fn messages(bytes: &[u8], taken: &mut usize, answers: &mut Vec<Vec<u8>>) {
    while let Some((length, after)) = bytes.get(*taken..).and_then(<[u8]>::split_first_chunk::<2>) {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(message) = after.get(..length) else { break };
        answers.push(message.to_vec());
        *taken += 2 + length;
    }
}

/// Puts the payload where its sequence number says. Numbers wrap (RFC 9293
/// §3.4), and what lies before the first byte is a repetition.
fn gather(first: &mut Option<u32>, beginning: &mut Beginning, segment: &Segment<'_>) {
    if segment.syn {
        *first = Some(segment.sequence.wrapping_add(1));
        return;
    }
    if segment.payload.is_empty() {
        return;
    }
    let offset = segment.sequence.wrapping_sub(*first.get_or_insert(segment.sequence));
    if let Ok(offset) = usize::try_from(offset) {
        beginning.take(offset, segment.payload);
    }
}
