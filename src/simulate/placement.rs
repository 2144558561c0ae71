//! Gives every server its names and addresses.
//!
//! Two things make verdicts matter (paper §4.2.1, §4.2.3): some groups live on
//! a content network's addresses, beside other customers, and some addresses
//! change hands. Others are found through a tenant's machine at a cloud, which
//! must not count as sharing.

use std::collections::HashMap;
use std::time::Duration;

use super::SimulateError;
use super::addresses::{MOST_SERVERS, server};
use super::backends::{Backends, GroupBackend, Other, OtherKind, Place};
use super::draw::Draw;
use super::names::{NameData, NameRecord};
use super::population::known_share;
use crate::model::domain::{DomainName, NamePattern};
use crate::model::endpoint::Port;
use crate::model::flow::{TCP, UDP};
use crate::model::rules::Role;
use crate::model::suffix;
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

/// Servers being given their names and addresses.
pub(super) struct Placement {
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

impl Placement {
    /// Nothing is placed yet; flows go from `start` to `end`.
    pub(super) fn new(draw: Draw, start: Timestamp, end: Timestamp) -> Self {
        Self {
            draw,
            start,
            end,
            next: 0,
            cdn: Vec::new(),
            places: HashMap::new(),
            backends: Backends::default(),
        }
    }

    /// Places the world, every group of `set` and its makers' other servers.
    pub(super) fn place_all(mut self, set: &SignatureSet) -> Result<Backends, SimulateError> {
        self.world()?;
        for (class, definition) in set.classes.iter().enumerate() {
            let has_children =
                set.classes.iter().any(|other| other.parent.as_ref() == Some(&definition.class));
            // Some classes live wholly on content networks and cannot be told
            // from others (paper §4.2.3): none that the paper counted in the
            // wild, since it could, and none that others hang on, which would
            // take them along.
            let may_be = !has_children && known_share(&definition.class).is_none();
            let all_shared = may_be && self.draw.chance(1.0 / 8.0);
            for (place, group) in definition.groups.iter().enumerate() {
                let shared = all_shared || (place >= 2 && self.draw.chance(0.2));
                self.group(class, group, shared)?;
            }
        }
        self.makers(set)?;
        Ok(self.backends)
    }

    /// Places every group of `set` on an address of its own for each name.
    pub(super) fn place_dedicated(mut self, set: &SignatureSet) -> Result<Backends, SimulateError> {
        for (class, definition) in set.classes.iter().enumerate() {
            for group in &definition.groups {
                let mut names = Vec::new();
                for concrete in group.names.iter().map(concrete_names) {
                    for concrete in concrete? {
                        if !self.places.contains_key(&concrete) {
                            let place = self.place()?;
                            self.answers(&concrete, &[place]);
                            self.places.insert(concrete.clone(), vec![place]);
                        }
                        names.extend(self.places.get(&concrete).cloned());
                    }
                }
                self.backends.groups.push(GroupBackend {
                    class,
                    port: group.ports.first().copied().unwrap_or(HTTPS),
                    rate: group.packets_per_hour,
                    names,
                });
            }
        }
        Ok(self.backends)
    }

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
        if self.draw.chance(0.04) {
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
        let patterns: Vec<&NamePattern> = set
            .classes
            .iter()
            .flat_map(|class| &class.groups)
            .filter(|group| group.role == Role::Primary)
            .flat_map(|group| &group.names)
            .collect();
        let mut domains: Vec<&str> = patterns
            .iter()
            .map(|pattern| match pattern {
                NamePattern::Exact(name) | NamePattern::Below(name) => name.as_str(),
            })
            .filter_map(suffix::registrable)
            .collect();
        domains.sort_unstable();
        domains.dedup();
        for domain in domains {
            for label in ["www", "app"] {
                let site = name(&format!("{label}.{domain}"))?;
                // A signature that takes everything below a domain says that
                // only devices go there: this maker's people have a site
                // under another name.
                let is_below = |pattern: &&NamePattern| {
                    matches!(pattern, NamePattern::Below(_)) && pattern.matches(&site)
                };
                if !patterns.iter().any(is_below) {
                    self.maker(&site)?;
                }
            }
        }
        Ok(())
    }

    fn maker(&mut self, site: &DomainName) -> Result<(), SimulateError> {
        let places = match self.places.get(site) {
            // A signature has the site: who visits it will look like a device.
            Some(places) => places.clone(),
            None if self.draw.chance(0.4) => {
                let cdn = self.draw.index(self.cdn.len());
                self.on_cdn(site, cdn)?
            }
            None => {
                let place = self.place()?;
                self.answers(site, &[place]);
                vec![place]
            }
        };
        for place in places {
            self.other(OtherKind::Maker, place, HTTPS);
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
