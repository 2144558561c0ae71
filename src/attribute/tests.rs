//! Stories of the build, each small enough to be checked by hand: the paper's
//! two worked examples (§4.2.1) and what happens in operators' networks.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::dns::{Answer, AnswerData, Coverage};
use crate::model::endpoint::{Endpoint, Port};
use crate::model::group::GroupId;
use crate::model::rules::{Level, PacketRate, Role, Threshold};
use crate::model::time::Timestamp;
use crate::signature::{ClassDefinition, GroupDefinition};

/// The day everything happens on, unless a story says otherwise.
const TODAY: Day = Day(20_778);

/// A world of DNS answers and one signature set.
#[derive(Default)]
pub(super) struct World {
    pub(super) answers: Vec<(Answer, &'static str)>,
    pub(super) signatures: SignatureSet,
    pub(super) settings: VerdictSettings,
    pub(super) lines: Option<IpAddr>,
    pub(super) cloud: bool,
}

/// An answer seen `count` times on days `first` to `last`, counted from today.
pub(super) fn answer(name: &str, to: &str, days: (i64, i64), count: u64) -> Answer {
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
    pub(super) fn often(self, name: &str, to: &str) -> Self {
        self.seen(name, to, (0, 0), 50)
    }

    pub(super) fn seen(mut self, name: &str, to: &str, days: (i64, i64), count: u64) -> Self {
        self.answers.push((answer(name, to, days, count), "resolvers"));
        self
    }

    pub(super) fn partial(mut self, name: &str, to: &str) -> Self {
        let answer = Answer { coverage: Coverage::Partial, ..answer(name, to, (0, 0), 50) };
        self.answers.push((answer, "capture"));
        self
    }

    /// Adds a class; a group is its names, `~` before the first for support,
    /// with ports after a space.
    pub(super) fn class(mut self, class: &str, groups: &[&[&str]]) -> Self {
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

    pub(super) fn dns(&self) -> Knowledge {
        let mut dns = Knowledge::new();
        for (answer, source) in &self.answers {
            dns.insert(answer.clone(), source).unwrap();
        }
        dns
    }

    pub(super) fn with<T>(&self, day: Day, look: impl FnOnce(&BuildInput<'_>) -> T) -> T {
        let dns = self.dns();
        look(&BuildInput {
            signatures: &self.signatures,
            dns: &dns,
            day,
            excluded: &|address| Some(address) == self.lines,
            in_cloud: &|_| self.cloud,
            settings: self.settings.clone(),
        })
    }

    pub(super) fn built_on(&self, day: Day) -> Built {
        self.with(day, build)
    }

    pub(super) fn built(&self) -> Built {
        self.built_on(TODAY)
    }
}

pub(super) fn group(class: &str, first_name: &str) -> GroupId {
    GroupId::new(class, first_name.trim_start_matches('~'))
}

pub(super) fn hits(hitlist: &Hitlist, address: &str, port: u16, at: Timestamp) -> Vec<GroupId> {
    let endpoint = Endpoint { address: address.parse().unwrap(), port, protocol: 6 };
    hitlist.look_up(&endpoint, at).collect()
}

/// This afternoon, an hour after everything was answered.
pub(super) fn afternoon() -> Timestamp {
    TODAY.start().plus(Duration::from_secs(13 * 3_600))
}

fn verdict(built: &Built, class: usize, group: usize) -> &'static str {
    built.report.classes[class].groups[group].verdict
}

#[test]
fn a_name_on_a_cloud_machine_of_its_own_is_dedicated() {
    let machine = "ec2-198-51-100-1.compute-1.amazonaws.com";
    let world = World::default()
        .often("dev-a.example.com", machine)
        .often(machine, "198.51.100.1")
        .class("maker", &[&["dev-a.example.com 443/tcp"]]);
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "dedicated");
    assert_eq!(built.rules.classes()[0].monitored(), 1);
    let dev_a = group("maker", "dev-a.example.com");
    assert_eq!(hits(&built.hitlist, "198.51.100.1", 443, afternoon()), [dev_a]);
    assert_eq!(hits(&built.hitlist, "198.51.100.1", 80, afternoon()), []);
}

#[test]
fn a_name_on_a_delivery_network_is_shared() {
    let world = World::default()
        .often("dev-b.example.com", "e1.edge.example.net")
        .often("e1.edge.example.net", "198.51.100.1")
        .often("www.shop.example", "e2.edge2.example")
        .often("e2.edge2.example", "198.51.100.1")
        .class("maker", &[&["dev-b.example.com"]]);
    let built = world.built();
    assert_eq!(verdict(&built, 0, 0), "shared");
    assert_eq!(built.rules.classes()[0].monitored(), 0);
    assert!(built.hitlist.is_empty());
    let why = built.report.classes[0].groups[0].why_not.as_deref().unwrap();
    assert!(why.contains("198.51.100.1 also serves www.shop.example of shop.example"), "{why}");
    assert!(why.contains("through e2.edge2.example"), "{why}");
}
