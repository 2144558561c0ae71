//! A front from memory on one core, beside `netflow_parser`, and the whole chain:
//! `cargo bench --bench front`, in records per second.
//!
//! `front` takes datagrams through decode, orient and attribute with a hitlist of
//! a million endpoints that one record in twenty hits; `netflow_parser` only
//! decodes the same datagrams. `decode` and `orient` tell what the parts of a
//! front cost. `chain` goes on to evidence in both windows, which are closed at
//! the end of each round; the lines are four million, more than any cache holds.
//! That a front allocates nothing is shown by `decode_allocations`.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]

#[path = "../tests/support/datagrams.rs"]
mod datagrams;
#[path = "support/world.rs"]
mod world;

use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use hayrake::decode::{Decoded, Decoder};
use hayrake::detect::Settings;
use hayrake::model::time::Timestamp;
use hayrake::orient::{LineKey, Orientation, orient};
use hayrake::pipeline::{Back, Front, FrontOutput};
use netflow_parser::NetflowParser;
use world::{RECORDS, World, received};

/// Datagrams of one iteration.
const BATCH: usize = 64;

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(1));

fn main() {
    divan::main();
}

/// Payloads in turn, so that their endpoints are in no cache.
fn batches() -> impl Iterator<Item = &'static [Vec<u8>]> {
    WORLD.payloads.chunks_exact(BATCH).cycle()
}

fn front() -> (Front, FrontOutput) {
    let mut front = Front::new(Decoder::default(), LineKey::new([7; 16]));
    let mut out = FrontOutput::default();
    front.step(received(&WORLD.template), &WORLD.view, &mut out);
    for payload in &WORLD.payloads {
        front.step(received(payload), &WORLD.view, &mut out);
    }
    let share = out.oriented.attributed as f64 / out.decoded.records_decoded as f64;
    assert!((0.04..0.06).contains(&share), "{share} of the records hit the hitlist");
    out.clear();
    (front, out)
}

#[divan::bench]
fn hayrake(bencher: Bencher<'_, '_>) {
    let (mut front, mut out) = front();
    let mut batches = batches();
    bencher.counter(ItemsCount::new(BATCH * RECORDS)).bench_local(|| {
        for payload in batches.next().unwrap() {
            front.step(received(black_box(payload)), &WORLD.view, &mut out);
        }
        black_box(&out.sightings);
        out.clear();
    });
}

#[divan::bench]
fn netflow_parser(bencher: Bencher<'_, '_>) {
    let mut parser = NetflowParser::default();
    assert!(parser.parse_bytes(&WORLD.template).error.is_none());
    let mut batches = batches();
    bencher.counter(ItemsCount::new(BATCH * RECORDS)).bench_local(|| {
        for payload in batches.next().unwrap() {
            black_box(&parser.parse_bytes(black_box(payload)).packets);
        }
    });
}

#[divan::bench]
fn part_decode(bencher: Bencher<'_, '_>) {
    let mut decoder = Decoder::default();
    let mut out = Decoded::default();
    decoder.decode(received(&WORLD.template), &mut out);
    let mut batches = batches();
    bencher.counter(ItemsCount::new(BATCH * RECORDS)).bench_local(|| {
        for payload in batches.next().unwrap() {
            decoder.decode(received(black_box(payload)), &mut out);
            black_box(&out.flows);
        }
    });
}

#[divan::bench]
fn part_orient_and_look_up(bencher: Bencher<'_, '_>) {
    let mut decoder = Decoder::default();
    let mut out = Decoded::default();
    decoder.decode(received(&WORLD.template), &mut out);
    let mut flows = Vec::new();
    for payload in &WORLD.payloads {
        decoder.decode(received(payload), &mut out);
        flows.extend(out.flows.iter().copied());
    }
    let mut batches = flows.chunks_exact(BATCH * RECORDS).cycle();
    bencher.counter(ItemsCount::new(BATCH * RECORDS)).bench_local(|| {
        let found = |flow| match orient(&WORLD.view.prefixes, flow) {
            Orientation::Line(side) => WORLD.view.hitlist.look_up(&side.endpoint, flow.end).count(),
            _ => 0,
        };
        black_box(batches.next().unwrap().iter().map(found).sum::<usize>())
    });
}

/// From datagrams to detections, the back on the same core: 196,608 records.
#[divan::bench(sample_count = 20)]
fn chain(bencher: Bencher<'_, '_>) {
    let (mut front, mut out) = front();
    let records = WORLD.payloads.len() * RECORDS;
    bencher.counter(ItemsCount::new(records)).bench_local(|| {
        let mut back = Back::new(Settings::default(), WORLD.view.rules.clone());
        for payload in &WORLD.payloads {
            front.step(received(payload), &WORLD.view, &mut out);
            back.take(&out.sightings, Timestamp::EPOCH);
            out.clear();
        }
        black_box(back.finish())
    });
}
