//! From a name, along its aliases, to the addresses that served it, and when.
//!
//! An address serves a name for as long as every link of the chain between
//! them holds. A link holds from when it was first seen until it was last seen
//! plus a hold, since an answer is used for a while after it was given.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::answer::Coverage;
use super::knowledge::{Knowledge, NameId};
use super::seen::Span;
use crate::model::time::{Day, Timestamp};

/// Longest chain of aliases that is followed; resolvers give up about here.
pub const LONGEST_CHAIN: usize = 16;
/// Most links followed for one name, against knots of aliases.
pub const MOST_STEPS: usize = 20_000;
/// How long an alias holds after it was last seen. Aliases live longer than
/// the addresses behind them, also where those change hands by the hour.
pub const ALIAS_HOLD: Duration = Duration::from_secs(24 * 3_600);

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// Its first instant.
    pub from: Timestamp,
    /// Its last instant.
    pub until: Timestamp,
}

impl Interval {
    /// All of time.
    pub const ALWAYS: Self = Self { from: Timestamp::EPOCH, until: Timestamp::MAX };

    /// What both have in common.
    pub fn common(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), until: self.until.min(other.until) };
        (both.from <= both.until).then_some(both)
    }

    /// Whether both lie, at least in part, on one UTC day.
    pub fn shares_a_day(self, other: Self) -> bool {
        self.from.day() <= other.until.day() && other.from.day() <= self.until.day()
    }
}

/// An address that served a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The address.
    pub address: IpAddr,
    /// From when it was first seen to serve the name until it last was.
    pub presence: Interval,
    /// When traffic to it is taken for the name: what was seen, and the hold.
    pub valid: Vec<Interval>,
    /// Whether a population source saw it.
    pub population: bool,
    /// Whether only what others' resolvers were answered has it.
    pub afar: bool,
    /// The name, its aliases in order, and the name on the address: the first
    /// such chain by name, if there are several.
    pub chain: Vec<NameId>,
}

/// Everything that a name led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The addresses, sorted.
    pub addresses: Vec<Reached>,
    /// Whether [`MOST_STEPS`] was hit, so that there may be more.
    pub cut: bool,
}

/// The addresses that served `name` by the end of `day`. `hold` says how long
/// an address holds after it was last seen, `afar` of a source whether it heard
/// resolvers elsewhere. While any other source has an address of the name, theirs
/// are not valid: names are answered by where one asks from.
pub fn addresses_of(
    dns: &Knowledge,
    name: NameId,
    day: Day,
    hold: &dyn Fn(IpAddr) -> Duration,
    afar: &dyn Fn(&str) -> bool,
) -> Reach {
    let (steps, path) = (0, vec![name]);
    let (found, heard) = (BTreeMap::new(), BTreeMap::new());
    let mut walk = Walk { dns, day, hold, afar, steps, path, found, heard };
    walk.follow(name, &[Interval::ALWAYS]);
    let cut = walk.steps > MOST_STEPS;
    let mut near = Vec::new();
    if !walk.heard.is_empty() {
        near.extend(walk.found.values().flat_map(|reached| reached.valid.iter().copied()));
        near = united(near);
    }
    for (address, heard) in walk.heard {
        if let Some(reached) = walk.found.get_mut(&address) {
            reached.valid.extend(without(united(heard), &near));
        }
    }
    let mut addresses: Vec<Reached> = walk.found.into_values().collect();
    for reached in &mut addresses {
        reached.valid = united(std::mem::take(&mut reached.valid));
    }
    Reach { addresses, cut }
}

/// What of `some` lies in none of `others`; each in order and apart.
fn without(some: Vec<Interval>, others: &[Interval]) -> Vec<Interval> {
    let mut left = Vec::new();
    for Interval { mut from, until } in some {
        for other in others {
            if other.until < from || other.from > until {
                continue;
            }
            if other.from > from {
                left.push(Interval { from, until: other.from.shifted(-1) });
            }
            from = other.until.shifted(1);
        }
        if from <= until {
            left.push(Interval { from, until });
        }
    }
    left
}

struct Walk<'a> {
    dns: &'a Knowledge,
    day: Day,
    hold: &'a dyn Fn(IpAddr) -> Duration,
    afar: &'a dyn Fn(&str) -> bool,
    steps: usize,
    path: Vec<NameId>,
    found: BTreeMap<IpAddr, Reached>,
    /// When addresses were valid elsewhere.
    heard: BTreeMap<IpAddr, Vec<Interval>>,
}

impl Walk<'_> {
    fn follow(&mut self, name: NameId, open: &[Interval]) {
        let dns = self.dns;
        for (address, _) in dns.addresses(name, self.day) {
            self.arrive(name, address, open);
        }
        // By name, so that the order of insertion makes no difference.
        let mut targets: Vec<NameId> = dns.aliases(name, self.day).map(|(id, _)| id).collect();
        targets.sort_unstable_by_key(|id| dns.name(*id));
        for target in targets {
            self.steps += 1;
            if self.steps > MOST_STEPS
                || self.path.len() >= LONGEST_CHAIN
                || self.path.contains(&target)
            {
                continue;
            }
            let spans: Vec<Interval> = dns
                .alias_history(name, target, self.day)
                .map(|span| held(span, ALIAS_HOLD))
                .collect();
            let still = overlaps(open, &united(spans));
            if still.is_empty() {
                continue;
            }
            self.path.push(target);
            self.follow(target, &still);
            self.path.pop();
        }
    }

    fn arrive(&mut self, name: NameId, address: IpAddr, open: &[Interval]) {
        let hold = (self.hold)(address);
        for span in self.dns.address_history(name, address, self.day) {
            let afar = (self.afar)(self.dns.source_of(&span).0);
            for interval in overlaps(open, &[held(span, hold)]) {
                let seen_until = span.last.min(interval.until).max(interval.from);
                let presence = Interval { from: interval.from, until: seen_until };
                let reached = self.found.entry(address).or_insert_with(|| Reached {
                    address,
                    presence,
                    valid: Vec::new(),
                    population: false,
                    afar: true,
                    chain: self.path.clone(),
                });
                reached.afar &= afar;
                reached.presence.from = reached.presence.from.min(presence.from);
                reached.presence.until = reached.presence.until.max(presence.until);
                reached.population |= span.coverage == Coverage::Population;
                if afar {
                    self.heard.entry(address).or_default().push(interval);
                } else {
                    reached.valid.push(interval);
                }
            }
        }
    }
}

fn held(span: Span, hold: Duration) -> Interval {
    Interval { from: span.first, until: span.last.plus(hold) }
}

fn overlaps(some: &[Interval], others: &[Interval]) -> Vec<Interval> {
    some.iter().flat_map(|one| others.iter().filter_map(|other| one.common(*other))).collect()
}

/// The same time in as few intervals as possible, in order.
pub fn united(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut united: Vec<Interval> = Vec::with_capacity(intervals.len());
    for next in intervals {
        match united.last_mut() {
            Some(last) if next.from <= last.until => last.until = last.until.max(next.until),
            _ => united.push(next),
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Answer, AnswerData};

    const HOUR: u64 = 3_600;

    fn insert(dns: &mut Knowledge, name: &str, data: &str, first: u64, last: u64) {
        let data = data
            .parse()
            .map_or_else(|_| AnswerData::Alias(data.parse().unwrap()), AnswerData::Address);
        let answer = Answer {
            name: name.parse().unwrap(),
            data,
            first: Timestamp::from_secs(first),
            last: Timestamp::from_secs(last),
            count: 1,
            coverage: Coverage::Population,
        };
        dns.insert(answer, "test").unwrap();
    }

    fn reached(dns: &Knowledge, name: &str) -> Vec<Reached> {
        let id = dns.find(&name.parse().unwrap()).unwrap();
        let reach = addresses_of(dns, id, Day(9), &|_| Duration::from_secs(HOUR), &|_| false);
        assert!(!reach.cut);
        reach.addresses
    }

    #[test]
    fn a_chain_leads_to_its_addresses_and_a_loop_ends() {
        let mut dns = Knowledge::new();
        insert(&mut dns, "a.example.com", "b.example.com", 0, 9);
        insert(&mut dns, "b.example.com", "c.example.net", 0, 9);
        insert(&mut dns, "c.example.net", "a.example.com", 0, 9);
        insert(&mut dns, "c.example.net", "198.51.100.1", 0, 9);
        insert(&mut dns, "c.example.net", "2001:db8::1", 0, 9);
        let found = reached(&dns, "a.example.com");
        assert_eq!(found.len(), 2);
        let chain: Vec<&str> = found[0].chain.iter().map(|id| dns.name(*id).as_str()).collect();
        assert_eq!(chain, ["a.example.com", "b.example.com", "c.example.net"]);
        assert!(found[1].address.is_ipv6());
    }

    #[test]
    fn an_address_serves_only_while_the_alias_before_it_holds() {
        let mut dns = Knowledge::new();
        insert(&mut dns, "a.example.com", "t.example.net", 10 * HOUR, 11 * HOUR);
        insert(&mut dns, "t.example.net", "198.51.100.1", 0, 90 * HOUR);
        insert(&mut dns, "t.example.net", "198.51.100.2", 60 * HOUR, 90 * HOUR);
        let found = reached(&dns, "a.example.com");
        assert_eq!(found.len(), 1, "the second address came when the alias was gone");
        let valid = Interval {
            from: Timestamp::from_secs(10 * HOUR),
            until: Timestamp::from_secs(35 * HOUR),
        };
        assert_eq!(found[0].valid, [valid]);
    }

    #[test]
    fn seen_again_and_again_is_one_interval_where_the_holds_touch() {
        let mut dns = Knowledge::new();
        for first in [0, 24 * HOUR, 48 * HOUR] {
            insert(&mut dns, "a.example.com", "198.51.100.1", first, first + 23 * HOUR);
        }
        insert(&mut dns, "a.example.com", "198.51.100.1", 96 * HOUR, 96 * HOUR);
        let found = reached(&dns, "a.example.com");
        let hours = |hours: u64| Timestamp::from_secs(hours * HOUR);
        let expected = [(0, 72), (96, 97)]
            .map(|(from, until)| Interval { from: hours(from), until: hours(until) });
        assert_eq!(found[0].valid, expected);
        assert_eq!(found[0].presence, Interval { from: hours(0), until: hours(96) });
    }

    #[test]
    fn what_was_heard_elsewhere_holds_while_nothing_nearer_does() {
        let mut dns = Knowledge::new();
        let name: crate::model::domain::DomainName = "a.example.com".parse().unwrap();
        for (last, source, first, until) in
            [(1, "near", 10, 20), (1, "afar", 0, 3), (2, "afar", 5, 30), (3, "afar", 12, 14)]
        {
            let answer = Answer {
                name: name.clone(),
                data: AnswerData::Address([198, 51, 100, last].into()),
                first: Timestamp::from_secs(first * HOUR),
                last: Timestamp::from_secs(until * HOUR),
                count: 1,
                coverage: Coverage::Population,
            };
            dns.insert(answer, source).unwrap();
        }
        let id = dns.find(&name).unwrap();
        let hold = |_| Duration::from_secs(HOUR);
        let reach = addresses_of(&dns, id, Day(9), &hold, &|source| source == "afar");
        let told: Vec<_> =
            reach.addresses.iter().map(|reached| (reached.afar, hours(reached))).collect();
        assert_eq!(
            told,
            [(false, vec![(0, 4), (10, 21)]), (true, vec![(5, 9), (21, 31)]), (true, Vec::new()),]
        );
        // Of one kind all add up.
        let reach = addresses_of(&dns, id, Day(9), &hold, &|_| true);
        let told: Vec<_> = reach.addresses.iter().map(hours).collect();
        assert_eq!(told, [vec![(0, 4), (10, 21)], vec![(5, 31)], vec![(12, 15)]]);
    }

    /// Whole hours in which an address is valid.
    fn hours(reached: &Reached) -> Vec<(u64, u64)> {
        let hour = |at: Timestamp| at.as_secs() / HOUR;
        reached.valid.iter().map(|valid| (hour(valid.from), hour(valid.until))).collect()
    }

    #[test]
    fn a_knot_of_aliases_is_cut_and_said() {
        let mut dns = Knowledge::new();
        let name = |n: usize| format!("n{n}.example.com");
        for (from, to) in (0..12).flat_map(|from| (0..12).map(move |to| (from, to))) {
            if from != to {
                insert(&mut dns, &name(from), &name(to), 0, 9);
            }
        }
        let id = dns.find(&name(0).parse().unwrap()).unwrap();
        assert!(addresses_of(&dns, id, Day(9), &|_| Duration::ZERO, &|_| false).cut);
    }
}
