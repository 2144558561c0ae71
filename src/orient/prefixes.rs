//! The operator's own address space: longest match from address to prefix.
//!
//! The table is an immutable snapshot. It is built once from the checked
//! configuration and swapped whole on reload.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use prefix_trie::PrefixMap;

use super::direct::{Direct, Found};
use crate::model::line::RegionId;

/// What is known about the lines in one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePrefix {
    /// How many leading bits make one line: 32 for an IPv4 address, by default
    /// 56 for IPv6, where a household gets a prefix (paper neighbours: One Bad
    /// Apple §4).
    pub length: u8,
    /// Region of its lines.
    pub region: RegionId,
}

/// What is known about one address in a prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) prefix: LinePrefix,
    /// Its line is left alone.
    pub(super) opted_out: bool,
}

/// The prefixes in which subscriber lines live.
#[derive(Clone, Default)]
pub struct Prefixes {
    direct: Direct<Known>,
    v4: PrefixMap<Ipv4Network, LinePrefix>,
    v6: PrefixMap<Ipv6Network, LinePrefix>,
    /// Those whose lines are left alone.
    out_v4: PrefixMap<Ipv4Network, ()>,
    out_v6: PrefixMap<Ipv6Network, ()>,
}

impl Prefixes {
    /// Adds a prefix; one that is already there is replaced.
    pub fn insert(&mut self, net: IpNetwork, prefix: LinePrefix) {
        match net {
            IpNetwork::V4(net) => {
                let net = cleared(net);
                self.v4.insert(net, prefix);
                self.note(net);
            }
            IpNetwork::V6(net) => drop(self.v6.insert(net, prefix)),
        }
    }

    /// Leaves the lines of `net` alone: no pseudonym is ever made of them. A
    /// part of a line stands for the whole line, so the prefixes of lines must
    /// be there already.
    pub fn opt_out(&mut self, net: IpNetwork) {
        let line = self.find(net.network()).map_or(u8::MAX, |prefix| prefix.length);
        let length = net.prefix().min(line);
        match net {
            IpNetwork::V4(net) => {
                let shortened = Ipv4Network::new_checked(net.network(), length.min(32));
                let Some(net) = shortened.map(cleared) else { return };
                self.out_v4.insert(net, ());
                self.note(net);
            }
            IpNetwork::V6(net) => {
                let shortened = Ipv6Network::new_checked(net.network(), length.min(128));
                let cleared =
                    shortened.and_then(|net| Ipv6Network::new_checked(net.network(), net.prefix()));
                cleared.into_iter().for_each(|net| _ = self.out_v6.insert(net, ()));
            }
        }
    }

    /// Whether `address` is of a line that is left alone.
    pub fn is_opted_out(&self, address: IpAddr) -> bool {
        self.look_up(address).is_some_and(|known| known.opted_out)
    }

    /// The longest prefix that holds `address`.
    pub fn find(&self, address: IpAddr) -> Option<LinePrefix> {
        self.look_up(address).map(|known| known.prefix)
    }

    /// Whether `address` lies in the operator's own space. Such an address is
    /// never an endpoint (a line is not a backend).
    pub fn contains(&self, address: IpAddr) -> bool {
        self.find(address).is_some()
    }

    /// How many prefixes there are.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether there is no prefix at all, so that no flow has a line.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that is known about `address`.
    #[inline(always)]
    pub(super) fn look_up(&self, address: IpAddr) -> Option<Known> {
        match address {
            IpAddr::V4(address) if self.direct.knows(address) => self.look_up_v4(address),
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => self.look_up_v6(address),
        }
    }

    fn look_up_v4(&self, address: Ipv4Addr) -> Option<Known> {
        match self.direct.find(address) {
            Found::Known(known) => known,
            Found::Ask => known_v4(&self.v4, &self.out_v4, address),
        }
    }

    fn look_up_v6(&self, address: Ipv6Addr) -> Option<Known> {
        let net = Ipv6Network::from(address);
        let (_, prefix) = self.v6.get_lpm(&net)?;
        Some(Known { prefix: *prefix, opted_out: self.out_v6.get_lpm(&net).is_some() })
    }

    /// Takes up in the direct table what is so in `net` now.
    fn note(&mut self, net: Ipv4Network) {
        let Self { direct, v4, out_v4, .. } = self;
        direct.insert(net, |address| known_v4(v4, out_v4, address));
    }
}

#[cold]
fn known_v4(
    v4: &PrefixMap<Ipv4Network, LinePrefix>,
    out_v4: &PrefixMap<Ipv4Network, ()>,
    address: Ipv4Addr,
) -> Option<Known> {
    let net = Ipv4Network::from(address);
    let (_, prefix) = v4.get_lpm(&net)?;
    Some(Known { prefix: *prefix, opted_out: out_v4.get_lpm(&net).is_some() })
}

/// The network without the bits that are not its own.
fn cleared(net: Ipv4Network) -> Ipv4Network {
    Ipv4Network::new_checked(net.network(), net.prefix()).unwrap_or(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins() {
        let mut prefixes = Prefixes::default();
        let wide = LinePrefix { length: 32, region: RegionId(1) };
        let narrow = LinePrefix { length: 32, region: RegionId(2) };
        prefixes.insert("198.51.100.0/22".parse().unwrap(), wide);
        prefixes.insert("198.51.100.128/25".parse().unwrap(), narrow);
        assert_eq!(prefixes.find("198.51.100.1".parse().unwrap()), Some(wide));
        assert_eq!(prefixes.find("198.51.100.200".parse().unwrap()), Some(narrow));
        assert_eq!(prefixes.find("203.0.113.1".parse().unwrap()), None);
    }

    #[test]
    fn who_opts_out_takes_the_whole_line_along_and_no_neighbour() {
        let mut prefixes = Prefixes::default();
        let region = RegionId(0);
        prefixes.insert("198.51.100.0/24".parse().unwrap(), LinePrefix { length: 32, region });
        prefixes.insert("2001:db8::/32".parse().unwrap(), LinePrefix { length: 56, region });
        for net in ["198.51.100.7/32", "198.51.100.128/25", "2001:db8:0:142::/64"] {
            prefixes.opt_out(net.parse().unwrap());
        }
        for (address, out) in [
            ("198.51.100.7", true),
            ("198.51.100.6", false),
            ("198.51.100.200", true),
            ("2001:db8:0:142::9", true),
            ("2001:db8:0:1ff::9", true),
            ("2001:db8:0:200::9", false),
            ("203.0.113.7", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(prefixes.is_opted_out(address), out, "{address}");
        }
        assert!(prefixes.contains("198.51.100.7".parse().unwrap()), "still no backend");
    }

    #[test]
    fn the_families_do_not_mix() {
        let mut prefixes = Prefixes::default();
        let everything = LinePrefix { length: 56, region: RegionId(0) };
        prefixes.insert("::/0".parse().unwrap(), everything);
        assert!(!prefixes.contains("198.51.100.1".parse().unwrap()));
        assert!(prefixes.contains("2001:db8::1".parse().unwrap()));
    }
}
