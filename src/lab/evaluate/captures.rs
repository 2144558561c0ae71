//! Captures of devices as a provider's router would have exported them: packet
//! by packet thinned, gathered into flows, written as IPFIX, and taken through
//! the chain.
//!
//! Every device is a line of its own and a run of its own, since captures come
//! from different days. Only packets between the device and a public server
//! count: what stays in the home passes no router. The device's own addresses
//! are replaced by documentation addresses, so nothing of them goes further.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ipnetwork::IpNetwork;

use super::chain::{Chain, Finished};
use super::sample::{Method, Sampler};
use super::score::TrueLine;
use super::view::Views;
use crate::decode::Datagram;
use crate::dns::answer::is_usable;
use crate::lab::capture::Identity;
use crate::lab::capture::packet::{Content, Transport, read};
use crate::model::flow::{FlowDirection, FlowRecord, TCP, UDP, tcp_flags};
use crate::model::line::RegionId;
use crate::model::sampling::{Sampling, SamplingSource};
use crate::model::time::{Day, Timestamp};
use crate::orient::reveal::line_named;
use crate::orient::{LineKey, LinePrefix, Prefixes};
use crate::receive::pcap::frames;
use crate::simulate::export::{Format, Router};
use crate::simulate::{ACTIVE, INACTIVE};

/// Pseudonyms are compared within a run only.
const KEY: LineKey = LineKey::new(*b"devices captured");
/// The line, in either family (RFC 2544, RFC 3849).
const LINE_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const LINE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const V6_LENGTH: u8 = 56;
const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// A datagram leaves at the latest this long after its first flow ended.
const FILL: Duration = Duration::from_secs(1);

/// A device with what is true of it and what it sent and received.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its name.
    pub name: Arc<str>,
    /// The classes it has, those above included.
    pub classes: Vec<Arc<str>>,
    /// Its packets to and from public servers, as one-packet flows.
    pub packets: Vec<FlowRecord>,
}

impl Device {
    /// The days on which it had a packet.
    pub fn days(&self) -> BTreeSet<Day> {
        self.packets.iter().map(|packet| packet.end.day()).collect()
    }
}

/// The device's packets in a capture, unpacked, by time.
pub fn packets(identity: Identity, capture: &[u8]) -> Vec<FlowRecord> {
    let mut packets = Vec::new();
    for frame in frames(capture) {
        let Ok(frame) = frame else { break };
        let seen = read(&frame);
        let Content::Ip(packet) = &seen.content else { continue };
        let is_own = |mac, address| match identity {
            Identity::Mac(own) => mac == Some(own),
            Identity::Address(own) => own == address,
        };
        let outbound = is_own(seen.source, packet.source);
        if !outbound && !is_own(seen.destination, packet.destination) {
            continue;
        }
        let server = if outbound { packet.destination } else { packet.source };
        if !is_usable(server) {
            continue;
        }
        let (protocol, source_port, destination_port, flags) = match &packet.transport {
            Transport::Tcp { ports, syn, ack, payload, .. } => {
                let flag = |set: bool, flag| if set { flag } else { 0 };
                let flags = flag(*syn, tcp_flags::SYN)
                    | flag(*ack, tcp_flags::ACK)
                    | flag(!payload.is_empty(), tcp_flags::PSH);
                (TCP, ports.source, ports.destination, flags)
            }
            Transport::Udp { ports, .. } => (UDP, ports.source, ports.destination, 0),
            Transport::Other { .. } => continue,
        };
        let line = if server.is_ipv4() { LINE_V4.into() } else { LINE_V6.into() };
        let (source, destination) = if outbound { (line, server) } else { (server, line) };
        packets.push(FlowRecord {
            source,
            destination,
            source_port,
            destination_port,
            protocol,
            tcp_flags: flags,
            packets: 1,
            bytes: frame.data.len() as u64,
            start: frame.received,
            end: frame.received,
            direction: FlowDirection::Unknown,
            ..FlowRecord::EMPTY
        });
    }
    packets.sort_by_key(|packet| packet.end);
    packets
}

/// Where the devices' lines are.
pub fn prefixes() -> Prefixes {
    let mut prefixes = Prefixes::default();
    for (address, bits, length) in
        [(IpAddr::V4(LINE_V4), 24, 32), (IpAddr::V6(LINE_V6), 48, V6_LENGTH)]
    {
        if let Ok(net) = IpNetwork::new(address, bits) {
            let net = IpNetwork::new(net.network(), bits).unwrap_or(net);
            prefixes.insert(net, LinePrefix { length, region: RegionId::default() });
        }
    }
    prefixes
}

/// The lines of a device: one, or one in each family that it speaks.
pub fn lines(device: &Device, prefixes: &Prefixes) -> Vec<TrueLine> {
    let speaks = |v6: bool| device.packets.iter().any(|packet| packet.source.is_ipv6() == v6);
    let both = speaks(true) && speaks(false);
    let of = |v6: bool| {
        let network = format!("{LINE_V6}/{V6_LENGTH}").replace("::1/", "::/");
        let text = if v6 { network } else { LINE_V4.to_string() };
        let name = if both && v6 {
            format!("{} (IPv6)", device.name).into()
        } else {
            Arc::clone(&device.name)
        };
        Some(TrueLine {
            id: line_named(&text, &KEY, prefixes)?,
            name,
            classes: device.classes.clone(),
        })
    };
    // A device without a packet is still a device that was not found.
    let families = [false, true].into_iter().filter(|v6| speaks(*v6) || (!v6 && !speaks(true)));
    families.filter_map(of).collect()
}

/// One run of a device through the chain; `stream` tells devices apart.
pub fn run(
    device: &Device,
    views: &Views,
    method: Method,
    sampling: NonZeroU32,
    seed: u64,
    stream: u64,
) -> Finished {
    let Some(first) = device.packets.first() else { return Finished::default() };
    let mut sampler = Sampler::new(method, sampling, seed, stream);
    let sampled = device.packets.iter().filter(|_| sampler.take());
    let flows = gather(sampled);
    let format = match method {
        Method::Random => Format::IpfixRandom,
        Method::Count => Format::IpfixInterval,
    };
    let mut router =
        Router::new(format, ROUTER, 1, sampling, first.end.minus(Duration::from_secs(86_400)));
    let mut chain = Chain::new(views, first.end, KEY);
    let mut payload = Vec::new();
    let mut waiting: Vec<FlowRecord> = Vec::new();
    let mut leaves = Timestamp::MAX;
    let mut send = |at: Timestamp, waiting: &mut Vec<FlowRecord>| {
        payload.clear();
        router.export(at, waiting, &mut payload);
        waiting.clear();
        chain.step(Datagram { source: ROUTER, source_port: 4739, received: at, payload: &payload });
    };
    for (due, mut flow) in flows {
        if !waiting.is_empty() && leaves <= due {
            send(leaves, &mut waiting);
        }
        if waiting.is_empty() {
            leaves = due.plus(FILL);
        }
        flow.sampling = Sampling::Known { rate: sampling, source: SamplingSource::Options };
        waiting.push(flow);
        if waiting.len() >= format.flows_a_datagram() {
            send(due, &mut waiting);
        }
    }
    if !waiting.is_empty() {
        send(leaves, &mut waiting);
    }
    chain.finish()
}

/// Packets of one five-tuple become one flow until they pause or it is old, as
/// in a router's cache; flows come in the order in which the cache lets go.
fn gather<'p>(packets: impl Iterator<Item = &'p FlowRecord>) -> Vec<(Timestamp, FlowRecord)> {
    let mut done = Vec::new();
    let mut cache: HashMap<(IpAddr, IpAddr, u16, u16, u8), FlowRecord> = HashMap::new();
    let due =
        |flow: &FlowRecord| flow.end.plus(INACTIVE).min(flow.start.plus(ACTIVE)).max(flow.end);
    for packet in packets {
        let key = (
            packet.source,
            packet.destination,
            packet.source_port,
            packet.destination_port,
            packet.protocol,
        );
        match cache.get_mut(&key) {
            Some(flow) if packet.end < due(flow) => {
                flow.packets += 1;
                flow.bytes += packet.bytes;
                flow.tcp_flags |= packet.tcp_flags;
                flow.end = packet.end;
            }
            Some(flow) => {
                done.push((due(flow), *flow));
                *flow = *packet;
            }
            None => {
                cache.insert(key, *packet);
            }
        }
    }
    done.extend(cache.into_values().map(|flow| (due(&flow), flow)));
    done.sort_by_key(|(due, flow)| {
        (*due, flow.start, flow.source, flow.source_port, flow.destination_port)
    });
    done
}
