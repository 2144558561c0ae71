//! Stories of the build, each small enough to be checked by hand. This file
//! holds the little world they are told in.

mod bounded;
mod changes;
mod explained;
mod groups;
mod over_time;
mod verdicts;

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::dns::{Answer, AnswerData, Coverage};
use crate::infrastructure::{Ranges, Scans};
use crate::model::endpoint::{Endpoint, Port};
use crate::model::group::GroupId;
use crate::model::rules::{Level, PacketRate, Role, Threshold};
use crate::model::time::Timestamp;
use crate::signature::{ClassDefinition, GroupDefinition};

/// The day everything happens on, unless a story says otherwise.
const TODAY: Day = Day(20_778);

/// A world of DNS answers and one signature set.
#[derive(Default)]
struct World {
    answers: Vec<(Answer, &'static str)>,
    signatures: SignatureSet,
    settings: VerdictSettings,
    lines: Option<IpAddr>,
    ranges: Ranges,
    scans: Option<Scans>,
}

/// An answer seen `count` times on days `first` to `last`, counted from today.
fn answer(name: &str, to: &str, days: (i64, i64), count: u64) -> Answer {
    let noon = |day: i64| TODAY.start().shifted((day * 24 + 12) * 3_600_000);
    Answer {
        name: name.parse().unwrap(),
        data: to
            .parse()
            .map_or_else(|_| AnswerData::Alias(to.parse().unwrap()), AnswerData::Address),
        first: noon(days.0),
        last: noon(days.1),
        count,
        coverage: Coverage::Population,
    }
}

impl World {
    /// `name` led to `to` fifty times today.
    fn often(self, name: &str, to: &str) -> Self {
        self.seen(name, to, (0, 0), 50)
    }

    fn seen(mut self, name: &str, to: &str, days: (i64, i64), count: u64) -> Self {
        self.answers.push((answer(name, to, days, count), "resolvers"));
        self
    }

    fn partial(mut self, name: &str, to: &str) -> Self {
        let answer = Answer { coverage: Coverage::Partial, ..answer(name, to, (0, 0), 50) };
        self.answers.push((answer, "capture"));
        self
    }

    /// Adds a class; a group is its names, `~` before the first for support,
    /// with ports after a space.
    fn class(mut self, class: &str, groups: &[&[&str]]) -> Self {
        let groups = groups.iter().map(|written| {
            let mut ports: Vec<Port> = Vec::new();
            let names: Vec<_> = written
                .iter()
                .map(|text| {
                    let mut words = text.trim_start_matches('~').split(' ');
                    let name = words.next().unwrap();
                    ports.extend(words.map(|port| port.parse::<Port>().unwrap()));
                    name.parse().unwrap()
                })
                .collect();
            let support = written[0].starts_with('~');
            GroupDefinition {
                id: group(class, written[0].split(' ').next().unwrap()),
                names,
                role: if support { Role::Support } else { Role::Primary },
                ports,
                packets_per_hour: Some(PacketRate { idle: 10.0, active: 20.0 }),
            }
        });
        self.signatures.classes.push(ClassDefinition {
            class: class.into(),
            name: class.into(),
            level: Level::Manufacturer,
            vendor: "Maker".into(),
            parent: None,
            threshold: Threshold::DEFAULT,
            in_use_packets: None,
            groups: groups.collect(),
            sources: vec!["a story".to_owned()],
            checked: jiff::civil::date(2026, 11, 21),
        });
        self
    }

    fn dns(&self) -> Knowledge {
        let mut dns = Knowledge::new();
        for (answer, source) in &self.answers {
            dns.insert(answer.clone(), source).unwrap();
        }
        dns
    }

    fn with<T>(&self, day: Day, look: impl FnOnce(&BuildInput<'_>) -> T) -> T {
        let dns = self.dns();
        look(&BuildInput {
            signatures: &self.signatures,
            dns: &dns,
            day,
            excluded: &|address| Some(address) == self.lines,
            signals: Signals { ranges: Some(&self.ranges), scans: self.scans.as_ref() },
            settings: self.settings.clone(),
        })
    }

    fn built_on(&self, day: Day) -> Built {
        self.with(day, build)
    }

    fn built(&self) -> Built {
        self.built_on(TODAY)
    }
}

fn group(class: &str, first_name: &str) -> GroupId {
    GroupId::new(class, first_name.trim_start_matches('~'))
}

fn hits(hitlist: &Hitlist, address: &str, port: u16, at: Timestamp) -> Vec<GroupId> {
    let endpoint = Endpoint { address: address.parse().unwrap(), port, protocol: 6 };
    hitlist.look_up(&endpoint, at).collect()
}

/// This afternoon, an hour after everything was answered.
fn afternoon() -> Timestamp {
    TODAY.start().plus(Duration::from_secs(13 * 3_600))
}

fn verdict(built: &Built, class: usize, group: usize) -> &'static str {
    built.report.classes[class].groups[group].verdict
}
