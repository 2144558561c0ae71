//! Many exporters that churn templates, for a while: memory stays flat, and an
//! honest exporter among them loses nothing (docs/exporters.md 19).
//!
//! It runs for so many rounds, the same everywhere. `HAYRAKE_SOAK_SECONDS=86400
//! cargo test --release --test decode_soak -- --nocapture` is the long form: it
//! prints a line a minute and is to be stopped by hand if anything in it grows.
//!
//! What is asserted is counted at the allocator, to the byte. What is resident
//! besides is printed: how closely the heap of a thread packs differs by a fifth
//! from run to run, and it takes minutes to settle.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and a soak is measured in time"
)]

#[path = "support/datagrams.rs"]
mod datagrams;

use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use datagrams::{Bench, FIVE_TUPLE, five_tuple, ipfix, v9};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Exporters that churn.
const CHURNING: u32 = 2_000;
/// Datagrams between two looks at the honest one.
const ROUND: u32 = 500;
/// Rounds, or more for as long as the environment says.
const ROUNDS: u32 = 48;
/// The honest one.
const HONEST: &str = "198.51.100.1";

/// Bytes this process has in memory; `None` where the system does not tell.
fn resident() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse::<u64>().ok().map(|pages| pages * 4_096)
}

/// What the decoder holds: exporters, templates, bytes that wait.
fn held(bench: &Bench) -> (usize, usize, u64) {
    let reports = bench.decoder.exporters_in_brief();
    let templates = reports.iter().map(|report| report.templates_held).sum();
    (reports.len(), templates, bench.decoder.queued().bytes)
}

/// One datagram of a churning exporter: templates of new ids or new layouts,
/// large ones too, and data for templates that nobody sends.
fn churn(bench: &mut Bench, rng: &mut ChaCha8Rng) {
    let number = rng.random_range(0..CHURNING);
    let source = IpAddr::from((0x0a00_0000 + number).to_be_bytes()).to_string();
    let port = rng.random_range(1_000..1_008);
    let mut message = if number % 2 == 0 { v9() } else { ipfix() };
    let mut fields = FIVE_TUPLE.to_vec();
    for _ in 0..8 {
        let more = rng.random_range(0..40);
        fields.extend((0..more).map(|_| (rng.random_range(100..200), rng.random_range(1..9))));
        message = message.template(rng.random_range(256..5_000), &fields);
    }
    let domain = if number == 0 { rng.random() } else { 0 };
    let records = vec![vec![7; 400]; rng.random_range(0..20)];
    let message = message.domain(domain).data(rng.random_range(60_000..65_000), &records);
    bench.feed_from(&source, port, &message.bytes());
}

#[test]
fn thousands_who_churn_templates_cost_flat_memory_and_nobody_else_anything() {
    let seconds = std::env::var("HAYRAKE_SOAK_SECONDS").ok();
    let long = seconds.is_some();
    let seconds = seconds.map_or(0, |text| text.parse().expect("a number of seconds"));
    let mut rng = ChaCha8Rng::seed_from_u64(20_261_122);
    let mut bench = Bench::new();
    bench.feed_from(HONEST, 9, &v9().template(256, FIVE_TUPLE).bytes());
    // Data of an honest exporter whose template comes at the very end.
    let early = v9().domain(5).data(300, &[five_tuple(3)]).bytes();
    bench.feed_from(HONEST, 9, &early);

    // Until every limit is met. Held is what churning allocated and did not free.
    let filling = measure(|| {
        while bench.total.templates_evicted == 0 || bench.total.sets_evicted == 0 {
            churn(&mut bench, &mut rng);
        }
    });
    let mut held_bytes = filling.bytes_current;

    let begin = Instant::now();
    let (mut rounds, mut said) = (0_u32, 0);
    let mut marks = Vec::new();
    while rounds < ROUNDS || begin.elapsed() < Duration::from_secs(seconds) {
        let round = measure(|| (0..ROUND).for_each(|_| churn(&mut bench, &mut rng)));
        held_bytes += round.bytes_current;
        rounds += 1;
        let data = v9().data(256, &[five_tuple(1), five_tuple(2)]).bytes();
        assert_eq!(bench.feed_from(HONEST, 9, &data).len(), 2, "round {rounds}");
        // Three rounds are a second.
        bench.now += u64::from(rounds % 3 == 0);
        if rounds % 2 == 0 {
            let (exporters, templates, waiting) = held(&bench);
            assert!(exporters <= 4_096 && waiting <= 16 << 20, "{exporters} {waiting}");
            marks.push((templates, held_bytes));
            let minute = begin.elapsed().as_secs() / 60;
            if long && minute > said {
                said = minute;
                eprintln!(
                    "{minute} min, {rounds} rounds: {exporters} exporters, {templates} templates, {waiting} bytes wait, {held_bytes} allocated, {:?} resident",
                    resident()
                );
            }
            if marks.len() > 4_096 {
                // Every second one says as much.
                let mut at = 0;
                marks.retain(|_| {
                    at += 1;
                    at % 2 == 0
                });
            }
        }
    }
    let template = v9().domain(5).template(300, FIVE_TUPLE).bytes();
    assert_eq!(bench.feed_from(HONEST, 9, &template).len(), 1, "it waited all the while");

    // No limit was kept by refusing somebody.
    assert_eq!(bench.total.templates_refused, 0);
    // Flat: what the last third holds is no more than what the second did.
    let thirds: Vec<_> = marks.chunks(marks.len().div_ceil(3)).collect();
    let most = |third: &[(usize, i64)]| {
        let templates = third.iter().map(|mark| mark.0).max().unwrap();
        (templates, third.iter().map(|mark| mark.1).max().unwrap())
    };
    let [_, (templates, bytes), (templates_then, bytes_then)] =
        [0, 1, 2].map(|at| most(thirds[at]));
    eprintln!(
        "{rounds} rounds of {ROUND}: {templates} then {templates_then} templates, {bytes} then {bytes_then} bytes allocated, {:?} resident",
        resident()
    );
    assert!(templates_then <= templates + templates / 10, "{templates} {templates_then}");
    assert!(bytes_then <= bytes + bytes / 10, "{bytes} bytes allocated, then {bytes_then}");
}
