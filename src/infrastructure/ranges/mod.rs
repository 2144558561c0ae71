//! The address ranges that clouds and delivery networks publish.
//!
//! They say two things that passive DNS cannot. An address of a cloud changes
//! hands within hours, so an endpoint there holds for a shorter time. And some
//! services put many customers behind one address by design (a delivery
//! network, an object store): an address of theirs is shared even when only
//! one customer's name has been seen on it so far. A virtual machine's range
//! says nothing of the kind: a tenant has the address alone while it holds it.

mod read;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use prefix_trie::PrefixMap;
use serde::Serialize;

pub use read::{MOST_BYTES, MOST_RANGES, RangesProblem, RangesReport};

/// What a range is used for, by what its list says. A later one outranks an
/// earlier one that is given for the very same prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// Everything a provider has. Providers list their services' ranges a
    /// second time under such a name, and in other cuts, so it never outranks
    /// the name of a service.
    All,
    /// A service whose addresses a tenant has alone, as far as the list says.
    Tenants,
    /// A service that puts many customers behind one address.
    Shared,
}

/// A service of a provider.
#[derive(Debug)]
struct Service {
    provider: Arc<str>,
    service: Arc<str>,
    of: Use,
}

/// The range that an address lies in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RangeMention {
    /// Who published it.
    pub provider: Arc<str>,
    /// For which of its services; empty if it does not say.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub service: Arc<str>,
    /// The range.
    #[serde(serialize_with = "as_text")]
    pub range: IpNetwork,
    /// Whether the service puts many customers behind one address.
    pub shared_by_design: bool,
}

fn as_text<S: serde::Serializer>(range: &IpNetwork, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(range)
}

impl fmt::Display for RangeMention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, service, range, .. } = self;
        let gap = if service.is_empty() { "" } else { " " };
        write!(f, "{provider}{gap}{service} ({range})")
    }
}

/// All ranges of all lists.
#[derive(Clone, Default)]
pub struct Ranges {
    v4: PrefixMap<Ipv4Network, Arc<Service>>,
    v6: PrefixMap<Ipv6Network, Arc<Service>>,
}

impl Ranges {
    /// Whether `address` lies in any cloud or delivery network.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.v4.get_lpm(&Ipv4Network::from(v4)).is_some(),
            IpAddr::V6(v6) => self.v6.get_lpm(&Ipv6Network::from(v6)).is_some(),
        }
    }

    /// The range that `address` lies in: the longest that is a service's, else
    /// the longest.
    pub fn find(&self, address: IpAddr) -> Option<RangeMention> {
        let (range, service) = match address {
            IpAddr::V4(v4) => self.find_v4(v4).map(|(net, service)| (net.into(), service))?,
            IpAddr::V6(v6) => self.find_v6(v6).map(|(net, service)| (net.into(), service))?,
        };
        Some(RangeMention {
            provider: service.provider.clone(),
            service: service.service.clone(),
            range,
            shared_by_design: service.of == Use::Shared,
        })
    }

    /// The range of a service shared by design that `address` lies in.
    pub fn shared_by_design(&self, address: IpAddr) -> Option<RangeMention> {
        self.find(address).filter(|found| found.shared_by_design)
    }

    fn find_v4(&self, address: Ipv4Addr) -> Option<(Ipv4Network, &Arc<Service>)> {
        closest(self.v4.cover(&Ipv4Network::from(address)))
    }

    fn find_v6(&self, address: Ipv6Addr) -> Option<(Ipv6Network, &Arc<Service>)> {
        closest(self.v6.cover(&Ipv6Network::from(address)))
    }

    /// How many ranges there are, one given twice counted once.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether there is no range at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(&mut self, net: IpNetwork, service: &Arc<Service>) {
        // Of two services on one range the name decides, so that the order of
        // lists does not.
        let outranks = |held: &Arc<Service>| {
            let rank = |service: &Service| (service.of, service.service.clone());
            rank(service) > rank(held)
        };
        match net {
            IpNetwork::V4(net) => {
                let held = self.v4.entry(net).or_insert_with(|| service.clone());
                if outranks(held) {
                    *held = service.clone();
                }
            }
            IpNetwork::V6(net) => {
                let held = self.v6.entry(net).or_insert_with(|| service.clone());
                if outranks(held) {
                    *held = service.clone();
                }
            }
        }
    }
}

/// The last that is a service's, else the last, of ranges from the widest to
/// the longest.
fn closest<'a, N>(
    covering: impl Iterator<Item = (N, &'a Arc<Service>)>,
) -> Option<(N, &'a Arc<Service>)> {
    covering.reduce(|best, next| {
        let umbrella = next.1.of == Use::All && best.1.of != Use::All;
        if umbrella { best } else { next }
    })
}
