//! Domains that count once: those on a common address, and those that a device
//! uses in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::alike::shape;
use crate::infrastructure::owner_of;
use crate::lab::domains::{Judged, JudgedDomain, Reason, Role};
use crate::lab::traffic::{Captured, Contact};
use crate::model::domain::DomainName;
use crate::model::endpoint::Port;
use crate::signature::Owners;

/// Domains that count once, with the devices that had them.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// By name; the first one names the group.
    pub(super) names: BTreeSet<DomainName>,
    /// Whether one of them is registered to the maker or its platform.
    pub(super) primary: bool,
    /// Ports of those that were contacted.
    pub(super) ports: BTreeSet<Port>,
    /// Places of the devices in the traffic.
    pub(super) devices: BTreeSet<usize>,
    /// The known platform whose name one of them is.
    pub(super) platform: Option<String>,
    /// Packets exchanged with them by all devices.
    pub(super) packets: u64,
}

/// One domain over all devices.
#[derive(Default)]
struct Domain {
    primary: bool,
    ports: BTreeSet<Port>,
    addresses: BTreeSet<IpAddr>,
    devices: BTreeSet<usize>,
    platform: Option<String>,
    packets: u64,
}

/// The contacts of devices with domains that are evidence.
fn evidence<'a>(
    captured: &'a Captured,
    judged: &'a Judged,
) -> impl Iterator<Item = (usize, DomainName, &'a Contact, &'a JudgedDomain)> {
    let pairs = captured.devices.iter().zip(&judged.devices).enumerate();
    pairs.flat_map(|(place, (device, verdicts))| {
        let known: BTreeMap<&str, &JudgedDomain> =
            verdicts.domains.iter().map(|domain| (domain.domain.as_str(), domain)).collect();
        device.contacts.iter().filter_map(move |contact| {
            let verdict = *known.get(contact.domain.as_str())?;
            let counts = matches!(verdict.role, Role::Primary | Role::Support);
            counts.then_some((place, contact.domain.parse().ok()?, contact, verdict))
        })
    })
}

/// The groups of all domains that are evidence, by first name.
///
/// Addresses that two owners have are nobody's mark, so only domains of one
/// owner are put together for a common address.
pub(super) fn groups(captured: &Captured, judged: &Judged, owners: &Owners) -> Vec<Group> {
    let mut domains: BTreeMap<DomainName, Domain> = BTreeMap::new();
    for (place, name, contact, verdict) in evidence(captured, judged) {
        let domain = domains.entry(name).or_default();
        domain.primary |= verdict.role == Role::Primary;
        domain.packets += contact.packets;
        domain.platform = domain.platform.take().or_else(|| platform(verdict));
        domain.ports.extend(&contact.ports);
        domain.addresses.extend(&contact.addresses);
        domain.devices.insert(place);
    }
    let mut sets = Sets::new(domains.len());
    let mut first: BTreeMap<Mark, usize> = BTreeMap::new();
    for (place, (name, domain)) in domains.iter().enumerate() {
        let owner = owner_of(owners, name);
        let marks =
            domain.addresses.iter().map(|address| Mark::Address(*address, owner.to_owned()));
        for mark in marks.chain([Mark::Shape(shape(name, owners))]) {
            let one = *first.entry(mark).or_insert(place);
            sets.unite(one, place);
        }
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (place, (name, domain)) in domains.into_iter().enumerate() {
        let group = groups.entry(sets.find(place)).or_default();
        group.names.insert(name);
        group.primary |= domain.primary;
        group.ports.extend(domain.ports);
        group.devices.extend(domain.devices);
        group.packets += domain.packets;
        group.platform = group.platform.take().or(domain.platform);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|one, two| one.names.cmp(&two.names));
    groups
}

fn platform(verdict: &JudgedDomain) -> Option<String> {
    verdict.because.iter().find_map(|reason| match reason {
        Reason::Platform { class } => Some(class.clone()),
        _ => None,
    })
}

/// What two domains of a group have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Address(IpAddr, String),
    Shape(String),
}

/// Disjoint sets of places.
struct Sets(Vec<usize>);

impl Sets {
    fn new(length: usize) -> Self {
        Self((0..length).collect())
    }

    /// The least place of the set.
    fn find(&self, mut place: usize) -> usize {
        while let Some(above) = self.0.get(place).copied().filter(|above| *above != place) {
            place = above;
        }
        place
    }

    fn unite(&mut self, one: usize, two: usize) {
        let (one, two) = (self.find(one), self.find(two));
        if let Some(parent) = self.0.get_mut(one.max(two)) {
            *parent = one.min(two);
        }
    }
}
