//! What the names of a profile are worth.
//!
//! [`super::super::domains`] judges them as it does those of captures. What it
//! leaves undecided, since a profile knows one device and nobody else's, is
//! looked at once more: signatures may have the name, or names of its owner,
//! and the only owner in a profile runs the service of the device.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::domains::{Grounds, Reason, Role, judge};
use crate::lab::traffic::{Captured, Contact, DeviceTraffic, Evidence, Hourly, VERSION};
use crate::model::domain::{DomainName, NamePattern};
use crate::model::endpoint::Port;
use crate::model::rules;
use crate::signature::SignatureSet;

/// The verdict on each of `names`, and why, for a device of `maker`.
pub(super) fn verdicts(
    names: &BTreeMap<DomainName, Vec<Port>>,
    (class, maker, product): (&str, &str, &str),
    grounds: Grounds<'_>,
) -> BTreeMap<DomainName, (Role, String)> {
    let device = DeviceTraffic {
        device: class.to_owned(),
        maker: maker.to_owned(),
        product: product.to_owned(),
        captures: Vec::new(),
        contacts: names.iter().map(|(name, ports)| contact(name, ports)).collect(),
    };
    let captured = Captured { v: VERSION, devices: vec![device] };
    let mut open = BTreeSet::new();
    let mut unsure = Vec::new();
    let mut judged = BTreeMap::new();
    for domain in judge(&captured, grounds).devices.into_iter().flat_map(|it| it.domains) {
        let Ok(name) = domain.domain.parse::<DomainName>() else { continue };
        // How often a name was seen says nothing here: there is no traffic.
        let seen =
            |reason: &&Reason| !matches!(reason, Reason::Seen { .. } | Reason::NeverContacted);
        let because: Vec<_> = domain.because.iter().filter(seen).map(ToString::to_string).collect();
        // Below a name that everybody visits, signatures may know one that only
        // devices do.
        match domain.because.first() {
            Some(Reason::Registered { .. }) if domain.role == Role::Undecided => {
                open.insert(name.clone());
                unsure.push(name.clone());
            }
            Some(Reason::Popular { .. }) => unsure.push(name.clone()),
            _ => {}
        }
        judged.insert(name, (domain.role, because.join("; ")));
    }
    let owner = |name: &DomainName| grounds.signatures.owners.owner(name.registrable()).to_owned();
    for name in unsure {
        if let Some((class, role)) = known(&name, grounds.signatures) {
            judged.insert(name, (role, format!("in the class `{class}`")));
        }
    }
    let primary = judged.iter().filter(|(_, (role, _))| *role == Role::Primary);
    let makers: BTreeSet<_> = primary.map(|(name, _)| owner(name)).collect();
    open.retain(|name| judged.get(name).is_some_and(|(role, _)| *role == Role::Undecided));
    let owners: BTreeSet<_> = open.iter().map(owner).collect();
    for name in open {
        let owner = owner(&name);
        if makers.contains(&owner) {
            let why = format!("`{owner}` has primary names in the profile");
            judged.insert(name, (Role::Primary, why));
        } else if makers.is_empty() && owners.len() == 1 {
            let why = format!("`{owner}` is the only owner in the profile");
            judged.insert(name, (Role::Primary, why));
        }
    }
    judged
}

/// A name of the profile as a capture would have shown it.
fn contact(name: &DomainName, ports: &[Port]) -> Contact {
    Contact {
        domain: name.to_string(),
        learnt_by: vec![Evidence::Dns],
        aliases: Vec::new(),
        addresses: Vec::new(),
        ports: ports.to_vec(),
        packets: 0,
        hours: Hourly::default(),
    }
}

/// The class and role that signatures have the name in.
fn known<'s>(name: &DomainName, signatures: &'s SignatureSet) -> Option<(&'s str, Role)> {
    signatures.classes.iter().find_map(|class| {
        let has = |pattern: &NamePattern| pattern.matches(name);
        let group = class.groups.iter().find(|group| group.names.iter().any(has))?;
        let role = match group.role {
            rules::Role::Primary => Role::Primary,
            rules::Role::Support => Role::Support,
        };
        Some((&*class.class, role))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::domains::{Decisions, Popular};
    use crate::signature::{SourceFile, compile};

    fn judged(product: &str, names: &[&str]) -> Vec<(Role, String)> {
        let file = |place: &str, text: &str| SourceFile {
            place: place.to_owned(),
            path: place.to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        let signatures = compile(&[
            file("owners.yaml", "acme-devices: [acme.com, roadrunner.net]\n"),
            file("product/kettle.yaml", "class: kettle\nname: K\nlevel: product\nvendor: Acme\ngroups:\n  - {names: [\"*.boil.net\"], role: primary}\n  - {names: [cdn.steam.org], role: support}\nsources: [x]\nchecked: 2026-11-21\n"),
        ])
        .unwrap();
        let decided = "decisions:\n  - {domain: d.shop.com, role: generic, reason: a shop}\n";
        let decisions = Decisions::read("d", decided.as_bytes()).unwrap();
        let popular = Popular::shipped().unwrap();
        let grounds = Grounds { signatures: &signatures, popular: &popular, decisions: &decisions };
        let names: Vec<DomainName> = names.iter().map(|name| name.parse().unwrap()).collect();
        let asked = names.iter().map(|name| (name.clone(), Vec::new())).collect();
        let judged = verdicts(&asked, ("x", "Acme", product), grounds);
        names.iter().map(|name| judged[name].clone()).collect()
    }

    #[test]
    fn verdicts_have_reasons_and_doubt_is_said() {
        use Role::{Generic, Primary, Support, Undecided};
        let told = judged(
            "Kettle",
            &[
                "2.pool.ntp.org",
                "x.boil.net",
                "cdn.steam.org",
                "a.roadrunner.net",
                "api.shop.com",
                "d.shop.com",
                "boil.net",
                "www.acme.com",
            ],
        );
        let roles: Vec<_> = told.iter().map(|(role, _)| *role).collect();
        assert_eq!(
            roles,
            [Generic, Primary, Support, Primary, Undecided, Generic, Primary, Undecided]
        );
        assert_eq!(told[1].1, "in the class `kettle`");
        assert_eq!(told[4].1, "registered to shop.com");
        assert_eq!(told[6].1, "`boil.net` has primary names in the profile");
    }

    #[test]
    fn the_only_owner_of_a_profile_runs_its_service() {
        let told = judged("Doll", &["a.talk.com", "b.talk.com", "pool.ntp.org"]);
        assert_eq!(told[0], (Role::Primary, "`talk.com` is the only owner in the profile".into()));
        let two = judged("Doll", &["a.talk.com", "b.video.com"]);
        assert!(two.iter().all(|(role, _)| *role == Role::Undecided), "{two:?}");
    }
}
