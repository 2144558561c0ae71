//! A day of an ISP's evidence, its size in memory, and its end:
//! `cargo bench --bench turnover`.
//!
//! Of 15 million lines 3 million have devices, which talk to one to sixteen
//! groups of 500, five on average; 16 in 100 of them are seen in an hour, as in
//! the paper (§3). Of the other lines one in a hundred touches a group once a
//! day. One engine takes all 24 hours of a day and closes hours as they end.
//! Printed are the resident size and what that is for an entry (a touch: a line
//! and a group in a window), with both windows of the evening open; what a
//! sighting costs; and how long sightings wait while hour and day are closed.
//!
//! For the last, batches are due every millisecond, 200,000 sightings a second
//! (1 in 100 of 20 million records a second), whether or not the one before is
//! done. As a back worker does, the engine takes in all that are due, then
//! judges a slice of lines. A sighting has waited from when it was due until it
//! was taken in.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]
#![allow(clippy::print_stdout, reason = "figures are printed")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use hayrake::detect::{Engine, Settings};
use hayrake::model::group::GroupId;
use hayrake::model::line::{LineId, RegionId};
use hayrake::model::rules::{ClassRule, GroupRule, Level, Role, Rules};
use hayrake::model::sampling::{Sampling, SamplingSource};
use hayrake::model::sighting::Sighting;
use hayrake::model::time::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const LINES: u64 = 15_000_000;
const WITH_DEVICES: u64 = 3_000_000;
const CLASSES: u64 = 50;
const GROUPS_A_CLASS: u64 = 10;
/// How many of a line's groups are seen in an hour, of 100.
const SEEN_AN_HOUR: u32 = 16;
/// 2026-11-21T00:00:00Z.
const MIDNIGHT: u64 = 1_795_219_200;
const HOUR: u64 = 3_600;
const SEED: u64 = 1;
/// Lines judged between two looks at what has come; `service/backs.rs`.
const SLICE: usize = 128;
const BATCH: usize = 200;
const EVERY: Duration = Duration::from_millis(1);

fn main() {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut engine = Engine::new(Settings::default(), rules());
    let empty = resident();
    let (mut sightings, mut busy, mut closing) = (0, Duration::ZERO, Duration::ZERO);
    let mut batch = Vec::new();
    for hour in 0..24 {
        // The hour before is still open for five minutes.
        let begun = Instant::now();
        let early = hour_of(&mut random, hour, &mut batch);
        let made = begun.elapsed();
        for (n, sighting) in batch.iter().enumerate() {
            if n == early && hour > 0 {
                let work = Instant::now();
                engine.advance(at(hour * HOUR + 300));
                closing += work.elapsed();
            }
            engine.observe(sighting);
        }
        sightings += batch.len();
        busy += begun.elapsed() - made;
    }
    drop(batch);
    let held = engine.touches();
    let bytes = resident() - empty;
    println!(
        "memory: {LINES} lines, {WITH_DEVICES} with devices; {held} entries in an hour and a day of {sightings} sightings"
    );
    println!(
        "memory: {} MB resident, {} MB of it evidence: {:.1} bytes an entry",
        resident() / 1_000_000,
        bytes / 1_000_000,
        bytes as f64 / held as f64
    );
    let busy = (busy - closing).as_secs_f64();
    println!(
        "update: {:.0} ns a sighting into both windows; 23 hours closed at once took {:.2} s each",
        busy * 1e9 / sightings as f64,
        closing.as_secs_f64() / 23.0
    );

    let (calm, most) = feed(&mut engine, &mut random, at(24 * HOUR), 3_000);
    print_waits("before", calm, most);
    let begun = Instant::now();
    let (turning, most) = feed(&mut engine, &mut random, at(24 * HOUR + 300), usize::MAX);
    print_waits("turnover", turning, most);
    println!(
        "turnover: hour and day closed in {:.1} s beside the sightings, {} detections; {} MB resident after",
        begun.elapsed().as_secs_f64(),
        engine.take_counts().detections,
        resident() / 1_000_000
    );
}

/// Feeds batches as they are due, so many or until all is closed; gives the
/// waits of all sightings in nanoseconds, and the most that was held meanwhile.
fn feed(
    engine: &mut Engine,
    random: &mut ChaCha8Rng,
    now: Timestamp,
    batches: usize,
) -> (Vec<u64>, u64) {
    let mut made: Vec<Vec<Sighting>> = Vec::new();
    for _ in 0..2_000 {
        made.push((0..BATCH).map(|_| one(random, 24 * HOUR)).collect());
    }
    let (mut waits, mut most, mut next) = (Vec::new(), 0, 0_usize);
    let mut detections = Vec::new();
    let begun = Instant::now();
    engine.pass(now);
    let mut more = true;
    while next < batches && (more || batches < usize::MAX) {
        while begun.elapsed() >= EVERY * u32::try_from(next).unwrap() && next < batches {
            for sighting in &made[next % made.len()] {
                engine.observe(sighting);
            }
            let due = EVERY * u32::try_from(next).unwrap();
            waits.push(u64::try_from((begun.elapsed() - due).as_nanos()).unwrap());
            next += 1;
        }
        more = engine.close_some(SLICE, &mut detections);
        // They go to the sink.
        detections.clear();
        if next.is_multiple_of(1_000) {
            most = resident().max(most);
        }
    }
    (waits, most)
}

fn print_waits(when: &str, mut waits: Vec<u64>, most: u64) {
    waits.sort_unstable();
    let quantile = |permille: usize| {
        let place = (waits.len() * permille / 1_000).min(waits.len() - 1);
        waits[place] as f64 / 1e6
    };
    let [median, p99, p999, worst] = [500, 990, 999, 1_000].map(quantile);
    println!(
        "{when}: a sighting waits {median:.2} ms in the median, p99 {p99:.2}, p99.9 {p999:.2}, worst {worst:.2} ({} batches of {BATCH}); {} MB resident at most",
        waits.len(),
        most / 1_000_000
    );
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_secs(MIDNIGHT + second)
}

/// Groups of a line, with their classes: skewed, five on average.
fn groups_of(line: u64) -> u64 {
    match line % 10 {
        0..=2 => 1,
        3..=4 => 3,
        5..=6 => 5,
        7..=8 => 8,
        _ => 15,
    }
}

/// All that is seen in an hour, in the order of time; also says how much of it
/// in its first five minutes.
fn hour_of(random: &mut ChaCha8Rng, hour: u64, into: &mut Vec<Sighting>) -> usize {
    into.clear();
    for line in 0..WITH_DEVICES {
        for touch in 0..groups_of(line) {
            if random.random_range(0..100) < SEEN_AN_HOUR {
                let second = hour * HOUR + random.random_range(0..HOUR);
                into.push(sighting(line, touch, second, random.random()));
            }
        }
    }
    for _ in 0..(LINES - WITH_DEVICES) / 100 / 24 {
        let line = random.random_range(WITH_DEVICES..LINES);
        let second = hour * HOUR + random.random_range(0..HOUR);
        into.push(sighting(line, 0, second, random.random()));
    }
    into.sort_unstable_by_key(|sighting| sighting.at);
    into.partition_point(|sighting| sighting.at < at(hour * HOUR + 300))
}

/// A sighting of a line with devices soon after `second`.
fn one(random: &mut ChaCha8Rng, second: u64) -> Sighting {
    let line = random.random_range(0..WITH_DEVICES);
    let touch = random.random_range(0..groups_of(line));
    sighting(line, touch, second + random.random_range(0..300), random.random())
}

fn sighting(line: u64, touch: u64, second: u64, any: u32) -> Sighting {
    // A line's groups are those of one or two classes.
    let group = (line * GROUPS_A_CLASS + touch) % (CLASSES * GROUPS_A_CLASS);
    Sighting {
        // As even as a keyed hash.
        line: LineId(u128::from(line + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        region: RegionId(3),
        group: GroupId::from_u64(group),
        packets: 1 + u64::from(any % 3),
        bytes: 60 + u64::from(any % 1_400),
        sampling: Sampling::new(1_000, SamplingSource::Options),
        established: true,
        at: Timestamp::from_millis((MIDNIGHT + second) * 1_000 + u64::from(any % 1_000)),
    }
}

fn rules() -> Arc<Rules> {
    let group = |n: u64| GroupRule {
        id: GroupId::from_u64(n),
        name: format!("group{n}.example.com").into(),
        role: Role::Primary,
        packets_per_hour: None,
    };
    let class = |class: u64| ClassRule {
        class: format!("class-{class}").into(),
        name: format!("Class {class}").into(),
        level: Level::Product,
        parent: None,
        threshold: "0.4".parse().unwrap(),
        in_use_packets: Some(2),
        groups: (0..GROUPS_A_CLASS).map(|n| group(class * GROUPS_A_CLASS + n)).collect(),
    };
    Arc::new(Rules::new((0..CLASSES).map(class).collect(), &[]))
}

/// Bytes that the process holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}
