//! The hitlist: from an endpoint to the groups it stands for, immutable and
//! swapped whole.
//!
//! Ninety-nine flow records in a hundred miss, so a miss is what must be
//! cheap: [`Hitlist::sift`] rules most out by one word of a filter, and only for
//! what is left the list itself is looked up. IPv4 and IPv6 are apart, since a
//! four-byte address takes less room.

use std::hash::BuildHasher;
use std::hint::black_box;
use std::net::{IpAddr, Ipv6Addr};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::filter::Filter;
use super::table::Table;
use crate::model::endpoint::{Endpoint, Port};
use crate::model::group::GroupId;
use crate::model::time::Timestamp;

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
    hasher: DefaultHashBuilder,
    filter: Filter,
    v4: Table<u32, Entry>,
    v6: Table<Ipv6Addr, Entry>,
    ports: Vec<Box<[Port]>>,
}

/// What one address stands for.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Place in [`Hitlist::ports`].
    ports: u32,
    group: GroupId,
    from: Timestamp,
    until: Timestamp,
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
        // What an address stands for is found in this order.
        entries.sort_by_key(|entry| (entry.from, entry.group));
        let hasher = DefaultHashBuilder::default();
        let mut known: HashMap<Vec<Port>, u32> = HashMap::new();
        let (mut v4, mut v6, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        let mut hashes = Vec::with_capacity(entries.len());
        for HitlistEntry { address, group, ports, from, until } in entries {
            // As many lists of ports as fit in 32 bits fit in no memory.
            let next = u32::try_from(lists.len()).unwrap_or(u32::MAX);
            let ports = *known.entry(ports).or_insert_with_key(|ports| {
                lists.push(ports.clone().into());
                next
            });
            let entry = Entry { ports, group, from, until };
            let address = address.to_canonical();
            let hash = hash(&hasher, address);
            match address {
                IpAddr::V4(address) => v4.push((hash, address.to_bits(), entry)),
                IpAddr::V6(address) => v6.push((hash, address, entry)),
            }
            hashes.push(hash);
        }
        Self {
            hasher,
            filter: Filter::new(&hashes),
            v4: Table::new(v4),
            v6: Table::new(v6),
            ports: lists,
        }
    }

    /// What [`Self::sift`] knows `address` by.
    #[inline]
    pub fn hash(&self, address: IpAddr) -> u64 {
        hash(&self.hasher, address)
    }

    /// Puts into `places`, after emptying it, which of `hashes` may be of addresses
    /// in the list: those that are, and a few others. These can then be looked up
    /// without waiting for memory.
    pub fn sift(&self, hashes: &[u64], places: &mut Vec<usize>) {
        self.filter.sift(hashes, places);
        // Read by read one would wait for each; read together they come together.
        for place in &*places {
            let hash = hashes[*place];
            black_box((self.v4.first(hash), self.v6.first(hash)));
        }
    }

    /// The groups that `endpoint` stands for at the instant `at`.
    pub fn look_up(
        &self,
        endpoint: &Endpoint,
        at: Timestamp,
    ) -> impl Iterator<Item = GroupId> + '_ {
        let (port, protocol) = (endpoint.port, endpoint.protocol);
        self.on(endpoint.address)
            .filter(move |entry| {
                entry.from <= at && at <= entry.until && self.takes(entry, port, protocol)
            })
            .map(|entry| entry.group)
    }

    fn takes(&self, entry: &Entry, number: u16, protocol: u8) -> bool {
        let ports = &self.ports[entry.ports as usize];
        ports.is_empty() || ports.contains(&Port { number, protocol })
    }

    fn on(&self, address: IpAddr) -> impl Iterator<Item = &Entry> {
        let hash = self.hash(address);
        let (v4, v6) = match address {
            IpAddr::V4(address) => (Some(self.v4.find(hash, address.to_bits())), None),
            IpAddr::V6(address) => (None, Some(self.v6.find(hash, address))),
        };
        v4.into_iter().flatten().chain(v6.into_iter().flatten())
    }

    /// Everything `address` stands for at any time on any port.
    pub fn entries_of(&self, address: IpAddr) -> impl Iterator<Item = HitlistEntry> + '_ {
        let address = address.to_canonical();
        self.on(address).map(move |entry| HitlistEntry {
            address,
            group: entry.group,
            ports: self.ports[entry.ports as usize].to_vec(),
            from: entry.from,
            until: entry.until,
        })
    }

    /// Every address in the list, in no order that means anything.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let v4 = self.v4.keys().map(|bits| IpAddr::V4(bits.into()));
        v4.chain(self.v6.keys().map(IpAddr::V6))
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

/// IPv4 and IPv6 hash as the numbers that they are.
#[inline]
fn hash(hasher: &DefaultHashBuilder, address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => hasher.hash_one(address.to_bits()),
        IpAddr::V6(address) => hasher.hash_one(address.to_bits()),
    }
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
