//! The servers of the synthetic world: where every name of the signatures
//! leads, and everything else that people's traffic goes to.
//!
//! People without a device touch its maker's web site, its app's servers,
//! other ports of its servers, addresses it had before and its support
//! domains, so that precision is put to the test.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::SimulateError;
use super::draw::{Draw, Purpose};
use super::names::NameRecord;
use super::placement::Placement;
use crate::model::endpoint::Port;
use crate::model::rules::PacketRate;
use crate::model::time::Timestamp;
use crate::signature::SignatureSet;

/// An address of a server while it belongs to the name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) v4: Ipv4Addr,
    pub(super) v6: Ipv6Addr,
    /// When it goes to somebody else.
    pub(super) until: Timestamp,
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
    pub(super) v4: Ipv4Addr,
    pub(super) v6: Ipv6Addr,
    pub(super) port: Port,
    /// Before this instant it belongs to somebody else.
    pub(super) from: Timestamp,
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
#[derive(Clone, Debug, Default)]
pub(super) struct Backends {
    pub(super) groups: Vec<GroupBackend>,
    pub(super) records: Vec<NameRecord>,
    pub(super) others: HashMap<OtherKind, Vec<Other>>,
}

impl Place {
    pub(super) fn serves(&self, at: Timestamp) -> bool {
        at < self.until
    }
}

impl GroupBackend {
    /// Whether the other group lives on the same servers.
    pub(super) fn is_where(&self, other: &Self) -> bool {
        let places = |group: &Self| -> Vec<Ipv4Addr> {
            group.names.iter().flatten().map(|place| place.v4).collect()
        };
        self.port == other.port && places(self) == places(other)
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
        Placement::new(Draw::new(seed, Purpose::Backends, 0, 0), start, end).place_all(set)
    }

    /// Puts every group of `set` on servers of its own and nothing else anywhere:
    /// a testbed, whose rules hold dedicated groups only.
    pub(super) fn dedicated(
        set: &SignatureSet,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Self, SimulateError> {
        Placement::new(Draw::new(0, Purpose::Backends, 0, 0), start, end).place_dedicated(set)
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
