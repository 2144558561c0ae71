//! Our decoder and `netflow_parser` agree record by record on a generated
//! corpus: v5, v7, v9 and IPFIX with random templates and values, seeded.
//!
//! Fields are compared by the bytes that `netflow_parser` says it read, so that
//! neither side's idea of a type hides a difference.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/datagrams.rs"]
mod datagrams;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use datagrams::{Bench, Message, NOW, ipfix, v5_header, v9};
use hayrake::model::flow::FlowRecord;
use netflow_parser::variable_versions::field_value::FieldValue;
use netflow_parser::variable_versions::ipfix::lookup::IPFixField;
use netflow_parser::variable_versions::v9::lookup::V9Field;
use netflow_parser::variable_versions::{ipfix as theirs_ipfix, v9 as theirs_v9};
use netflow_parser::{NetflowPacket, NetflowParser};
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Datagrams of each format with templates.
const DATAGRAMS: u32 = 1_500;
/// Uptime of every test datagram's exporter (`support/datagrams.rs`).
const UPTIME: u32 = 3_600_000;

/// A record as bytes by field number, from `netflow_parser`.
type Theirs = Vec<(u16, Vec<u8>)>;

/// Fields of a random template: one kind of address, one kind of time, counters
/// of random width, and fields that we do not read, in random order. Uptimes
/// have an origin in v9 only.
fn fields(rng: &mut impl Rng, uptime: bool) -> Vec<(u16, u16)> {
    let mut fields = match rng.random_range(0..3) {
        0 => vec![(27, 16), (28, 16)],
        _ => vec![(8, 4), (12, 4)],
    };
    fields.extend([(7, 2), (11, 2), (4, 1), (6, *[1, 2].choose(rng).unwrap())]);
    fields.extend([2, 1].map(|counter| (counter, *[1, 2, 3, 4, 8].choose(rng).unwrap())));
    fields.extend(match rng.random_range(0..3) {
        0 if uptime => vec![(22, 4), (21, 4)],
        1 => vec![(152, 8), (153, 8)],
        _ => vec![(150, 4), (151, 4)],
    });
    let others =
        [(5, 1), (10, 4), (14, 2), (15, 4), (16, 4), (17, 2), (9, 1), (13, 1), (60, 1), (56, 6)];
    let how_many = rng.random_range(0..others.len());
    fields.extend(others.sample(rng, how_many).copied());
    fields.shuffle(rng);
    fields
}

/// A record of these fields: times near now, the rest anything.
fn record(rng: &mut impl Rng, fields: &[(u16, u16)]) -> Vec<u8> {
    let mut record = Vec::new();
    let ago = rng.random_range(0..100_000_u64);
    for (field, length) in fields {
        let ago = if matches!(field, 21 | 151 | 153) { ago / 2 } else { ago };
        match field {
            21 | 22 => record.extend((UPTIME - u32::try_from(ago).unwrap()).to_be_bytes()),
            150 | 151 => record.extend(u32::try_from(NOW - ago / 1_000).unwrap().to_be_bytes()),
            152 | 153 => record.extend((NOW * 1_000 - ago).to_be_bytes()),
            4 => record.push(*[1, 6, 17, 47, 58, 132].choose(rng).unwrap()),
            // Counters that are possible, whatever their width.
            1 => {
                let bytes = rng.random_range(0..60_000_u64).to_be_bytes();
                record.extend(&bytes[8 - usize::from(*length)..]);
            }
            2 => {
                let packets = rng.random_range(1..200_u64).to_be_bytes();
                record.extend(&packets[8 - usize::from(*length)..]);
            }
            _ => record.extend((0..*length).map(|_| rng.random::<u8>())),
        }
    }
    record
}

fn bytes_of(value: &FieldValue) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.write_be_bytes(&mut bytes).unwrap();
    bytes
}

/// The data records that `netflow_parser` finds.
fn parse(parser: &mut NetflowParser, payload: &[u8], ids: &[u16]) -> Vec<Theirs> {
    let result = parser.parse_bytes(payload);
    assert!(result.error.is_none(), "{:?}", result.error);
    let mut records = Vec::new();
    for packet in result.packets {
        match packet {
            NetflowPacket::V9(packet) => {
                for set in packet.flowsets {
                    if let theirs_v9::FlowSetBody::Data(data) = set.body {
                        records.extend(data.fields.iter().map(|record| {
                            let number = |field: &V9Field| {
                                *ids.iter().find(|id| V9Field::from(**id) == *field).unwrap()
                            };
                            record.iter().map(|(f, value)| (number(f), bytes_of(value))).collect()
                        }));
                    }
                }
            }
            NetflowPacket::IPFix(message) => {
                for set in message.flowsets {
                    if let theirs_ipfix::FlowSetBody::Data(data) = set.body {
                        records.extend(data.fields.iter().map(|record| {
                            let number = |field: &IPFixField| {
                                *ids.iter()
                                    .find(|id| IPFixField::new(**id, None) == *field)
                                    .unwrap()
                            };
                            record.iter().map(|(f, value)| (number(f), bytes_of(value))).collect()
                        }));
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    records
}

/// What their record says, in our shape, compared with ours.
fn compare(ours: &FlowRecord, theirs: &Theirs) {
    let bytes = |id: u16| theirs.iter().find(|field| field.0 == id).map(|field| &field.1);
    let number = |id: u16| {
        bytes(id).map(|bytes| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let address = |four: u16, six: u16| match (bytes(four), bytes(six)) {
        (Some(bytes), _) => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[..]).unwrap())),
        (_, Some(bytes)) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).unwrap())),
        _ => panic!("no address"),
    };
    assert_eq!(ours.source, address(8, 27));
    assert_eq!(ours.destination, address(12, 28));
    assert_eq!(u64::from(ours.protocol), number(4).unwrap());
    // By our rule ICMP has no ports, whatever the exporter put there.
    let ports = if matches!(ours.protocol, 1 | 2 | 58) {
        [0, 0]
    } else {
        [7, 11].map(|id| number(id).unwrap())
    };
    assert_eq!([ours.source_port, ours.destination_port].map(u64::from), ports);
    // Theirs keeps the nine bits that have names.
    assert_eq!(u64::from(ours.tcp_flags & 0x1ff), number(6).unwrap() & 0x1ff);
    assert_eq!(ours.packets, number(2).unwrap());
    assert_eq!(ours.bytes, number(1).unwrap());
    let millis = |uptime: u16, seconds: u16, millis: u16| {
        number(millis)
            .or(number(seconds).map(|seconds| seconds * 1_000))
            .or(number(uptime).map(|at| NOW * 1_000 + at - u64::from(UPTIME)))
            .unwrap()
    };
    assert_eq!(ours.end.as_millis(), millis(21, 151, 153));
    assert_eq!(ours.start.as_millis(), millis(22, 150, 152));
}

fn agree(start: fn() -> Message, uptime: bool, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut bench = Bench::new();
    let mut parser = NetflowParser::default();
    let mut templates: Vec<(u16, Vec<(u16, u16)>)> = Vec::new();
    let mut compared = 0;
    for sequence in 0..DATAGRAMS {
        let mut message = start().numbered(sequence);
        // A new or changed template now and then, repeated ones too.
        if templates.len() < 20 || rng.random_range(0..10) == 0 {
            let id = 256 + rng.random_range(0..40);
            templates.retain(|held| held.0 != id);
            templates.push((id, fields(&mut rng, uptime)));
            message = message.template(id, &templates.last().unwrap().1);
        }
        for _ in 0..rng.random_range(1..4) {
            let (id, fields) = templates.choose(&mut rng).unwrap();
            let mut records: Vec<_> =
                (0..rng.random_range(1..12)).map(|_| record(&mut rng, fields)).collect();
            let length: usize = records.iter().map(Vec::len).sum();
            if rng.random_range(0..2) == 0 {
                records.push(vec![0; length.next_multiple_of(4) - length]);
            }
            message = message.data(*id, &records);
        }
        // The header's Count of v9 is what `netflow_parser` goes by.
        message.count = u16::MAX;
        let payload = message.bytes();
        let ids: Vec<u16> =
            templates.iter().flat_map(|held| held.1.iter().map(|field| field.0)).collect();
        let theirs = parse(&mut parser, &payload, &ids);
        let ours = bench.feed(&payload);
        assert_eq!(ours.len(), theirs.len(), "datagram {sequence}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            compare(ours, theirs);
            compared += 1;
        }
    }
    assert!(compared > 10_000, "{compared}");
    assert_eq!(bench.total.datagrams_decoded, u64::from(DATAGRAMS));
}

#[test]
fn v9_agrees_record_by_record() {
    agree(v9, true, 9);
}

#[test]
fn ipfix_agrees_record_by_record() {
    agree(ipfix, false, 10);
}

#[test]
fn v5_and_v7_agree_record_by_record() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut bench = Bench::new();
    let mut parser = NetflowParser::default();
    for round in 0..500 {
        let version = if round % 2 == 0 { 5 } else { 7 };
        let count = rng.random_range(1..=if version == 5 { 30 } else { 28_u16 });
        let mut payload = v5_header(version, count, 0);
        payload.extend([0; 4]);
        for _ in 0..count {
            let mut record: Vec<u8> =
                (0..if version == 5 { 48 } else { 52 }).map(|_| rng.random()).collect();
            record[16..20].copy_from_slice(&rng.random_range(1..9_000_u32).to_be_bytes());
            record[20..24].copy_from_slice(&rng.random_range(1..60_000_u32).to_be_bytes());
            let ago = rng.random_range(2..90_000);
            record[24..28].copy_from_slice(&(UPTIME - ago).to_be_bytes());
            record[28..32].copy_from_slice(&(UPTIME - ago / 2).to_be_bytes());
            record[38] = *[1, 6, 17].choose(&mut rng).unwrap();
            payload.extend(record);
        }
        let ours = bench.feed(&payload);
        let mut result = parser.parse_bytes(&payload);
        assert!(result.error.is_none(), "v{version} {:?}", result.error);
        let packets = &mut result.packets;
        // The two have the same fields under different types.
        macro_rules! compare {
            ($packet:expr) => {{
                assert_eq!(ours.len(), $packet.flowsets.len());
                for (ours, theirs) in ours.iter().zip(&$packet.flowsets) {
                    assert_eq!(ours.source, IpAddr::V4(theirs.src_addr));
                    assert_eq!(ours.destination, IpAddr::V4(theirs.dst_addr));
                    assert_eq!(ours.protocol, theirs.protocol_number);
                    if ours.protocol != 1 {
                        assert_eq!(ours.source_port, theirs.src_port);
                        assert_eq!(ours.destination_port, theirs.dst_port);
                    }
                    assert_eq!(ours.tcp_flags, u16::from(theirs.tcp_flags));
                    assert_eq!(ours.packets, u64::from(theirs.d_pkts));
                    assert_eq!(ours.bytes, u64::from(theirs.d_octets));
                    let at = |uptime: u32| NOW * 1_000 - u64::from(UPTIME - uptime);
                    assert_eq!(ours.start.as_millis(), at(theirs.first));
                    assert_eq!(ours.end.as_millis(), at(theirs.last));
                }
            }};
        }
        match packets.pop() {
            Some(NetflowPacket::V5(packet)) => compare!(packet),
            Some(NetflowPacket::V7(packet)) => compare!(packet),
            other => panic!("{other:?}"),
        }
    }
    assert!(bench.total.records_decoded > 5_000);
}
