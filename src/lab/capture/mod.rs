//! What a device did, from captures of it: names by DNS answers, by the server
//! names of TLS and QUIC and by the Host of HTTP, with the addresses, ports and
//! packets of each.
//!
//! The packets of a connection belong to the name that the device itself sent
//! with it, else to the name that was last answered for the server's address;
//! what nothing names is listed by address. Captures are read one after the
//! other, since addresses change hands between them. The device's own addresses
//! and those of its home are not kept.

mod flows;
mod hello;
mod names;
pub(super) mod packet;
mod quic;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

pub use packet::Mac;

use self::flows::{Ended, Flows, Key, Segment};
use self::names::Names;
use self::packet::{Content, Packet, Transport};
use crate::dns::answer::is_usable;
use crate::lab::traffic::{CaptureFacts, Contact, DeviceTraffic, Evidence, Hourly, Mode};
use crate::model::endpoint::Port;
use crate::model::flow::{TCP, UDP};
use crate::model::time::Timestamp;
use crate::receive::pcap::{CaptureProblem, frames};

/// Domains kept of a device.
const MOST_CONTACTS: usize = 20_000;
/// Addresses, aliases and ports kept of a domain.
const MOST_OF_A_CONTACT: usize = 1_000;
/// Own IPv6 networks remembered.
const MOST_NETWORKS: usize = 1_000;
/// Where name servers answer from (RFC 1035 §4.2.1).
const DNS: u16 = 53;

/// How the packets of a device are told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By its Ethernet address, whatever its IP addresses are.
    Mac(Mac),
    /// By its IP address, in captures without Ethernet addresses.
    Address(IpAddr),
}

/// What became of one capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureReport {
    /// Packets in the file.
    pub packets: u64,
    /// IP packets of the device.
    pub own: u64,
    /// Packets of the device, and messages to it, that could not be read.
    pub damaged: u64,
    /// Packets of a link layer that is not read.
    pub unread: u64,
    /// Connections cut in two because there were too many at a time.
    pub cut: u64,
    /// Names, addresses and ports for which there was no room.
    pub unkept: u64,
    /// Why the capture could not be read to its end.
    pub problem: Option<CaptureProblem>,
}

/// Gathers what one device did over several captures.
#[derive(Debug)]
pub struct Recorder {
    identity: Identity,
    captures: Vec<CaptureFacts>,
    contacts: BTreeMap<String, Gathered>,
}

/// What is known of one domain.
#[derive(Debug, Default)]
struct Gathered {
    learnt_by: BTreeSet<Evidence>,
    aliases: Vec<String>,
    addresses: BTreeSet<IpAddr>,
    ports: BTreeSet<Port>,
    packets: BTreeMap<Mode, u64>,
}

/// The reading of one capture.
#[derive(Default)]
struct Pass {
    report: CaptureReport,
    local: u64,
    times: Option<(Timestamp, Timestamp)>,
    names: Names,
    flows: Flows,
    /// The first halves of the device's public IPv6 addresses.
    networks: BTreeSet<u64>,
}

impl Recorder {
    /// Begins with nothing.
    pub fn new(identity: Identity) -> Self {
        Self { identity, captures: Vec::new(), contacts: BTreeMap::new() }
    }

    /// Reads the capture `bytes`, unpacked, in which the device was in `mode`.
    pub fn read(&mut self, name: &str, mode: Mode, bytes: &[u8]) -> CaptureReport {
        let mut pass = Pass::default();
        let mut ended = Vec::new();
        for frame in frames(bytes) {
            let frame = match frame {
                Ok(frame) => frame,
                Err(problem) => {
                    pass.report.problem = Some(problem);
                    break;
                }
            };
            pass.report.packets += 1;
            let (first, last) = pass.times.unwrap_or((frame.received, frame.received));
            pass.times = Some((first.min(frame.received), last.max(frame.received)));
            let seen = packet::read(&frame);
            let by_mac = |mac| match self.identity {
                Identity::Mac(own) => Some(own) == mac,
                Identity::Address(_) => false,
            };
            let by_address = |address| self.identity == Identity::Address(address);
            match &seen.content {
                Content::Ip(packet) => {
                    let sent = by_mac(seen.source) || by_address(packet.source);
                    if sent || by_mac(seen.destination) || by_address(packet.destination) {
                        pass.take(packet, sent, frame.received, &mut ended);
                        ended.drain(..).for_each(|flow| self.count(flow, mode, &mut pass.report));
                    }
                }
                Content::Unread => pass.report.unread += 1,
                Content::Damaged if by_mac(seen.source) || by_mac(seen.destination) => {
                    pass.report.damaged += 1;
                }
                Content::Damaged | Content::NotIp => {}
            }
        }
        pass.flows.finish(&mut ended);
        ended.drain(..).for_each(|flow| self.count(flow, mode, &mut pass.report));
        self.close(name, mode, pass)
    }

    /// Keeps what a capture told.
    fn close(&mut self, name: &str, mode: Mode, pass: Pass) -> CaptureReport {
        let Pass { mut report, local, times, names, flows, .. } = pass;
        report.cut = flows.cut;
        report.unkept += names.unkept;
        for (domain, told) in names.told {
            if told.addresses.is_empty() {
                continue;
            }
            let Some(contact) = self.contact(domain.as_str(), &mut report) else { continue };
            contact.learnt_by.insert(Evidence::Dns);
            for alias in told.aliases.iter().map(ToString::to_string) {
                if contact.aliases.len() < MOST_OF_A_CONTACT && !contact.aliases.contains(&alias) {
                    contact.aliases.push(alias);
                }
            }
            contact.add_addresses(told.addresses, &mut report);
        }
        let (start, end) = times.unwrap_or_default();
        self.captures.push(CaptureFacts {
            name: name.to_owned(),
            mode,
            start,
            seconds: end.since(start).as_secs_f64(),
            packets: report.own,
            local,
            damaged: report.damaged,
        });
        report
    }

    /// Counts a connection that has ended.
    fn count(&mut self, flow: Ended, mode: Mode, report: &mut CaptureReport) {
        let (domain, by) = match (flow.named, flow.answered) {
            (Some((name, by)), _) => (name.to_string(), Some(by)),
            (None, Some(name)) => (name.to_string(), Some(Evidence::Dns)),
            (None, None) => (flow.remote.to_string(), None),
        };
        let Some(contact) = self.contact(&domain, report) else { return };
        contact.learnt_by.extend(by);
        contact.add_addresses([flow.remote], report);
        *contact.packets.entry(mode).or_default() += flow.packets;
        if contact.ports.len() < MOST_OF_A_CONTACT {
            contact.ports.extend(flow.port);
        }
    }

    fn contact(&mut self, domain: &str, report: &mut CaptureReport) -> Option<&mut Gathered> {
        if self.contacts.len() >= MOST_CONTACTS && !self.contacts.contains_key(domain) {
            report.unkept += 1;
            return None;
        }
        Some(self.contacts.entry(domain.to_owned()).or_default())
    }

    /// What the device did in all captures.
    pub fn finish(self, device: &str, maker: &str, product: &str) -> DeviceTraffic {
        let hours = |mode| {
            let of_mode = self.captures.iter().filter(|capture| capture.mode == mode);
            of_mode.map(|capture| capture.seconds / 3_600.0).sum::<f64>()
        };
        let (idle, active) = (hours(Mode::Idle), hours(Mode::Active));
        let contacts = self.contacts.into_iter().map(|(domain, gathered)| {
            let packets = |mode| gathered.packets.get(&mode).copied().unwrap_or(0);
            Contact {
                domain,
                hours: Hourly {
                    idle: hourly(packets(Mode::Idle), idle),
                    active: hourly(packets(Mode::Active), active),
                },
                packets: gathered.packets.values().sum(),
                learnt_by: gathered.learnt_by.into_iter().collect(),
                aliases: gathered.aliases,
                addresses: gathered.addresses.into_iter().collect(),
                ports: gathered.ports.into_iter().collect(),
            }
        });
        DeviceTraffic {
            device: device.to_owned(),
            maker: maker.to_owned(),
            product: product.to_owned(),
            contacts: contacts.collect(),
            captures: self.captures,
        }
    }
}

/// Packets an hour, to a thousandth.
#[expect(clippy::cast_precision_loss, reason = "no capture has 2^53 packets")]
fn hourly(packets: u64, hours: f64) -> Option<f64> {
    (hours > 0.0).then(|| (packets as f64 / hours * 1_000.0).round() / 1_000.0)
}

impl Gathered {
    fn add_addresses(
        &mut self,
        addresses: impl IntoIterator<Item = IpAddr>,
        report: &mut CaptureReport,
    ) {
        for address in addresses {
            if self.addresses.len() < MOST_OF_A_CONTACT || self.addresses.contains(&address) {
                self.addresses.insert(address);
            } else {
                report.unkept += 1;
            }
        }
    }
}

impl Pass {
    /// Takes a packet of the device, which sent it or was sent it.
    fn take(&mut self, packet: &Packet<'_>, sent: bool, at: Timestamp, ended: &mut Vec<Ended>) {
        self.report.own += 1;
        let (own, remote) = match sent {
            true => (packet.source, packet.destination),
            false => (packet.destination, packet.source),
        };
        let mut segment =
            Segment { at, outgoing: sent, sequence: 0, syn: false, ack: false, payload: &[] };
        let (protocol, ports) = match packet.transport {
            Transport::Tcp { ports, sequence, syn, ack, payload } => {
                segment = Segment { sequence, syn, ack, payload, ..segment };
                (TCP, Some(ports))
            }
            Transport::Udp { ports, payload } => {
                segment.payload = payload;
                (UDP, Some(ports))
            }
            Transport::Other { protocol } => (protocol, None),
        };
        let (own_port, remote_port) = match ports {
            Some(ports) if sent => (ports.source, ports.destination),
            Some(ports) => (ports.destination, ports.source),
            None => (0, 0),
        };
        if protocol == UDP && remote_port == DNS && !sent && !self.names.take(segment.payload) {
            self.report.damaged += 1;
        }
        let local = self.is_local(own, remote);
        self.local += u64::from(local);
        // The home's own name server may answer over TCP.
        if local && !(protocol == TCP && remote_port == DNS) {
            return;
        }
        let key = Key { own, own_port, remote, remote_port, protocol, local };
        let mut answers = Vec::new();
        self.flows.take(key, &segment, self.names.last(remote), ended, &mut answers);
        for answer in answers {
            self.report.damaged += u64::from(!self.names.take(&answer));
        }
    }

    /// Whether `remote` is in the home: no address of the Internet, or one of
    /// the network in which the device has its own.
    fn is_local(&mut self, own: IpAddr, remote: IpAddr) -> bool {
        let network = |address: IpAddr| match address {
            IpAddr::V6(address) => u64::try_from(u128::from(address) >> 64).ok(),
            IpAddr::V4(_) => None,
        };
        if is_usable(own)
            && let Some(network) = network(own)
            && self.networks.len() < MOST_NETWORKS
        {
            self.networks.insert(network);
        }
        !is_usable(remote) || network(remote).is_some_and(|it| self.networks.contains(&it))
    }
}

impl fmt::Display for CaptureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packets, own, damaged, unread, cut, unkept, problem } = self;
        write!(f, "{packets} packets, {own} of the device, {damaged} damaged")?;
        if *unread > 0 {
            write!(f, ", {unread} of a link layer that is not read")?;
        }
        if *cut > 0 {
            write!(f, ", {cut} connections cut in two")?;
        }
        if *unkept > 0 {
            write!(f, ", {unkept} names or addresses without room")?;
        }
        problem.map_or(Ok(()), |problem| write!(f, "; {problem}"))
    }
}
