//! Names that platforms give to each of their customers, and patterns that
//! stand for all of these.
//!
//! What a platform does for its tenants is in [`hosting`]. To stand for all
//! customers is wrong also where each has addresses alone; platforms of that
//! kind are in [`ZONES`], from their documentation of names.

use std::cmp::Ordering;

use crate::model::domain::{DomainName, NamePattern};
use crate::model::hosting;
use crate::model::suffix;

/// More zones below which customers have names; `*` stands for one label.
const ZONES: [&str; 6] = [
    // Load balancers, machines, stores and brokers.
    "*.elb.amazonaws.com",
    "elb.*.amazonaws.com",
    "*.cloudapp.azure.com",
    "trafficmanager.net",
    "aliyuncs.com",
    // ThroughTek Kalay, by which cameras of many makers find each other.
    "iotcplatform.com",
];

/// Whether `name` leads to addresses that customers of a platform share.
pub(super) fn is_shared(name: &NamePattern) -> bool {
    let (NamePattern::Exact(domain) | NamePattern::Below(domain)) = name;
    hosting::shared_by_design(domain).is_some()
}

/// The zone whose customers `name` all stands for; with `above` only if it
/// stands for other names beside them.
pub(super) fn zone_of(name: &NamePattern, above: bool) -> Option<&'static str> {
    let (NamePattern::Exact(domain) | NamePattern::Below(domain)) = name;
    let wildcard = matches!(name, NamePattern::Below(_));
    let zones = hosting::all_tenants(domain).into_iter().chain(ZONES);
    zones.into_iter().find(|zone| match place(domain, zone) {
        Some(Ordering::Less) => wildcard,
        Some(Ordering::Equal) => !above,
        _ => false,
    })
}

/// Whether every name right below `domain` is a public suffix: then a
/// wildcard there stands for all who register below any of them.
pub(super) fn has_suffixes_below(domain: &DomainName) -> bool {
    suffix::registrable(&format!("any.{domain}")).is_none()
}

/// Whether `domain` is above the zone (less labels), the zone itself or below
/// it; `None` if they are apart.
fn place(domain: &DomainName, zone: &str) -> Option<Ordering> {
    let (mut labels, mut of_zone) = (domain.as_str().rsplit('.'), zone.rsplit('.'));
    loop {
        match (labels.next(), of_zone.next()) {
            (None, None) => return Some(Ordering::Equal),
            (None, Some(_)) => return Some(Ordering::Less),
            (Some(_), None) => return Some(Ordering::Greater),
            (Some(label), Some(known)) if label == known || known.ends_with('*') => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> NamePattern {
        text.parse().unwrap()
    }

    #[test]
    fn names_on_shared_addresses_are_told_from_names_of_makers() {
        for name in
            ["a1b2c3-ats.iot.eu-west-1.amazonaws.com", "hub.azure-devices.net", "*.k.github.io"]
        {
            assert!(is_shared(&pattern(name)), "{name}");
        }
        for name in ["api.kettle.example", "f-1.us-east-1.elb.amazonaws.com", "azure.kettle.com"] {
            assert!(!is_shared(&pattern(name)), "{name}");
        }
    }

    #[test]
    fn a_wildcard_at_or_above_a_zone_is_all_its_customers() {
        let all = |name, above| zone_of(&pattern(name), above);
        assert_eq!(all("*.azure-devices.net", false), Some("azure-devices.net"));
        assert_eq!(all("*.azure-devices.net", true), None);
        assert_eq!(all("*.iot.us-east-1.amazonaws.com", false), Some("iot.*.amazonaws.com"));
        assert!(all("*.amazonaws.com", true).is_some() && all("*.azure.com", true).is_some());
        assert_eq!(all("hub.azure-devices.net", false), None);
        assert_eq!(all("*.hub.azure-devices.net", false), None);
        assert_eq!(all("iotcplatform.com", false), Some("iotcplatform.com"));
        assert_eq!(all("m1.iotcplatform.com", false), None);
        assert_eq!(all("amazonaws.com", false), None);
        assert_eq!(all("*.kettle.example", false), None);
    }

    #[test]
    fn a_wildcard_right_above_public_suffixes_is_seen() {
        let below = |name: &str| has_suffixes_below(&name.parse().unwrap());
        assert!(below("compute.amazonaws.com") && below("ck"));
        assert!(!below("kettle.example") && !below("amazonaws.com"));
    }
}
