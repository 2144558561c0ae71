//! What the names of a profile are worth, as far as owners tell it.
//!
//! A profile knows one device, so how many makers' devices use a name is not
//! seen here. Decided is what signatures know already, what belongs to the
//! maker by its registrable name, and what is public by its nature; everything
//! else is for a person to decide.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::domain::DomainName;
use crate::model::rules::Role;
use crate::signature::SignatureSet;

/// What a name is for a class of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Registered to the maker or the operator of its service.
    Primary,
    /// Registered to somebody else but serving the device.
    Support,
    /// Used by other things too.
    Generic,
    /// A person has to say.
    Undecided,
}

/// Registrable names that are public by their nature, with what they are.
const PUBLIC: [(&str, &str); 7] = [
    ("ntp.org", "a public time server"),
    ("nist.gov", "a public time server"),
    ("time.edu.cn", "a public time server"),
    ("edu.cn", "a public time server"),
    ("example.com", "a name reserved for documentation"),
    ("example.net", "a name reserved for documentation"),
    ("example.org", "a name reserved for documentation"),
];

/// Shortest registrable label that is compared with the name of a device.
const SHORTEST: usize = 2;
/// Shortest word of a device's name that the label of its maker begins with.
const SHORTEST_WORD: usize = 4;

/// Judges the names of a device that is called `device` (maker and product):
/// the verdict on each and why.
pub(super) fn judge<'n>(
    names: impl Iterator<Item = &'n DomainName> + Clone,
    device: &str,
    signatures: &SignatureSet,
) -> BTreeMap<DomainName, (Verdict, String)> {
    let mut judged = BTreeMap::new();
    let mut owners_of_maker = BTreeSet::new();
    let words = words(device);
    let owner = |name: &DomainName| signatures.owners.owner(name.registrable()).to_owned();
    for name in names.clone() {
        let verdict = if let Some(what) = public(name) {
            (Verdict::Generic, what.to_owned())
        } else if let Some((class, role)) = known(name, signatures) {
            if role == Role::Primary {
                owners_of_maker.insert(owner(name));
                (Verdict::Primary, format!("primary in the class `{class}`"))
            } else {
                (Verdict::Support, format!("support in the class `{class}`"))
            }
        } else if is_makers(name.registrable(), &owner(name), &words) {
            owners_of_maker.insert(owner(name));
            (Verdict::Primary, format!("`{}` is called as the device", name.registrable()))
        } else {
            (Verdict::Undecided, format!("who runs `{}` is not known", name.registrable()))
        };
        judged.insert(name.clone(), verdict);
    }
    let open: BTreeSet<_> = judged
        .iter()
        .filter(|(_, (verdict, _))| *verdict == Verdict::Undecided)
        .map(|(name, _)| owner(name))
        .collect();
    for (name, (verdict, why)) in &mut judged {
        if *verdict != Verdict::Undecided {
            continue;
        }
        let owner = owner(name);
        if owners_of_maker.contains(&owner) {
            *verdict = Verdict::Primary;
            *why = format!("`{owner}` has primary names in the profile");
        } else if owners_of_maker.is_empty() && open.len() == 1 {
            *verdict = Verdict::Primary;
            *why = format!("`{owner}` is the only owner in the profile");
        }
    }
    judged
}

fn public(name: &DomainName) -> Option<&'static str> {
    let is = |known: &str| name.as_str() == known || name.ancestors().any(|above| above == known);
    PUBLIC.iter().find(|(known, _)| is(known)).map(|(_, what)| *what)
}

/// The class and role that signatures have the name in.
fn known<'s>(name: &DomainName, signatures: &'s SignatureSet) -> Option<(&'s str, Role)> {
    signatures.classes.iter().find_map(|class| {
        let has = |pattern: &crate::model::domain::NamePattern| pattern.matches(name);
        let group = class.groups.iter().find(|group| group.names.iter().any(has))?;
        Some((&*class.class, group.role))
    })
}

/// Whether a registrable name is called as the device, or its owner is.
fn is_makers(registrable: &str, owner: &str, words: &[String]) -> bool {
    let joined = words.concat();
    let label = registrable.split('.').next().unwrap_or(registrable).replace('-', "");
    let first = words.first().map_or("", String::as_str);
    let as_device = label.len() >= SHORTEST && joined.starts_with(&label);
    let with_word = first.len() >= SHORTEST_WORD && label.starts_with(first);
    let a_word = words.contains(&label);
    // An owner is called as in `owners.yaml`, not by a name in the DNS.
    let as_owner = owner != registrable && {
        let whole = owner.replace('-', "");
        let parts = owner.split('-').filter(|part| part.len() >= SHORTEST_WORD);
        joined.contains(&whole)
            || parts.into_iter().any(|part| part != "devices" && joined.contains(part))
    };
    as_device || with_word || a_word || as_owner
}

/// The words of a device's name in lower case: `HueBulb` has two.
fn words(device: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in device.chars() {
        let begins =
            !c.is_ascii_alphanumeric() || (before.is_ascii_lowercase() && c.is_ascii_uppercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What names have in common that a device uses one instead of another: the
/// same but for numbers and regions.
pub(super) fn alternative(name: &DomainName) -> String {
    const REGIONS: [&str; 22] = [
        "us", "eu", "ap", "na", "cn", "asia", "europe", "use", "usw", "euw", "euc", "aps", "apse",
        "apne", "useast", "uswest", "euwest", "east", "west", "north", "south", "central",
    ];
    let registrable = name.registrable();
    let own = name.as_str().strip_suffix(registrable).unwrap_or_default();
    let part = |part: &str| {
        let letters: String = part.chars().filter(|c| !c.is_ascii_digit()).collect();
        if REGIONS.contains(&&*letters) || letters.len() < part.len() && letters.is_empty() {
            "#".to_owned()
        } else if letters.len() < part.len() {
            format!("{letters}#")
        } else {
            letters
        }
    };
    let label = |label: &str| {
        let mut parts: Vec<_> = label.split('-').map(part).collect();
        parts.dedup_by(|b, a| a == "#" && b == "#");
        parts.join("-")
    };
    let labels: Vec<_> = own.split('.').map(label).collect();
    format!("{}{registrable}", labels.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{SourceFile, compile};

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    fn signatures() -> SignatureSet {
        let file = |place: &str, text: &str| SourceFile {
            place: place.to_owned(),
            path: place.to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        compile(&[
            file("owners.yaml", "acme-devices: [acme.com, roadrunner.net]\n"),
            file("product/kettle.yaml", "class: kettle\nname: K\nlevel: product\nvendor: Acme\ngroups:\n  - {names: [\"*.boil.net\"], role: primary}\n  - {names: [cdn.steam.org], role: support}\nsources: [x]\nchecked: 2026-11-21\n"),
        ])
        .unwrap()
    }

    fn judged(device: &str, names: &[&str]) -> Vec<(Verdict, String)> {
        let names: Vec<_> = names.iter().map(|text| name(text)).collect();
        let judged = judge(names.iter(), device, &signatures());
        names.iter().map(|name| judged[name].clone()).collect()
    }

    #[test]
    fn verdicts_have_reasons_and_doubt_is_said() {
        use Verdict::{Generic, Primary, Support, Undecided};
        let told = judged(
            "AcmeKettle",
            &[
                "2.pool.ntp.org",
                "x.boil.net",
                "cdn.steam.org",
                "a.roadrunner.net",
                "www.shop.com",
                "b.acme-kettle.io",
            ],
        );
        let verdicts: Vec<_> = told.iter().map(|(verdict, _)| *verdict).collect();
        assert_eq!(verdicts, [Generic, Primary, Support, Primary, Undecided, Primary]);
        assert_eq!(told[1].1, "primary in the class `kettle`");
        assert_eq!(told[4].1, "who runs `shop.com` is not known");
        // What has the same owner as a primary name is primary.
        assert_eq!(judged("x1", &["x.boil.net", "api.boil.net", "boil.net"])[2].0, Primary);
    }

    #[test]
    fn the_only_owner_of_a_profile_runs_its_service() {
        let told = judged("doll", &["a.talk.com", "b.talk.com", "pool.ntp.org"]);
        assert_eq!(told[0].1, "`talk.com` is the only owner in the profile");
        let two = judged("doll", &["a.talk.com", "b.video.com"]);
        assert!(two.iter().all(|(verdict, _)| *verdict == Verdict::Undecided), "{two:?}");
    }

    #[test]
    fn names_that_differ_by_number_or_region_are_alternatives() {
        let same = |one: &str, two: &str| alternative(&name(one)) == alternative(&name(two));
        for (one, two) in [
            ("czfe03.front01.x.com", "czfe104.front02.x.com"),
            ("v2.x.com", "v10.x.com"),
            ("api-us-west-2.x.com", "api-eu-1.x.com"),
            ("use1-api.x.com", "euw1-api.x.com"),
        ] {
            assert!(same(one, two), "{} {}", alternative(&name(one)), alternative(&name(two)));
        }
        for (one, two) in
            [("api.x.com", "ota.x.com"), ("v2.x.com", "v2.y.com"), ("x.com", "1.x.com")]
        {
            assert!(!same(one, two), "{one} {two}");
        }
    }
}
