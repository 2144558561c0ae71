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

use std::ops::Range;
use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use hayrake::decode::{Apart, Decoded, Decoder};
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

/// Datagrams as a receiver leaves them: all in one buffer, and where each is.
struct Batch {
    bytes: Vec<u8>,
    datagrams: Vec<Range<usize>>,
}

static BATCHES: LazyLock<Vec<Batch>> = LazyLock::new(|| {
    let batch = |payloads: &[Vec<u8>]| {
        let mut end = 0;
        let place = |payload: &Vec<u8>| {
            end += payload.len();
            end - payload.len()..end
        };
        Batch { datagrams: payloads.iter().map(place).collect(), bytes: payloads.concat() }
    };
    WORLD.payloads.chunks_exact(BATCH).map(batch).collect()
});

/// A front and what a worker keeps for it.
struct Worker {
    front: Front,
    apart: Apart,
    out: FrontOutput,
}

impl Worker {
    fn new() -> Self {
        let mut front = Front::new(Decoder::default(), LineKey::new([7; 16]));
        let mut out = FrontOutput::default();
        front.step(received(&WORLD.template), &WORLD.view, &mut out);
        let mut worker = Self { front, apart: Apart::default(), out };
        BATCHES.iter().for_each(|batch| worker.step(batch));
        let out = &mut worker.out;
        let share = out.oriented.attributed as f64 / out.decoded.records_decoded as f64;
        assert!((0.04..0.06).contains(&share), "{share} of the records hit the hitlist");
        out.clear();
        worker
    }

    /// Takes a batch as a front worker of the service does.
    fn step(&mut self, batch: &Batch) {
        let Self { front, apart, out } = self;
        for place in &batch.datagrams {
            let datagram = received(&batch.bytes[place.clone()]);
            front.step_apart((datagram, place.start), apart, &WORLD.view, out);
        }
        front.finish(apart, &batch.bytes, &WORLD.view, out);
    }
}

/// Batches in turn, so that their endpoints are in no cache.
fn batches() -> impl Iterator<Item = &'static Batch> {
    BATCHES.iter().cycle()
}

#[divan::bench]
fn hayrake(bencher: Bencher<'_, '_>) {
    let mut worker = Worker::new();
    let mut batches = batches();
    bencher.counter(ItemsCount::new(BATCH * RECORDS)).bench_local(|| {
        worker.step(black_box(batches.next().unwrap()));
        black_box(&worker.out.sightings);
        worker.out.clear();
    });
}

#[divan::bench]
fn netflow_parser(bencher: Bencher<'_, '_>) {
    let mut parser = NetflowParser::default();
    assert!(parser.parse_bytes(&WORLD.template).error.is_none());
    let mut batches = batches();
    bencher.counter(ItemsCount::new(BATCH * RECORDS)).bench_local(|| {
        let Batch { bytes, datagrams } = batches.next().unwrap();
        for place in datagrams {
            black_box(&parser.parse_bytes(black_box(&bytes[place.clone()])).packets);
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
        let Batch { bytes, datagrams } = batches.next().unwrap();
        for place in datagrams {
            decoder.decode(received(black_box(&bytes[place.clone()])), &mut out);
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
    let (mut hashes, mut sides, mut places) = (Vec::new(), Vec::new(), Vec::new());
    bencher.counter(ItemsCount::new(BATCH * RECORDS)).bench_local(|| {
        let view = &WORLD.view;
        let mut found = 0;
        for some in batches.next().unwrap().chunks(8 * RECORDS) {
            hashes.clear();
            sides.clear();
            for flow in some {
                let (source, destination) = (flow.source, flow.destination);
                if let Orientation::Line(side) = orient(&view.prefixes, source, destination) {
                    hashes.push(view.hitlist.hash(side.server(source, destination)));
                    sides.push((side, flow));
                }
            }
            view.hitlist.sift(&hashes, &mut places);
            for (side, flow) in places.iter().map(|place| sides[*place]) {
                found += view.hitlist.look_up(&side.endpoint(flow), flow.end).count();
            }
        }
        black_box(found)
    });
}

/// From datagrams to detections, the back on the same core: 196,608 records.
#[divan::bench(sample_count = 20)]
fn chain(bencher: Bencher<'_, '_>) {
    let mut worker = Worker::new();
    let records = WORLD.payloads.len() * RECORDS;
    bencher.counter(ItemsCount::new(records)).bench_local(|| {
        let mut back = Back::new(Settings::default(), WORLD.view.rules.clone());
        for batch in &*BATCHES {
            worker.step(batch);
            back.take(&worker.out.sightings, Timestamp::EPOCH);
            worker.out.clear();
        }
        black_box(back.finish())
    });
}
