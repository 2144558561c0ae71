//! Decoding from memory beside `netflow_parser`, format by format, in records
//! per second: `cargo bench --bench decode`.
//!
//! Datagrams hold 24 records of a router's 20-field template (v5: 30 records,
//! sFlow: 10 samples); the template is known before. `netflow_parser` gives a
//! list of all fields, we give the fixed shape that the rest needs, so the
//! ratio is of what each has to do to get there.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]

#[path = "../tests/support/datagrams.rs"]
mod datagrams;

use datagrams::{Message, NOW, ROUTER, flow_sample, ipfix, ipv4_packet, raw_header, sflow, v5, v9};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use hayrake::decode::{Datagram, Decoded, Decoder};
use hayrake::model::time::Timestamp;
use netflow_parser::NetflowParser;

/// Records of a datagram with templates.
const RECORDS: usize = 24;
/// Datagrams fed in one iteration.
const BATCH: usize = 100;

fn main() {
    divan::main();
}

/// The template datagram and a data datagram.
fn router(start: fn() -> Message) -> (Vec<u8>, Vec<u8>) {
    let records: Vec<Vec<u8>> = (0..RECORDS as u64)
        .map(|number| {
            let mut record = vec![198, 51, 100, 7, 203, 0, 113, 9, 10, 0, 0, 1];
            record.extend([0, 0, 0, 1, 0, 0, 0, 2]);
            record.extend((number + 1).to_be_bytes());
            record.extend(((number + 1) * 700).to_be_bytes());
            record.extend((NOW * 1_000 - 4_000 - number).to_be_bytes());
            record.extend((NOW * 1_000 - number).to_be_bytes());
            record.extend([0x9c, 0x40, 0x01, 0xbb, 0x18, 6, 0]);
            record.extend([0, 0, 0xfd, 0xe8, 0, 0, 0xfd, 0xe9, 24, 24, 0, 1]);
            record
        })
        .collect();
    let options = start()
        .template(256, ROUTER)
        .options(300, 1, &[(1, 4), (48, 1), (50, 4)])
        .data(300, &[vec![0, 0, 0, 0, 1, 0, 0, 0x03, 0xe8]]);
    (options.bytes(), start().data(256, &records).bytes())
}

/// Feeds `payload` to our decoder again and again.
fn ours(bencher: Bencher<'_, '_>, first: &[u8], payload: &[u8], records: usize) {
    let mut decoder = Decoder::default();
    let mut out = Decoded::default();
    let datagram = |payload| Datagram {
        source: [192, 0, 2, 1].into(),
        source_port: 2_055,
        received: Timestamp::from_secs(NOW),
        payload,
    };
    if !first.is_empty() {
        decoder.decode(datagram(first), &mut out);
    }
    decoder.decode(datagram(payload), &mut out);
    assert_eq!(out.flows.len(), records);
    bencher.counter(ItemsCount::new(records * BATCH)).bench_local(|| {
        for _ in 0..BATCH {
            decoder.decode(datagram(black_box(payload)), &mut out);
            black_box(&out.flows);
        }
    });
}

/// Feeds `payload` to `netflow_parser` again and again.
fn theirs(bencher: Bencher<'_, '_>, first: &[u8], payload: &[u8], records: usize) {
    let mut parser = NetflowParser::default();
    if !first.is_empty() {
        assert!(parser.parse_bytes(first).error.is_none());
    }
    assert!(parser.parse_bytes(payload).error.is_none());
    bencher.counter(ItemsCount::new(records * BATCH)).bench_local(|| {
        for _ in 0..BATCH {
            let result = parser.parse_bytes(black_box(payload));
            black_box(&result.packets);
        }
    });
}

mod netflow5 {
    use super::*;

    #[divan::bench]
    fn hayrake(bencher: Bencher<'_, '_>) {
        ours(bencher, &[], &v5(30, 0x4064, 0), 30);
    }

    #[divan::bench]
    fn netflow_parser(bencher: Bencher<'_, '_>) {
        theirs(bencher, &[], &v5(30, 0x4064, 0), 30);
    }
}

mod netflow9 {
    use super::*;

    #[divan::bench]
    fn hayrake(bencher: Bencher<'_, '_>) {
        let (first, payload) = router(v9);
        ours(bencher, &first, &payload, RECORDS);
    }

    #[divan::bench]
    fn netflow_parser(bencher: Bencher<'_, '_>) {
        let (first, payload) = router(v9);
        theirs(bencher, &first, &payload, RECORDS);
    }
}

mod ipfix_20_fields {
    use super::*;

    #[divan::bench]
    fn hayrake(bencher: Bencher<'_, '_>) {
        let (first, payload) = router(ipfix);
        ours(bencher, &first, &payload, RECORDS);
    }

    #[divan::bench]
    fn netflow_parser(bencher: Bencher<'_, '_>) {
        let (first, payload) = router(ipfix);
        theirs(bencher, &first, &payload, RECORDS);
    }
}

mod sflow5 {
    use super::*;

    #[divan::bench]
    fn hayrake(bencher: Bencher<'_, '_>) {
        let mut frame = vec![2; 12];
        frame.extend([8, 0]);
        frame.extend(ipv4_packet());
        frame.resize(128, 0);
        let samples: Vec<_> =
            (0..10).map(|_| (1, flow_sample(1_000, &[raw_header(1, &frame)]))).collect();
        ours(bencher, &[], &sflow(1, &samples), 10);
    }
}
