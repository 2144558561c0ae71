//! What a change of signatures changes for detection, in words.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::definition::{ClassDefinition, GroupDefinition, SignatureSet};
use super::describe::role;
use super::overlap::evidence;
use crate::model::endpoint::Port;
use crate::model::rules::Role;

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
    let renamed = renamed(old, new);
    let mut changes = Vec::new();
    for name in names {
        let mut differ = Differ { of: &name, changes: &mut changes };
        match (old.class(&name), new.class(&name)) {
            (None, Some(class)) if renamed.iter().any(|(_, to)| to.class == class.class) => {}
            (None, Some(class)) => differ.say(format!(
                "new {} of {} groups, {} required",
                class.level,
                class.groups.len(),
                required(class)
            )),
            (Some(old), None) => match renamed.iter().find(|(from, _)| from.class == old.class) {
                Some((_, new)) => {
                    differ.say(format!(
                        "is now called `{}`, with the same groups; {LOST}",
                        new.class
                    ));
                    differ.classes(old, new);
                }
                None => differ.say("gone, nothing is claimed any more".to_owned()),
            },
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

/// What a new name costs: groups are known by class and first name.
const LOST: &str = "evidence gathered today under the old name is lost";

/// Classes that are gone, each with one that is new and has its groups.
fn renamed<'s>(
    old: &'s SignatureSet,
    new: &'s SignatureSet,
) -> Vec<(&'s ClassDefinition, &'s ClassDefinition)> {
    let mut fresh: Vec<_> =
        new.classes.iter().filter(|class| old.class(&class.class).is_none()).collect();
    let gone = old.classes.iter().filter(|class| new.class(&class.class).is_none());
    gone.filter_map(|class| {
        let groups = evidence(class);
        let at = fresh.iter().position(|candidate| evidence(candidate) == groups)?;
        Some((class, fresh.remove(at)))
    })
    .collect()
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
        self.value_so(what, old, new, "");
    }

    /// A changed value and, where that is not plain, what it means.
    fn value_so(&mut self, what: &str, old: impl ToString, new: impl ToString, so: &str) {
        let (old, new) = (old.to_string(), new.to_string());
        if old != new {
            self.say(format!("{what} {old} -> {new}{so}"));
        }
    }

    fn classes(&mut self, old: &ClassDefinition, new: &ClassDefinition) {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
        self.value("level", old.level, new.level);
        let so = match (&old.parent, &new.parent) {
            (_, None) => ", so it is claimed by itself".to_owned(),
            (_, Some(parent)) => format!(", so it is claimed only together with `{parent}`"),
        };
        self.value_so(
            "parent",
            or_none(old.parent.as_deref().map(str::to_owned)),
            or_none(new.parent.as_deref().map(str::to_owned)),
            &so,
        );
        self.value("D", old.threshold, new.threshold);
        self.value("N at most", old.groups.len(), new.groups.len());
        self.value("required at most", required(old), required(new));
        self.value(
            "in use from packets",
            or_none(old.in_use_packets.map(|packets| packets.to_string())),
            or_none(new.in_use_packets.map(|packets| packets.to_string())),
        );
        let next: Vec<_> = old.groups.iter().map(|group| successor(group, &new.groups)).collect();
        for (at, group) in old.groups.iter().enumerate() {
            let Some(into) = next[at] else {
                self.say(format!("group `{}` gone", first(group)));
                continue;
            };
            let merged: Vec<_> = (0..next.len()).filter(|one| next[*one] == Some(into)).collect();
            let merged: Vec<_> = merged.into_iter().map(|one| &old.groups[one]).collect();
            if merged.len() == 1 {
                self.groups(&merged, &new.groups[into]);
            } else if std::ptr::eq(merged[0], group) {
                let names: Vec<_> = merged.iter().map(|one| format!("`{}`", first(one))).collect();
                self.say(format!("groups {} are one now and count once", names.join(", ")));
                self.groups(&merged, &new.groups[into]);
            }
        }
        for (at, group) in new.groups.iter().enumerate() {
            if next.contains(&Some(at)) {
                continue;
            }
            let from = old.groups.iter().find(|old| shares_a_name(old, group));
            let from = from.map_or(String::new(), |old| {
                format!(", split from `{}`, so both count", first(old))
            });
            self.say(format!("group `{}` new ({}){from}", first(group), role(group.role)));
        }
        self.primaries(old, new, &next);
    }

    /// Nothing is claimed without a primary group, so losing them is told.
    fn primaries(&mut self, old: &ClassDefinition, new: &ClassDefinition, next: &[Option<usize>]) {
        let is = |group: &&GroupDefinition| group.role == Role::Primary;
        let stays = |(group, next): (&GroupDefinition, &Option<usize>)| {
            is(&group) && next.is_some_and(|at| is(&&new.groups[at]))
        };
        let stay = old.groups.iter().zip(next).any(stays);
        let mut left = new.groups.iter().filter(is);
        match (left.next(), left.next()) {
            _ if !stay => self.say(
                "none of its primary groups is one any more, so what claimed it no longer does"
                    .to_owned(),
            ),
            (Some(only), None) if old.groups.iter().filter(is).count() > 1 => {
                self.say(format!("hangs on one primary group now, `{}`", first(only)));
            }
            _ => {}
        }
    }

    /// What `new` is that continues all of `old`, mostly one.
    fn groups(&mut self, old: &[&GroupDefinition], new: &GroupDefinition) {
        let name = first(new);
        if old.iter().all(|old| first(old) != name) {
            let before = first(old[0]);
            self.say(format!("group `{before}` is now called `{name}`, so {LOST}"));
        }
        let had = |name| old.iter().any(|old| old.names.contains(name));
        let before = || old.iter().flat_map(|old| &old.names);
        for gone in before().filter(|name| !new.names.contains(name)) {
            self.say(format!("group `{name}` without `{gone}`"));
        }
        for added in new.names.iter().filter(|name| !had(name)) {
            self.say(format!("group `{name}` with `{added}`"));
        }
        for old in old {
            let ports = format!("ports of group `{}`", first(old));
            let so = match compare_ports(&old.ports, &new.ports) {
                (true, true) => "",
                (true, false) => ", so less counts",
                (false, true) => ", so more counts",
                (false, false) => ", so other traffic counts",
            };
            self.value_so(&ports, list(&old.ports), list(&new.ports), so);
            let what = format!("role of group `{}`", first(old));
            self.value(&what, role(old.role), role(new.role));
            let rate = |group: &GroupDefinition| {
                group.packets_per_hour.map_or("unknown".to_owned(), |rate| {
                    format!("{} idle and {} in use", rate.idle, rate.active)
                })
            };
            self.value(&format!("packets an hour of group `{}`", first(old)), rate(old), rate(new));
        }
    }
}

fn list(ports: &[Port]) -> String {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    if ports.is_empty() { "any".to_owned() } else { ports.join(", ") }
}

/// Whether `old` has all of `new`, and `new` all of `old`; no port is any.
fn compare_ports(old: &[Port], new: &[Port]) -> (bool, bool) {
    let has = |one: &[Port], all: &[Port]| {
        one.is_empty() || (!all.is_empty() && all.iter().all(|port| one.contains(port)))
    };
    (has(old, new), has(new, old))
}

fn first(group: &GroupDefinition) -> String {
    group.names.first().map(ToString::to_string).unwrap_or_default()
}

fn shares_a_name(one: &GroupDefinition, other: &GroupDefinition) -> bool {
    one.names.iter().any(|name| other.names.contains(name))
}

/// The place of the group that `old` became: the one of the same first name,
/// else the first one that has a name of it.
fn successor(old: &GroupDefinition, new: &[GroupDefinition]) -> Option<usize> {
    new.iter()
        .position(|group| first(group) == first(old))
        .or_else(|| new.iter().position(|group| shares_a_name(old, group)))
}

#[cfg(test)]
mod tests;
