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

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use datagrams::{Message, NOW, ipfix};
use hayrake::attribute::{Hitlist, HitlistEntry};
use hayrake::decode::{Datagram, Decoder};
use hayrake::model::group::GroupId;
use hayrake::model::line::Regions;
use hayrake::model::rules::Rules;
use hayrake::model::time::Timestamp;
use hayrake::orient::{LineKey, LinePrefix, Prefixes};
use hayrake::pipeline::{Front, FrontOutput, View};
use hayrake::service::handover::Handover;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Endpoints in the list.
const ENDPOINTS: usize = 1_000_000;
/// Datagrams of a batch, as the receivers make them.
const BATCH: usize = 64;
/// Records of a datagram.
const RECORDS: usize = 24;
/// Datagrams made; their endpoints are more than any cache holds.
const DATAGRAMS: usize = 8_192;
/// How often the three take turns.
const ROUNDS: usize = 12;
/// How long each measures in a round: some swaps.
const TURN: Duration = Duration::from_secs(4);

/// The 20 fields of a usual router template with millisecond times.
const ROUTER: &[(u16, u16)] = &[
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 4),
    (14, 4),
    (2, 8),
    (1, 8),
    (152, 8),
    (153, 8),
    (7, 2),
    (11, 2),
    (6, 1),
    (4, 1),
    (5, 1),
    (16, 4),
    (17, 4),
    (9, 1),
    (13, 1),
    (61, 1),
    (48, 1),
];

/// What the other core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    Idle,
    Builds,
    Swaps,
}

/// A server, public and never one of the lines.
fn server(random: &mut ChaCha8Rng) -> u32 {
    random.random_range(0x0b00_0000..0xc000_0000)
}

fn entries(servers: &[u32]) -> Vec<HitlistEntry> {
    let entry = |(place, server): (usize, &u32)| HitlistEntry {
        address: std::net::IpAddr::V4((*server).into()),
        group: GroupId::from_u64(place as u64 % 500),
        ports: vec!["443/tcp".parse().unwrap()],
        from: Timestamp::EPOCH,
        until: Timestamp::MAX,
    };
    servers.iter().enumerate().map(entry).collect()
}

fn record(number: u64, line: u32, server: u32) -> Vec<u8> {
    let mut record = Vec::new();
    record.extend(line.to_be_bytes());
    record.extend(server.to_be_bytes());
    record.extend([10, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2]);
    record.extend((number + 1).to_be_bytes());
    record.extend(((number + 1) * 700).to_be_bytes());
    record.extend((NOW * 1_000 - 4_000 - number).to_be_bytes());
    record.extend((NOW * 1_000 - number).to_be_bytes());
    record.extend([0x9c, 0x40, 0x01, 0xbb, 0x18, 6, 0]);
    record.extend([0, 0, 0xfd, 0xe8, 0, 0, 0xfd, 0xe9, 24, 24, 0, 1]);
    record
}

fn datagram(random: &mut ChaCha8Rng, servers: &[u32]) -> Vec<u8> {
    let records: Vec<Vec<u8>> = (0..RECORDS as u64)
        .map(|number| {
            let known = servers[random.random_range(0..ENDPOINTS)];
            let server = if random.random_range(0..20) == 0 { known } else { server(random) };
            // 100.64.0.0/10 holds the lines.
            record(number, 0x6440_0000 | random.random::<u32>() & 0x003f_ffff, server)
        })
        .collect();
    ipfix().data(256, &records).bytes()
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    // With one core there is nothing to choose.
    if set.set(core).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

fn received(payload: &[u8]) -> Datagram<'_> {
    Datagram {
        source: [192, 0, 2, 1].into(),
        source_port: 2_055,
        received: Timestamp::from_secs(NOW),
        payload,
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
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let servers: Vec<u32> = (0..ENDPOINTS).map(|_| server(&mut random)).collect();
    let mut prefixes = Prefixes::default();
    let region = Regions::default().intern("north");
    prefixes.insert("100.64.0.0/10".parse().unwrap(), LinePrefix { length: 32, region });
    let view = View {
        prefixes: prefixes.into(),
        hitlist: Hitlist::new(entries(&servers)).into(),
        rules: Rules::default().into(),
        regions: Regions::default().into(),
    };
    let in_force = Arc::new(ArcSwap::from_pointee(view.clone()));
    let mut handover = Handover::through(in_force.clone());
    let mut reader = Reader {
        front: Front::new(Decoder::default(), LineKey::new([7; 16])),
        known: in_force.load_full(),
        in_force,
        out: FrontOutput::default(),
        payloads: (0..DATAGRAMS).map(|_| datagram(&mut random, &servers)).collect(),
        next: 0,
    };
    let options = ipfix()
        .template(256, ROUTER)
        .options(300, 1, &[(1, 4), (48, 1), (50, 4)])
        .data(300, &[vec![0, 0, 0, 0, 1, 0, 0, 0x03, 0xe8]]);
    reader.front.step(received(&Message::bytes(&options)), &view, &mut reader.out);
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
