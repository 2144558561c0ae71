//! What a change of signatures changes for detection, in words.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::definition::{ClassDefinition, GroupDefinition, SignatureSet};
use super::describe::role;

/// One difference between two sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The class, or the registrable name whose owner changed.
    pub of: String,
    /// What changed.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.of, self.what)
    }
}

/// Everything that is different for detection in `new`, by class.
pub fn diff(old: &SignatureSet, new: &SignatureSet) -> Vec<Change> {
    let names: BTreeSet<_> =
        old.classes.iter().chain(&new.classes).map(|class| class.class.clone()).collect();
    let mut changes = Vec::new();
    for name in names {
        let mut differ = Differ { of: &name, changes: &mut changes };
        match (old.class(&name), new.class(&name)) {
            (None, Some(class)) => differ.say(format!(
                "new {} of {} groups, {} required",
                class.level,
                class.groups.len(),
                required(class)
            )),
            (Some(_), None) => differ.say("gone, nothing is claimed any more".to_owned()),
            (Some(old), Some(new)) => differ.classes(old, new),
            (None, None) => {}
        }
    }
    let owned: BTreeSet<_> =
        old.owners.iter().chain(new.owners.iter()).map(|(name, _)| name).collect();
    for name in owned {
        let mut differ = Differ { of: name, changes: &mut changes };
        differ.value("owner", old.owners.owner(name), new.owners.owner(name));
    }
    changes
}

fn required(class: &ClassDefinition) -> usize {
    class.threshold.required(class.groups.len())
}

struct Differ<'c> {
    of: &'c str,
    changes: &'c mut Vec<Change>,
}

impl Differ<'_> {
    fn say(&mut self, what: String) {
        self.changes.push(Change { of: self.of.to_owned(), what });
    }

    fn value(&mut self, what: &str, old: impl ToString, new: impl ToString) {
        let (old, new) = (old.to_string(), new.to_string());
        if old != new {
            self.say(format!("{what} {old} -> {new}"));
        }
    }

    fn classes(&mut self, old: &ClassDefinition, new: &ClassDefinition) {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
        self.value("level", old.level, new.level);
        self.value(
            "parent",
            or_none(old.parent.as_deref().map(str::to_owned)),
            or_none(new.parent.as_deref().map(str::to_owned)),
        );
        self.value("D", old.threshold, new.threshold);
        self.value("N at most", old.groups.len(), new.groups.len());
        self.value("required at most", required(old), required(new));
        self.value(
            "in use from packets",
            or_none(old.in_use_packets.map(|packets| packets.to_string())),
            or_none(new.in_use_packets.map(|packets| packets.to_string())),
        );
        for group in &old.groups {
            match successor(group, &new.groups) {
                Some(next) => self.groups(group, next),
                None => self.say(format!("group `{}` gone", first(group))),
            }
        }
        for group in &new.groups {
            if !old.groups.iter().any(|before| continues(before, group, &new.groups)) {
                self.say(format!("group `{}` new ({})", first(group), role(group.role)));
            }
        }
    }

    fn groups(&mut self, old: &GroupDefinition, new: &GroupDefinition) {
        let name = first(new);
        if old.id != new.id {
            self.say(format!(
                "group `{}` is now called `{name}`, so evidence gathered today under the old name is lost",
                first(old)
            ));
        }
        for gone in old.names.iter().filter(|name| !new.names.contains(name)) {
            self.say(format!("group `{name}` without `{gone}`"));
        }
        for added in new.names.iter().filter(|name| !old.names.contains(name)) {
            self.say(format!("group `{name}` with `{added}`"));
        }
        let ports = |group: &GroupDefinition| {
            let ports: Vec<_> = group.ports.iter().map(ToString::to_string).collect();
            if ports.is_empty() { "any".to_owned() } else { ports.join(", ") }
        };
        self.value(&format!("ports of group `{name}`"), ports(old), ports(new));
        self.value(&format!("role of group `{name}`"), role(old.role), role(new.role));
        let rate = |group: &GroupDefinition| {
            group.packets_per_hour.map_or("unknown".to_owned(), |rate| {
                format!("{} idle and {} in use", rate.idle, rate.active)
            })
        };
        self.value(&format!("packets an hour of group `{name}`"), rate(old), rate(new));
    }
}

fn first(group: &GroupDefinition) -> String {
    group.names.first().map(ToString::to_string).unwrap_or_default()
}

/// The group that `old` became: the one of the same identity, else the first
/// one that has a name of it.
fn successor<'g>(old: &GroupDefinition, new: &'g [GroupDefinition]) -> Option<&'g GroupDefinition> {
    new.iter().find(|group| group.id == old.id).or_else(|| {
        new.iter().find(|group| group.names.iter().any(|name| old.names.contains(name)))
    })
}

fn continues(old: &GroupDefinition, group: &GroupDefinition, new: &[GroupDefinition]) -> bool {
    successor(old, new).is_some_and(|next| next.id == group.id)
}

#[cfg(test)]
mod tests {
    use super::super::compile::{SourceFile, compile};
    use super::*;

    const KETTLE: &str = "\
class: kettle
name: Kettle
level: product
vendor: Acme
groups:
  - {names: [a.example.com, b.example.com], role: primary, ports: [443/tcp]}
  - {names: [c.example.com], role: support}
sources: [x]
checked: 2026-11-21
";

    fn set(kettle: &str, owners: &str) -> SignatureSet {
        let file = |place: &str, text: &str| SourceFile {
            place: place.to_owned(),
            path: place.to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        compile(&[file("product/kettle.yaml", kettle), file("owners.yaml", owners)]).unwrap()
    }

    fn changes(edits: &[(&str, &str)]) -> Vec<String> {
        let edited =
            edits.iter().fold(KETTLE.to_owned(), |text, (old, new)| text.replace(old, new));
        diff(&set(KETTLE, ""), &set(&edited, "acme: [example.com]"))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_changes_for_detection_is_told() {
        let told = changes(&[
            ("vendor: Acme", "vendor: Acme\nthreshold: 1\nin_use_packets: 5"),
            ("[a.example.com, b.example.com]", "[b.example.com, d.example.com]"),
            ("443/tcp", "8443/tcp"),
            ("[c.example.com], role: support", "[e.example.com], role: primary"),
        ]);
        assert_eq!(
            told,
            [
                "kettle: D 0.4 -> 1",
                "kettle: required at most 1 -> 2",
                "kettle: in use from packets none -> 5",
                "kettle: group `a.example.com` is now called `b.example.com`, so evidence gathered today under the old name is lost",
                "kettle: group `b.example.com` without `a.example.com`",
                "kettle: group `b.example.com` with `d.example.com`",
                "kettle: ports of group `b.example.com` 443/tcp -> 8443/tcp",
                "kettle: group `c.example.com` gone",
                "kettle: group `e.example.com` new (primary)",
                "example.com: owner example.com -> acme",
            ]
        );
    }

    #[test]
    fn what_does_not_change_detection_is_not_told() {
        let told = changes(&[("Kettle", "The Kettle"), ("sources: [x]", "sources: [y]")]);
        assert_eq!(told, ["example.com: owner example.com -> acme"]);
        let (old, none) = (set(KETTLE, ""), SignatureSet::default());
        assert!(diff(&old, &old).is_empty());
        assert_eq!(diff(&old, &none)[0].to_string(), "kettle: gone, nothing is claimed any more");
        let told = diff(&none, &old)[0].to_string();
        assert_eq!(told, "kettle: new product of 2 groups, 1 required");
    }
}
