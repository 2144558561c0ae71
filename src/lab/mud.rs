//! From a manufacturer usage description (RFC 8520) to a candidate for a
//! signature, and a list of what could not be carried over.
//!
//! A profile says what a device may talk to, a signature by which names it is
//! told from others. So a candidate holds the names of servers that are the
//! maker's own ([`names`] says why), numbers and regions of one name as one
//! group, on the ports of the profile. It is a start for a person: rates are
//! unknown, and whether addresses are dedicated is for DNS answers to say.

pub mod names;
pub mod profile;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use self::names::verdicts;
pub use self::profile::{MAX_BYTES, MudError, Profile, read};
use super::derive::alike::shape;
use super::domains::{Grounds, Role};
use crate::model::domain::{DomainName, NamePattern};
use crate::model::endpoint::Port;
use crate::model::group::GroupId;
use crate::model::rules::{self, Level, Threshold};
use crate::signature::{ClassDefinition, GroupDefinition, Owners, class_name, write};

/// Longest text of a profile that a signature repeats, in characters.
const MAX_TEXT: usize = 100;

/// What a profile does not say, or says wrong.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Who made the device.
    pub maker: Option<String>,
    /// What it is.
    pub product: Option<String>,
}

/// What became of a profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conversion {
    /// Where the profile is published.
    pub url: String,
    /// The class that the candidate is called.
    pub class: String,
    /// The candidate as the text of its file; `None` if no name is primary.
    pub candidate: Option<String>,
    /// The names of servers with what they are worth, by name.
    pub names: Vec<Judged>,
    /// What could not be carried over, by what it is.
    pub left: Vec<Left>,
}

/// A name of the profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    name: DomainName,
    role: Role,
    why: String,
    /// Empty stands for any.
    ports: Vec<Port>,
}

/// Something that rules ask for and a signature has no place for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Left {
    what: String,
    /// The rules that ask for it, as the profile calls them.
    rules: Vec<String>,
}

/// Converts a profile. Verdicts on names rest on `grounds`; `today` is the day of facts that have none of their own.
pub fn convert(
    profile: &Profile,
    given: &Given,
    grounds: Grounds<'_>,
    today: Date,
) -> Result<Conversion, MudError> {
    let (product, maker) = (product(profile, given), maker(profile, given));
    let class = class_name(&product).ok_or_else(|| MudError::Shape {
        place: "the device".to_owned(),
        found: format!("`{product}`"),
        allowed: "a `systeminfo` or `model-name` with letters, or a product that is given",
    })?;
    let mut left = BTreeMap::<String, Vec<String>>::new();
    let mut ports = BTreeMap::<DomainName, Option<BTreeSet<Port>>>::new();
    for rule in &profile.rules {
        let less = match &rule.server {
            Err(reason) => Some(reason),
            Ok(server) => {
                let known = ports.entry(server.name.clone()).or_insert(Some(BTreeSet::new()));
                match (server.port, known.as_mut()) {
                    (Some(port), Some(known)) => drop(known.insert(port)),
                    _ => *known = None,
                }
                server.less.as_ref()
            }
        };
        if let Some(what) = less {
            left.entry(what.clone()).or_default().push(rule.name.clone());
        }
    }
    let ports: BTreeMap<DomainName, Vec<Port>> = ports
        .into_iter()
        .map(|(name, ports)| (name, ports.into_iter().flatten().collect()))
        .collect();
    let names: Vec<_> = verdicts(&ports, (&class, &maker, &product), grounds)
        .into_iter()
        .map(|(name, (role, why))| Judged { ports: ports[&name].clone(), name, role, why })
        .collect();
    let groups = groups(&class, &names, &grounds.signatures.owners);
    let usable = groups.iter().any(|group| group.role == rules::Role::Primary);
    let day = profile.updated.get(..10).and_then(|day| day.parse().ok());
    let definition = ClassDefinition {
        class: class.as_str().into(),
        name: product.as_str().into(),
        level: Level::Product,
        vendor: maker.as_str().into(),
        parent: None,
        threshold: Threshold::DEFAULT,
        in_use_packets: None,
        groups,
        sources: vec![source(profile)],
        checked: day.unwrap_or(today),
    };
    let left = left.into_iter().map(|(what, rules)| Left { what, rules }).collect();
    let candidate = usable.then(|| write(&definition));
    Ok(Conversion { url: one_line(&profile.url), class, candidate, names, left })
}

/// Alternatives in one group, each group with its first name's place.
fn groups(class: &str, names: &[Judged], owners: &Owners) -> Vec<GroupDefinition> {
    let mut grouped = BTreeMap::<(rules::Role, String), Vec<&Judged>>::new();
    for judged in names {
        let role = match judged.role {
            Role::Primary => rules::Role::Primary,
            Role::Support => rules::Role::Support,
            Role::Generic | Role::Undecided => continue,
        };
        grouped.entry((role, shape(&judged.name, owners))).or_default().push(judged);
    }
    let mut groups: Vec<_> = grouped
        .into_iter()
        .map(|((role, _), members)| {
            let any = members.iter().any(|member| member.ports.is_empty());
            let ports: BTreeSet<_> = members.iter().flat_map(|member| &member.ports).collect();
            GroupDefinition {
                id: GroupId::new(class, members[0].name.as_str()),
                names: members.iter().map(|one| NamePattern::Exact(one.name.clone())).collect(),
                role,
                ports: if any { Vec::new() } else { ports.into_iter().copied().collect() },
                packets_per_hour: None,
            }
        })
        .collect();
    groups.sort_by(|one, other| (one.role, &one.names).cmp(&(other.role, &other.names)));
    groups
}

fn product(profile: &Profile, given: &Given) -> String {
    let path = profile.url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let path = path.trim_end_matches(".json");
    let given = given.product.as_deref().unwrap_or_default();
    first_text([given, &profile.model, &profile.system, path])
}

fn maker(profile: &Profile, given: &Given) -> String {
    let host = profile.url.split("//").nth(1).and_then(|rest| rest.split(['/', ':', '?']).next());
    let host: Option<DomainName> = host.and_then(|host| host.parse().ok());
    let given = given.maker.as_deref().unwrap_or_default();
    // `Acme` publishes at acme.com; that this is no more than a guess is seen
    // by the missing capital.
    let host = host.as_ref().map_or("unknown", DomainName::registrable);
    let host = host.split('.').next().unwrap_or(host);
    first_text([given, &profile.maker, host, ""])
}

fn first_text(texts: [&str; 4]) -> String {
    texts.into_iter().map(one_line).find(|text| !text.is_empty()).unwrap_or_default()
}

fn source(profile: &Profile) -> String {
    let url = one_line(&profile.url);
    let url = if url.is_empty() { "without an address".to_owned() } else { url };
    let day = profile.updated.get(..10).unwrap_or_default();
    let day = if day.is_empty() { String::new() } else { format!(", changed {}", one_line(day)) };
    format!("Manufacturer usage description (RFC 8520) {url}{day}")
}

/// Text from outside on one line and not longer than is useful.
fn one_line(text: &str) -> String {
    let clean = text.trim().chars().filter(|c| !c.is_control()).take(MAX_TEXT);
    clean.collect::<String>().trim().to_owned()
}

impl fmt::Display for Conversion {
    /// The candidate, and as comments what a person should know of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.candidate {
            Some(candidate) => f.write_str(candidate)?,
            None => {
                writeln!(f, "# No candidate for `{}`: no name is surely the maker's.", self.class)?
            }
        }
        let of = |role| self.names.iter().filter(move |judged| judged.role == role);
        for (role, heading) in [
            (Role::Primary, "Primary"),
            (Role::Support, "Support"),
            (Role::Generic, "Left out, since other things use them too"),
            (Role::Undecided, "Left out, for a person to decide"),
        ] {
            if of(role).next().is_some() {
                writeln!(f, "#\n# {heading}:")?;
            }
            for judged in of(role) {
                writeln!(f, "#   {}: {}", judged.name, judged.why)?;
            }
        }
        if !self.left.is_empty() {
            writeln!(f, "#\n# Not carried over:")?;
        }
        for Left { what, rules } in &self.left {
            let noun = if rules.len() == 1 { "rule" } else { "rules" };
            writeln!(f, "#   {what} ({} {noun})", rules.len())?;
        }
        Ok(())
    }
}
