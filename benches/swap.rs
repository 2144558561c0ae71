//! Whether swapping the view stalls the front: `cargo bench --bench swap`.
//!
//! One thread takes batches of 64 datagrams, 24 records of a router's 20-field
//! template each, through decode, orient and attribute, with a view of a
//! million endpoints that one record in twenty hits. It looks for a new view
//! before each batch, as a front worker does. The other core is idle, or makes
//! a new hitlist of a million endpoints and puts it in force, again and again,
//! or does other work of that kind without putting it in force, which tells
//! the cost of a busy neighbour from the cost of the swap. The three take turns
//! in rounds, so that whatever else the machine does meets all.
//!
//! Printed: the time that batches took (median, p99, p99.9, worst) beside each,
//! on the wall and by the thread's own clock, and the ratio of the p99 with
//! swaps to that without. The thread's clock counts what a swap costs the
//! thread, page faults, cold caches and freeing included, and leaves out what
//! other programs take from its core; on an idle machine both agree.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]
#![allow(clippy::print_stdout, reason = "figures are printed")]
#![allow(clippy::disallowed_methods, reason = "a benchmark has threads and reads the clock")]

#[path = "../tests/support/datagrams.rs"]
mod datagrams;
#[path = "support/world.rs"]
mod world;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hayrake::attribute::Hitlist;
use hayrake::decode::Decoder;
use hayrake::orient::LineKey;
use hayrake::pipeline::{Front, FrontOutput, View};
use hayrake::service::handover::Handover;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use world::{DATAGRAMS, ENDPOINTS, RECORDS, World, entries, received};

/// Datagrams of a batch, as the receivers make them.
const BATCH: usize = 64;
/// How often the three take turns.
const ROUNDS: usize = 12;
/// How long each measures in a round: some swaps.
const TURN: Duration = Duration::from_secs(4);

/// What the other core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    Idle,
    Builds,
    Swaps,
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    // With one core there is nothing to choose.
    if set.set(core).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// Times of batches in nanoseconds.
#[derive(Default)]
struct Times {
    wall: Vec<u64>,
    own: Vec<u64>,
}

/// What the thread has worked, in nanoseconds.
fn worked() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    u64::try_from(Duration::from(time).as_nanos()).unwrap()
}

/// Prints median, p99, p99.9 and worst in microseconds; gives the p99.
fn print_quantiles(what: &str, times: &mut [u64]) -> f64 {
    times.sort_unstable();
    let quantile = |permille: usize| {
        let place = (times.len() * permille / 1_000).min(times.len() - 1);
        times[place] as f64 / 1_000.0
    };
    let [median, p99, p999, worst] = [500, 990, 999, 1_000].map(quantile);
    println!("  {what}: median {median:.0}, p99 {p99:.0}, p99.9 {p999:.0}, worst {worst:.0}");
    p99
}

struct Reader {
    front: Front,
    in_force: Arc<ArcSwap<View>>,
    known: Arc<View>,
    out: FrontOutput,
    payloads: Vec<Vec<u8>>,
    next: usize,
}

impl Reader {
    /// One batch; returns how many records were attributed.
    fn batch(&mut self) -> u64 {
        let in_force = self.in_force.load();
        if !Arc::ptr_eq(&self.known, &in_force) {
            self.known = Arc::clone(&in_force);
        }
        for _ in 0..BATCH {
            let payload = &self.payloads[self.next];
            self.next = (self.next + 1) % DATAGRAMS;
            self.front.step(received(payload), &self.known, &mut self.out);
        }
        let attributed = self.out.oriented.attributed;
        black_box(&self.out.sightings);
        self.out.clear();
        attributed
    }

    fn measure(&mut self, times: &mut Times) {
        let begun = Instant::now();
        while begun.elapsed() < TURN {
            let (start, before) = (Instant::now(), worked());
            black_box(self.batch());
            times.own.push(worked() - before);
            times.wall.push(u64::try_from(start.elapsed().as_nanos()).unwrap());
        }
    }
}

/// Builds, and perhaps swaps, until told to stop; returns how often.
fn write(
    other: Other,
    servers: &[u32],
    view: &View,
    handover: &mut Handover<View>,
    stop: &AtomicBool,
) -> u32 {
    let mut made = 0;
    while !stop.load(Ordering::Relaxed) {
        if other == Other::Idle {
            thread::sleep(Duration::from_millis(10));
            continue;
        }
        let hitlist = Arc::new(Hitlist::new(entries(servers)));
        let next = Arc::new(View { hitlist, ..view.clone() });
        if other == Other::Swaps {
            handover.replace(next);
        }
        made += 1;
    }
    made
}

fn main() {
    let World { servers, view, template, payloads } = World::new(1);
    let in_force = Arc::new(ArcSwap::from_pointee(view.clone()));
    let mut handover = Handover::through(in_force.clone());
    let mut reader = Reader {
        front: Front::new(Decoder::default(), LineKey::new([7; 16])),
        known: in_force.load_full(),
        in_force,
        out: FrontOutput::default(),
        payloads,
        next: 0,
    };
    reader.front.step(received(&template), &view, &mut reader.out);
    reader.out.clear();
    let attributed = reader.batch();
    let share = attributed as f64 / (BATCH * RECORDS) as f64;
    assert!((0.02..0.1).contains(&share), "{share} of the records hit the hitlist");

    pin(0);
    let kinds = [Other::Idle, Other::Builds, Other::Swaps];
    let mut times = [Times::default(), Times::default(), Times::default()];
    let mut made = [0; 3];
    for round in 0..ROUNDS {
        for turn in 0..kinds.len() {
            let kind = (round + turn) % kinds.len();
            let stop = AtomicBool::new(false);
            thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    pin(1);
                    write(kinds[kind], &servers, &view, &mut handover, &stop)
                });
                reader.measure(&mut times[kind]);
                stop.store(true, Ordering::Relaxed);
                made[kind] += writer.join().unwrap();
            });
        }
    }
    println!(
        "front batches of {BATCH} datagrams with {RECORDS} records, {ENDPOINTS} endpoints; microseconds"
    );
    let mut p99 = [(0.0, 0.0); 3];
    for (kind, times) in times.iter_mut().enumerate() {
        let name = format!("{:?}", kinds[kind]).to_lowercase();
        println!("{name}: {} batches, {} lists made", times.wall.len(), made[kind]);
        let wall = print_quantiles("wall", &mut times.wall);
        p99[kind] = (wall, print_quantiles("own ", &mut times.own));
    }
    let [idle, builds, swaps] = p99;
    println!(
        "p99 with swaps to p99 without: {:.2} on the wall, {:.2} of the thread's own",
        swaps.0 / idle.0,
        swaps.1 / idle.1
    );
    println!(
        "p99 with swaps to p99 beside a build alone: {:.2} on the wall, {:.2} of the thread's own",
        swaps.0 / builds.0,
        swaps.1 / builds.1
    );
}
