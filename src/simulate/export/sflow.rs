//! sFlow v5: datagrams of flow samples, each with the first bytes of one
//! sampled Ethernet frame (sFlow version 5, July 2004, §5). There are no flow
//! times: a sample is as old as its datagram.

use std::net::IpAddr;
use std::num::NonZeroU32;

use super::{RouterClock, length16};
use crate::model::flow::{FlowRecord, TCP, UDP};

/// Bytes of the Ethernet frame around the IP packet: two addresses, the type
/// and the check sequence. The check sequence is stripped from the sample.
const ETHERNET: u32 = 18;
/// Bytes of the frame check sequence, which a sampled header leaves out.
const STRIPPED: u32 = 4;
/// Enterprise 0, format 1: a flow sample, and the raw packet header record.
const FORMAT_ONE: u32 = 1;

/// What a datagram says beside its samples.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Clock of the agent.
    pub clock: RouterClock,
    /// The agent's own address.
    pub agent: IpAddr,
    /// The sub-agent.
    pub sub_agent: u32,
    /// Datagrams sent before this one by the sub-agent.
    pub sequence: u32,
    /// Samples taken before this datagram by the one data source.
    pub samples: u32,
    /// One packet in this many was sampled.
    pub sampling: NonZeroU32,
}

/// Writes one datagram with one flow sample a flow: each stands for one
/// sampled packet of the flow's bytes.
pub fn encode(out: &mut Vec<u8>, header: &Header, flows: &[FlowRecord]) {
    let word = |out: &mut Vec<u8>, value: u32| out.extend_from_slice(&value.to_be_bytes());
    word(out, 5);
    match header.agent {
        IpAddr::V4(agent) => {
            word(out, 1);
            out.extend_from_slice(&agent.octets());
        }
        IpAddr::V6(agent) => {
            word(out, 2);
            out.extend_from_slice(&agent.octets());
        }
    }
    word(out, header.sub_agent);
    word(out, header.sequence);
    word(out, header.clock.uptime(header.clock.at));
    word(out, u32::from(length16(flows.len())));
    let mut taken = header.samples;
    for flow in flows {
        taken = taken.wrapping_add(1);
        let packet = packet(flow);
        let padded = packet.len().next_multiple_of(4);
        word(out, FORMAT_ONE);
        // Eight words, then one record of two words and its body.
        word(out, u32::from(length16(8 * 4 + 8 + 16 + padded)));
        word(out, taken);
        word(out, 3); // Source: interface with index 3.
        word(out, header.sampling.get());
        word(out, taken.wrapping_mul(header.sampling.get()));
        word(out, 0); // Drops.
        word(out, 3);
        word(out, 4);
        word(out, 1);
        word(out, FORMAT_ONE);
        word(out, u32::from(length16(16 + padded)));
        word(out, 1); // Ethernet.
        word(out, u32::try_from(flow.bytes).unwrap_or(u32::MAX).saturating_add(ETHERNET));
        word(out, STRIPPED);
        word(out, u32::from(length16(packet.len())));
        out.extend_from_slice(&packet);
        out.resize(out.len() + padded - packet.len(), 0);
    }
}

/// The first bytes of the frame: Ethernet, IP and the transport header.
fn packet(flow: &FlowRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    out.extend_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    let length = u16::try_from(flow.bytes).unwrap_or(u16::MAX);
    match (flow.source, flow.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            out.extend_from_slice(&[0x08, 0x00, 0x45, 0]);
            out.extend_from_slice(&length.to_be_bytes());
            // Identification, do not fragment, time to live, protocol, and a
            // checksum that samplers do not verify.
            out.extend_from_slice(&[0, 0, 0x40, 0, 64, flow.protocol, 0, 0]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        (source, destination) => {
            out.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
            out.extend_from_slice(&length.saturating_sub(40).to_be_bytes());
            out.extend_from_slice(&[flow.protocol, 64]);
            for address in [source, destination] {
                let v6 = match address {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                    IpAddr::V6(v6) => v6,
                };
                out.extend_from_slice(&v6.octets());
            }
        }
    }
    match flow.protocol {
        TCP => {
            out.extend_from_slice(&flow.source_port.to_be_bytes());
            out.extend_from_slice(&flow.destination_port.to_be_bytes());
            let [_, flags] = flow.tcp_flags.to_be_bytes();
            out.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        }
        UDP => {
            out.extend_from_slice(&flow.source_port.to_be_bytes());
            out.extend_from_slice(&flow.destination_port.to_be_bytes());
            let payload = length.saturating_sub(if flow.source.is_ipv4() { 20 } else { 40 });
            out.extend_from_slice(&payload.to_be_bytes());
            out.extend_from_slice(&[0, 0]);
        }
        _ => {}
    }
    out
}
