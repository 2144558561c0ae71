//! Classes as people ask for them: a row of a list, the whole of one class.
//!
//! How many groups can be monitored *now* depends on DNS answers. It is told
//! where somebody compiled the rules of the day, else how many there are at
//! most.

use std::fmt;

use serde::Serialize;

use super::definition::{ClassDefinition, GroupDefinition, SignatureSet};
use crate::model::rules::{Level, PacketRate, Role, Rules};

/// A class in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The class, as its file is called.
    pub class: String,
    /// The name for people.
    pub name: String,
    /// How much it says.
    pub level: Level,
    /// The class that must be detected too.
    pub parent: Option<String>,
    /// How many groups it has: N when all of them can be monitored.
    pub groups: usize,
    /// The share D, exactly.
    pub threshold: String,
    /// How many groups must be seen when all of them can be monitored.
    pub required: usize,
    /// What holds now, if the rules of the day are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Now>,
}

/// What DNS answers make of a class today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Now {
    /// N: the groups that are dedicated and resolvable.
    pub monitored: usize,
    /// How many of them must be seen.
    pub required: usize,
    /// Whether the class can be detected at all.
    pub detectable: bool,
}

/// A row for every class, with what holds now where `rules` are given.
pub fn rows(set: &SignatureSet, rules: Option<&Rules>) -> Vec<Row> {
    let now = |class: &ClassDefinition| {
        let rule = rules?.classes().iter().find(|rule| rule.class == class.class)?;
        let (monitored, required) = (rule.monitored(), rule.required());
        Some(Now { monitored, required, detectable: monitored > 0 })
    };
    set.classes.iter().map(|class| Row { now: now(class), ..Row::from(class) }).collect()
}

/// All that is known of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    #[serde(flatten)]
    row: Row,
    vendor: String,
    in_use_packets: Option<u32>,
    members: Vec<Member>,
    sources: Vec<String>,
    checked: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Member {
    names: Vec<String>,
    role: Role,
    ports: Vec<String>,
    packets_per_hour: Option<PacketRate>,
}

impl From<&ClassDefinition> for Row {
    fn from(class: &ClassDefinition) -> Self {
        Self {
            class: class.class.to_string(),
            name: class.name.to_string(),
            level: class.level,
            parent: class.parent.as_deref().map(str::to_owned),
            groups: class.groups.len(),
            threshold: class.threshold.to_string(),
            required: class.threshold.required(class.groups.len()),
            now: None,
        }
    }
}

impl From<&ClassDefinition> for Description {
    fn from(class: &ClassDefinition) -> Self {
        Self {
            row: Row::from(class),
            vendor: class.vendor.to_string(),
            in_use_packets: class.in_use_packets,
            members: class.groups.iter().map(Member::from).collect(),
            sources: class.sources.clone(),
            checked: class.checked.to_string(),
        }
    }
}

impl From<&GroupDefinition> for Member {
    fn from(group: &GroupDefinition) -> Self {
        Self {
            names: group.names.iter().map(ToString::to_string).collect(),
            role: group.role,
            ports: group.ports.iter().map(ToString::to_string).collect(),
            packets_per_hour: group.packets_per_hour,
        }
    }
}

/// `primary` or `support`, as files have it.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Support => "support",
    }
}

/// Heading of the columns that [`Row`] prints.
pub const HEADING: &str =
    "CLASS                     LEVEL         PARENT                GROUPS  D      REQUIRED";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = self.parent.as_deref().unwrap_or("-");
        write!(
            f,
            "{:<25} {:<13} {parent:<21} {:>6}  ",
            self.class,
            self.level.as_str(),
            self.groups
        )?;
        write!(f, "{:<5}  {:>8}", self.threshold, self.required)?;
        match self.now {
            None => Ok(()),
            Some(Now { detectable: false, .. }) => f.write_str("  not detectable now"),
            Some(now) => write!(f, "  now {} of {}", now.required, now.monitored),
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, vendor, in_use_packets, members, sources, checked } = self;
        writeln!(f, "{}: {} ({vendor}), a {}", row.class, row.name, row.level)?;
        if let Some(parent) = &row.parent {
            writeln!(f, "claimed only together with {parent}")?;
        }
        writeln!(
            f,
            "claimed on {} of {} groups when all are monitored (D = {}), at least one primary",
            row.required, row.groups, row.threshold
        )?;
        if let Some(packets) = in_use_packets {
            writeln!(f, "in use from {packets} sampled packets an hour at 1:550")?;
        }
        for member in members {
            write!(f, "\n  {}  {}", role(member.role), member.names.join("\n           "))?;
            if !member.ports.is_empty() {
                write!(f, "\n           on {}", member.ports.join(", "))?;
            }
            if let Some(rate) = member.packets_per_hour {
                write!(
                    f,
                    "\n           {} packets an hour idle, {} in use",
                    rate.idle, rate.active
                )?;
            }
        }
        write!(f, "\n\nsources:")?;
        for source in sources {
            write!(f, "\n  {source}")?;
        }
        write!(f, "\nchecked: {checked}")
    }
}
