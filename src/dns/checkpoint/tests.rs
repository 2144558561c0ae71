//! That a table comes back as it was, whatever happens to it while it is
//! written, and that bytes which are no table are refused.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::dns::traces::RegistrableId;
use crate::dns::{Answer, AnswerData, Coverage, Knowledge, Sieve};
use crate::model::domain::{DomainName, NamePattern};
use crate::model::time::{Day, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

fn table(room: usize) -> Knowledge {
    let sieve: Sieve = ["api.maker.com", "*.eu.maker.com"]
        .map(|text| text.parse::<NamePattern>().unwrap())
        .into_iter()
        .collect();
    Knowledge::with_room(sieve, 1 << 30, room)
}

fn address(n: u32) -> IpAddr {
    match n % 5 {
        4 => IpAddr::V6((0x2a00_u128 << 112 | u128::from(n)).into()),
        _ => IpAddr::V4((0x0800_0000 + n).into()),
    }
}

fn answer(name: &str, data: AnswerData, seconds_ago: u64, count: u64) -> Answer {
    let last = Timestamp::from_millis(NOW.as_millis() - seconds_ago * 1_000 - 7);
    let first = last.minus(std::time::Duration::from_secs(seconds_ago % 90_000));
    let coverage = if count.is_multiple_of(3) { Coverage::Partial } else { Coverage::Population };
    Answer { name: name.parse().unwrap(), data, first, last, count, coverage }
}

fn alias(target: &str) -> AnswerData {
    AnswerData::Alias(target.parse().unwrap())
}

/// What is known from one source: a line for each span of a fact, and one for
/// each trace, a name that is not kept counting as the traces it came from.
fn told(dns: &Knowledge, source: &str) -> Vec<String> {
    let wanted = |place: u16| &*dns.sources[usize::from(place)] == source;
    let mut lines = Vec::new();
    for (name, entry) in dns.names.iter().zip(&dns.entries) {
        let addresses = entry.addresses.iter().map(|(to, spans)| (to.to_string(), spans));
        let aliases = entry.aliases.iter().map(|(to, spans)| (dns.name(*to).to_string(), spans));
        for (to, spans) in addresses.chain(aliases) {
            for span in spans.all().iter().filter(|span| wanted(span.source)) {
                let mut span = *span;
                if name.is_unkept() {
                    (span.first, span.last) = (
                        Timestamp::from_secs(span.first.as_secs()),
                        Timestamp::from_secs(span.last.as_secs()),
                    );
                }
                span.source = 0;
                lines.push(format!("{name} {to} {span:?}"));
            }
        }
    }
    for (address, trace) in dns.traces.all().filter(|(_, trace)| wanted(trace.source())) {
        let mut span = trace.span();
        span.source = 0;
        let owner = dns.traces.owners.text(trace.owner);
        lines.push(format!("{} {address} {span:?}", DomainName::unkept(owner)));
    }
    lines.sort();
    lines
}

fn written(dns: &mut Knowledge) -> Vec<u8> {
    let mut bytes = Vec::new();
    dns.write_whole(|source| source == "live", &mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> (Knowledge, Restored) {
    let mut dns = table(1 << 20);
    let restored = dns.restore(bytes, NOW, |source| source == "live").unwrap();
    (dns, restored)
}

/// A table with facts and traces of two sources, of which one is live.
fn filled(room: usize) -> Knowledge {
    let mut dns = table(room);
    dns.insert(answer("api.maker.com", alias("vm.cloud.net"), 5, 2), "live").unwrap();
    dns.insert(answer("vm.cloud.net", AnswerData::Address(address(7)), 4, 3), "live").unwrap();
    for n in 0..800 {
        let source = if n % 3 == 0 { "file" } else { "live" };
        let name = format!("www{}.shop{}.com", n % 2, n % 90);
        // Some have many owners, most have one.
        let data = AnswerData::Address(address(if n % 7 < 3 { n / 12 } else { 1_000 + n }));
        dns.insert(answer(&name, data, u64::from(n) * 500, 1 + u64::from(n % 4)), source).unwrap();
    }
    dns
}

#[test]
fn a_table_comes_back_as_it_was_without_what_is_not_wanted() {
    let mut dns = filled(100);
    dns.recall([address(7), address(1_020), address(3)]);
    assert!(dns.traces.saturated > 0 && dns.traces.len() > 100, "{:?}", dns.size());
    assert!(dns.names.iter().any(DomainName::is_unkept));
    let bytes = written(&mut dns);
    let (back, restored) = read(&bytes);
    assert_eq!(told(&back, "live"), told(&dns, "live"));
    assert_eq!(told(&back, "file"), Vec::<String>::new());
    assert_eq!((restored.unwanted, restored.refused), (0, 0));
    let find = |dns: &Knowledge, name: &str| dns.find(&name.parse().unwrap()).unwrap();
    let target = find(&back, "vm.cloud.net");
    assert_eq!(back.aliases(find(&back, "api.maker.com"), Day(99_999)).next().unwrap().0, target);
    assert_eq!(back.pointing(target, Day(99_999)).count(), 1);

    // A second time the bytes are the same but for their order.
    let (mut again, size) = (read(&bytes).0, back.size());
    assert_eq!(read(&written(&mut again)).0.size(), size);

    let (mut none, bytes) = (table(100), &*bytes);
    let restored = none.restore(bytes, NOW, |_| false).unwrap();
    assert_eq!((none.size().facts, none.size().traces, restored.facts), (0, 0, 0));
    assert!(restored.unwanted > 100);
}

#[test]
fn times_that_have_not_come_are_refused_and_old_ones_expire_as_usual() {
    let mut dns = filled(100);
    let bytes = written(&mut dns);
    let mut back = table(100);
    let earlier = NOW.minus(std::time::Duration::from_secs(86_400));
    let restored = back.restore(&*bytes, earlier, |_| true).unwrap();
    assert!(restored.refused > 50, "{restored:?}");
    let (mut back, _) = read(&bytes);
    back.expire(earlier);
    dns.expire(earlier);
    assert_eq!(told(&back, "live"), told(&dns, "live"));
    assert!(back.size().gone.expired > 50);
}

#[test]
fn a_table_that_is_given_less_memory_takes_what_fits() {
    let mut dns = table(1_000);
    for n in 0..120_000 {
        let name = format!("www.shop{n}.com");
        let data = AnswerData::Address(address(n));
        dns.insert(answer(&name, data, u64::from(n), 1), "live").unwrap();
    }
    let bytes = written(&mut dns);
    let mut small = Knowledge::bounded(Sieve::default(), 6_000_000);
    let restored = small.restore(&*bytes, NOW, |_| true).unwrap();
    assert!(restored.refused + small.size().gone.evicted > 1_000, "{restored:?}");
    assert!(small.memory() < 6_600_000, "{}", small.memory());
    assert!(small.size().traces > 1_000);
}

#[test]
fn folding_waits_for_a_checkpoint_and_then_ends_it() {
    let mut dns = filled(400);
    let mut bytes = Vec::new();
    dns.begin_checkpoint(|_| true, &mut bytes);
    assert_eq!(dns.write_checkpoint(&mut bytes, 1), Progress::More);
    let folded = dns.size().gone.folded;
    let mut more = 0;
    while dns.size().gone.folded == folded {
        let data = AnswerData::Address(address(1_000_000 + more));
        dns.insert(answer(&format!("a.new{more}.com"), data, 1, 1), "live").unwrap();
        more += 1;
    }
    assert!((400..=800).contains(&more), "{more}");
    assert_eq!(dns.write_checkpoint(&mut bytes, 1), Progress::Disturbed);
}

#[test]
fn bytes_that_are_no_table_are_refused_with_their_place() {
    let bytes = written(&mut filled(100));
    let refused = |bytes: &[u8]| table(100).restore(bytes, NOW, |_| true).unwrap_err().to_string();
    assert_eq!(refused(b""), "byte 0: it ends in the middle of a record");
    for length in (0..bytes.len()).step_by(61) {
        assert!(table(100).restore(&bytes[..length], NOW, |_| true).is_err(), "{length}");
    }
    assert!(refused(&[&*bytes, b"x"].concat()).contains("more bytes after the end"));
    let traces = [0, TRACES, TRACE | MANY | INSTANT | ONCE | NO_MORE_DAYS];
    assert_eq!(refused(&[0, 0x80]), "byte 2: a fact with the tag 0x80");
    assert_eq!(refused(&[0, TRACES, 7 << 2]), "byte 3: a trace with the tag 0x1c");
    let missing = [&traces[..], &[8, 8, 8, 8, 1, 2, 3, 4, 5, 6, 0]].concat();
    assert!(refused(&missing).contains("a source in place 0"), "{}", refused(&missing));
    assert!(refused(&[0, ADDRESS, 0, 3, b'a', b' ', b'b']).contains("allowed: letters"));
    assert!(refused(&[0, ADDRESS, 5]).contains("a name in place 5"));
    assert!(refused(&[0, TRACES, END, 1, 0]).contains("0 facts and 0 traces were found"));
    assert!(refused(&[0xff, 0xff, 1]).contains("a number of sources of 32767"));
}

/// How often each address was seen with whom: the same whether the table has
/// it as a fact or as a trace.
fn seen(dns: &Knowledge) -> BTreeMap<(IpAddr, Option<String>), u64> {
    let mut seen = BTreeMap::new();
    for (name, entry) in dns.names.iter().zip(&dns.entries) {
        let owner = (*name != DomainName::unkept(None)).then(|| name.registrable().to_owned());
        for (address, spans) in &entry.addresses {
            let count: u64 = spans.all().iter().map(|span| span.count).sum();
            *seen.entry((*address, owner.clone())).or_default() += count;
        }
    }
    for (address, trace) in dns.traces.all() {
        let owner = (trace.owner != RegistrableId::MANY)
            .then(|| dns.traces.owners.text(trace.owner).unwrap().to_owned());
        *seen.entry((address, owner)).or_default() += trace.span().count;
    }
    seen
}

/// What may happen to a table between two slices.
#[derive(Clone, Debug)]
enum Event {
    Recall(u32),
    /// A name that a signature matches becomes an alias of a shop's.
    Alias(u32),
    New(u32),
}

fn events() -> impl Strategy<Value = Vec<(usize, Event)>> {
    let event = prop_oneof![
        (0..70_u32).prop_map(Event::Recall),
        (0..90_u32).prop_map(Event::Alias),
        (0..50_u32).prop_map(Event::New),
    ];
    proptest::collection::vec((1..3_000_usize, event), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_happens_between_slices_writes_nothing_twice_and_leaves_nothing_out(
        events in events()
    ) {
        let mut dns = filled(200);
        let before = seen(&dns);
        let mut bytes = Vec::new();
        dns.begin_checkpoint(|_| true, &mut bytes);
        for (size, event) in events {
            let enough = bytes.len() + size;
            match dns.write_checkpoint(&mut bytes, enough) {
                Progress::More => {}
                Progress::Done => break,
                Progress::Disturbed => panic!("nothing was folded"),
            }
            match event {
                Event::Recall(n) => dns.recall([address(n)]),
                Event::Alias(n) => {
                    let target = format!("www{}.shop{n}.com", n % 2);
                    let name = format!("n{n}.eu.maker.com");
                    dns.insert(answer(&name, alias(&target), 9, 1), "live").unwrap();
                    dns.settle();
                }
                Event::New(n) => {
                    let data = AnswerData::Address(address(5_000_000 + n));
                    dns.insert(answer("a.new.com", data, 1, 1), "live").unwrap();
                }
            }
        }
        while dns.underway.is_some() {
            let enough = bytes.len() + 10_000;
            prop_assert_ne!(dns.write_checkpoint(&mut bytes, enough), Progress::Disturbed);
        }
        let mut back = table(1 << 20);
        let restored = back.restore(&*bytes, NOW, |_| true).unwrap();
        prop_assert_eq!(restored.refused, 0);
        let mut after = seen(&back);
        after.retain(|(_, owner), _| owner.as_deref() != Some("new.com"));
        prop_assert_eq!(after, before);
    }

    #[test]
    fn changed_bytes_never_panic(
        changes in proptest::collection::vec((0..20_000_usize, any::<u8>()), 1..6)
    ) {
        static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| written(&mut filled(150)));
        let mut bytes = BYTES.clone();
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        let mut dns = table(200);
        if dns.restore(&*bytes, NOW, |_| true).is_ok() {
            dns.settle();
            prop_assert!(dns.memory() < 20_000_000);
        }
    }
}
