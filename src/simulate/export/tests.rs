//! The datagrams are walked here as the RFCs lay them out, with nothing of the
//! encoders but their output; `simulate/tests.rs` decodes them.

use super::*;
use crate::model::flow::{TCP, UDP};
use crate::model::sampling::{Sampling, SamplingSource};

const START: u64 = 1_767_571_200;

fn at(second: u64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

fn flow(source: &str, destination: &str, protocol: u8) -> FlowRecord {
    FlowRecord {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        source_port: 40_000,
        destination_port: 443,
        protocol,
        packets: 3,
        bytes: 420,
        start: at(10),
        end: at(20),
        sampling: Sampling::new(100, SamplingSource::Record),
        ..FlowRecord::EMPTY
    }
}

fn flows() -> [FlowRecord; 3] {
    [
        flow("198.18.0.1", "198.19.0.1", TCP),
        flow("2001:db8::1", "3fff::1", UDP),
        flow("198.19.0.1", "198.18.0.2", UDP),
    ]
}

fn router(format: Format) -> Router {
    Router::new(format, "192.0.2.1".parse().unwrap(), 7, 100.try_into().unwrap(), at(0))
}

fn exported(router: &mut Router, second: u64) -> Vec<u8> {
    let mut out = Vec::new();
    router.export(at(second), &flows(), &mut out);
    out
}

fn word16(bytes: &[u8], place: usize) -> usize {
    usize::from(u16::from_be_bytes(bytes[place..place + 2].try_into().unwrap()))
}

fn word32(bytes: &[u8], place: usize) -> u32 {
    u32::from_be_bytes(bytes[place..place + 4].try_into().unwrap())
}

/// The ids of the sets after a header, whose lengths must fill the datagram.
fn sets(bytes: &[u8], header: usize) -> Vec<usize> {
    let mut ids = Vec::new();
    let mut place = header;
    while place < bytes.len() {
        ids.push(word16(bytes, place));
        let length = word16(bytes, place + 2);
        assert!(length > 4, "a set has something in it");
        place += length;
    }
    assert_eq!(place, bytes.len());
    ids
}

#[test]
fn version_5_holds_the_ipv4_flows_and_counts_them() {
    let mut router = router(Format::Netflow5);
    let first = exported(&mut router, 30);
    assert_eq!((word16(&first, 0), word16(&first, 2)), (5, 2));
    assert_eq!(first.len(), 24 + 2 * 48);
    assert_eq!(word16(&first, 22), 0x4000 | 100);
    assert_eq!(word32(&first, 4), 30_000, "uptime in milliseconds");
    assert_eq!(word32(&first, 24 + 24), 10_000, "uptime at the flow's start");
    let second = exported(&mut router, 31);
    assert_eq!((word32(&first, 16), word32(&second, 16)), (0, 2));
}

#[test]
fn version_9_repeats_its_templates_and_counts_datagrams() {
    for format in [Format::Netflow9Sampler, Format::Netflow9System] {
        let mut router = router(format);
        let first = exported(&mut router, 30);
        assert_eq!(sets(&first, 20), [0, 1, 512, 256, 257]);
        assert_eq!(word16(&first, 2), 2 + 1 + 1 + 3, "templates and records are counted");
        let second = exported(&mut router, 31);
        assert_eq!(sets(&second, 20), [256, 257]);
        assert_eq!((word32(&first, 12), word32(&second, 12)), (0, 1));
        assert_eq!(sets(&exported(&mut router, 330), 20), [0, 1, 512, 256, 257]);
    }
}

#[test]
fn ipfix_tells_its_length_and_counts_records() {
    for format in [Format::IpfixInterval, Format::IpfixRandom] {
        let mut router = router(format);
        let first = exported(&mut router, 30);
        assert_eq!(sets(&first, 16), [2, 3, 512, 256, 257]);
        assert_eq!(word16(&first, 2), first.len());
        let second = exported(&mut router, 31);
        assert_eq!(word32(&second, 8), 1 + 3, "an options record and three flows came before");
        assert_eq!(sets(&second, 16), [256, 257]);
    }
}

#[test]
fn sflow_samples_fill_the_datagram() {
    let mut router = router(Format::Sflow);
    let first = exported(&mut router, 30);
    assert_eq!((word32(&first, 0), word32(&first, 24)), (5, 3));
    let mut place = 28;
    for flow in flows() {
        assert_eq!(word32(&first, place), 1);
        assert_eq!(word32(&first, place + 16), 100, "the sampling rate");
        let header = word32(&first, place + 60) as usize;
        let ethernet = &first[place + 64..place + 64 + header];
        let kind = if flow.source.is_ipv4() { 0x0800 } else { 0x86dd };
        assert_eq!(word16(ethernet, 12), kind);
        place += 8 + word32(&first, place + 4) as usize;
    }
    assert_eq!(place, first.len());
    assert_eq!(word32(&exported(&mut router, 31), 16), 1, "datagrams are counted");
}

#[test]
fn a_full_datagram_fits_an_ethernet_frame_with_templates_too() {
    let six = flow("2001:db8::1", "3fff::1", TCP);
    let four = flow("198.18.0.1", "198.19.0.1", TCP);
    for format in [
        Format::Netflow5,
        Format::Netflow9Sampler,
        Format::Netflow9System,
        Format::IpfixInterval,
        Format::IpfixRandom,
        Format::Sflow,
    ] {
        for flow in [four, six] {
            let mut out = Vec::new();
            let flows = vec![flow; format.flows_a_datagram()];
            router(format).export(at(30), &flows, &mut out);
            assert!(out.len() + 28 <= 1_500, "{format:?}: {}", out.len());
        }
    }
}

#[test]
fn a_number_too_large_for_its_field_is_written_as_the_largest() {
    let mut out = Vec::new();
    element::write_number(&mut out, 0x1_0000, 2);
    element::write_number(&mut out, 0xabcd, 2);
    element::write_number(&mut out, 7, 4);
    assert_eq!(out, [0xff, 0xff, 0xab, 0xcd, 0, 0, 0, 7]);
}

#[test]
fn an_uptime_wraps_after_seven_weeks() {
    let clock = RouterClock { at: at(1 << 23), boot: at(0) };
    assert_eq!(clock.uptime(at(0)), 0);
    let wrapped = Timestamp::from_millis(at(0).as_millis() + (1 << 32) + 5);
    assert_eq!(clock.uptime(wrapped), 5);
}
