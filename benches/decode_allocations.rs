//! Allocations of decoding and of a whole front in steady state, which should
//! be none: `cargo bench --bench decode_allocations`. A bench of its own,
//! because counting them costs time.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]

#[path = "../tests/support/datagrams.rs"]
mod datagrams;
#[path = "support/world.rs"]
mod world;

use datagrams::{
    FIVE_TUPLE, five_tuple, flow_sample, ipfix, ipv4_packet, raw_header, sflow, v5, v9,
};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use hayrake::decode::{Datagram, Decoded, Decoder};
use hayrake::model::time::Timestamp;
use hayrake::orient::LineKey;
use hayrake::pipeline::{Front, FrontOutput};
use world::{RECORDS, World, received};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Data sets of fixed and of variable length, which were seen before.
fn payload(name: &str) -> (Vec<u8>, Vec<u8>) {
    let records: Vec<_> = (1..25).map(five_tuple).collect();
    let fixed = |start: datagrams::Message| {
        (start.clone().template(256, FIVE_TUPLE).bytes(), start.data(256, &records).bytes())
    };
    match name {
        "v5" => (Vec::new(), v5(30, 0, 0)),
        "v9" => fixed(v9()),
        "ipfix" => fixed(ipfix()),
        "ipfix variable" => {
            let named = [&[198, 51, 100, 7, 3][..], b"dns", &[203, 0, 113, 9]].concat();
            let fields = [(8, 4), (96, 65_535), (12, 4)];
            (ipfix().template(256, &fields).bytes(), ipfix().data(256, &vec![named; 24]).bytes())
        }
        _ => {
            let sample = flow_sample(1_000, &[raw_header(11, &ipv4_packet())]);
            (Vec::new(), sflow(1, &vec![(1, sample); 10]))
        }
    }
}

#[divan::bench(args = ["v5", "v9", "ipfix", "ipfix variable", "sflow"])]
fn decode(bencher: Bencher<'_, '_>, name: &str) {
    let (first, payload) = payload(name);
    let mut decoder = Decoder::default();
    let mut out = Decoded::default();
    let datagram = |payload| Datagram {
        source: [192, 0, 2, 1].into(),
        source_port: 2_055,
        received: Timestamp::from_secs(datagrams::NOW),
        payload,
    };
    if !first.is_empty() {
        decoder.decode(datagram(&first), &mut out);
    }
    decoder.decode(datagram(&payload), &mut out);
    let records = out.flows.len();
    assert!(records > 0);
    bencher.counter(ItemsCount::new(records)).bench_local(|| {
        decoder.decode(datagram(black_box(&payload)), &mut out);
        black_box(&out.flows);
    });
}

/// A datagram through decode, orient and attribute.
#[divan::bench]
fn front(bencher: Bencher<'_, '_>) {
    let world = World::new(1);
    let mut front = Front::new(Decoder::default(), LineKey::new([7; 16]));
    let mut out = FrontOutput::default();
    front.step(received(&world.template), &world.view, &mut out);
    world.payloads.iter().for_each(|payload| front.step(received(payload), &world.view, &mut out));
    out.clear();
    let mut payloads = world.payloads.iter().cycle();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        front.step(received(black_box(payloads.next().unwrap())), &world.view, &mut out);
        black_box(&out.sightings);
        out.clear();
    });
}
