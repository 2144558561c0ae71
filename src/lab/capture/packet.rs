//! One packet of a capture as the lab needs it: who sent it to whom, and its
//! payload.
//!
//! The headers are read by etherparse, which takes packets that were cut to
//! the snapshot length as far as they go.

use std::net::IpAddr;

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, LinkSlice, TransportSlice};
use pcap_file::DataLink;

use crate::receive::pcap::Frame;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// What a packet tells.
#[derive(Debug)]
pub(in crate::lab) struct Packet<'a> {
    pub(in crate::lab) source: IpAddr,
    pub(in crate::lab) destination: IpAddr,
    pub(in crate::lab) transport: Transport<'a>,
}

/// The transport of a packet.
#[derive(Debug)]
pub(in crate::lab) enum Transport<'a> {
    Tcp {
        ports: Ports,
        sequence: u32,
        syn: bool,
        ack: bool,
        payload: &'a [u8],
    },
    Udp {
        ports: Ports,
        payload: &'a [u8],
    },
    /// ICMP, a later fragment, or cut off before its ports.
    Other {
        protocol: u8,
    },
}

/// The ports of a packet.
#[derive(Clone, Copy, Debug)]
pub(in crate::lab) struct Ports {
    pub(in crate::lab) source: u16,
    pub(in crate::lab) destination: u16,
}

/// A packet with the Ethernet addresses, as far as its link layer has them.
#[derive(Debug)]
pub(in crate::lab) struct Seen<'a> {
    pub(in crate::lab) source: Option<Mac>,
    pub(in crate::lab) destination: Option<Mac>,
    pub(in crate::lab) content: Content<'a>,
}

/// What a frame holds.
#[derive(Debug)]
pub(in crate::lab) enum Content<'a> {
    Ip(Packet<'a>),
    /// ARP and the like.
    NotIp,
    /// Less than its headers promise.
    Damaged,
    /// A link layer that is not read.
    Unread,
}

/// Reads a frame.
pub(in crate::lab) fn read<'a>(frame: &'a Frame<'_>) -> Seen<'a> {
    let data: &[u8] = &frame.data;
    let (mut source, mut destination) = (None, None);
    let sliced = match frame.link {
        DataLink::ETHERNET => {
            let sliced = LaxSlicedPacket::from_ethernet(data).ok();
            if let Some(LinkSlice::Ethernet2(link)) =
                sliced.as_ref().and_then(|it| it.link.as_ref())
            {
                (source, destination) = (Some(link.source()), Some(link.destination()));
            }
            sliced
        }
        // Cooked captures have the address of the sender alone.
        DataLink::LINUX_SLL => {
            source = mac(data, 6);
            cooked(data, 14, 16)
        }
        DataLink::LINUX_SLL2 => {
            source = mac(data, 12);
            cooked(data, 0, 20)
        }
        DataLink::NULL | DataLink::LOOP => data.get(4..).and_then(bare),
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 | DataLink::Unknown(12 | 14) => bare(data),
        _ => return Seen { source, destination, content: Content::Unread },
    };
    let content = sliced.map_or(Content::Damaged, |sliced| content(&sliced));
    Seen { source, destination, content }
}

fn mac(data: &[u8], at: usize) -> Option<Mac> {
    data.get(at..)?.first_chunk().copied()
}

fn cooked(data: &[u8], kind: usize, header: usize) -> Option<LaxSlicedPacket<'_>> {
    let kind = u16::from_be_bytes(*data.get(kind..)?.first_chunk()?);
    Some(LaxSlicedPacket::from_ether_type(EtherType(kind), data.get(header..)?))
}

fn bare(data: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    LaxSlicedPacket::from_ip(data).ok()
}

fn content<'a>(sliced: &LaxSlicedPacket<'a>) -> Content<'a> {
    let (source, destination, protocol): (IpAddr, IpAddr, u8) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let protocol = ip.payload().ip_number.0;
            (header.source_addr().into(), header.destination_addr().into(), protocol)
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let protocol = ip.payload().ip_number.0;
            (header.source_addr().into(), header.destination_addr().into(), protocol)
        }
        _ if sliced.stop_err.is_some() => return Content::Damaged,
        _ => return Content::NotIp,
    };
    let transport = match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => Transport::Tcp {
            ports: Ports { source: tcp.source_port(), destination: tcp.destination_port() },
            sequence: tcp.sequence_number(),
            syn: tcp.syn(),
            ack: tcp.ack(),
            payload: tcp.payload(),
        },
        Some(TransportSlice::Udp(udp)) => Transport::Udp {
            ports: Ports { source: udp.source_port(), destination: udp.destination_port() },
            payload: udp.payload(),
        },
        _ => Transport::Other { protocol },
    };
    Content::Ip(Packet { source, destination, transport })
}
