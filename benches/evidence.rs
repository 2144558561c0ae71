//! Evidence at an ISP's size, updated and over a restart: `cargo bench --bench
//! evidence`.
//!
//! Three million lines touch one to five of 300 groups in a day, and one in
//! three also in the hour that is open. The windows are written in slices of
//! 128 KB to a file beside the program, with a thousand sightings between two
//! slices, as a back worker does, and read back into two engines. The figures
//! are printed once, since one run is long enough.
//!
//! Then five million lines, each with two groups, are seen again in an order
//! without a pattern: what a sighting costs that is added to the hour and to the
//! day.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what cannot be")]
#![allow(clippy::print_stdout, reason = "figures are printed")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use hayrake::detect::checkpoint::{Progress, put_end, restore};
use hayrake::detect::{Engine, Settings};
use hayrake::model::group::GroupId;
use hayrake::model::line::{LineId, RegionId};
use hayrake::model::rules::Rules;
use hayrake::model::sampling::{Sampling, SamplingSource};
use hayrake::model::sighting::Sighting;
use hayrake::model::time::Timestamp;

const LINES: u64 = 3_000_000;
const GROUPS: u64 = 300;
/// 2026-11-21T10:00:00Z.
const TEN: u64 = 1_795_255_200;
/// Sightings between two slices.
const BETWEEN: u64 = 1_000;

/// Lines whose evidence is updated.
const UPDATED: u64 = 5_000_000;
/// Sightings of them.
const UPDATES: u64 = 10_000_000;

fn main() {
    restart();
    update();
}

fn update() {
    let mut engine = engine();
    for n in 0..2 * UPDATED {
        engine.observe(&sighting(n / 2, n % 2, TEN));
    }
    let began = Instant::now();
    for n in 0..UPDATES {
        // An odd factor goes through all lines, in an order without a pattern.
        let any = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
        engine.observe(&sighting(any % UPDATED, any >> 39 & 1, TEN + 60));
    }
    println!(
        "evidence: an update at {UPDATED} lines takes {:.0} ns, into an hour and a day",
        began.elapsed().as_secs_f64() * 1e9 / UPDATES as f64
    );
}

fn restart() {
    let began = Instant::now();
    let mut engine = engine();
    for n in 0..LINES {
        // What is in the day alone was seen in the hour before.
        for touch in 0..=n % 5 {
            engine.observe(&sighting(n, touch, TEN - 3_000 + n % 2_900));
        }
    }
    engine.advance(Timestamp::from_secs(TEN + 301));
    for n in (0..LINES).step_by(3) {
        engine.observe(&sighting(n, n % 3, TEN + n % 300));
    }
    println!(
        "evidence: {LINES} lines, {} touches in {:.1} s, {} MB resident",
        engine.touches(),
        began.elapsed().as_secs_f64(),
        resident()
    );

    let path = std::env::current_exe().unwrap().with_extension("checkpoint");
    let mut file = File::create(&path).unwrap();
    let (began, mut pauses, mut n) = (Instant::now(), Vec::new(), 0);
    let mut writing = engine.begin_checkpoint();
    loop {
        let work = Instant::now();
        let mut slice = Vec::with_capacity(160 << 10);
        let progress = engine.write_checkpoint(&mut writing, &mut slice, 128 << 10);
        pauses.push(work.elapsed().as_secs_f64() * 1e3);
        file.write_all(&slice).unwrap();
        if progress != Progress::More {
            assert_eq!(progress, Progress::Done);
            break;
        }
        for _ in 0..BETWEEN {
            engine.observe(&sighting(n * 7_919 % LINES, n % 5, TEN + 302));
            n += 1;
        }
    }
    let mut tail = Vec::new();
    put_end(&mut tail, writing.written());
    file.write_all(&tail).unwrap();
    file.sync_all().unwrap();
    let all: f64 = pauses.iter().sum();
    pauses.sort_by(f64::total_cmp);
    println!(
        "evidence: {} MB written in {:.1} s with {n} sightings and the disk; {} slices take {:.2} s, p99 {:.2} ms, the longest {:.2} ms",
        file.metadata().unwrap().len() / 1_000_000,
        began.elapsed().as_secs_f64(),
        pauses.len(),
        all / 1e3,
        pauses[pauses.len() * 99 / 100],
        pauses[pauses.len() - 1],
    );
    drop(engine);

    let began = Instant::now();
    let mut engines = [self::engine(), self::engine()];
    let owner = |line: LineId| usize::from(line.0 % 2 == 1);
    let restored = restore(File::open(&path).unwrap(), &mut engines, owner, RegionId).unwrap();
    println!(
        "evidence: read back in {:.1} s: {restored:?}, {} MB resident",
        began.elapsed().as_secs_f64(),
        resident()
    );
    std::fs::remove_file(path).unwrap();
}

fn engine() -> Engine {
    Engine::new(Settings::default(), Arc::new(Rules::new(Vec::new(), &[])))
}

fn sighting(line: u64, touch: u64, second: u64) -> Sighting {
    Sighting {
        line: LineId(u128::from(line + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        region: RegionId(3),
        group: GroupId::from_u64((line * 31 + touch * 7) % GROUPS),
        packets: 1 + line % 3,
        bytes: 60 + line % 1_400,
        sampling: Sampling::new(1_000, SamplingSource::Options),
        established: true,
        at: Timestamp::from_millis(second * 1_000 + line % 1_000),
    }
}

/// Megabytes that the process holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024 / 1_000_000
}
