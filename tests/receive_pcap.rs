//! Captures of every link layer, and captures that are damaged.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use hayrake::receive::pcap::{CaptureProblemKind, datagrams, is_capture};

const PAYLOAD: &[u8] = b"flow export";

/// An IPv4 UDP packet with [`PAYLOAD`] and these fragment bits.
fn ipv4(fragment: u16) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 39, 0, 0];
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9]);
    bytes.extend(udp());
    bytes
}

fn ipv6() -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0, 0, 27, 0, 64];
    bytes.extend("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
    bytes.extend("2001:db8::2".parse::<std::net::Ipv6Addr>().unwrap().octets());
    // A hop-by-hop header before the UDP header.
    bytes.extend([17, 0, 1, 4, 0, 0, 0, 0]);
    bytes.extend(udp());
    bytes
}

fn udp() -> Vec<u8> {
    [&[0x08, 0x07, 0x12, 0x83, 0, 19, 0, 0], PAYLOAD].concat()
}

fn pcap(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let words = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>();
    let mut bytes = words(&[0xa1b2_c3d4, 0x0002_0004, 0, 0, 200, link]);
    for packet in packets {
        let length = u32::try_from(packet.len()).unwrap();
        bytes.extend(words(&[1_795_255_200, 250_000, length, length]));
        bytes.extend(packet);
    }
    bytes
}

#[test]
fn every_link_layer_leads_to_the_datagram() {
    let behind = |head: &[u8], packet: Vec<u8>| [head, &packet].concat();
    let mut vlan = vec![2; 12];
    vlan.extend([0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x08, 0]);
    let mut ethernet6 = vec![2; 12];
    ethernet6.extend([0x86, 0xdd]);
    let mut cooked = vec![0; 14];
    cooked.extend([0x08, 0]);
    let mut cooked2 = vec![0x08, 0];
    cooked2.extend([0; 18]);
    for (link, packet) in [
        (1, behind(&vlan, ipv4(0))),
        (1, behind(&ethernet6, ipv6())),
        (113, behind(&cooked, ipv4(0x4000))),
        (276, behind(&cooked2, ipv4(0))),
        (101, ipv4(0)),
        (101, ipv6()),
        (228, ipv4(0)),
        (0, behind(&[2, 0, 0, 0], ipv4(0))),
        (108, behind(&[0, 0, 0, 2], ipv4(0))),
    ] {
        let capture = pcap(link, &[packet]);
        assert!(is_capture(&capture));
        let found: Vec<_> = datagrams(&capture).collect::<Result<_, _>>().unwrap();
        assert_eq!(found.len(), 1, "link type {link}");
        assert_eq!(&*found[0].payload, PAYLOAD, "link type {link}");
        assert_eq!((found[0].source_port, found[0].destination_port), (2_055, 4_739));
        assert_eq!(found[0].received.to_string(), "2026-11-21T10:00:00.25Z");
        let source = found[0].source.to_string();
        assert!(source == "192.0.2.1" || source == "2001:db8::1", "{source}");
    }
}

#[test]
fn fragments_and_other_packets_are_counted() {
    let mut tcp = ipv4(0);
    tcp[9] = 6;
    let capture = pcap(101, &[ipv4(0x2000), ipv4(0x0010), tcp, vec![0x45], ipv4(0)]);
    let mut found = datagrams(&capture);
    assert_eq!(found.by_ref().filter(Result::is_ok).count(), 1);
    assert_eq!((found.skipped().fragments, found.skipped().others), (2, 2));
}

#[test]
fn a_packet_cut_to_the_snapshot_length_gives_what_there_is() {
    let mut capture = pcap(101, &[ipv4(0)[..34].to_vec()]);
    // The original length is above the snapshot length.
    capture[36..40].copy_from_slice(&9_000_u32.to_be_bytes());
    let found: Vec<_> = datagrams(&capture).collect::<Result<_, _>>().unwrap();
    assert_eq!(&*found[0].payload, &PAYLOAD[..6]);
}

#[test]
fn a_damaged_capture_gives_what_stands_before_and_names_the_place() {
    let whole = pcap(101, &[ipv4(0), ipv4(0)]);
    let cut = &whole[..whole.len() - 5];
    let results: Vec<_> = datagrams(cut).collect();
    assert_eq!(results.len(), 2);
    assert!(results[0].is_ok());
    let problem = results[1].as_ref().unwrap_err();
    assert_eq!(problem.to_string(), "packet 2 at byte 79: the file is cut off here");
    let text = datagrams(b"not a capture at all").next().unwrap().unwrap_err().to_string();
    assert_eq!(text, "packet 0 at byte 0: not a capture, allowed: pcap and pcapng");
    let bluetooth = pcap(254, &[ipv4(0)]);
    let problem = datagrams(&bluetooth).next().unwrap().unwrap_err();
    assert_eq!(problem.kind, CaptureProblemKind::LinkType(254));
    assert_eq!(datagrams(&bluetooth).count(), 1, "and then it ends");
}

/// A pcapng capture of raw IPv4 whose times count in `resolution`.
fn pcapng(resolution: Option<u8>, ticks: u64) -> Vec<u8> {
    let words = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>();
    let mut bytes = words(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    let options = match resolution {
        None => Vec::new(),
        // if_tsresol and the end of options.
        Some(resolution) => [&[9, 0, 1, 0, resolution, 0, 0, 0], &[0; 4][..]].concat(),
    };
    let length = u32::try_from(20 + options.len()).unwrap();
    bytes.extend(words(&[1, length, 101, 65_535]));
    bytes.extend(options);
    bytes.extend(words(&[length]));
    let mut packet = ipv4(0);
    let captured = u32::try_from(packet.len()).unwrap();
    packet.resize(packet.len().next_multiple_of(4), 0);
    let length = u32::try_from(packet.len()).unwrap() + 32;
    let (high, low) =
        (u32::try_from(ticks >> 32).unwrap(), u32::try_from(ticks & 0xffff_ffff).unwrap());
    bytes.extend(words(&[6, length, 0, high, low, captured, captured]));
    bytes.extend(packet);
    bytes.extend(words(&[length]));
    bytes
}

#[test]
fn pcapng_times_count_in_their_interfaces_unit() {
    let seconds = 1_795_255_200_u64;
    for (resolution, ticks) in [
        (None, seconds * 1_000_000),
        (Some(6), seconds * 1_000_000),
        (Some(9), seconds * 1_000_000_000),
        (Some(3), seconds * 1_000),
        (Some(0x80 | 20), seconds << 20),
    ] {
        let capture = pcapng(resolution, ticks);
        let found: Vec<_> = datagrams(&capture).collect::<Result<_, _>>().unwrap();
        assert_eq!(found[0].received.as_secs(), seconds, "{resolution:?}");
        assert_eq!(&*found[0].payload, PAYLOAD);
    }
}
