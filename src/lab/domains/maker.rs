//! Whether a name is registered to a maker, as far as names alone tell.
//!
//! The owner aliases are facts that people checked. Where they say nothing, the
//! maker's own name at the beginning or the end of the registrable name is a
//! good sign, which is told as what it is.

use serde::Serialize;

use crate::infrastructure::owner_of;
use crate::model::domain::DomainName;
use crate::signature::{Owners, class_name};

/// Fewest letters of a word that can stand for a maker.
const SHORTEST_WORD: usize = 3;
/// Fewest letters of a registrable name that is looked for in a product's.
const SHORTEST_LABEL: usize = 5;
/// Words in makers' names that many use.
const COMMON: [&str; 26] = [
    "camera",
    "cam",
    "cloud",
    "co",
    "connected",
    "devices",
    "electronics",
    "home",
    "hub",
    "inc",
    "international",
    "iot",
    "lab",
    "labs",
    "lights",
    "link",
    "lighting",
    "living",
    "net",
    "smart",
    "systems",
    "tech",
    "technologies",
    "technology",
    "the",
    "wifi",
];

/// Why a name is taken for the maker's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "sign", rename_all = "snake_case")]
pub enum Ownership {
    /// The owner aliases say so.
    Alias {
        /// The owner that the maker is.
        owner: String,
    },
    /// The maker's name stands in the registrable name.
    MakerInName {
        /// What stands there.
        word: String,
    },
    /// The registrable name stands in the product's name.
    NameInProduct {
        /// What stands there.
        word: String,
    },
}

/// Why `domain` is taken for `maker`'s own, if it is.
pub(super) fn ownership(
    domain: &DomainName,
    maker: &str,
    product: &str,
    owners: &Owners,
) -> Option<Ownership> {
    let owner = owner_of(owners, domain);
    if owner != domain.registrable() {
        return is_maker(owner, maker).then(|| Ownership::Alias { owner: owner.to_owned() });
    }
    let label = letters(domain.registrable().split('.').next().unwrap_or_default());
    let words = maker.split(|c: char| !c.is_alphanumeric()).map(letters);
    let words = words.filter(|word| !COMMON.contains(&word.as_str()));
    let stands = |word: &String| {
        word.len() >= SHORTEST_WORD && (label.starts_with(&**word) || label.ends_with(&**word))
    };
    if let Some(word) = std::iter::once(letters(maker)).chain(words).find(stands) {
        return Some(Ownership::MakerInName { word });
    }
    (label.len() >= SHORTEST_LABEL && letters(product).contains(&label))
        .then_some(Ownership::NameInProduct { word: label })
}

/// Whether an owner of the aliases is the maker: `amazon-devices` is Amazon.
fn is_maker(owner: &str, maker: &str) -> bool {
    let maker = class_name(maker).unwrap_or_default();
    let parts = |text: &str| text.split('-').map(str::to_owned).collect::<Vec<_>>();
    let (owner, maker) = (parts(owner), parts(&maker));
    let all_in = |some: &[String], all: &[String]| some.iter().all(|part| all.contains(part));
    all_in(&owner, &maker) || all_in(&maker, &owner)
}

fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_makers_by_alias_or_by_its_words() {
        let owners = [("xbcs.net", "belkin-wemo"), ("nest.com", "nest"), ("tuyaeu.com", "tuya")];
        let owners = Owners::new(owners.map(|(name, owner)| (name.to_owned(), owner.into())));
        let of = |domain: &str, maker: &str, product: &str| {
            let domain: DomainName = domain.parse().unwrap();
            ownership(&domain, maker, product, &owners).is_some()
        };
        assert!(of("api.xbcs.net", "Belkin", "Switch"));
        assert!(of("transport.nest.com", "Google Nest", ""));
        assert!(!of("a1.tuyaeu.com", "Gosund", ""), "the platform's, not the maker's");
        assert!(of("signal.mydlink.com", "D-Link", ""));
        assert!(of("devs.tplinkcloud.com", "TP-Link", ""));
        assert!(of("bridge.meethue.com", "Philips Hue", ""));
        assert!(of("ntp.homematic.com", "eQ-3", "HomeMatic Plug"));
        assert!(!of("api.linkedin.com", "TP-Link", "") && !of("a.example.com", "", ""));
        assert!(
            !of("api.smarthome.com", "Smart Home", "Hub") || of("smarthome.com", "Smart Home", "")
        );
    }
}
