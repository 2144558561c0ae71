//! Why a name or an address is what it is: every name, owner, chain, day and
//! source behind the verdict, as values and in words.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use super::BuildInput;
use super::build::build;
use super::draft::https;
use super::names::groups_of;
use crate::dns::chain::Interval;
use crate::dns::{Coverage, NameId};
use crate::infrastructure::ranges::RangeMention;
use crate::infrastructure::{Foreign, Judge, JudgedAddress, Occupant, Verdict};
use crate::model::domain::DomainName;
use crate::model::endpoint::Port;
use crate::model::time::{Day, Timestamp};

/// What an operator asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A domain name.
    Name(DomainName),
    /// An address.
    Address(IpAddr),
}

impl std::str::FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        text.parse().map(Self::Name).map_err(|why| format!("{why}; allowed: a name or an address"))
    }
}

/// The verdict on a subject and everything behind it.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// What was asked about.
    pub subject: String,
    /// The day whose knowledge was used.
    #[serde(serialize_with = "crate::infrastructure::day_as_date")]
    pub day: Day,
    /// The verdict, as `verdict`, with its reasons.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The same in words.
    pub why: String,
    /// The groups that it stands for.
    pub groups: Vec<GroupMention>,
    /// For a name: what it leads to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<AddressMention>,
    /// For a dedicated name: whether one of its addresses is valid on the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_on_day: Option<bool>,
    /// For an address: what leads to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NameMention>,
    /// For an address: whether it lies among the lines, and so is no endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub among_lines: Option<bool>,
    /// For an address: the range of a cloud or a delivery network around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<RangeMention>,
}

/// A group that a subject stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupMention {
    /// Its class.
    pub class: Arc<str>,
    /// Its first name.
    pub group: String,
    /// Whether it is part of N.
    pub counted: bool,
    /// For an address: on which ports; empty stands for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// For an address: when it is an endpoint of the group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub valid: Vec<Stretch>,
}

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Its first instant.
    pub from: Timestamp,
    /// Its last instant.
    pub until: Timestamp,
}

/// An address that a name leads to.
#[derive(Clone, Debug, Serialize)]
pub struct AddressMention {
    /// The address.
    pub address: IpAddr,
    /// Whether nobody but this owner was seen on it.
    pub exclusive: bool,
    /// Whether it lies among the lines.
    pub among_lines: bool,
    /// The range of a cloud or a delivery network that it lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<RangeMention>,
    /// From the name along its aliases to the name on the address.
    pub chain: Vec<DomainName>,
    /// When it was seen to serve the name.
    pub seen: Stretch,
    /// When traffic to it is taken for the name: never, unless the name is
    /// dedicated and the address exclusive.
    pub valid: Vec<Stretch>,
    /// Who saw it.
    pub sources: Vec<SourceMention>,
    /// Why it is shared, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_because: Vec<String>,
    /// Whether it is set aside: only what resolvers elsewhere were answered has
    /// it, and nearer sources have others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub outranked: bool,
    /// Foreign names seen too seldom to be believed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<Foreign>,
}

/// A name that leads to an address.
#[derive(Clone, Debug, Serialize)]
pub struct NameMention {
    /// The name straight on the address.
    pub name: DomainName,
    /// The names behind it, with their owners; itself if there are none.
    pub roots: Vec<RootMention>,
    /// When it was seen there.
    pub seen: Stretch,
    /// How often.
    pub count: u64,
    /// On how many days, at least.
    pub days: usize,
    /// Who saw it.
    pub sources: Vec<SourceMention>,
}

/// A name that others are aliases for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RootMention {
    /// The name.
    pub name: DomainName,
    /// Whose it is.
    pub owner: Arc<str>,
}

/// Who saw something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SourceMention {
    /// The source.
    pub source: String,
    /// What it sees.
    pub coverage: Coverage,
}

impl From<Interval> for Stretch {
    fn from(interval: Interval) -> Self {
        Self { from: interval.from, until: interval.until }
    }
}

impl From<Stretch> for Interval {
    fn from(stretch: Stretch) -> Self {
        Self { from: stretch.from, until: stretch.until }
    }
}

/// Explains `subject` with the knowledge of the input's day.
pub fn explain(input: &BuildInput<'_>, subject: &Subject) -> Explanation {
    match subject {
        Subject::Name(name) => explain_name(input, name),
        Subject::Address(address) => explain_address(input, *address),
    }
}

fn judge<'a>(input: &'a BuildInput<'_>) -> Judge<'a> {
    Judge::new(input.dns, &input.signatures.owners, &input.settings, input.day, input.signals)
}

fn explain_name(input: &BuildInput<'_>, name: &DomainName) -> Explanation {
    let mut judge = judge(input);
    let answered = match input.dns.find(name) {
        Some(id) => judge.name(id),
        None => judge.unanswered(name),
    };
    let groups = groups_of(input.signatures, name);
    let of = |(class, group): &(usize, usize)| &input.signatures.classes[*class].groups[*group];
    // A name that no signature has may speak HTTPS as well.
    let https = groups.is_empty() || groups.iter().map(of).any(https);
    let judged = https.then(|| judge.by_certificate(name, &answered)).flatten().unwrap_or(answered);
    let (verdict, dedicated) = (judged.verdict.clone(), judged.verdict.is_dedicated());
    let mention = |address| mention_address(input, address, dedicated);
    let addresses: Vec<AddressMention> = judged.addresses.iter().map(mention).collect();
    let built = build(input);
    let groups = groups.into_iter().map(|(class, group)| {
        let reported = &built.report.classes[class];
        GroupMention {
            class: reported.class.clone(),
            group: reported.groups[group].group.clone(),
            counted: reported.groups[group].counted,
            ports: Vec::new(),
            valid: Vec::new(),
        }
    });
    let day = Interval { from: input.day.start(), until: input.day.end().shifted(-1) };
    let valid_on_day = verdict.is_dedicated().then(|| {
        let mut valid = addresses.iter().flat_map(|address| &address.valid);
        valid.any(|valid| Interval::from(*valid).common(day).is_some())
    });
    Explanation {
        subject: name.to_string(),
        day: input.day,
        why: verdict.to_string(),
        verdict,
        groups: groups.collect(),
        valid_on_day,
        addresses,
        names: Vec::new(),
        among_lines: None,
        range: None,
    }
}

fn mention_address(
    input: &BuildInput<'_>,
    judged: &JudgedAddress,
    dedicated: bool,
) -> AddressMention {
    let reached = &judged.reached;
    let exclusive = judged.sharing.is_empty() && !judged.crowded;
    let valid = reached.valid.iter().copied().map(Stretch::from);
    let on_it = reached.chain.last().copied();
    AddressMention {
        address: reached.address,
        exclusive,
        among_lines: (input.excluded)(reached.address),
        range: range_of(input, reached.address),
        chain: reached.chain.iter().map(|id| input.dns.name(*id).clone()).collect(),
        seen: reached.presence.into(),
        valid: if exclusive && dedicated { valid.collect() } else { Vec::new() },
        sources: on_it.map(|id| sources(input, id, reached.address)).unwrap_or_default(),
        shared_because: judged.sharing.iter().map(ToString::to_string).collect(),
        outranked: judged.outranked,
        ignored: judged.strays.clone(),
    }
}

fn explain_address(input: &BuildInput<'_>, address: IpAddr) -> Explanation {
    let judged = judge(input).address(address);
    let names = judged.names.iter().map(|occupant| mention_name(input, address, occupant));
    let built = build(input);
    let mut groups: Vec<GroupMention> = Vec::new();
    for entry in built.hitlist.entries_of(address) {
        let Some(place) = built.rules.place(entry.group) else { continue };
        let class = &built.rules.classes()[place.class];
        let group = class.groups[place.group].name.to_string();
        let valid = Stretch { from: entry.from, until: entry.until };
        let same =
            groups.iter_mut().find(|known| known.class == class.class && known.group == group);
        match same {
            Some(known) => known.valid.push(valid),
            None => groups.push(GroupMention {
                class: class.class.clone(),
                group,
                counted: true,
                ports: entry.ports,
                valid: vec![valid],
            }),
        }
    }
    Explanation {
        subject: address.to_string(),
        day: input.day,
        why: judged.verdict.to_string(),
        names: names.collect(),
        verdict: judged.verdict,
        groups,
        addresses: Vec::new(),
        valid_on_day: None,
        among_lines: Some((input.excluded)(address)),
        range: range_of(input, address),
    }
}

fn range_of(input: &BuildInput<'_>, address: IpAddr) -> Option<RangeMention> {
    input.signals.ranges.and_then(|ranges| ranges.find(address))
}

fn mention_name(input: &BuildInput<'_>, address: IpAddr, occupant: &Occupant) -> NameMention {
    let name = input.dns.name(occupant.name);
    let roots = occupant.roots.iter().map(|(root, owner)| RootMention {
        name: input.dns.name(*root).clone(),
        owner: owner.clone(),
    });
    NameMention {
        name: name.clone(),
        roots: roots.collect(),
        seen: Stretch { from: occupant.seen.first, until: occupant.seen.last },
        count: occupant.seen.count,
        days: occupant.seen.days,
        sources: sources(input, occupant.name, address),
    }
}

/// Who saw `name` on `address`.
fn sources(input: &BuildInput<'_>, name: NameId, address: IpAddr) -> Vec<SourceMention> {
    let spans = input.dns.address_history(name, address, input.day);
    let sources: BTreeSet<SourceMention> = spans
        .map(|span| {
            let (source, coverage) = input.dns.source_of(&span);
            SourceMention { source: source.to_owned(), coverage }
        })
        .collect();
    sources.into_iter().collect()
}
