//! What serves the domains of devices: dedicated or shared, by DNS answers that
//! many people got, as [`crate::infrastructure`] judges it.
//!
//! A signature may name domains on shared infrastructure; the hitlist leaves
//! them out for as long as they are there. Here a person sees beforehand what
//! will be left of a device.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::traffic::Captured;
use crate::dns::Knowledge;
use crate::infrastructure::{Judge, Verdict};
use crate::model::domain::DomainName;

/// What serves one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Served {
    /// The domain.
    pub domain: String,
    /// The devices that were seen with it.
    pub devices: Vec<String>,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// The verdict on every domain of every device, by name.
pub fn served(captured: &Captured, dns: &Knowledge, judge: &mut Judge<'_>) -> Vec<Served> {
    let mut domains: BTreeMap<DomainName, Vec<String>> = BTreeMap::new();
    for device in &captured.devices {
        for contact in device.contacts.iter().filter(|contact| contact.is_named()) {
            if let Ok(domain) = contact.domain.parse() {
                domains.entry(domain).or_default().push(device.device.clone());
            }
        }
    }
    let verdict = |domain: &DomainName, judge: &mut Judge<'_>| match dns.find(domain) {
        Some(id) => judge.name(id).verdict,
        None => Verdict::Unresolvable,
    };
    let served = domains.into_iter().map(|(domain, devices)| {
        let verdict = verdict(&domain, judge);
        Served { domain: domain.to_string(), devices, verdict }
    });
    served.collect()
}

/// [`Served`] as a table.
pub struct Table<'a>(pub &'a [Served]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|served| served.domain.len()).max().unwrap_or(0);
        let width = width.clamp(6, 60);
        writeln!(f, "{:width$}  DEVICES  VERDICT", "DOMAIN")?;
        for served in self.0 {
            let (domain, devices) = (&served.domain, served.devices.len());
            writeln!(f, "{domain:width$}  {devices:>7}  {}", served.verdict)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Answer, AnswerData, Coverage};
    use crate::infrastructure::{Signals, VerdictSettings};
    use crate::lab::traffic::{Contact, DeviceTraffic, Evidence, Hourly};
    use crate::model::time::Timestamp;
    use crate::signature::Owners;

    #[test]
    fn each_domain_is_judged_once_as_the_hitlist_would() {
        let contact = |domain: &str| Contact {
            domain: domain.to_owned(),
            learnt_by: vec![Evidence::Dns],
            aliases: Vec::new(),
            addresses: Vec::new(),
            ports: Vec::new(),
            packets: 1,
            hours: Hourly::default(),
        };
        let device = |name: &str, domains: &[&str]| DeviceTraffic {
            device: name.to_owned(),
            maker: String::new(),
            product: String::new(),
            captures: Vec::new(),
            contacts: domains.iter().map(|domain| contact(domain)).collect(),
        };
        let devices = vec![
            device("a", &["own.maker.example", "site.host.example"]),
            device("b", &["own.maker.example", "gone.maker.example"]),
        ];
        let captured = Captured::new(devices).unwrap();
        let mut dns = Knowledge::new();
        for (name, address) in [
            ("own.maker.example", "192.0.2.1"),
            ("site.host.example", "192.0.2.2"),
            ("www.other.example", "192.0.2.2"),
        ] {
            let at = Timestamp::from_secs(1_600_000_000);
            let data = AnswerData::Address(address.parse().unwrap());
            let (name, coverage) = (name.parse().unwrap(), Coverage::Population);
            dns.insert(Answer { name, data, first: at, last: at, count: 20, coverage }, "x")
                .unwrap();
        }
        let (owners, settings) = (Owners::default(), VerdictSettings::default());
        let day = Timestamp::from_secs(1_600_000_000).day();
        let mut judge = Judge::new(&dns, &owners, &settings, day, Signals::default());
        let served = served(&captured, &dns, &mut judge);
        let told: Vec<_> =
            served.iter().map(|it| (it.domain.as_str(), it.verdict.as_str())).collect();
        let expected = [
            ("gone.maker.example", "unresolvable"),
            ("own.maker.example", "dedicated"),
            ("site.host.example", "shared"),
        ];
        assert_eq!(told, expected);
        assert_eq!(served[1].devices, ["a", "b"]);
        assert!(Table(&served).to_string().contains("www.other.example"));
    }
}
