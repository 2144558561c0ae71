//! What each domain of a device is worth: the maker's own, somebody else's that
//! serves the device, or everybody's (paper §4.1), with the evidence for each
//! verdict.
//!
//! What the evidence does not decide is said, and waits for a person, whose
//! [`Decisions`] count before everything else. Nothing is looked up: the owner
//! aliases, the list of popular services and the signatures of platforms are
//! handed in.

mod decisions;
mod maker;
mod popular;
mod show;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::decisions::{Decisions, template};
pub use self::maker::Ownership;
pub use self::popular::{NotAName, Popular};
use super::traffic::{Captured, Contact, DeviceTraffic};
use crate::model::domain::DomainName;
use crate::model::endpoint::Port;
use crate::model::rules::Level;
use crate::model::suffix;
use crate::signature::SignatureSet;

/// Ports on which web sites are.
const WEB: [u16; 2] = [80, 443];

/// What a domain is worth as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Registered to the maker, or to the platform that serves its devices.
    Primary,
    /// Somebody else's, but there for these devices.
    Support,
    /// Everybody's: no evidence.
    Generic,
    /// For a person to decide.
    Undecided,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "evidence", rename_all = "snake_case")]
pub enum Reason {
    /// A person said so.
    Decided {
        /// Why.
        reason: String,
    },
    /// Registered to the maker.
    Own(Ownership),
    /// On the list of popular services.
    Popular {
        /// The entry.
        entry: String,
    },
    /// A public suffix, which belongs to nobody who uses it.
    PublicSuffix,
    /// What other names of the device are aliases of.
    AliasTarget {
        /// One such name.
        of: String,
    },
    /// A name of a platform that has a signature.
    Platform {
        /// Its class.
        class: String,
    },
    /// Looks like a web site, which browsers visit too.
    WebSite,
    /// Registered to somebody whom the evidence does not connect to the maker.
    Registered {
        /// The owner.
        owner: String,
    },
    /// How many devices and makers it was seen on.
    Seen {
        /// Devices of this maker.
        devices: usize,
        /// All devices of this maker.
        of_devices: usize,
        /// Makers of all devices it was seen on.
        makers: usize,
        /// All makers.
        of_makers: usize,
    },
    /// Looked up, and no packet was exchanged.
    NeverContacted,
}

/// The verdict on one domain of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JudgedDomain {
    /// The domain.
    pub domain: String,
    /// The verdict.
    pub role: Role,
    /// The evidence, what decides first.
    pub because: Vec<Reason>,
}

/// The domains of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JudgedDevice {
    /// The device.
    pub device: String,
    /// Its maker.
    pub maker: String,
    /// Its domains by name. Addresses without a name are not among them.
    pub domains: Vec<JudgedDomain>,
}

/// The domains of all devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The version of this format.
    pub v: u32,
    /// The devices by name.
    pub devices: Vec<JudgedDevice>,
}

/// What verdicts rest on beside the traffic.
#[derive(Clone, Copy)]
pub struct Grounds<'a> {
    /// The owner aliases, and the platforms that are known.
    pub signatures: &'a SignatureSet,
    /// Popular services.
    pub popular: &'a Popular,
    /// What people decided.
    pub decisions: &'a Decisions,
}

/// The verdict on every domain of every device.
pub fn judge(captured: &Captured, grounds: Grounds<'_>) -> Judged {
    let census = Census::new(captured);
    let device = |device: &DeviceTraffic| {
        let targets = alias_targets(device);
        let domain = |it| census.domain(device, it, &targets, grounds);
        JudgedDevice {
            device: device.device.clone(),
            maker: device.maker.clone(),
            domains: named(device).map(domain).collect(),
        }
    };
    Judged { v: 1, devices: captured.devices.iter().map(device).collect() }
}

/// The contacts of a device that are domains.
fn named(device: &DeviceTraffic) -> impl Iterator<Item = (DomainName, &Contact)> {
    let named = device.contacts.iter().filter(|contact| contact.is_named());
    named.filter_map(|contact| Some((contact.domain.parse().ok()?, contact)))
}

/// What names of a device are aliases of, with the first such name.
fn alias_targets(device: &DeviceTraffic) -> BTreeMap<&str, &str> {
    let mut targets = BTreeMap::new();
    for contact in &device.contacts {
        for alias in contact.aliases.iter().filter(|alias| **alias != contact.domain) {
            targets.entry(alias.as_str()).or_insert(contact.domain.as_str());
        }
    }
    targets
}

/// Who was seen where.
struct Census<'a> {
    /// The devices on which a domain was seen, as (maker, device).
    seen: BTreeMap<DomainName, BTreeSet<(&'a str, &'a str)>>,
    /// How many devices each maker has.
    makers: BTreeMap<&'a str, usize>,
}

impl<'a> Census<'a> {
    fn new(captured: &'a Captured) -> Self {
        let mut census = Self { seen: BTreeMap::new(), makers: BTreeMap::new() };
        for device in &captured.devices {
            *census.makers.entry(&device.maker).or_default() += 1;
            for (domain, _) in named(device) {
                let seen = census.seen.entry(domain).or_default();
                seen.insert((&device.maker, &device.device));
            }
        }
        census
    }

    fn seen(&self, maker: &str, domain: &DomainName) -> (usize, usize) {
        let seen = self.seen.get(domain);
        let devices = seen.map_or(0, |seen| seen.iter().filter(|(own, _)| *own == maker).count());
        let makers: BTreeSet<&str> = seen.into_iter().flatten().map(|(maker, _)| *maker).collect();
        (devices, makers.len())
    }

    fn domain(
        &self,
        device: &DeviceTraffic,
        (domain, contact): (DomainName, &Contact),
        targets: &BTreeMap<&str, &str>,
        grounds: Grounds<'_>,
    ) -> JudgedDomain {
        let maker = &device.maker;
        let (devices, makers) = self.seen(maker, &domain);
        let of_devices = self.makers.get(maker.as_str()).copied().unwrap_or(0);
        let (role, mut because) = self.verdict(device, (&domain, contact), targets, grounds);
        because.push(Reason::Seen { devices, of_devices, makers, of_makers: self.makers.len() });
        if contact.packets == 0 {
            because.push(Reason::NeverContacted);
        }
        JudgedDomain { domain: domain.to_string(), role, because }
    }

    fn verdict(
        &self,
        device: &DeviceTraffic,
        (domain, contact): (&DomainName, &Contact),
        targets: &BTreeMap<&str, &str>,
        grounds: Grounds<'_>,
    ) -> (Role, Vec<Reason>) {
        let maker = &device.maker;
        if let Some((role, reason)) = grounds.decisions.of(&device.device, maker, domain) {
            return (role, vec![Reason::Decided { reason: reason.to_owned() }]);
        }
        if let Some(entry) = grounds.popular.entry_of(domain) {
            return (Role::Generic, vec![Reason::Popular { entry: entry.to_owned() }]);
        }
        if suffix::public_suffix(domain.as_str()) == Some(domain.as_str()) {
            return (Role::Generic, vec![Reason::PublicSuffix]);
        }
        if let Some(of) = targets.get(domain.as_str()) {
            return (Role::Generic, vec![Reason::AliasTarget { of: (*of).to_owned() }]);
        }
        if let Some(class) = platform(grounds.signatures, domain) {
            return (Role::Primary, vec![Reason::Platform { class }]);
        }
        let owners = &grounds.signatures.owners;
        if let Some(own) = maker::ownership(domain, maker, &device.product, owners) {
            let own = Reason::Own(own);
            if is_web_site(domain, &contact.ports) {
                return (Role::Undecided, vec![Reason::WebSite, own]);
            }
            return (Role::Primary, vec![own]);
        }
        let registered =
            Reason::Registered { owner: owners.owner(domain.registrable()).to_owned() };
        // Somebody else's name that several devices of one maker have, and no
        // device of the others, is there for these devices. One device may have
        // been near a telephone, and a name that makers share may be a platform
        // or anything.
        let serves = matches!(self.seen(maker, domain), (2.., 1)) && self.makers.len() > 1;
        (if serves { Role::Support } else { Role::Undecided }, vec![registered])
    }
}

/// The platform with a signature in which the name stands.
fn platform(signatures: &SignatureSet, domain: &DomainName) -> Option<String> {
    let platforms = signatures.classes.iter().filter(|class| class.level == Level::Platform);
    let mut having = platforms.filter(|class| {
        let mut names = class.groups.iter().flat_map(|group| &group.names);
        names.any(|name| name.matches(domain))
    });
    having.next().map(|class| class.class.to_string())
}

/// Whether a name is `www` right above a registrable name and was spoken to as
/// web sites are, or not at all.
fn is_web_site(domain: &DomainName, ports: &[Port]) -> bool {
    let www = domain.as_str().strip_suffix(domain.registrable()).is_some_and(|above| {
        above.trim_end_matches('.').trim_end_matches(|c: char| c.is_ascii_digit()) == "www"
    });
    www && ports.iter().all(|port| WEB.contains(&port.number))
}
