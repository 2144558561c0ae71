//! The servers of the synthetic world: where every name of the signatures
//! leads, and everything else that people's traffic goes to.
//!
//! Three things make verdicts matter (paper §4.2.1, §4.2.3). Some groups live
//! on a content network's addresses, beside other customers; some addresses
//! change hands; and people without a device touch its maker's web site, its
//! app's servers, other ports of its servers and its support domains.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::SimulateError;
use super::addresses::{MOST_SERVERS, server};
use super::draw::{Draw, Purpose};
use super::names::{NameData, NameRecord};
use crate::model::domain::{DomainName, NamePattern};
use crate::model::endpoint::Port;
use crate::model::flow::{TCP, UDP};
use crate::model::rules::{PacketRate, Role};
use crate::model::time::Timestamp;
use crate::signature::{GroupDefinition, SignatureSet};

/// How long before the first flow the DNS answers begin.
const HISTORY: Duration = Duration::from_secs(3 * 86_400);
/// Content networks, the addresses of each, and its other customers.
const CDNS: u32 = 3;
const CDN_NODES: u32 = 8;
const CDN_CUSTOMERS: u32 = 40;
/// Web sites with an address of their own.
const SITES: u32 = 300;

/// An address of a server while it belongs to the name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) v4: Ipv4Addr,
    pub(super) v6: Ipv6Addr,
    /// When it goes to somebody else.
    until: Timestamp,
}

/// Where one group lives.
#[derive(Clone, Debug)]
pub(super) struct GroupBackend {
    /// Place of its class in the signature set.
    pub(super) class: usize,
    pub(super) port: Port,
    pub(super) rate: Option<PacketRate>,
    /// The places of each of its names.
    pub(super) names: Vec<Vec<Place>>,
}

/// A server that is no evidence, or must not be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Other {
    v4: Ipv4Addr,
    v6: Ipv6Addr,
    pub(super) port: Port,
    /// Before this instant it belongs to somebody else.
    from: Timestamp,
}

/// Kinds of other traffic with the share of packets that each has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum OtherKind {
    /// Content networks, some of whose customers are device makers.
    Cdn,
    /// Web sites.
    Site,
    /// Name resolution.
    Dns,
    /// Time.
    Ntp,
    /// Web sites and app servers of device makers.
    Maker,
    /// Servers of a group, on a port that the group does not have.
    WrongPort,
    /// Addresses that a group had before.
    Reassigned,
    /// Support groups, which prove nothing without a primary one.
    Support,
}

/// Every kind with its share of packets; the shares add up to one.
const OTHER_SHARES: [(OtherKind, f64); 8] = [
    (OtherKind::Cdn, 0.42),
    (OtherKind::Site, 0.38),
    (OtherKind::Dns, 0.07),
    (OtherKind::Ntp, 0.03),
    (OtherKind::Maker, 0.05),
    (OtherKind::WrongPort, 0.02),
    (OtherKind::Reassigned, 0.02),
    (OtherKind::Support, 0.01),
];

/// All servers.
#[derive(Clone, Debug)]
pub(super) struct Backends {
    pub(super) groups: Vec<GroupBackend>,
    pub(super) records: Vec<NameRecord>,
    others: HashMap<OtherKind, Vec<Other>>,
}

impl Place {
    pub(super) fn serves(&self, at: Timestamp) -> bool {
        at < self.until
    }
}

impl Other {
    pub(super) fn address(&self, v6: bool) -> IpAddr {
        if v6 { self.v6.into() } else { self.v4.into() }
    }
}

impl Backends {
    /// Puts every group of `set` somewhere, for flows from `start` to `end`.
    pub(super) fn new(
        set: &SignatureSet,
        seed: u64,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Self, SimulateError> {
        let mut builder = Builder {
            draw: Draw::new(seed, Purpose::Backends, 0, 0),
            start,
            end,
            next: 0,
            cdn: Vec::new(),
            places: HashMap::new(),
            backends: Self { groups: Vec::new(), records: Vec::new(), others: HashMap::new() },
        };
        builder.world()?;
        for (class, definition) in set.classes.iter().enumerate() {
            let has_children =
                set.classes.iter().any(|other| other.parent.as_ref() == Some(&definition.class));
            // About one class in twelve lives wholly on content networks and
            // cannot be told from others (paper §4.2.3); not one that others
            // hang on, which would take them along.
            let all_shared = !has_children && builder.draw.chance(1.0 / 12.0);
            for (place, group) in definition.groups.iter().enumerate() {
                let shared = all_shared || (place >= 2 && builder.draw.chance(0.2));
                builder.group(class, group, shared)?;
            }
        }
        builder.makers(set)?;
        Ok(builder.backends)
    }

    /// Draws a server for other traffic at `at`.
    pub(super) fn other(&self, draw: &mut Draw, at: Timestamp) -> Option<Other> {
        let mut share = draw.unit();
        let kind = OTHER_SHARES
            .iter()
            .find(|(_, part)| {
                share -= part;
                share < 0.0
            })
            .map_or(OtherKind::Site, |(kind, _)| *kind);
        // A kind that the signatures give no occasion for falls back to sites.
        let drawn = self
            .others
            .get(&kind)
            .and_then(|others| draw.pick(others))
            .filter(|other| other.from <= at);
        drawn.or_else(|| self.others.get(&OtherKind::Site)?.first()).copied()
    }
}

struct Builder {
    draw: Draw,
    start: Timestamp,
    end: Timestamp,
    next: u32,
    /// The addresses of each content network.
    cdn: Vec<Vec<Place>>,
    /// Names that have a place already, since two groups may share a name.
    places: HashMap<DomainName, Vec<Place>>,
    backends: Backends,
}

/// A name made of parts that are known to be fit for one.
fn name(text: &str) -> Result<DomainName, SimulateError> {
    text.parse().map_err(|reason| SimulateError::Name { name: text.to_owned(), reason })
}

const HTTPS: Port = Port { number: 443, protocol: TCP };

impl Builder {
    /// The servers that have nothing to do with devices.
    fn world(&mut self) -> Result<(), SimulateError> {
        for cdn in 0..CDNS {
            let nodes = (0..CDN_NODES).map(|_| self.place()).collect::<Result<Vec<_>, _>>()?;
            self.cdn.push(nodes);
            for customer in 0..CDN_CUSTOMERS {
                let site = name(&format!("www.shop{customer}-{cdn}.example"))?;
                self.on_cdn(&site, cdn as usize)?;
            }
        }
        for place in self.cdn.concat() {
            self.other(OtherKind::Cdn, place, HTTPS);
            self.other(OtherKind::Cdn, place, Port { number: 443, protocol: UDP });
        }
        for site in 0..SITES {
            let place = self.place()?;
            self.answers(&name(&format!("www.site{site}.example"))?, &[place]);
            self.other(OtherKind::Site, place, HTTPS);
        }
        for (kind, label, count, number) in
            [(OtherKind::Dns, "resolver", 3, 53), (OtherKind::Ntp, "time", 4, 123)]
        {
            for server in 0..count {
                let place = self.place()?;
                self.answers(&name(&format!("{label}{server}.example"))?, &[place]);
                self.other(kind, place, Port { number, protocol: UDP });
            }
        }
        Ok(())
    }

    fn group(
        &mut self,
        class: usize,
        group: &GroupDefinition,
        shared: bool,
    ) -> Result<(), SimulateError> {
        let port = match self.draw.pick(&group.ports) {
            Some(port) => *port,
            None if self.draw.chance(0.85) => HTTPS,
            None => Port { number: 8883, protocol: TCP },
        };
        let mut names = Vec::new();
        for pattern in &group.names {
            for concrete in concrete_names(pattern)? {
                names.push(match self.places.get(&concrete) {
                    Some(places) => places.clone(),
                    None => self.backend(&concrete, shared)?,
                });
            }
        }
        for place in names.iter().flatten().copied().collect::<Vec<_>>() {
            if !group.ports.is_empty() && !shared {
                let other = if group.ports.contains(&HTTPS) { 8080 } else { 443 };
                let wrong = Port { number: other, protocol: TCP };
                if !group.ports.contains(&wrong) {
                    self.other(OtherKind::WrongPort, place, wrong);
                }
            }
            if group.role == Role::Support && !shared {
                self.other(OtherKind::Support, place, port);
            }
        }
        self.backends.groups.push(GroupBackend {
            class,
            port,
            rate: group.packets_per_hour,
            names,
        });
        Ok(())
    }

    /// Finds a home for a name of a group.
    fn backend(&mut self, name: &DomainName, shared: bool) -> Result<Vec<Place>, SimulateError> {
        if shared {
            let cdn = self.draw.index(self.cdn.len());
            let places = self.on_cdn(name, cdn)?;
            self.places.insert(name.clone(), places.clone());
            return Ok(places);
        }
        let count = self.draw.between(1, 3);
        let mut places = (0..count).map(|_| self.place()).collect::<Result<Vec<_>, _>>()?;
        if self.draw.chance(0.25) {
            // A tenant's machine at a cloud: the name leads to the machine's.
            for place in &places {
                let [.., c, d] = place.v4.octets();
                let machine = self::name(&format!("vm-{c}-{d}.compute.cloud.example"))?;
                self.alias(name, &machine);
                self.answers(&machine, &[*place]);
            }
        } else {
            self.answers(name, &places);
        }
        if self.draw.chance(0.08) {
            self.reassigned(name, &mut places)?;
        }
        self.places.insert(name.clone(), places.clone());
        Ok(places)
    }

    /// An address that the name had and somebody else has now: since the day
    /// before the first flow, or since half-time.
    fn reassigned(
        &mut self,
        name: &DomainName,
        places: &mut Vec<Place>,
    ) -> Result<(), SimulateError> {
        let half = Duration::from_millis(self.end.signed_since(self.start).unsigned_abs() / 2);
        let day = Duration::from_secs(86_400);
        let (until, from) = if self.draw.chance(0.5) {
            let from = self.start.minus(day);
            (from.minus(Duration::from_secs(3_600)), from)
        } else {
            (self.start.plus(half), self.start.plus(half))
        };
        let place = Place { until, ..self.place()? };
        self.record(name, NameData::Address(place.v4.into()), self.begin(), until);
        self.record(name, NameData::Address(place.v6.into()), self.begin(), until);
        let heir = self::name(&format!("www.heir{}.example", self.next))?;
        self.record(&heir, NameData::Address(place.v4.into()), from, self.end);
        self.record(&heir, NameData::Address(place.v6.into()), from, self.end);
        let Place { v4, v6, .. } = place;
        let other = Other { v4, v6, port: HTTPS, from };
        self.backends.others.entry(OtherKind::Reassigned).or_default().push(other);
        if until > self.start {
            places.push(place);
        }
        Ok(())
    }

    /// The web site and the app server of every maker.
    fn makers(&mut self, set: &SignatureSet) -> Result<(), SimulateError> {
        let mut domains: Vec<String> = set
            .classes
            .iter()
            .flat_map(|class| &class.groups)
            .filter(|group| group.role == Role::Primary)
            .flat_map(|group| &group.names)
            .map(|pattern| match pattern {
                NamePattern::Exact(name) | NamePattern::Below(name) => name,
            })
            .filter_map(|name| psl::domain_str(name.as_str()))
            .map(str::to_owned)
            .collect();
        domains.sort_unstable();
        domains.dedup();
        for domain in &domains {
            for label in ["www", "app"] {
                let site = name(&format!("{label}.{domain}"))?;
                let places = match self.places.get(&site) {
                    Some(places) => places.clone(),
                    None if self.draw.chance(0.4) => {
                        let cdn = self.draw.index(self.cdn.len());
                        self.on_cdn(&site, cdn)?
                    }
                    None => {
                        let place = self.place()?;
                        self.answers(&site, &[place]);
                        vec![place]
                    }
                };
                for place in places {
                    self.other(OtherKind::Maker, place, HTTPS);
                }
            }
        }
        Ok(())
    }

    /// Leads a name to two nodes of a content network, by a name of its own
    /// there, as customers' names are.
    fn on_cdn(&mut self, name: &DomainName, cdn: usize) -> Result<Vec<Place>, SimulateError> {
        let edge = self::name(&format!("e{}.cdn{cdn}.example", self.backends.records.len()))?;
        let nodes = self.cdn.get(cdn).cloned().unwrap_or_default();
        let first = self.draw.index(nodes.len());
        let second = (first + 1) % nodes.len().max(1);
        let places: Vec<Place> =
            [first, second].iter().filter_map(|place| nodes.get(*place)).copied().collect();
        self.alias(name, &edge);
        self.answers(&edge, &places);
        Ok(places)
    }

    fn place(&mut self) -> Result<Place, SimulateError> {
        if self.next == MOST_SERVERS {
            return Err(SimulateError::Servers { allowed: MOST_SERVERS });
        }
        let (v4, v6) = server(self.next);
        self.next += 1;
        Ok(Place { v4, v6, until: Timestamp::MAX })
    }

    fn other(&mut self, kind: OtherKind, place: Place, port: Port) {
        let Place { v4, v6, .. } = place;
        let other = Other { v4, v6, port, from: Timestamp::EPOCH };
        self.backends.others.entry(kind).or_default().push(other);
    }

    fn begin(&self) -> Timestamp {
        self.start.minus(HISTORY)
    }

    fn answers(&mut self, name: &DomainName, places: &[Place]) {
        for place in places {
            self.record(name, NameData::Address(place.v4.into()), self.begin(), self.end);
            self.record(name, NameData::Address(place.v6.into()), self.begin(), self.end);
        }
    }

    fn alias(&mut self, name: &DomainName, to: &DomainName) {
        self.record(name, NameData::Alias(to.clone()), self.begin(), self.end);
    }

    fn record(&mut self, name: &DomainName, data: NameData, from: Timestamp, until: Timestamp) {
        let per_day = self.draw.between(200, 5_000);
        self.backends.records.push(NameRecord { name: name.clone(), data, from, until, per_day });
    }
}

/// The names that resolvers see for a pattern: itself, or two below it.
fn concrete_names(pattern: &NamePattern) -> Result<Vec<DomainName>, SimulateError> {
    match pattern {
        NamePattern::Exact(name) => Ok(vec![name.clone()]),
        NamePattern::Below(suffix) => {
            Ok(vec![name(&format!("unit-a.{suffix}"))?, name(&format!("b.unit.{suffix}"))?])
        }
    }
}
