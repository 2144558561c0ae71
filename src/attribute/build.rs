//! Compiles signatures and DNS knowledge into the hitlist and the rules.
//!
//! N counts the groups of a class that can be told apart and reached on the
//! day: one name dedicated, one endpoint valid. Within the day N, groups and
//! roles stand still while endpoints come and go ([`refresh`]).

use std::net::IpAddr;
use std::time::Duration;

use hashbrown::HashMap;

use super::draft::{Endpoints, GroupDraft, drafts};
use super::hitlist::{Hitlist, HitlistEntry};
use super::merge::{merge, united_ports, united_rate};
use super::report::{BuildReport, ClassReport, class_report};
use super::{BuildInput, Built};
use crate::dns::chain::{Interval, united};
use crate::model::endpoint::Port;
use crate::model::group::GroupId;
use crate::model::rules::{ClassRule, GroupRule, Role, Rules};
use crate::model::time::Day;
use crate::signature::{ClassDefinition, GroupDefinition};

/// How long before its first answer an endpoint counts already. NetFlow v9 and
/// IPFIX headers are in whole seconds, so a flow right behind its answer seems
/// up to a second older than it; and the clocks of exporters and resolvers
/// differ by some seconds without anybody noticing.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// Builds the hitlist and the rules of a day.
pub fn build(input: &BuildInput<'_>) -> Built {
    let classes = &input.signatures.classes;
    let places: HashMap<&str, usize> =
        classes.iter().enumerate().map(|(place, class)| (&*class.class, place)).collect();
    let mut rules = Vec::with_capacity(classes.len());
    let mut absorbed = Vec::new();
    let mut entries = Vec::new();
    let mut reports: Vec<ClassReport> = Vec::with_capacity(classes.len());
    for (class, drafts) in classes.iter().zip(drafts(input, false)) {
        let counted: Vec<bool> = drafts
            .iter()
            .map(|draft| draft.is_dedicated() && draft.reachable_on(input.day) > 0)
            .collect();
        let leaders = merge(&drafts, &counted);
        let mut groups = Vec::new();
        for (leader, first) in class.groups.iter().enumerate() {
            if !counted[leader] || leaders[leader] != leader {
                continue;
            }
            let members: Vec<usize> =
                (0..leaders.len()).filter(|member| leaders[*member] == leader).collect();
            let definitions = || members.iter().map(|member| &class.groups[*member]);
            groups.push(merged_rule(first, definitions()));
            absorbed.extend(definitions().skip(1).map(|member| (member.id, first.id)));
            let ports = united_ports(definitions().map(|member| member.ports.as_slice()));
            let members = members.iter().map(|member| &drafts[*member]);
            entries.extend(united_entries(first.id, &ports, members, input.day));
        }
        let rule = class_rule(class, &places, groups);
        reports.push(class_report(class, &rule, &drafts, &counted, &leaders, input.day));
        rules.push(rule);
    }
    let hitlist = Hitlist::new(entries);
    let report = BuildReport::new(input.day, hitlist.len(), input.dns.size(), reports);
    Built { hitlist, rules: Rules::new(rules, &absorbed), report }
}

fn class_rule(
    class: &ClassDefinition,
    places: &HashMap<&str, usize>,
    groups: Vec<GroupRule>,
) -> ClassRule {
    ClassRule {
        class: class.class.clone(),
        name: class.name.clone(),
        level: class.level,
        parent: class.parent.as_deref().and_then(|parent| places.get(parent).copied()),
        threshold: class.threshold,
        in_use_packets: class.in_use_packets,
        groups,
    }
}

fn merged_rule<'a>(
    first: &GroupDefinition,
    members: impl Iterator<Item = &'a GroupDefinition> + Clone,
) -> GroupRule {
    let primary = members.clone().any(|member| member.role == Role::Primary);
    GroupRule {
        id: first.id,
        name: first.names.first().map(ToString::to_string).unwrap_or_default().into(),
        role: if primary { Role::Primary } else { Role::Support },
        packets_per_hour: united_rate(members.map(|member| member.packets_per_hour)),
    }
}

/// The endpoints of a merged group, each address in as few entries as its
/// times allow. What ended more than a day before `day` is left out: flows that
/// come late, come minutes late.
fn united_entries<'a>(
    group: GroupId,
    ports: &[Port],
    members: impl Iterator<Item = &'a GroupDraft>,
    day: Day,
) -> Vec<HitlistEntry> {
    let oldest = Day(day.0.saturating_sub(1)).start();
    let mut endpoints = Endpoints::new();
    for member in members {
        for (address, intervals) in &member.endpoints {
            endpoints.entry(*address).or_default().extend(intervals);
        }
    }
    let entries = endpoints.into_iter().flat_map(|(address, intervals)| {
        let kept = united(intervals).into_iter().filter(move |valid| valid.until >= oldest);
        kept.map(move |valid| HitlistEntry {
            address,
            group,
            ports: ports.to_vec(),
            from: valid.from.minus(CLOCK_SLACK),
            until: valid.until,
        })
    });
    entries.collect()
}

/// Endpoints as they are known now, for the `frozen` rules of the same day:
/// new addresses of known groups are added, and an address goes at once when
/// somebody else is seen on it, while N, groups and roles stay as they are.
pub fn refresh(input: &BuildInput<'_>, frozen: &Rules) -> Hitlist {
    let mut entries = Vec::new();
    for (class, drafts) in input.signatures.classes.iter().zip(drafts(input, true)) {
        // Groups that were merged when the rules were made are still one.
        let mut members: HashMap<GroupId, Vec<usize>> = HashMap::new();
        for (group, definition) in class.groups.iter().enumerate() {
            if let Some(place) = frozen.place(definition.id) {
                let into = frozen.classes()[place.class].groups[place.group].id;
                members.entry(into).or_default().push(group);
            }
        }
        let mut taken: HashMap<IpAddr, Vec<(GroupId, Interval)>> = HashMap::new();
        for definition in &class.groups {
            let Some(members) = members.get(&definition.id) else { continue };
            let ports =
                united_ports(members.iter().map(|member| class.groups[*member].ports.as_slice()));
            let drafts = members.iter().map(|member| &drafts[*member]);
            for entry in united_entries(definition.id, &ports, drafts, input.day) {
                // Two groups that meet on a new address would merge tomorrow;
                // until then it is evidence for the first of them only.
                let valid = Interval { from: entry.from, until: entry.until };
                let held = taken.entry(entry.address).or_default();
                let met = |(group, theirs): &(GroupId, Interval)| {
                    *group != entry.group && theirs.shares_a_day(valid)
                };
                if !held.iter().any(met) {
                    held.push((entry.group, valid));
                    entries.push(entry);
                }
            }
        }
    }
    Hitlist::new(entries)
}
