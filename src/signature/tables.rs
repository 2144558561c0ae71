//! The two optional files beside the classes: `defaults.yaml`, what a class
//! that says nothing gets, and `owners.yaml`, which registrable names belong
//! to one owner.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::class::{is_class_name, read_in_use, read_threshold};
use super::definition::Owners;
use super::document::{Node, parse};
use super::fields::{Fields, Report, quote};
use crate::model::domain::DomainName;
use crate::model::rules::Threshold;
use crate::model::suffix;

/// What a class gets that does not say otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Defaults {
    pub(super) threshold: Threshold,
    pub(super) in_use_packets: Option<u32>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { threshold: Threshold::DEFAULT, in_use_packets: None }
    }
}

/// Reads `defaults.yaml`.
pub(super) fn read_defaults(bytes: &[u8], report: &mut Report) -> Defaults {
    let mut defaults = Defaults::default();
    let Some(root) = parse(bytes, report).filter(|root| !root.is_absent()) else { return defaults };
    let keys = ["threshold", "in_use_packets"];
    let Some(fields) = Fields::read(&root, "the defaults", &keys, report) else { return defaults };
    if let Some(node) = fields.optional("threshold") {
        defaults.threshold = read_threshold(node, report).unwrap_or(defaults.threshold);
    }
    if let Some(node) = fields.optional("in_use_packets") {
        defaults.in_use_packets = read_in_use(node, report);
    }
    defaults
}

/// Reads `owners.yaml`: owner, then the registrable names that are theirs.
pub(super) fn read_owners(bytes: &[u8], report: &mut Report) -> Owners {
    let Some(root) = parse(bytes, report).filter(|root| !root.is_absent()) else {
        return Owners::default();
    };
    let allowed = "a mapping of an owner to a list of registrable names";
    let Some(entries) = root.entries("the owners", allowed, report) else {
        return Owners::default();
    };
    let mut table = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for entry in entries {
        if !is_class_name(&entry.key) {
            report.error(
                entry.line,
                format!("owner {}", quote(&entry.key)),
                "lower-case letters, digits and single hyphens, at most 64",
            );
        }
        let owner: Arc<str> = entry.key.as_str().into();
        let allowed = "a list of at least one registrable name such as example.com";
        let Some(items) = entry.node.items("owner", allowed, report) else { continue };
        if items.is_empty() {
            report.error(
                entry.line,
                format!("owner {} without a name", quote(&entry.key)),
                allowed,
            );
        }
        for item in items {
            let Some(name) = registrable(item, report) else { continue };
            if let Some(first) = lines.insert(name.clone(), item.line) {
                report.error(
                    item.line,
                    format!("name `{name}` again, first in line {first}"),
                    "every name with one owner",
                );
            } else {
                table.insert(name, owner.clone());
            }
        }
    }
    Owners::new(table)
}

fn registrable(node: &Node, report: &mut Report) -> Option<String> {
    let allowed = "a registrable name: one label below a public suffix, such as example.com, or a suffix that is privately run";
    node.parsed("name", allowed, report, |text| {
        let name: DomainName = text.parse().ok()?;
        let is_registrable = suffix::registrable(name.as_str()) == Some(name.as_str());
        (is_registrable || suffix::is_private_suffix(name.as_str())).then(|| name.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::domain::NamePattern;
    use crate::signature::shipped;

    #[test]
    fn a_privately_run_suffix_may_be_owned_and_a_registry_not() {
        let is_suffix = suffix::is_private_suffix;
        assert!(is_suffix("googleapis.com") && is_suffix("cloudfront.net"));
        for name in ["com", "co.uk", "example.com", "update.googleapis.com"] {
            assert!(!is_suffix(name), "{name}");
        }
    }

    #[test]
    fn no_class_stands_on_names_that_every_phone_asks_for() {
        let set = shipped().unwrap();
        for class in &set.classes {
            for pattern in class.groups.iter().flat_map(|group| &group.names) {
                let (NamePattern::Exact(name) | NamePattern::Below(name)) = pattern;
                let owner = set.owners.owner(name.registrable());
                let house = ["apple", "facebook", "google", "microsoft"].contains(&owner);
                assert!(!house, "{} stands on {pattern} of {owner}", class.class);
            }
        }
    }
}
