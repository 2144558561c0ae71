//! What a look-up, a DNS answer and a build cost.
//!
//! `cargo bench --bench hitlist`. The look-up is measured on a million
//! endpoints of which one in twenty is asked for, as the flow path does; the
//! answers are lines of passive DNS, read and inserted one by one.

#![expect(clippy::unwrap_used, reason = "a bench whose world cannot be made has to stop")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv6Addr};

use divan::Bencher;
use divan::counter::ItemsCount;
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use hayrake::attribute::{BuildInput, Hitlist, HitlistEntry, Signals, VerdictSettings, build};
use hayrake::dns::{Coverage, Knowledge, Reading, read_into};
use hayrake::model::endpoint::Endpoint;
use hayrake::model::flow::TCP;
use hayrake::model::group::GroupId;
use hayrake::model::time::{Day, Timestamp};
use hayrake::signature::shipped;

/// Endpoints in the list.
const ENDPOINTS: usize = 1_000_000;
/// Endpoints looked up in one go.
const QUESTIONS: usize = 100_000;
/// Lines of passive DNS read in one go.
const LINES: u32 = 200_000;

fn main() {
    divan::main();
}

fn address(random: &mut ChaCha8Rng, v6: bool) -> IpAddr {
    if v6 {
        IpAddr::V6(Ipv6Addr::from_bits(random.random::<u128>() >> 3 | 1 << 125))
    } else {
        IpAddr::V4(random.random::<u32>().into())
    }
}

/// A million endpoints, one in `v6_share` of them IPv6, and who is asked for.
fn world(v6_share: usize) -> (Hitlist, Vec<Endpoint>) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let addresses: Vec<IpAddr> =
        (0..ENDPOINTS).map(|n| address(&mut random, n % v6_share == 1)).collect();
    let entries = addresses.iter().enumerate().map(|(n, address)| HitlistEntry {
        address: *address,
        group: GroupId::from_u64(n as u64 % 500),
        ports: vec!["443/tcp".parse().unwrap()],
        from: Timestamp::EPOCH,
        until: Timestamp::MAX,
    });
    let list = Hitlist::new(entries.collect());
    let questions = (0..QUESTIONS).map(|n| {
        let known = addresses[random.random_range(0..ENDPOINTS)];
        let address = if n % 20 == 0 { known } else { address(&mut random, n % v6_share == 1) };
        Endpoint { address, port: 443, protocol: TCP }
    });
    let questions = questions.collect();
    (list, questions)
}

fn look_up(bencher: Bencher<'_, '_>, v6_share: usize) {
    let (list, questions) = world(v6_share);
    let at = Timestamp::from_secs(1_795_000_000);
    bencher.counter(ItemsCount::new(QUESTIONS)).bench_local(|| {
        let found = |endpoint| list.look_up(endpoint, at).count();
        black_box(questions.iter().map(found).sum::<usize>())
    });
}

#[divan::bench]
fn look_up_ipv4(bencher: Bencher<'_, '_>) {
    look_up(bencher, usize::MAX);
}

#[divan::bench]
fn look_up_one_in_five_ipv6(bencher: Bencher<'_, '_>) {
    look_up(bencher, 5);
}

/// Passive DNS of many owners, a few names each, some behind aliases.
fn lines() -> String {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut text = String::new();
    for n in 0..LINES {
        let owner = random.random_range(0..LINES / 8);
        let to = match n % 5 {
            0 => format!("\"CNAME\",\"rdata\":\"edge{}.cdn.example.\"", owner % 500),
            _ => format!("\"A\",\"rdata\":\"{}\"", address(&mut random, false)),
        };
        let _ = writeln!(
            text,
            "{{\"rrname\":\"host{}.site{owner}.example.\",\"rrtype\":{to},\"time_first\":1795000000,\"time_last\":1795080000,\"count\":{}}}",
            n % 3,
            1 + n % 40
        );
    }
    text
}

fn knowledge(text: &str) -> Knowledge {
    let reading = Reading::new(Coverage::Population, Timestamp::MAX);
    let mut dns = Knowledge::new();
    read_into(&mut dns, "bench", text.as_bytes(), &reading).unwrap();
    dns
}

#[divan::bench(sample_count = 10)]
fn read_passive_dns(bencher: Bencher<'_, '_>) {
    let text = lines();
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| black_box(knowledge(&text)).size());
}

#[divan::bench(sample_count = 10)]
fn build_with_the_shipped_signatures(bencher: Bencher<'_, '_>) {
    let signatures = shipped().unwrap();
    let dns = knowledge(&lines());
    let input = BuildInput {
        signatures: &signatures,
        dns: &dns,
        day: Day(1_795_000_000 / 86_400),
        excluded: &|_| false,
        signals: Signals::default(),
        settings: VerdictSettings::default(),
    };
    bencher.bench_local(|| black_box(build(&input)).hitlist.len());
}
