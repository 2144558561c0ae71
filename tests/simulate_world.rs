//! The hitlist built from the simulated resolvers' answers holds what the
//! simulated world made dedicated, and nothing that it made shared or gave to
//! somebody else.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

#[path = "support/simulated.rs"]
mod simulated;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use hayrake::attribute::{BuildInput, Built, Signals, build};
use hayrake::infrastructure::VerdictSettings;
use hayrake::model::endpoint::Endpoint;
use hayrake::model::flow::TCP;
use hayrake::model::time::Timestamp;
use hayrake::signature::{SignatureSet, shipped};
use hayrake::simulate::names::NameData;
use hayrake::simulate::{Isp, OTHER_PACKETS, Settings};
use simulated::knowledge;

fn signatures() -> SignatureSet {
    shipped().unwrap()
}

fn isp(set: &SignatureSet, seed: u64) -> Isp {
    let settings = Settings {
        lines: 100,
        hours: 24,
        sampling: 1_000.try_into().unwrap(),
        seed,
        start: "2026-01-05T00:00:00Z".parse().unwrap(),
        other_packets: OTHER_PACKETS,
    };
    Isp::new(set, settings).unwrap()
}

fn built(set: &SignatureSet, isp: &Isp) -> Built {
    let dns = knowledge(isp);
    build(&BuildInput {
        signatures: set,
        dns: &dns,
        day: isp.settings().start.day(),
        excluded: &|_| false,
        signals: Signals::default(),
        settings: VerdictSettings::default(),
    })
}

/// Addresses with the names on them, of customers of content networks by the
/// name there.
fn names_on_addresses(isp: &Isp) -> HashMap<IpAddr, HashSet<&str>> {
    let mut names: HashMap<IpAddr, HashSet<&str>> = HashMap::new();
    for record in isp.names() {
        if let NameData::Address(address) = record.data {
            names.entry(address).or_default().insert(record.name.as_str());
        }
    }
    names
}

#[test]
fn no_address_that_strangers_share_is_an_endpoint() {
    let set = signatures();
    for seed in 1..=3 {
        let isp = isp(&set, seed);
        let built = built(&set, &isp);
        assert!(built.hitlist.len() > set.classes.len(), "most classes can be found");
        let names = names_on_addresses(&isp);
        assert!(names.values().any(|names| names.len() > 4), "content networks are shared");
        for address in built.hitlist.addresses() {
            // Who had it before or has it after is the next test's business.
            let at_once = names[&address].iter().filter(|name| !name.starts_with("www.heir"));
            assert_eq!(at_once.count(), 1, "seed {seed}: {address} {:?}", names[&address]);
        }
    }
}

#[test]
fn an_address_that_changed_hands_is_no_endpoint_any_more() {
    let set = signatures();
    let mut heirs = 0;
    for seed in 1..=3 {
        let isp = isp(&set, seed);
        let built = built(&set, &isp);
        for record in isp.names() {
            let NameData::Address(address) = record.data else { continue };
            if !record.name.as_str().starts_with("www.heir") {
                continue;
            }
            heirs += 1;
            for port in [443, 8883] {
                let endpoint = Endpoint { address, port, protocol: TCP };
                let at = record.from.max(isp.settings().start);
                assert_eq!(
                    built.hitlist.look_up(&endpoint, at).count(),
                    0,
                    "seed {seed}: {record:?}"
                );
                let late = Timestamp::from_millis(record.until.as_millis() - 1);
                assert_eq!(built.hitlist.look_up(&endpoint, late).count(), 0, "seed {seed}");
            }
        }
    }
    assert!(heirs > 10, "{heirs} addresses changed hands");
}

#[test]
fn what_lives_on_addresses_of_its_own_is_dedicated() {
    let set = signatures();
    let isp = isp(&set, 1);
    let built = built(&set, &isp);
    let names = names_on_addresses(&isp);
    // A name is alone when every address it leads to has one name only.
    let alone: HashSet<&str> = isp
        .names()
        .iter()
        .filter(|record| matches!(record.data, NameData::Address(_)))
        .map(|record| record.name.as_str())
        .filter(|name| names.values().all(|on| !on.contains(name) || on.len() == 1))
        .collect();
    let mut checked = 0;
    for group in built.report.classes.iter().flat_map(|class| &class.groups) {
        if alone.contains(group.group.as_str()) {
            assert_eq!(group.verdict, "dedicated", "{}: {:?}", group.group, group.why_not);
            checked += 1;
        }
    }
    assert!(checked > set.classes.len() / 2, "{checked} groups live alone");
}
