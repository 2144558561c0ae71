//! Who is on an address: the names on it, and the roots behind each of them.
//!
//! A root of a name is a name that ends there by any chain of aliases and is
//! itself the target of none (paper §4.2.1: a domain and exactly its CNAME
//! targets are one). A target is absorbed by its roots, so the name of a
//! tenant's virtual machine stands for the tenant, and the name of a delivery
//! network stands for every customer behind it. A name with no known root is
//! its own.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::owner::OwnerMemo;
use super::settings::VerdictSettings;
use crate::dns::chain::{ALIAS_HOLD, Interval};
use crate::dns::{Knowledge, NameId, Seen};
use crate::model::time::Day;
use crate::signature::Owners;

/// Most alias links walked backwards for one name. Beyond it the name counts
/// as one that very many use.
const MOST_BACKWARD_STEPS: usize = 1_000_000;

/// A name straight on an address.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) name: NameId,
    pub(super) seen: Seen,
    pub(super) roots: Roots,
}

/// What stands behind a name. No roots: the name is its own.
#[derive(Debug, Default)]
pub(super) struct Roots {
    /// By name.
    pub(super) list: Vec<Root>,
    /// Whether the walk was given up for there being too many.
    pub(super) endless: bool,
}

/// A name that leads to another and is no target itself.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) name: NameId,
    pub(super) owner: Arc<str>,
    /// When all links to it held.
    pub(super) presence: Interval,
    /// Whether every link on some way was seen often enough to be believed.
    pub(super) established: bool,
}

/// First day, last day and owner of a name on an address.
type Stay = (Day, Day, Arc<str>);

/// An address that one source gave on one day for very many owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crowd {
    pub(super) owners: usize,
    pub(super) day: Day,
    pub(super) source: String,
}

/// All that is known of who is on an address.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    /// By name.
    pub(super) list: Vec<Tenant>,
    pub(super) crowd: Option<Crowd>,
}

/// Looks at addresses with the knowledge of one day.
#[derive(Debug)]
pub(super) struct Registry<'a> {
    pub(super) dns: &'a Knowledge,
    pub(super) owners: &'a Owners,
    pub(super) settings: &'a VerdictSettings,
    pub(super) day: Day,
    memo: OwnerMemo,
}

impl<'a> Registry<'a> {
    pub(super) fn new(
        dns: &'a Knowledge,
        owners: &'a Owners,
        settings: &'a VerdictSettings,
        day: Day,
    ) -> Self {
        Self { dns, owners, settings, day, memo: OwnerMemo::default() }
    }

    pub(super) fn owner(&mut self, name: NameId) -> Arc<str> {
        self.memo.owner(self.owners, self.dns, name)
    }

    pub(super) fn tenants(&mut self, address: IpAddr) -> Tenants {
        let dns = self.dns;
        let mut list: Vec<Tenant> = dns
            .on_address(address, self.day)
            .map(|(name, seen)| {
                let presence = Interval { from: seen.first, until: seen.last };
                Tenant { name, seen, roots: self.roots(name, presence) }
            })
            .collect();
        list.sort_unstable_by_key(|tenant| dns.name(tenant.name));
        let crowd = self.crowd(address, &list);
        Tenants { list, crowd }
    }

    /// The roots that led to `name` at some time in `presence`.
    pub(super) fn roots(&mut self, name: NameId, presence: Interval) -> Roots {
        // A name may be reached on several ways. What is known of it only
        // grows (its presence widens, it becomes established), so going over a
        // name again whenever it has grown ends, loops or not.
        let mut known = HashMap::from([(name, (presence, true))]);
        let mut targets = HashSet::new();
        let mut open = vec![name];
        let mut steps = 0;
        while let Some(name) = open.pop() {
            let (presence, established) = known[&name];
            for (from, seen) in self.dns.pointing(name, self.day) {
                steps += 1;
                if steps > MOST_BACKWARD_STEPS {
                    return Roots { list: Vec::new(), endless: true };
                }
                let link = Interval { from: seen.first, until: seen.last.plus(ALIAS_HOLD) };
                let Some(common) = presence.common(link) else { continue };
                targets.insert(name);
                let established = established && self.settings.counts(&seen);
                if widen(&mut known, from, common, established) {
                    open.push(from);
                }
            }
        }
        let mut list: Vec<Root> = known
            .into_iter()
            .filter(|(root, _)| *root != name && !targets.contains(root))
            .map(|(root, (presence, established))| Root {
                name: root,
                owner: self.owner(root),
                presence,
                established,
            })
            .collect();
        list.sort_unstable_by_key(|root| self.dns.name(root.name));
        Roots { list, endless: false }
    }

    /// Whether one source gave `address` on one day for very many owners.
    ///
    /// Names behind aliases do not count: a delivery network's edge is reached
    /// through the network's own names and is simply shared.
    fn crowd(&mut self, address: IpAddr, tenants: &[Tenant]) -> Option<Crowd> {
        let limit = self.settings.crowd_owners;
        if tenants.len() < limit {
            return None;
        }
        let mut by_source: BTreeMap<&str, Vec<Stay>> = BTreeMap::new();
        for tenant in tenants.iter().filter(|tenant| tenant.roots.list.is_empty()) {
            let owner = self.owner(tenant.name);
            for span in self.dns.address_history(tenant.name, address, self.day) {
                let (source, _) = self.dns.source_of(&span);
                let days = (span.first.day(), span.last.day(), owner.clone());
                by_source.entry(source).or_default().push(days);
            }
        }
        by_source.into_iter().find_map(|(source, mut spans)| {
            spans.sort_unstable();
            let mut days: Vec<Day> = spans.iter().map(|(first, ..)| *first).collect();
            days.dedup();
            days.into_iter().find_map(|day| {
                let present = spans.iter().filter(|(first, last, _)| *first <= day && day <= *last);
                let owners = present.map(|(.., owner)| owner).collect::<HashSet<_>>().len();
                (owners >= limit).then(|| Crowd { owners, day, source: source.to_owned() })
            })
        })
    }
}

/// Adds what was found of `name` and says whether it was news.
fn widen(
    known: &mut HashMap<NameId, (Interval, bool)>,
    name: NameId,
    presence: Interval,
    established: bool,
) -> bool {
    let before = known.get(&name).copied();
    let now = before.map_or((presence, established), |(held, was_established)| {
        let from = held.from.min(presence.from);
        let until = held.until.max(presence.until);
        (Interval { from, until }, was_established || established)
    });
    known.insert(name, now);
    before != Some(now)
}
