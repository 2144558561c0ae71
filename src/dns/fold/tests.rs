//! What is kept whole, what leaves a table, and that nothing leaves uncounted.

use super::*;
use crate::dns::{Answer, AnswerData, Coverage, carry};
use crate::model::domain::NamePattern;
use crate::model::time::Day;

fn sieve() -> Sieve {
    ["api.maker.com", "*.eu.maker.com"]
        .map(|text| text.parse::<NamePattern>().unwrap())
        .into_iter()
        .collect()
}

fn answer(name: &str, to: &str, day: u32) -> Answer {
    Answer {
        name: name.parse().unwrap(),
        data: to
            .parse()
            .map_or_else(|_| AnswerData::Alias(to.parse().unwrap()), AnswerData::Address),
        first: Day(day).start(),
        last: Day(day).start(),
        count: 1,
        coverage: Coverage::Population,
    }
}

fn address(n: u32) -> IpAddr {
    IpAddr::V4((0x0800_0000 + n).into())
}

/// Other names on addresses of their own, some a day.
fn others(dns: &mut Knowledge, number: u32, a_day: u32) {
    for n in 0..number {
        let to = address(n).to_string();
        dns.insert(answer(&format!("www.shop{n}.com"), &to, n / a_day), "live").unwrap();
    }
}

fn addresses(dns: &Knowledge, name: &str) -> Vec<IpAddr> {
    let id = dns.find(&name.parse().unwrap()).unwrap();
    dns.addresses(id, Day(9_999)).map(|(address, _)| address).collect()
}

#[test]
fn what_a_signature_reaches_is_kept_whole_and_the_rest_leaves_traces() {
    let mut dns = Knowledge::with_room(sieve(), 1 << 30, 50);
    // The target comes before anybody knows that it matters.
    dns.insert(answer("vm.cloud.example", &address(7).to_string(), 1), "live").unwrap();
    others(&mut dns, 1_000, 10);
    dns.insert(answer("api.maker.com", "vm.cloud.example", 2), "live").unwrap();
    others(&mut dns, 1_000, 10);
    assert!(dns.size().facts < 60, "{:?}", dns.size());
    assert_eq!(dns.size().traces, 1_001);
    dns.settle();
    assert_eq!(addresses(&dns, "vm.cloud.example"), [address(7)]);
    let on_it: Vec<_> = dns.on_address(address(7), Day(9_999)).collect();
    let names: Vec<_> = on_it.iter().map(|(id, _)| dns.name(*id).to_string()).collect();
    assert!(names.contains(&"*.shop7.com".to_owned()), "{names:?}");
    assert_eq!(on_it.iter().map(|(_, seen)| seen.count).sum::<u64>(), 3, "two of them the shop's");
    assert!(!dns.names().any(|(_, name)| name.is_unkept()), "no such name matches a wildcard");
    assert_eq!(dns.size().gone.evicted + dns.size().gone.expired, 0);
}

#[test]
fn an_address_that_nobody_cared_for_is_still_explained() {
    let mut dns = Knowledge::with_room(sieve(), 1 << 30, 50);
    others(&mut dns, 1_000, 10);
    assert_eq!(dns.on_address(address(3), Day(9_999)).count(), 0);
    dns.recall([address(3)]);
    let (id, _) = dns.on_address(address(3), Day(9_999)).next().unwrap();
    assert_eq!(dns.name(id).as_str(), "*.shop3.com");
}

#[test]
fn what_was_last_seen_too_long_ago_is_forgotten_and_counted() {
    let mut dns = Knowledge::with_room(sieve(), 1 << 30, 50);
    for day in [3, 70] {
        dns.insert(answer("api.maker.com", &address(day).to_string(), day), "live").unwrap();
        dns.insert(answer("b.eu.maker.com", &format!("t{day}.example"), day), "live").unwrap();
    }
    others(&mut dns, 1_000, 10);
    let all = dns.size().facts + dns.size().traces;
    dns.expire(Day(60).start());
    let size = dns.size();
    assert_eq!(addresses(&dns, "api.maker.com"), [address(70)]);
    assert!(dns.find(&"t3.example".parse().unwrap()).is_none());
    let target = dns.find(&"t70.example".parse().unwrap()).unwrap();
    assert_eq!(dns.pointing(target, Day(99)).count(), 1);
    assert_eq!(size.gone.expired, 602, "two facts, and the shops of sixty days");
    assert_eq!(size.facts + size.traces, all - 602);
}

#[test]
fn a_full_table_lets_the_oldest_traces_go_and_keeps_what_matters() {
    let limit = 4_000_000;
    let mut dns = Knowledge::bounded(sieve(), limit);
    dns.insert(answer("api.maker.com", &address(5).to_string(), 0), "live").unwrap();
    others(&mut dns, 60_000, 1_000);
    let size = dns.size();
    assert!(size.gone.evicted > 5_000, "{size:?}");
    assert_eq!(addresses(&dns, "api.maker.com"), [address(5)]);
    assert!(dns.memory() < limit, "{}", dns.memory());
    let youngest = address(59_000);
    dns.recall([youngest, address(1_500)]);
    assert_eq!(dns.on_address(youngest, Day(99)).count(), 1);
    assert_eq!(dns.on_address(address(1_500), Day(99)).count(), 0, "the oldest went");
    assert_eq!(
        size.facts as u64 + size.traces as u64 + size.gone.evicted,
        60_001,
        "nothing is lost uncounted"
    );
}

#[test]
fn a_table_full_of_what_matters_refuses_more() {
    let mut dns = Knowledge::bounded(sieve(), 2_500_000);
    let refused = (0..30_000_u32)
        .filter(|n| {
            let answer = answer(&format!("n{n}.eu.maker.com"), &address(*n).to_string(), 1);
            dns.insert(answer, "live").is_err()
        })
        .count();
    assert!(refused > 10_000, "{refused}");
    assert!(dns.memory() < 4_000_000, "{}", dns.memory());
}

#[test]
fn traces_are_carried_over_with_their_sources() {
    let mut old = Knowledge::with_room(sieve(), 1 << 30, 50);
    others(&mut old, 1_000, 10);
    old.insert(answer("www.file.com", &address(5_000).to_string(), 3), "file").unwrap();
    others(&mut old, 1_000, 10);
    old.recall([address(9)]);
    let mut new = Knowledge::with_room(sieve(), 1 << 30, 50);
    new.insert(answer("a.example.org", "198.51.100.9", 3), "first").unwrap();
    assert_eq!(carry(&old, &mut new, |source| source == "live"), 0);
    assert_eq!(new.size().traces, 1_000);
    new.recall([address(9), address(5_000)]);
    assert_eq!(new.on_address(address(5_000), Day(99)).count(), 0);
    let (id, seen) = new.on_address(address(9), Day(99)).next().unwrap();
    assert_eq!((new.name(id).as_str(), seen.count), ("*.shop9.com", 2));
    let span = new.address_history(id, address(9), Day(99)).next().unwrap();
    assert_eq!(new.source_of(&span), ("live", Coverage::Population));
}
