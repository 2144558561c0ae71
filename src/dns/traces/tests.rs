//! What traces keep, and what goes first.

use super::*;

const DAY: u64 = 86_400;
const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

fn add(traces: &mut Traces, address: IpAddr, name: &str, day: u64, count: u64) {
    let name: DomainName = name.parse().unwrap();
    let at = Timestamp::from_secs(day * DAY + 60);
    let span = Span {
        first: at,
        last: at,
        count,
        source: 3,
        more_days: 0,
        coverage: Coverage::Population,
    };
    let owner = traces.owners.intern(name.registrable());
    traces.add(address, Trace::new(NameHash::new(&name), owner, &span));
}

fn owners(traces: &mut Traces) -> Vec<Option<String>> {
    let taken = traces.take(ADDRESS);
    let mut texts: Vec<_> =
        taken.iter().map(|trace| traces.owners.text(trace.owner).map(str::to_owned)).collect();
    texts.sort();
    texts
}

#[test]
fn a_trace_is_as_small_as_is_said() {
    assert_eq!(size_of::<(u32, Trace)>(), 28);
    assert_eq!(size_of::<([u32; 4], Trace)>(), 40);
}

#[test]
fn one_name_is_one_trace_over_days() {
    let mut traces = Traces::default();
    for day in [5, 6, 9] {
        add(&mut traces, ADDRESS, "a.example.com", day, 2);
    }
    assert_eq!((traces.len(), traces.addresses()), (1, 1));
    let span = traces.take(ADDRESS)[0].span();
    assert_eq!((span.first.day().0, span.last.day().0, span.count), (5, 9, 6));
    assert_eq!((span.more_days, span.source, span.coverage), (1, 3, Coverage::Population));
    assert_eq!((traces.len(), traces.addresses()), (0, 0));
}

#[test]
fn names_of_one_owner_make_room_and_many_owners_become_many() {
    let mut traces = Traces::default();
    let few = ["a.x.com", "b.x.com", "c.x.com", "d.x.com", "e.x.com", "y.com", "z.com", "w.com"];
    for name in few {
        add(&mut traces, ADDRESS, name, 5, 1);
    }
    assert_eq!((traces.len(), traces.saturated), (MOST_TRACES, 0));
    let known = ["w.com", "x.com", "y.com", "z.com"].map(|owner| Some(owner.to_owned()));
    assert_eq!(owners(&mut traces), known);
    for name in few {
        add(&mut traces, ADDRESS, name, 5, 1);
    }
    add(&mut traces, ADDRESS, "v.com", 5, 1);
    assert_eq!((traces.len(), traces.saturated), (1, 1));
    add(&mut traces, ADDRESS, "u.com", 8, 1);
    let many = traces.take(ADDRESS)[0];
    assert!(many.is_many());
    let span = many.span();
    assert_eq!((span.count, span.last.day().0), (10, 8), "nothing is forgotten of when");
}

#[test]
fn a_count_without_end_is_believed_under_any_minimum() {
    let mut traces = Traces::default();
    add(&mut traces, ADDRESS, "a.example.com", 5, 70_000);
    assert_eq!(traces.take(ADDRESS)[0].span().count, VERY_OFTEN);
}

#[test]
fn the_oldest_go_first_and_are_counted() {
    let mut traces = Traces::default();
    for n in 0..100_000_u32 {
        let address = if n % 2 == 0 {
            IpAddr::V4((0x0800_0000 + n).into())
        } else {
            IpAddr::V6((1_u128 << 125 | u128::from(n)).into())
        };
        add(&mut traces, address, &format!("a.owner{n}.com"), u64::from(n / 1_000), 1);
    }
    let before = traces.memory();
    assert_eq!(traces.evict(50_000), 50_000);
    assert_eq!((traces.len(), traces.addresses()), (50_000, 50_000));
    let oldest = traces.all().map(|(_, trace)| trace.last).min().unwrap();
    assert!(u64::from(oldest) >= 50 * DAY, "{oldest}");
    assert!(traces.memory() < before / 4 * 3, "{} < {before}", traces.memory());
    assert_eq!(traces.owners.len(), 50_000, "owners go with their traces");
    assert_eq!(traces.expire(Timestamp::from_secs(90 * DAY)), 40_000);
    let (address, trace) = traces.all().next().map(|(at, trace)| (at, *trace)).unwrap();
    assert_eq!(traces.take(address).as_slice(), [trace]);
}

/// Two books are told the same; one sorts its loose traces in at every chance,
/// the other only when it has to.
#[test]
fn where_a_trace_lies_makes_no_difference() {
    let mut often = Book::<[u32; 4]>::default();
    let mut seldom = Book::<[u32; 4]>::default();
    let mut chance = 7_u64;
    let mut draw = |below: u64| {
        chance = chance.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (chance >> 33) % below
    };
    for step in 0..60_000 {
        let key = [7, u32::try_from(draw(3)).unwrap(), 0, u32::try_from(draw(6_000)).unwrap()];
        if draw(20) == 0 {
            assert_eq!(often.take(key), seldom.take(key), "{key:?}");
        } else {
            let name = NameHash([u16::try_from(draw(9)).unwrap(), 1, 1]);
            let owner = RegistrableId(u32::try_from(draw(6)).unwrap());
            let at = Timestamp::from_secs(draw(90) * DAY);
            let span = Span {
                first: at,
                last: at,
                count: 1 + draw(5),
                source: u16::try_from(draw(2)).unwrap(),
                more_days: 0,
                coverage: Coverage::Population,
            };
            let new = Trace::new(name, owner, &span);
            assert_eq!(often.add(key, new), seldom.add(key, new), "{key:?}");
        }
        if step % 500 == 0 {
            assert_eq!(often.retain(|_, _| true), 0);
        }
        if step % 20_000 == 0 {
            let young = |_, trace: &Trace| u64::from(trace.last) > 20 * DAY;
            assert_eq!(often.retain(young), seldom.retain(young));
        }
        assert_eq!((often.traces, often.addresses), (seldom.traces, seldom.addresses));
    }
    let sorted = |book: &Book<[u32; 4]>| {
        let mut all: Vec<_> = book.all().map(|(key, trace)| format!("{key:?} {trace:?}")).collect();
        all.sort();
        all
    };
    assert!(often.traces > 10_000, "{}", often.traces);
    assert_eq!(sorted(&often), sorted(&seldom));
}
