//! Dedicated or shared, for a name and for an address, as of a day.
//!
//! An address is exclusive to an owner while all believable roots on it are
//! that owner's. A name is dedicated if all its addresses are exclusive on all
//! days they served it up to the day asked for (paper §4.2.1). Each day is
//! judged by itself: an address that passes to another tenant is shared only
//! if both were on it on one day, within the time for which an address holds,
//! and ends for the first when the second comes.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;

use super::settings::VerdictSettings;
use super::signals::Signals;
use super::tenants::{Registry, Roots, Tenant, Tenants};
use super::verdict::{Foreign, Sharing, Verdict};
use crate::dns::chain::{Interval, Reached, addresses_of};
use crate::dns::{Knowledge, NameId, Seen};
use crate::model::hosting;
use crate::model::time::{Day, Timestamp};
use crate::signature::Owners;

/// The verdict on a name and what it rests on.
#[derive(Clone, Debug)]
pub struct NameJudgement {
    /// On whose behalf the addresses were judged.
    pub owner: Arc<str>,
    /// The verdict.
    pub verdict: Verdict,
    /// Every address that served the name, sorted.
    pub addresses: Vec<JudgedAddress>,
}

/// An address that served a name, judged on behalf of the name's owner.
#[derive(Clone, Debug)]
pub struct JudgedAddress {
    /// How and when it served the name. Its validity ends where somebody else
    /// came afterwards.
    pub reached: Reached,
    /// Why it is shared; empty if it is exclusive.
    pub sharing: Vec<Sharing>,
    /// Whether it is no address of the name at all, but one that was given for
    /// everything.
    pub crowded: bool,
    /// Whether it is set aside, being known from elsewhere only while nearer
    /// sources have others.
    pub outranked: bool,
    /// Foreign names seen too seldom to be believed.
    pub strays: Vec<Foreign>,
}

impl JudgedAddress {
    /// Whether the address stands for the name's owner and nobody else.
    pub fn is_exclusive(&self) -> bool {
        self.sharing.is_empty() && !self.crowded && !self.outranked
    }
}

/// The verdict on an address and who is on it.
#[derive(Clone, Debug)]
pub struct AddressJudgement {
    /// The verdict, on behalf of the owner seen most often.
    pub verdict: Verdict,
    /// Every name on it.
    pub names: Vec<Occupant>,
}

/// A name on an address.
#[derive(Clone, Debug)]
pub struct Occupant {
    /// The name straight on the address.
    pub name: NameId,
    /// When and how often it was seen there.
    pub seen: Seen,
    /// The roots behind it with their owners; itself if it has none.
    pub roots: Vec<(NameId, Arc<str>)>,
}

/// Judges names and addresses with the knowledge of one day.
pub struct Judge<'a> {
    dns: &'a Knowledge,
    settings: &'a VerdictSettings,
    signals: Signals<'a>,
    day: Day,
    registry: Registry<'a>,
    tenants: HashMap<IpAddr, Rc<Tenants>>,
}

impl<'a> Judge<'a> {
    /// A judge who knows what was seen by the end of `day`, and beside
    /// DNS the `signals`.
    pub fn new(
        dns: &'a Knowledge,
        owners: &'a Owners,
        settings: &'a VerdictSettings,
        day: Day,
        signals: Signals<'a>,
    ) -> Self {
        let registry = Registry::new(dns, owners, settings, day);
        Self { dns, settings, signals, day, registry, tenants: HashMap::new() }
    }

    /// The same, but of others on the addresses only what was seen by the end
    /// of `day` is known.
    #[must_use]
    pub fn with_others_upto(mut self, day: Day) -> Self {
        self.registry.day = day;
        self
    }

    pub(super) fn owners(&self) -> &'a Owners {
        self.registry.owners
    }

    pub(super) fn signals(&self) -> Signals<'a> {
        self.signals
    }

    pub(super) fn day(&self) -> Day {
        self.day
    }

    pub(super) fn hold_of(&self, address: IpAddr) -> Duration {
        self.settings.hold_of(address, self.signals)
    }

    /// The verdict on `name`.
    pub fn name(&mut self, name: NameId) -> NameJudgement {
        let owner = self.acting_owner(name);
        let hold = |address| self.settings.hold_of(address, self.signals);
        let afar = |source: &str| self.settings.afar.contains(source);
        let reach = addresses_of(self.dns, name, self.day, &hold, &afar);
        let today = Interval { from: self.day.start(), until: self.day.end().shifted(-1) };
        let valid_today =
            |reached: &Reached| reached.valid.iter().any(|one| one.common(today).is_some());
        let near = reach.addresses.iter().any(|reached| !reached.afar && valid_today(reached));
        let reached = reach.addresses.into_iter();
        let addresses: Vec<JudgedAddress> = reached
            .map(|reached| {
                let outranked = near && reached.afar && !valid_today(&reached);
                JudgedAddress { outranked, ..self.judged(reached, &owner) }
            })
            .collect();
        let verdict = if reach.cut {
            let name = self.dns.name(name).clone();
            Verdict::shared(vec![Sharing::ManyAliases { name }])
        } else {
            self.verdict(&owner, &addresses)
        };
        NameJudgement { owner, verdict, addresses }
    }

    fn verdict(&self, owner: &Arc<str>, addresses: &[JudgedAddress]) -> Verdict {
        if addresses.is_empty() {
            return Verdict::Unresolvable;
        }
        // What a rewriting resolver said is dropped; but a name that has
        // nothing else is on an address that everybody is on.
        let all_crowded = addresses.iter().all(|judged| judged.crowded);
        let kept = || addresses.iter().filter(|judged| all_crowded || !judged.crowded);
        let none_near = kept().all(|judged| judged.outranked);
        let nearest = kept().filter(|judged| none_near || !judged.outranked);
        let reasons: Vec<Sharing> = nearest.flat_map(|judged| judged.sharing.clone()).collect();
        if !reasons.is_empty() {
            return Verdict::shared(reasons);
        }
        let population = |judged: &JudgedAddress| judged.reached.population;
        if !self.settings.trust_partial && !kept().any(population) {
            return Verdict::Undecided { addresses: kept().count() };
        }
        Verdict::Dedicated { owner: owner.clone() }
    }

    /// On whose behalf `name` is judged: its own owner's, unless it is known
    /// only as the target of somebody else's names, who then stand for it.
    fn acting_owner(&mut self, name: NameId) -> Arc<str> {
        let own = self.registry.owner(name);
        let roots = self.registry.roots(name, Interval::ALWAYS);
        if roots.list.iter().any(|root| root.owner == own) {
            return own;
        }
        let others = roots.list.into_iter().filter(|root| root.established);
        others.map(|root| root.owner).min().unwrap_or(own)
    }

    pub(super) fn judged(&mut self, mut reached: Reached, owner: &Arc<str>) -> JudgedAddress {
        let address = reached.address;
        let tenants = self.tenants(address);
        let (mut sharing, mut strays) = (Vec::new(), Vec::new());
        if let Some(crowd) = &tenants.crowd {
            let (owners, day, source) = (crowd.owners, crowd.day, crowd.source.clone());
            sharing.push(Sharing::ManyOwners { address, owners, day, source });
            return JudgedAddress { reached, sharing, crowded: true, outranked: false, strays };
        }
        // Who else is behind such an address is a matter of time.
        let range = self.signals.ranges.and_then(|ranges| ranges.shared_by_design(address));
        sharing.extend(range.map(|range| Sharing::ByDesign { address, range }));
        if sharing.is_empty() {
            sharing.extend(self.hosted(&reached, &tenants, owner));
        }
        let mut others_from: Option<Timestamp> = None;
        let hold = self.hold_of(address);
        for other in self.others(&tenants, owner) {
            let presence = reached.presence;
            match other {
                Other::Endless(name) => {
                    let name = self.dns.name(name).clone();
                    sharing.push(Sharing::ManyNames { address, name });
                }
                Other::Foreign(found) if !found.believed => strays.push(found.told(self, address)),
                Other::Foreign(found) if together(found.presence, presence, hold) => {
                    sharing.push(Sharing::Foreign(found.told(self, address)));
                }
                Other::Foreign(found) if found.presence.from > presence.until => {
                    let first = others_from
                        .map_or(found.presence.from, |held| held.min(found.presence.from));
                    others_from = Some(first);
                }
                Other::Foreign(_) => {}
            }
        }
        if let Some(from) = others_from {
            let before = Interval { from: Timestamp::EPOCH, until: from.shifted(-1) };
            let valid = reached.valid.iter().filter_map(|valid| valid.common(before));
            reached.valid = valid.collect();
        }
        JudgedAddress { reached, sharing, crowded: false, outranked: false, strays }
    }

    /// The name of a platform through which the owner's names lead to the
    /// address, if the platform puts many behind one.
    fn hosted(
        &mut self,
        reached: &Reached,
        tenants: &Tenants,
        owner: &Arc<str>,
    ) -> Option<Sharing> {
        let own = |tenant: &&Tenant| {
            let roots = &tenant.roots.list;
            roots.iter().any(|root| root.owner == *owner)
                || self.registry.owner(tenant.name) == *owner
        };
        let on_it = tenants.list.iter().filter(own).map(|tenant| tenant.name);
        let mut ways = reached.chain.iter().copied().chain(on_it);
        ways.find_map(|id| {
            let name = self.dns.name(id);
            let platform = hosting::shared_by_design(name)?;
            Some(Sharing::Hosted { address: reached.address, name: name.clone(), platform })
        })
    }

    fn tenants(&mut self, address: IpAddr) -> Rc<Tenants> {
        let registry = &mut self.registry;
        let made =
            self.tenants.entry(address).or_insert_with(|| Rc::new(registry.tenants(address)));
        made.clone()
    }

    /// Everybody on the address who is not `owner`.
    fn others(&mut self, tenants: &Tenants, owner: &Arc<str>) -> Vec<Other> {
        let mut others = Vec::new();
        for tenant in &tenants.list {
            let Roots { list: roots, endless } = &tenant.roots;
            if *endless {
                others.push(Other::Endless(tenant.name));
                continue;
            }
            let own_behind = roots.iter().any(|root| root.owner == *owner);
            let often = self.settings.counts(&tenant.seen);
            if self.stands_for_itself(tenant, owner) {
                let own = self.registry.owner(tenant.name);
                if own != *owner && !hosting::is_machine(self.dns.name(tenant.name)) {
                    others.push(Other::Foreign(FoundForeign {
                        root: tenant.name,
                        owner: own,
                        via: None,
                        presence: Interval { from: tenant.seen.first, until: tenant.seen.last },
                        seen: tenant.seen,
                        believed: often,
                    }));
                }
            }
            for root in roots.iter().filter(|root| root.owner != *owner) {
                others.push(Other::Foreign(FoundForeign {
                    root: root.name,
                    owner: root.owner.clone(),
                    via: Some(tenant.name),
                    presence: root.presence,
                    seen: tenant.seen,
                    // Whoever uses the very target that the owner uses is on
                    // all its addresses, however seldom each was seen.
                    believed: root.established && (own_behind || often),
                }));
            }
        }
        others
    }

    /// Whether the name on the address is a root itself: nothing leads to it
    /// but, at most, foreign names seen too seldom to be believed.
    fn stands_for_itself(&self, tenant: &Tenant, owner: &Arc<str>) -> bool {
        let absorbing = |root: &super::tenants::Root| root.established || root.owner == *owner;
        !tenant.roots.list.iter().any(absorbing)
    }

    /// The verdict on `address`, on behalf of the owner seen most often there.
    pub fn address(&mut self, address: IpAddr) -> AddressJudgement {
        let tenants = self.tenants(address);
        let mut names = Vec::with_capacity(tenants.list.len());
        let mut weights: HashMap<Arc<str>, (u64, Interval, bool)> = HashMap::new();
        for tenant in &tenants.list {
            let some_established = tenant.roots.list.iter().any(|root| root.established);
            let mut roots: Vec<(NameId, Arc<str>)> = Vec::new();
            // Somebody's stray alias must not pass for the owner.
            let mut weighty: Vec<Arc<str>> = Vec::new();
            if tenant.roots.list.is_empty() {
                let own = self.registry.owner(tenant.name);
                roots.push((tenant.name, own.clone()));
                weighty.push(own);
            }
            for root in &tenant.roots.list {
                roots.push((root.name, root.owner.clone()));
                if root.established || !some_established {
                    weighty.push(root.owner.clone());
                }
            }
            let seen = Interval { from: tenant.seen.first, until: tenant.seen.last };
            for owner in weighty {
                let (count, presence, population) =
                    weights.entry(owner).or_insert((0, seen, false));
                *count = count.saturating_add(tenant.seen.count);
                presence.from = presence.from.min(seen.from);
                presence.until = presence.until.max(seen.until);
                *population |= tenant.seen.population;
            }
            names.push(Occupant { name: tenant.name, seen: tenant.seen, roots });
        }
        let main = weights
            .into_iter()
            .max_by(|(owner, one), (other, two)| one.0.cmp(&two.0).then_with(|| other.cmp(owner)));
        let Some((owner, (_, presence, population))) = main else {
            return AddressJudgement { verdict: Verdict::Unresolvable, names };
        };
        let hold = self.settings.hold_of(address, self.signals);
        let valid = vec![Interval { from: presence.from, until: presence.until.plus(hold) }];
        let chain = Vec::new();
        let reached = Reached { address, presence, valid, population, afar: false, chain };
        let judged = self.judged(reached, &owner);
        AddressJudgement { verdict: self.verdict(&owner, &[judged]), names }
    }
}

/// Whether both were on the address on one day, and not one after the other:
/// with as much time between them as an address holds.
fn together(one: Interval, other: Interval, hold: Duration) -> bool {
    let held = |seen: Interval| Interval { until: seen.until.plus(hold), ..seen };
    one.shares_a_day(other) && held(one).common(held(other)).is_some()
}

/// Somebody else on an address.
enum Other {
    Foreign(FoundForeign),
    /// More names than can be followed lead to this one.
    Endless(NameId),
}

struct FoundForeign {
    root: NameId,
    owner: Arc<str>,
    via: Option<NameId>,
    presence: Interval,
    seen: Seen,
    believed: bool,
}

impl FoundForeign {
    fn told(&self, judge: &Judge<'_>, address: IpAddr) -> Foreign {
        Foreign {
            address,
            owner: self.owner.clone(),
            root: judge.dns.name(self.root).clone(),
            via: self.via.map(|via| judge.dns.name(via).clone()),
            first: self.presence.from.day(),
            last: self.presence.until.day(),
            days: self.seen.days,
            count: self.seen.count,
        }
    }
}
