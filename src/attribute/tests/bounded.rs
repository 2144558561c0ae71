//! A table that keeps little comes to the verdicts of one that keeps all.

use proptest::prelude::*;

use super::*;
use crate::dns::{Knowledge, Sieve};

/// Names of a signature, targets of aliases, and others.
const NAMES: [&str; 7] = [
    "api.maker.com",
    "eu.api.maker.com",
    "vm.cloud.example",
    "edge.cdn.example",
    "www.maker.com",
    "www.shop.com",
    "www.bank.com",
];

/// The first of them answered for addresses or for another.
fn told() -> impl Strategy<Value = (usize, usize, bool, u32, u32, u64)> {
    (0..NAMES.len(), 0..6_usize, any::<bool>(), 0..3_u32, 0..3_u32, 1..20_u64)
}

fn world(told: &[(usize, usize, bool, u32, u32, u64)]) -> World {
    let mut world = World::default().class("maker", &[&["api.maker.com"], &["*.api.maker.com"]]);
    let mut known: Vec<(usize, String)> = Vec::new();
    for (name, to, alias, from, days, count) in told {
        // Only targets are pointed at, and nothing in a circle.
        let to = if *alias && *name != 3 {
            NAMES[if *name == 2 { 3 } else { 2 + to % 2 }].to_owned()
        } else {
            format!("198.51.100.{}", to + 1)
        };
        // Days in between are known apart only of what was kept whole.
        if NAMES[*name] == to || known.contains(&(*name, to.clone())) {
            continue;
        }
        let days = (i64::from(*from) - 4, i64::from(from + days) - 4);
        known.push((*name, to.clone()));
        world = world.seen(NAMES[*name], &to, days, *count);
    }
    world
}

fn sieve(world: &World) -> Sieve {
    Sieve::new(&world.signatures)
}

/// What the table says when it was made of the answers in this order.
fn built(world: &World, mut dns: Knowledge) -> Built {
    for (answer, source) in &world.answers {
        dns.insert(answer.clone(), source).unwrap();
    }
    dns.settle();
    build(&BuildInput {
        signatures: &world.signatures,
        dns: &dns,
        day: TODAY,
        excluded: &|_| false,
        signals: Signals::default(),
        settings: world.settings.clone(),
    })
}

/// Verdicts of groups, and endpoints with their times.
fn outcome(built: &Built) -> (Vec<(&'static str, bool)>, Vec<String>) {
    let groups = built.report.classes.iter().flat_map(|class| &class.groups);
    let verdicts = groups.map(|group| (group.verdict, group.counted)).collect();
    let addresses = (1..=6).map(|last| IpAddr::from([198, 51, 100, last]));
    let mut endpoints: Vec<String> = addresses
        .flat_map(|address| built.hitlist.entries_of(address))
        .map(|entry| format!("{entry:?}"))
        .collect();
    endpoints.sort();
    (verdicts, endpoints)
}

proptest! {
    #[test]
    fn folding_changes_no_verdict(
        told in proptest::collection::vec(told(), 1..25),
        room in 1..8_usize,
    ) {
        let world = world(&told);
        let whole = built(&world, Knowledge::new());
        let mut kept = Knowledge::with_room(sieve(&world), 1 << 30, room);
        for (answer, source) in &world.answers {
            kept.insert(answer.clone(), source).unwrap();
        }
        // An address with many owners has no names any more, so that an alias
        // that is told later does not find it: the limit that `fold` describes.
        prop_assume!(kept.size().gone.saturated == 0);
        let bounded = built(&world, Knowledge::with_room(sieve(&world), 1 << 30, room));
        prop_assert_eq!(outcome(&bounded), outcome(&whole));
    }
}

/// Many others on every address: more than are kept.
#[test]
fn many_others_are_shared_with_though_their_names_are_gone() {
    let mut world = World::default().class("maker", &[&["api.maker.com"]]);
    for n in 0..40 {
        world = world.often(&format!("www.shop{n}.com"), "198.51.100.1");
    }
    world = world.often("api.maker.com", "198.51.100.1");
    let mut dns = Knowledge::with_room(sieve(&world), 1 << 30, 10);
    for (answer, source) in &world.answers {
        dns.insert(answer.clone(), source).unwrap();
    }
    assert_eq!(dns.size().gone.saturated, 1);
    let built = built(&world, Knowledge::with_room(sieve(&world), 1 << 30, 10));
    let group = &built.report.classes[0].groups[0];
    assert_eq!(group.verdict, "shared");
    let why = group.why_not.as_deref().unwrap();
    assert!(why.contains("also serves names of many others, which were not kept"), "{why}");
}

#[test]
fn a_single_other_is_told_by_its_owner() {
    let mut world = World::default().class("maker", &[&["api.maker.com"]]);
    for n in 0..40 {
        world = world.often(&format!("www{n}.shop.com"), &format!("198.51.100.{n}"));
    }
    let world = world.often("api.maker.com", "198.51.100.7");
    let built = built(&world, Knowledge::with_room(sieve(&world), 1 << 30, 10));
    let why = built.report.classes[0].groups[0].why_not.clone().unwrap();
    assert!(
        why.contains("198.51.100.7 also serves names of shop.com, which were not kept"),
        "{why}"
    );
}
