//! Names that one device uses in turn: the same name in another region, shard
//! or number. They are one group, because N counts groups and a device will
//! never be seen at all of them.
//!
//! Two names are alike if nothing differs but digits and the words for places
//! in them, below one registrable name or, with owner aliases, below registrable
//! names of one owner that differ in no more.

use std::collections::BTreeSet;

use crate::model::domain::DomainName;
use crate::signature::Owners;

/// Words for places in names of clouds and makers, and the countries and
/// regions that backends are most often named for.
const PLACES: [&str; 48] = [
    "africa",
    "america",
    "ap",
    "apac",
    "asia",
    "au",
    "br",
    "ca",
    "central",
    "china",
    "cn",
    "cz",
    "de",
    "east",
    "emea",
    "es",
    "eu",
    "euc",
    "eur",
    "europe",
    "euw",
    "fr",
    "gb",
    "global",
    "hk",
    "ie",
    "in",
    "intl",
    "it",
    "jp",
    "kr",
    "latam",
    "na",
    "nl",
    "north",
    "northeast",
    "northwest",
    "oceania",
    "ru",
    "sa",
    "sg",
    "south",
    "southeast",
    "tw",
    "uk",
    "us",
    "usa",
    "west",
];
/// Fewest letters that remain of a registrable name without its place.
const SHORTEST_STEM: usize = 3;

/// What alternatives have in common: equal for names that are alike.
pub(in crate::lab) fn shape(name: &DomainName, owners: &Owners) -> String {
    let registrable = name.registrable();
    let owner = owners.owner(registrable);
    let above = name.as_str().strip_suffix(registrable).unwrap_or_default();
    let mut shape: String = above.split('.').map(|label| label_shape(label) + ".").collect();
    if owner == registrable {
        shape.push_str(registrable);
    } else {
        // Aliases say whose it is; the suffix may differ by country.
        shape.push_str(stem(registrable.split('.').next().unwrap_or_default()));
        shape.push('@');
        shape.push_str(owner);
    }
    shape
}

/// A label in which numbers and places stand for any.
fn label_shape(label: &str) -> String {
    let words = label.split(['-', '_']).map(|word| {
        let letters = word.trim_matches(|c: char| c.is_ascii_digit());
        // `log-in` is no log in India.
        let preposition = letters == "in" && letters != label;
        if PLACES.contains(&letters) && !preposition {
            return "@".to_owned();
        }
        let mut shape = String::new();
        for c in word.chars() {
            match c {
                '0'..='9' if shape.ends_with('#') => {}
                '0'..='9' => shape.push('#'),
                c => shape.push(c),
            }
        }
        shape
    });
    let mut words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    words.dedup_by(|one, two| one == two && matches!(one.as_str(), "@" | "#"));
    // A name may have a place or a number, and its twin none.
    while words.len() > 1 && matches!(words.last().map(String::as_str), Some("@" | "#")) {
        words.pop();
    }
    let label = words.join("-");
    if label.len() > 1 { label.trim_end_matches('#').to_owned() } else { label }
}

/// The registrable label without the place at its end: `tuya` for `tuyaeu`.
fn stem(label: &str) -> &str {
    let places: BTreeSet<&str> = PLACES.into_iter().collect();
    let stems = places.iter().filter_map(|place| label.strip_suffix(place));
    stems.filter(|stem| stem.len() >= SHORTEST_STEM).min_by_key(|stem| stem.len()).unwrap_or(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(one: &str, two: &str) -> bool {
        let tuya =
            ["tuyaeu.com", "tuyaus.com", "tuyacn.com"].map(|name| (name.to_owned(), "tuya".into()));
        let owners = Owners::new(tuya.into_iter().chain([
            ("nest.com".to_owned(), "nest".into()),
            ("dropcam.com".to_owned(), "nest".into()),
        ]));
        let shape = |name: &str| shape(&name.parse().unwrap(), &owners);
        shape(one) == shape(two)
    }

    #[test]
    fn regions_shards_and_numbers_are_alternatives() {
        for (one, two) in [
            ("r0801.dch.dlink.com", "r0802.dch.dlink.com"),
            ("mp-eu-signal.auto.mydlink.com", "mp-us-signal.auto.mydlink.com"),
            ("ntp1.dlink.com", "ntp.dlink.com"),
            ("api-eu-west-1.example.com", "api-us-east-2.example.com"),
            ("api-eu.example.com", "api.example.com"),
            ("eu.api.example.com", "us.api.example.com"),
            ("a1.tuyaeu.com", "a2.tuyaus.com"),
            ("relay12-3.example.com", "relay9-41.example.com"),
        ] {
            assert!(alike(one, two), "{one} and {two}");
        }
    }

    #[test]
    fn other_services_are_none() {
        for (one, two) in [
            ("api.example.com", "mqtt.example.com"),
            ("api.nest.com", "api.dropcam.com"),
            ("api.example.com", "api.example.org"),
            ("m2.tuyaeu.com", "a2.tuyaeu.com"),
            ("example.com", "api.example.com"),
            ("api.eu.example.com", "eu.api.example.com"),
            ("log-in.example.com", "log.example.com"),
        ] {
            assert!(!alike(one, two), "{one} and {two}");
        }
    }
}
