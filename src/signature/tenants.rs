//! Names that clouds give to each of their customers: below them is whoever
//! pays, on addresses that customers share or pass on.
//!
//! The Public Suffix List knows most of them in its private section, but none
//! of the services that connect devices, whose customers cannot be told apart
//! by address at all. Those are in [`ZONES`], from the vendors' documentation
//! of endpoint names; `*` stands for one label.

use crate::model::domain::{DomainName, NamePattern};

/// Zones below which every customer of a service has a name.
const ZONES: [&str; 20] = [
    // AWS IoT Core: <account>-ats.iot.<region>.amazonaws.com.
    "iot.*.amazonaws.com",
    "iot.*.amazonaws.com.cn",
    // AWS load balancers, gateways and storage.
    "*.elb.amazonaws.com",
    "elb.*.amazonaws.com",
    "execute-api.*.amazonaws.com",
    "s3.amazonaws.com",
    "s3.*.amazonaws.com",
    // Azure IoT Hub, its provisioning service and IoT Central.
    "azure-devices.net",
    "azure-devices.cn",
    "azure-devices-provisioning.net",
    "azureiotcentral.com",
    // Azure machines, storage and message buses.
    "*.cloudapp.azure.com",
    "*.core.windows.net",
    "servicebus.windows.net",
    // Alibaba Cloud IoT Platform and storage.
    "iot-as-mqtt.*.aliyuncs.com",
    "*.aliyuncs.com",
    // ThroughTek Kalay, which cameras of many makers find each other by.
    "iotcplatform.com",
    // Content networks: a customer's name leads to addresses of all.
    "cloudfront.net",
    "global.ssl.fastly.net",
    "akamaized.net",
];

/// Whether `name` is what a cloud gave to one of its customers.
pub(super) fn is_tenant(name: &NamePattern) -> bool {
    let (NamePattern::Exact(domain) | NamePattern::Below(domain)) = name;
    let private = psl::suffix(domain.as_str().as_bytes())
        .is_some_and(|suffix| suffix.typ() == Some(psl::Type::Private));
    private || ZONES.iter().any(|zone| compare(domain, zone) == Some(std::cmp::Ordering::Greater))
}

/// The zone whose customers `name` all stands for; with `above` only if it
/// stands for other names beside them.
pub(super) fn zone_of(name: &NamePattern, above: bool) -> Option<&'static str> {
    let (NamePattern::Exact(domain) | NamePattern::Below(domain)) = name;
    let wildcard = matches!(name, NamePattern::Below(_));
    ZONES.into_iter().find(|zone| match compare(domain, zone) {
        Some(std::cmp::Ordering::Less) => wildcard,
        Some(std::cmp::Ordering::Equal) => !above,
        _ => false,
    })
}

/// Whether every name right below `domain` is a public suffix: then a
/// wildcard there stands for all who register below any of them.
pub(super) fn has_suffixes_below(domain: &DomainName) -> bool {
    psl::domain_str(&format!("any.{domain}")).is_none()
}

/// Whether `domain` is above the zone (less labels), the zone itself or below
/// it; `None` if they are apart.
fn compare(domain: &DomainName, zone: &str) -> Option<std::cmp::Ordering> {
    let (mut labels, mut of_zone) = (domain.as_str().rsplit('.'), zone.rsplit('.'));
    loop {
        match (labels.next(), of_zone.next()) {
            (None, None) => return Some(std::cmp::Ordering::Equal),
            (None, Some(_)) => return Some(std::cmp::Ordering::Less),
            (Some(_), None) => return Some(std::cmp::Ordering::Greater),
            (Some(label), Some(known)) if label == known || known == "*" => {}
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
    fn names_of_tenants_are_told_from_names_of_makers() {
        for name in [
            "a1b2c3-ats.iot.eu-west-1.amazonaws.com",
            "hub.azure-devices.net",
            "europe-london-uk.n0.iotcplatform.com",
            "d3p8zr0ffa9t17.cloudfront.net",
            "artifacts.s3.amazonaws.com",
            "kettle.github.io",
            "*.kettle.azurewebsites.net",
        ] {
            assert!(is_tenant(&pattern(name)), "{name}");
        }
        for name in ["api.kettle.example", "azure.kettle.com", "iot.amazonaws.com", "shop.co.uk"] {
            assert!(!is_tenant(&pattern(name)), "{name}");
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
