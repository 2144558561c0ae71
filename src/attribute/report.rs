//! What a build came to, for people and for the API: by class, by group, by
//! name, with the reasons.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::draft::GroupDraft;
use crate::dns::KnowledgeSize;
use crate::infrastructure::{Verdict, counted, day_as_date};
use crate::model::domain::{DomainName, NamePattern};
use crate::model::endpoint::Port;
use crate::model::rules::{ClassRule, Level, Role};
use crate::model::time::Day;
use crate::signature::ClassDefinition;

/// Most names of a group that are listed; a wildcard may stand for very many.
pub const MOST_NAMES_LISTED: usize = 50;

/// Most groups that are named in one line of words.
const MOST_GROUPS_SAID: usize = 4;

/// What was built, and why it is as it is.
#[derive(Clone, Debug, Serialize)]
pub struct BuildReport {
    /// The day it was built for.
    #[serde(serialize_with = "day_as_date")]
    pub day: Day,
    /// Addresses in the hitlist.
    pub endpoints: usize,
    /// What the DNS knowledge held.
    pub dns: KnowledgeSize,
    /// How many groups came out how.
    pub groups: VerdictCounts,
    /// Every class, parents before their children.
    pub classes: Vec<ClassReport>,
}

/// How many came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerdictCounts {
    /// One owner only.
    pub dedicated: usize,
    /// Several owners.
    pub shared: usize,
    /// Too little data.
    pub undecided: usize,
    /// No address.
    pub unresolvable: usize,
}

/// One class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassReport {
    /// The class.
    pub class: Arc<str>,
    /// Its name for people.
    pub name: Arc<str>,
    /// Its level.
    pub level: Level,
    /// N: groups that can be told apart and reached now, merged ones once.
    pub monitored: usize,
    /// How many of them must be seen; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<usize>,
    /// Groups in the signature.
    pub total: usize,
    /// The groups in the order of the file.
    pub groups: Vec<GroupReport>,
}

/// One group.
#[derive(Clone, Debug, Serialize)]
pub struct GroupReport {
    /// Its first name.
    pub group: String,
    /// Its role in the signature.
    pub role: Role,
    /// Its ports in the signature; empty stands for any.
    pub ports: Vec<Port>,
    /// `dedicated`, `shared`, `undecided` or `unresolvable`: the best verdict
    /// of its names.
    pub verdict: &'static str,
    /// Whether it is part of N, alone or merged.
    pub counted: bool,
    /// The group that it is one with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
    /// Its addresses that are valid on the day.
    pub endpoints: usize,
    /// Addresses left out for lying among the lines.
    pub excluded: usize,
    /// Names by verdict.
    pub verdicts: VerdictCounts,
    /// The names, at most [`MOST_NAMES_LISTED`].
    pub names: Vec<NameReport>,
    /// How many more there are.
    pub more_names: usize,
    /// Wildcards for which no name was ever answered.
    pub empty_wildcards: Vec<String>,
    /// Why it is not counted, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// One name.
#[derive(Clone, Debug, Serialize)]
pub struct NameReport {
    /// The name.
    pub name: DomainName,
    /// The verdict with its reasons.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The same in words.
    pub why: String,
}

impl VerdictCounts {
    fn add(&mut self, verdict: &str) {
        match verdict {
            "dedicated" => self.dedicated += 1,
            "shared" => self.shared += 1,
            "undecided" => self.undecided += 1,
            _ => self.unresolvable += 1,
        }
    }

    /// What a group is: as good as its best name. One that is only undecided
    /// may still come out well, so it goes before shared.
    const fn best(self) -> &'static str {
        match self {
            Self { dedicated: 1.., .. } => "dedicated",
            Self { undecided: 1.., .. } => "undecided",
            Self { shared: 1.., .. } => "shared",
            _ => "unresolvable",
        }
    }
}

impl BuildReport {
    pub(super) fn new(
        day: Day,
        endpoints: usize,
        dns: KnowledgeSize,
        classes: Vec<ClassReport>,
    ) -> Self {
        let mut groups = VerdictCounts::default();
        for group in classes.iter().flat_map(|class| &class.groups) {
            groups.add(group.verdict);
        }
        Self { day, endpoints, dns, groups, classes }
    }
}

pub(super) fn class_report(
    class: &ClassDefinition,
    rule: &ClassRule,
    drafts: &[GroupDraft],
    counted: &[bool],
    leaders: &[usize],
    day: Day,
) -> ClassReport {
    let first_name = |group: usize| {
        class.groups[group].names.first().map(ToString::to_string).unwrap_or_default()
    };
    let groups = drafts.iter().enumerate().map(|(group, draft)| {
        let definition = &class.groups[group];
        let mut verdicts = VerdictCounts::default();
        for (_, verdict) in &draft.names {
            verdicts.add(verdict.as_str());
        }
        let names = draft.names.iter().take(MOST_NAMES_LISTED).map(|(concrete, verdict)| {
            let (name, verdict) = (concrete.name.clone(), verdict.clone());
            NameReport { name, why: verdict.to_string(), verdict }
        });
        let empty_wildcards = definition.names.iter().filter(|pattern| {
            matches!(pattern, NamePattern::Below(_))
                && !draft.names.iter().any(|(concrete, _)| pattern.matches(&concrete.name))
        });
        GroupReport {
            group: first_name(group),
            role: definition.role,
            ports: definition.ports.clone(),
            verdict: verdicts.best(),
            counted: counted[group],
            merged_into: (leaders[group] != group).then(|| first_name(leaders[group])),
            endpoints: if counted[group] { draft.reachable_on(day) } else { 0 },
            excluded: draft.excluded,
            verdicts,
            names: names.collect(),
            more_names: draft.names.len().saturating_sub(MOST_NAMES_LISTED),
            empty_wildcards: empty_wildcards.map(ToString::to_string).collect(),
            why_not: (!counted[group]).then(|| why_not(draft, verdicts.best(), day)),
        }
    });
    ClassReport {
        class: class.class.clone(),
        name: class.name.clone(),
        level: class.level,
        monitored: rule.monitored(),
        required: (rule.monitored() > 0).then(|| rule.required()),
        total: class.groups.len(),
        groups: groups.collect(),
    }
}

/// Why a group is not part of N.
fn why_not(draft: &GroupDraft, verdict: &str, day: Day) -> String {
    if draft.names.is_empty() {
        return "no name that its wildcards stand for was ever answered".to_owned();
    }
    if !draft.is_dedicated() {
        let mut reasons = draft.names.iter().filter(|(_, reason)| reason.as_str() == verdict);
        return reasons.next().map(|(_, reason)| reason.to_string()).unwrap_or_default();
    }
    if draft.endpoints.is_empty() && draft.excluded > 0 {
        return "all its addresses lie among the lines".to_owned();
    }
    let last = draft.endpoints.values().flatten().map(|valid| valid.until).max();
    let last = last.map(|last| format!(", the last until {last}")).unwrap_or_default();
    format!("dedicated, but no endpoint of it is valid on {day}{last}")
}

impl fmt::Display for BuildReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VerdictCounts { dedicated, shared, undecided, unresolvable } = self.groups;
        writeln!(
            f,
            "hitlist of {}: {} from {} on {}",
            self.day,
            counted(self.endpoints, "endpoint"),
            counted(self.dns.names, "name"),
            counted(self.dns.addresses, "address")
        )?;
        writeln!(
            f,
            "groups: {dedicated} dedicated, {shared} shared, {undecided} undecided, {unresolvable} unresolvable"
        )?;
        let detectable = self.classes.iter().filter(|class| class.monitored > 0).count();
        writeln!(f, "classes: {detectable} of {} can be detected", self.classes.len())?;
        for class in &self.classes {
            write!(f, "\n{}: {} of {} groups", class.class, class.monitored, class.total)?;
            match class.required {
                Some(required) => writeln!(f, ", {required} required")?,
                None => writeln!(f, ", not detectable now")?,
            }
            for group in class.groups.iter().filter(|group| group.counted) {
                write!(f, "  {:<12} {}", group.verdict, group.group)?;
                if let Some(into) = &group.merged_into {
                    write!(f, ", one with {into}")?;
                }
                write!(f, ", {}", counted(group.endpoints, "endpoint"))?;
                if group.excluded > 0 {
                    let left_out = counted(group.excluded, "address");
                    write!(f, ", {left_out} among the lines left out")?;
                }
                writeln!(f)?;
            }
            write_lost(f, class)?;
            let empty = class.groups.iter().filter(|group| !group.names.is_empty());
            for wildcard in empty.flat_map(|group| &group.empty_wildcards) {
                writeln!(f, "               nothing answered below {wildcard}")?;
            }
        }
        Ok(())
    }
}

/// The groups that a class lost, those with the same reason in one line.
fn write_lost(f: &mut fmt::Formatter<'_>, class: &ClassReport) -> fmt::Result {
    let mut lost: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for group in class.groups.iter().filter(|group| !group.counted) {
        let why = group.why_not.as_deref().unwrap_or_default();
        // The verdict stands at the head of the line already.
        let why = why
            .strip_prefix(group.verdict)
            .map_or(why, |why| why.trim_start_matches([':', ',', ' ']).trim_start_matches("but "));
        match lost.iter_mut().find(|known| (known.0, known.1) == (group.verdict, why)) {
            Some(known) => known.2.push(&group.group),
            None => lost.push((group.verdict, why, vec![&group.group])),
        }
    }
    for (verdict, why, groups) in lost {
        let named = groups.iter().take(MOST_GROUPS_SAID).copied().collect::<Vec<_>>().join(", ");
        write!(f, "  {verdict:<12} {named}")?;
        let more = groups.len().saturating_sub(MOST_GROUPS_SAID);
        if more > 0 {
            write!(f, " and {more} more")?;
        }
        writeln!(f, ": {why}")?;
    }
    Ok(())
}
