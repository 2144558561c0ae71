//! Certificates seen by Internet scans: which addresses serve a name of which
//! passive DNS knows too little (paper §4.2.2).
//!
//! A certificate that names only one owner's names says whose server it is
//! that shows it. All addresses that show the same certificate and the same
//! HTTPS banner are servers of one kind, so if one of them is the name's, all
//! are. That replaces the proof of passive DNS that nobody else is there; it
//! never outranks what passive DNS has seen.

mod read;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::owner::owner_of;
use crate::model::domain::{DomainName, NamePattern};
use crate::model::time::{Day, Timestamp};
use crate::signature::{Owners, SignatureSet};

pub use read::{ALLOWED, LONGEST_LINE, ScanProblem, ScanReport};

/// Most addresses of one name: more show the certificate of something that
/// everybody has.
pub const MOST_ADDRESSES: usize = 4_096;
/// Most sightings of certificates on addresses that are kept.
pub const MOST_SIGHTINGS: usize = 2_000_000;

/// The SHA-256 of a certificate's DER, written in hexadecimal.
pub type Fingerprint = Arc<str>;

/// A name in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CertifiedName {
    /// The name, or what stands behind `*.`.
    name: DomainName,
    wildcard: bool,
}

impl CertifiedName {
    /// A name as certificates write it; `*` only as the whole first label.
    fn read(text: &str) -> Option<Self> {
        let (text, wildcard) = text.strip_prefix("*.").map_or((text, false), |rest| (rest, true));
        Some(Self { name: text.parse().ok()?, wildcard })
    }

    /// Whether a client that asks for `name` takes this one: a wildcard stands
    /// for one label (RFC 9525 §6.3).
    fn covers(&self, name: &DomainName) -> bool {
        if self.wildcard {
            name.ancestors().next() == Some(self.name.as_str())
        } else {
            self.name == *name
        }
    }
}

/// A certificate and who showed it.
#[derive(Debug, Default)]
struct Certificate {
    names: Vec<CertifiedName>,
    /// Whether it has a name for servers that cannot be read.
    odd: bool,
    shown: Vec<Shown>,
}

/// An address showed a certificate.
#[derive(Debug)]
struct Shown {
    address: IpAddr,
    at: Timestamp,
    /// Checksum of what an HTTPS request was answered with.
    banner: Arc<str>,
    /// The name that the scanner asked for, if it asked by name.
    asked: Option<DomainName>,
}

/// The addresses that a certificate gives for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certified {
    /// The certificate; the first if it was renewed.
    pub(super) fingerprint: Fingerprint,
    /// When each address showed it.
    pub(super) shown: BTreeMap<IpAddr, BTreeSet<Timestamp>>,
}

/// What Internet scans have seen of certificates that name an owner whom a
/// signature names too. All others are left out when they are read.
#[derive(Default)]
pub struct Scans {
    wanted: HashSet<String>,
    certificates: HashMap<Fingerprint, Certificate>,
    /// By certified name, without `*.`.
    by_name: HashMap<DomainName, BTreeSet<Fingerprint>>,
    sightings: usize,
}

impl Scans {
    /// Ready to keep what matters for `signatures`.
    pub fn of_interest_to(signatures: &SignatureSet) -> Self {
        let groups = signatures.classes.iter().flat_map(|class| &class.groups);
        let names = groups.flat_map(|group| &group.names);
        let registrable = names.map(|pattern| match pattern {
            NamePattern::Exact(name) | NamePattern::Below(name) => name.registrable().to_owned(),
        });
        Self { wanted: registrable.collect(), ..Self::default() }
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.sightings == 0
    }

    /// The addresses that serve `name` as known by the end of `day`: those that
    /// show a certificate for it that names nobody but `owner`, with the same
    /// HTTPS banner as the name's own server.
    ///
    /// The name's own server is one that was scanned by that name, or is among
    /// the `known` addresses that some answer gave. Without either, all that
    /// show such a certificate must have one banner in common.
    pub(super) fn addresses(
        &self,
        name: &DomainName,
        owner: &str,
        owners: &Owners,
        known: &[IpAddr],
        day: Day,
    ) -> Option<Certified> {
        let above = name.ancestors().next();
        let found = [Some(name.as_str()), above].into_iter().flatten();
        let found = found.filter_map(|name| self.by_name.get(name)).flatten();
        let fitting: Vec<(&Fingerprint, &Certificate)> = found
            .filter_map(|fingerprint| self.certificates.get_key_value(fingerprint))
            .filter(|(_, certificate)| {
                let own = |named: &CertifiedName| owner_of(owners, &named.name) == owner;
                !certificate.odd
                    && certificate.names.iter().any(|named| named.covers(name))
                    && certificate.names.iter().all(own)
            })
            .collect();
        let shown = || {
            fitting.iter().flat_map(|(fingerprint, certificate)| {
                let shown = certificate.shown.iter().filter(|shown| shown.at.day() <= day);
                shown.map(move |shown| (*fingerprint, shown))
            })
        };
        let is_own =
            |shown: &Shown| shown.asked.as_ref() == Some(name) || known.contains(&shown.address);
        let pair = |(fingerprint, shown): (&Fingerprint, &Shown)| {
            (fingerprint.clone(), shown.banner.clone())
        };
        let mut kinds: BTreeSet<(Fingerprint, Arc<str>)> =
            shown().filter(|(_, shown)| is_own(shown)).map(pair).collect();
        if kinds.is_empty() {
            kinds = shown().map(pair).collect();
            let banners: BTreeSet<&Arc<str>> = kinds.iter().map(|(_, banner)| banner).collect();
            if banners.len() > 1 {
                return None;
            }
        }
        let mut addresses: BTreeMap<IpAddr, BTreeSet<Timestamp>> = BTreeMap::new();
        for (fingerprint, shown) in shown() {
            if kinds.contains(&pair((fingerprint, shown))) {
                addresses.entry(shown.address).or_default().insert(shown.at);
            }
        }
        let fingerprint = kinds.into_iter().next()?.0;
        (addresses.len() <= MOST_ADDRESSES).then_some(Certified { fingerprint, shown: addresses })
    }

    /// Whether some signature names the owner of a name in the certificate.
    fn wants(&self, names: &[CertifiedName]) -> bool {
        names.iter().any(|named| self.wanted.contains(named.name.registrable()))
    }

    /// Keeps a sighting; `false` when there are too many.
    fn insert(&mut self, fingerprint: &Fingerprint, names: Names, shown: Shown) -> bool {
        if self.sightings >= MOST_SIGHTINGS {
            return false;
        }
        self.sightings += 1;
        for named in &names.list {
            self.by_name.entry(named.name.clone()).or_default().insert(fingerprint.clone());
        }
        let certificate = self.certificates.entry(fingerprint.clone()).or_insert_with(|| {
            Certificate { names: names.list, odd: names.odd, shown: Vec::new() }
        });
        certificate.shown.push(shown);
        true
    }
}

/// The names that a certificate has.
#[derive(Debug, Default)]
struct Names {
    list: Vec<CertifiedName>,
    odd: bool,
}

impl Names {
    /// A name for servers: one that cannot be read may be anybody's.
    fn add(&mut self, text: &str) {
        match CertifiedName::read(text) {
            Some(name) if self.list.contains(&name) => {}
            Some(name) => self.list.push(name),
            None => self.odd = true,
        }
    }

    /// The subject's common name, which is often no name of a server.
    fn add_common(&mut self, text: &str) {
        if text.contains('.') && !text.contains(' ') && text.parse::<IpAddr>().is_err() {
            self.add(text);
        }
    }
}

impl fmt::Debug for Scans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} certificates, {} sightings", self.certificates.len(), self.sightings)
    }
}
