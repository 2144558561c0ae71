//! The hitlist: from an endpoint to the groups it stands for, immutable and
//! swapped whole.
//!
//! Ninety-nine flow records in a hundred miss, so a miss is what must be
//! cheap: one bit for each IPv4 /24 (2 MiB, which stays in the cache) answers
//! most of them, and only then is a map asked. IPv4 and IPv6 are apart, since
//! a four-byte key compares and hashes faster.

use std::net::{IpAddr, Ipv6Addr};

use hashbrown::HashMap;

use crate::model::endpoint::{Endpoint, Port};
use crate::model::group::GroupId;
use crate::model::time::Timestamp;

/// Number of IPv4 /24 networks.
const NETWORKS: usize = 1 << 24;

/// What an address stands for, on which ports and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitlistEntry {
    /// The address.
    pub address: IpAddr,
    /// The group.
    pub group: GroupId,
    /// The ports on which traffic counts; empty stands for any.
    pub ports: Vec<Port>,
    /// The first instant at which it counts.
    pub from: Timestamp,
    /// The last.
    pub until: Timestamp,
}

/// Endpoints and the groups they stand for.
#[derive(Clone, Debug)]
pub struct Hitlist {
    networks: Box<[u64]>,
    v4: HashMap<u32, Place>,
    v6: HashMap<Ipv6Addr, Place>,
    entries: Vec<Entry>,
    ports: Vec<Box<[Port]>>,
}

/// Where the entries of an address stand.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    length: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    group: GroupId,
    from: Timestamp,
    until: Timestamp,
    /// Place in [`Hitlist::ports`].
    ports: u32,
}

impl Default for Hitlist {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Hitlist {
    /// A hitlist of `entries`, in any order. One group may have an address
    /// several times if the times do not overlap.
    pub fn new(mut entries: Vec<HitlistEntry>) -> Self {
        for entry in &mut entries {
            entry.address = entry.address.to_canonical();
        }
        entries.sort_by_key(|entry| (entry.address, entry.from, entry.group));
        let mut list = Self {
            networks: vec![0; NETWORKS / 64].into(),
            v4: HashMap::new(),
            v6: HashMap::new(),
            entries: Vec::with_capacity(entries.len()),
            ports: Vec::new(),
        };
        let mut known_ports: HashMap<Vec<Port>, u32> = HashMap::new();
        for HitlistEntry { address, group, ports, from, until } in entries {
            // An entry takes 32 bytes: four thousand million do not fit in
            // memory, so the places do fit in 32 bits.
            let (Ok(start), Ok(next)) =
                (u32::try_from(list.entries.len()), u32::try_from(list.ports.len()))
            else {
                break;
            };
            let ports = *known_ports.entry(ports).or_insert_with_key(|ports| {
                list.ports.push(ports.clone().into());
                next
            });
            list.entries.push(Entry { group, from, until, ports });
            let first = Place { start, length: 0 };
            let place = match address {
                IpAddr::V4(v4) => {
                    let bits = u32::from(v4);
                    list.networks[network(bits).0] |= network(bits).1;
                    list.v4.entry(bits).or_insert(first)
                }
                IpAddr::V6(v6) => list.v6.entry(v6).or_insert(first),
            };
            place.length += 1;
        }
        list
    }

    /// The groups that `endpoint` stands for at the instant `at`.
    pub fn look_up(
        &self,
        endpoint: &Endpoint,
        at: Timestamp,
    ) -> impl Iterator<Item = GroupId> + '_ {
        let (port, protocol) = (endpoint.port, endpoint.protocol);
        self.on(endpoint.address)
            .iter()
            .filter(move |entry| {
                entry.from <= at && at <= entry.until && self.takes(entry, port, protocol)
            })
            .map(|entry| entry.group)
    }

    fn takes(&self, entry: &Entry, number: u16, protocol: u8) -> bool {
        let ports = &self.ports[entry.ports as usize];
        ports.is_empty() || ports.contains(&Port { number, protocol })
    }

    #[inline]
    fn on(&self, address: IpAddr) -> &[Entry] {
        let place = match address {
            IpAddr::V4(v4) => {
                let bits = u32::from(v4);
                let (word, bit) = network(bits);
                if self.networks[word] & bit == 0 {
                    return &[];
                }
                self.v4.get(&bits)
            }
            IpAddr::V6(v6) => self.v6.get(&v6),
        };
        place.map_or(&[], |place| {
            let start = place.start as usize;
            &self.entries[start..start + place.length as usize]
        })
    }

    /// Everything `address` stands for at any time on any port.
    pub fn entries_of(&self, address: IpAddr) -> impl Iterator<Item = HitlistEntry> + '_ {
        let address = address.to_canonical();
        self.on(address).iter().map(move |entry| HitlistEntry {
            address,
            group: entry.group,
            ports: self.ports[entry.ports as usize].to_vec(),
            from: entry.from,
            until: entry.until,
        })
    }

    /// Every address in the list, in no order that means anything.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let v4 = self.v4.keys().map(|bits| IpAddr::V4((*bits).into()));
        v4.chain(self.v6.keys().map(|v6| IpAddr::V6(*v6)))
    }

    /// The number of addresses.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether there is no address at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The word and the bit of an address's /24.
#[inline]
const fn network(bits: u32) -> (usize, u64) {
    ((bits >> 14) as usize, 1 << (bits >> 8 & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(address: &str, group: &str, ports: &[&str], from: u64, until: u64) -> HitlistEntry {
        HitlistEntry {
            address: address.parse().unwrap(),
            group: GroupId::new("class", group),
            ports: ports.iter().map(|port| port.parse().unwrap()).collect(),
            from: Timestamp::from_secs(from),
            until: Timestamp::from_secs(until),
        }
    }

    fn found(list: &Hitlist, address: &str, port: u16, protocol: u8, at: u64) -> Vec<GroupId> {
        let endpoint = Endpoint { address: address.parse().unwrap(), port, protocol };
        list.look_up(&endpoint, Timestamp::from_secs(at)).collect()
    }

    #[test]
    fn port_transport_and_time_must_fit() {
        let list = Hitlist::new(vec![
            entry("198.51.100.1", "a", &["443/tcp", "8883/tcp"], 100, 200),
            entry("198.51.100.1", "b", &[], 150, 300),
            entry("2001:db8::1", "a", &["443/tcp"], 100, 200),
        ]);
        let (a, b) = (GroupId::new("class", "a"), GroupId::new("class", "b"));
        assert_eq!(found(&list, "198.51.100.1", 443, 6, 99), []);
        assert_eq!(found(&list, "198.51.100.1", 443, 6, 100), [a]);
        assert_eq!(found(&list, "198.51.100.1", 8883, 6, 150), [a, b]);
        assert_eq!(found(&list, "198.51.100.1", 443, 17, 150), [b]);
        assert_eq!(found(&list, "198.51.100.1", 443, 6, 200), [a, b]);
        assert_eq!(found(&list, "198.51.100.1", 443, 6, 201), [b]);
        assert_eq!(found(&list, "198.51.100.2", 443, 6, 150), [], "a neighbour in the /24");
        assert_eq!(found(&list, "198.51.101.1", 443, 6, 150), []);
        assert_eq!(found(&list, "2001:db8::1", 443, 6, 150), [a]);
        assert_eq!(found(&list, "2001:db8::2", 443, 6, 150), []);
        assert_eq!(list.len(), 2);
    }

    #[test]
    fn every_bit_of_the_network_map_stands_for_its_own_network() {
        let mut seen = hashbrown::HashSet::new();
        for high in [0_u32, 1, 63, 64, 65, 0x00ff_ffff, 0x00c6_3364] {
            assert!(seen.insert(network(high << 8)), "{high}");
            assert_eq!(network(high << 8), network(high << 8 | 255));
            assert!(network(high << 8).0 < NETWORKS / 64);
        }
    }

    #[test]
    fn an_address_again_later_is_found_in_both_intervals() {
        let list = Hitlist::new(vec![
            entry("198.51.100.1", "a", &[], 500, 600),
            entry("198.51.100.1", "a", &[], 100, 200),
        ]);
        assert_eq!(found(&list, "198.51.100.1", 1, 6, 150).len(), 1);
        assert_eq!(found(&list, "198.51.100.1", 1, 6, 300).len(), 0);
        assert_eq!(found(&list, "198.51.100.1", 1, 6, 550).len(), 1);
        assert_eq!(list.entries_of("198.51.100.1".parse().unwrap()).count(), 2);
    }
}
