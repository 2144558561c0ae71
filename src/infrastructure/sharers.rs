//! Who else is on the addresses of a shared name, counted by owner: what an
//! operator reads first. A name on a delivery network has thousands of
//! reasons; the few owners that are on most of its addresses say as much.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use super::verdict::Sharing;

/// Most owners kept; the rest is counted.
pub const MOST_SHARERS: usize = 10;
/// Most owners named in words.
const MOST_SAID: usize = 3;

/// The others on some addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sharers {
    /// How many addresses are shared.
    pub addresses: usize,
    /// The other owners, those on most addresses first.
    pub owners: Vec<Sharer>,
    /// How many more owners there are.
    pub more_owners: usize,
    /// How many addresses one source gave for very many owners on one day.
    pub crowded: usize,
    /// How many addresses lie in ranges shared by design.
    pub by_design: usize,
    /// One of those ranges' services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// How many addresses are reached through names of a platform that puts
    /// many customers behind one address.
    pub hosted: usize,
    /// One of those platforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<&'static str>,
    /// How many names lead further than was followed.
    pub endless: usize,
}

/// Another owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sharer {
    /// Whose names they are; `*` stands for many whose names were not kept.
    pub owner: Arc<str>,
    /// On how many of the addresses.
    pub addresses: usize,
}

impl Sharers {
    /// Counts all `reasons`.
    pub(super) fn count(reasons: &[Sharing]) -> Self {
        let mut sharers = Self::default();
        let mut shared: BTreeSet<IpAddr> = BTreeSet::new();
        let mut owners: BTreeMap<&Arc<str>, BTreeSet<IpAddr>> = BTreeMap::new();
        for reason in reasons {
            match reason {
                Sharing::Foreign(foreign) => {
                    shared.insert(foreign.address);
                    owners.entry(&foreign.owner).or_default().insert(foreign.address);
                }
                Sharing::ManyOwners { address, .. } => {
                    shared.insert(*address);
                    sharers.crowded += 1;
                }
                Sharing::ByDesign { address, range } => {
                    shared.insert(*address);
                    sharers.by_design += 1;
                    let service = || format!("{} {}", range.provider, range.service);
                    sharers.service.get_or_insert_with(|| service().trim_end().to_owned());
                }
                Sharing::Hosted { address, platform, .. } => {
                    shared.insert(*address);
                    sharers.hosted += 1;
                    sharers.platform.get_or_insert(platform);
                }
                Sharing::ManyAliases { .. } => sharers.endless += 1,
                Sharing::ManyNames { address, .. } => {
                    shared.insert(*address);
                    sharers.endless += 1;
                }
            }
        }
        let mut owners: Vec<Sharer> = owners
            .into_iter()
            .map(|(owner, on)| Sharer { owner: owner.clone(), addresses: on.len() })
            .collect();
        // Stable: of owners on equally many, the first by name.
        owners.sort_by_key(|sharer| std::cmp::Reverse(sharer.addresses));
        sharers.more_owners = owners.len().saturating_sub(MOST_SHARERS);
        owners.truncate(MOST_SHARERS);
        Self { addresses: shared.len(), owners, ..sharers }
    }
}

impl fmt::Display for Sharers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for Sharer { owner, addresses } in self.owners.iter().take(MOST_SAID) {
            let owner = if **owner == *"*" { "many whose names were not kept" } else { owner };
            parts.push(format!("{owner} on {}", counted(*addresses, "address")));
        }
        let more = self.owners.len().saturating_sub(MOST_SAID) + self.more_owners;
        if more > 0 {
            parts.push(counted(more, "more owner"));
        }
        let mut said = Vec::new();
        if let Some((last, first)) = parts.split_last() {
            let first = first.join(", ");
            let and = if first.is_empty() { "" } else { " and " };
            said.push(format!("with {first}{and}{last}"));
        }
        if self.by_design > 0 {
            let service = self.service.as_deref().unwrap_or("a service");
            let lie = if self.by_design == 1 { "lies" } else { "lie" };
            let addresses = counted(self.by_design, "address");
            said.push(format!("{addresses} {lie} in ranges shared by design, as {service} is"));
        }
        if self.hosted > 0 {
            let platform = self.platform.unwrap_or("a platform");
            let are = if self.hosted == 1 { "is" } else { "are" };
            let addresses = counted(self.hosted, "address");
            said.push(format!(
                "{addresses} {are} reached through {platform}, where one address serves many customers"
            ));
        }
        if self.crowded > 0 {
            let was = if self.crowded == 1 { "was" } else { "were" };
            said.push(format!(
                "{} {was} given for very many owners, as a rewriting resolver, a parking page or a sinkhole does",
                counted(self.crowded, "address")
            ));
        }
        if self.endless > 0 {
            let lead = if self.endless == 1 { "leads" } else { "lead" };
            said.push(format!("{} {lead} further than is followed", counted(self.endless, "name")));
        }
        f.write_str(&said.join("; "))
    }
}

/// A number with what it counts, in the plural unless it is one.
pub(crate) fn counted(count: impl TryInto<u64>, what: &str) -> String {
    let count: u64 = count.try_into().unwrap_or(u64::MAX);
    let ending = match (count, what.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Foreign;
    use crate::model::time::Day;

    fn foreign(address: u8, owner: &str, name: &str) -> Sharing {
        Sharing::Foreign(Foreign {
            address: [198, 51, 100, address].into(),
            owner: owner.into(),
            root: name.parse().unwrap(),
            via: None,
            first: Day(1),
            last: Day(1),
            days: 1,
            count: 1,
        })
    }

    #[test]
    fn owners_are_counted_by_address_and_the_widest_is_said_first() {
        let mut reasons = vec![
            foreign(1, "a.example", "www.a.example"),
            foreign(1, "b.example", "www.b.example"),
            foreign(1, "b.example", "img.b.example"),
            foreign(2, "b.example", "www.b.example"),
        ];
        let said = |reasons: &[Sharing]| Sharers::count(reasons).to_string();
        assert_eq!(said(&reasons), "with b.example on 2 addresses and a.example on 1 address");
        for owner in 0..44 {
            reasons.push(foreign(3, &format!("o{owner}.example"), "www.o.example"));
        }
        let sharers = Sharers::count(&reasons);
        assert_eq!((sharers.addresses, sharers.owners.len(), sharers.more_owners), (3, 10, 36));
        assert_eq!(
            sharers.to_string(),
            "with b.example on 2 addresses, a.example on 1 address, o0.example on 1 address and 43 more owners"
        );
        let crowd = Sharing::ManyOwners {
            address: [198, 51, 100, 9].into(),
            owners: 900,
            day: Day(1),
            source: "a".to_owned(),
        };
        let hosted = Sharing::Hosted {
            address: [198, 51, 100, 8].into(),
            name: "a.firebaseio.com".parse().unwrap(),
            platform: "Firebase",
        };
        assert_eq!(
            said(&[hosted]),
            "1 address is reached through Firebase, where one address serves many customers"
        );
        assert!(said(&[crowd]).starts_with("1 address was given for very many owners"));
        assert_eq!(
            said(&[foreign(1, "*", "www.a.example")]),
            "with many whose names were not kept on 1 address"
        );
    }
}
