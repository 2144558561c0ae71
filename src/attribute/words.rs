//! An explanation in words, for a terminal: the verdict first, then the few
//! owners and addresses that show why, each list cut with the number that was
//! left out. Everything is in the JSON, and in the alternate form `{:#}`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::explain::{AddressMention, Explanation, GroupMention, NameMention, Stretch};
use crate::dns::Coverage;
use crate::infrastructure::{Sharing, Verdict, counted};
use crate::model::time::Timestamp;

/// Most addresses, owners or sources that are listed.
const MOST_LISTED: usize = 8;
/// Most names, reasons or strays that are listed below one of them.
const MOST_BELOW: usize = 3;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = Most::of(f);
        let owners = Owners::of(&self.names);
        write!(f, "{}: ", self.subject)?;
        match &self.verdict {
            // An address has no owner of its own whom the others join.
            Verdict::Shared { because, .. } if owners.explain(because) => {
                let (owners, names) =
                    (counted(owners.0.len(), "owner"), counted(self.names.len(), "name"));
                write!(f, "shared by {owners} under {names}")?;
            }
            verdict => write!(f, "{verdict}")?,
        }
        writeln!(f, " (as known on {})", self.day)?;
        if self.among_lines == Some(true) {
            writeln!(f, "  lies among the lines, so it is never an endpoint")?;
        }
        if let Some(range) = &self.range {
            let by_design = if range.shared_by_design { ", shared by design" } else { "" };
            writeln!(f, "  lies in {range}{by_design}")?;
        }
        if self.valid_on_day == Some(false) {
            writeln!(f, "  none of its addresses is valid on the day")?;
        }
        if self.groups.is_empty() {
            writeln!(f, "  stands for no group")?;
        }
        for group in &self.groups {
            write_group(f, group)?;
        }
        write_addresses(f, &self.addresses, most)?;
        owners.write(f, most)?;
        write_sources(f, self, most)
    }
}

/// How much is listed.
#[derive(Clone, Copy)]
struct Most {
    listed: usize,
    below: usize,
}

impl Most {
    fn of(f: &fmt::Formatter<'_>) -> Self {
        if f.alternate() {
            Self { listed: usize::MAX, below: usize::MAX }
        } else {
            Self { listed: MOST_LISTED, below: MOST_BELOW }
        }
    }
}

fn write_group(f: &mut fmt::Formatter<'_>, group: &GroupMention) -> fmt::Result {
    let GroupMention { class, group, counted, ports, valid } = group;
    let counts = if *counted { "monitored" } else { "not monitored" };
    write!(f, "  stands for {group} of {class} ({counts})")?;
    for (place, port) in ports.iter().enumerate() {
        write!(f, "{}{port}", if place == 0 { " on " } else { ", " })?;
    }
    for stretch in valid {
        write!(f, ", {stretch}")?;
    }
    writeln!(f)
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", minute(self.from), minute(self.until))
    }
}

/// To the minute: nobody needs more to compare with a flow or a lease.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..16).map_or_else(|| text.clone(), |minute| format!("{minute}Z"))
}

/// The days of a stretch, the last one only where it is another.
fn days(seen: Stretch) -> String {
    let (first, last) = (seen.from.day(), seen.until.day());
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}

/// What is said of addresses that only sources elsewhere have.
const SET_ASIDE: &str = "set aside, known from elsewhere only";

fn state(address: &AddressMention) -> &'static str {
    if address.outranked {
        return SET_ASIDE;
    }
    match (address.exclusive, address.valid.is_empty()) {
        (true, false) => "exclusive",
        (true, true) => "nobody else seen",
        (false, _) => "shared",
    }
}

/// The addresses, those that decide first: the shared ones, then those that are
/// taken for the name, of each the one seen last first.
fn write_addresses(
    f: &mut fmt::Formatter<'_>,
    addresses: &[AddressMention],
    most: Most,
) -> fmt::Result {
    const STATES: [&str; 4] = ["shared", "exclusive", "nobody else seen", SET_ASIDE];
    let of =
        |wanted: &'static str| addresses.iter().filter(move |address| state(address) == wanted);
    if addresses.len() > 1 {
        let counts = STATES.iter().map(|wanted| (of(wanted).count(), wanted));
        let counts = counts.filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, state)| format!("{count} {state}")).collect();
        writeln!(f, "  {} addresses: {}", addresses.len(), counts.join(", "))?;
    }
    let mut sorted: Vec<&AddressMention> = addresses.iter().collect();
    // Stable: of those seen last on one day, the first by address.
    sorted.sort_by_key(|address| {
        let state = STATES.iter().position(|known| *known == state(address));
        (state, std::cmp::Reverse(address.seen.until.day()))
    });
    for address in sorted.into_iter().take(most.listed) {
        write_address(f, address, most)?;
    }
    let more = addresses.len().saturating_sub(most.listed);
    if more > 0 { writeln!(f, "  and {}", counted(more, "more address")) } else { Ok(()) }
}

fn write_address(f: &mut fmt::Formatter<'_>, address: &AddressMention, most: Most) -> fmt::Result {
    write!(f, "  {} {}", address.address, state(address))?;
    for (place, name) in address.chain.iter().skip(1).enumerate() {
        write!(f, "{}{name}", if place == 0 { ", through " } else { " and " })?;
    }
    write!(f, ", seen {}", days(address.seen))?;
    for stretch in &address.valid {
        write!(f, ", taken for the name {stretch}")?;
    }
    if address.among_lines {
        f.write_str(", among the lines and so no endpoint")?;
    }
    writeln!(f)?;
    if let Some(range) = address.range.as_ref().filter(|range| !range.shared_by_design) {
        writeln!(f, "    lies in {range}, where addresses change hands quickly")?;
    }
    // The line above names the address already.
    let on = format!("{} ", address.address);
    let short = |text: String| text.strip_prefix(&on).map(str::to_owned).unwrap_or(text);
    write_some(f, &address.shared_because, most, |reason| short(reason.clone()))?;
    write_some(f, &address.ignored, most, |stray| {
        format!("seen too seldom to count: {}", short(stray.to_string()))
    })
}

/// The first of some reasons, and how many more there are.
fn write_some<T>(
    f: &mut fmt::Formatter<'_>,
    all: &[T],
    most: Most,
    words: impl Fn(&T) -> String,
) -> fmt::Result {
    for one in all.iter().take(most.below) {
        writeln!(f, "    {}", words(one))?;
    }
    let more = all.len().saturating_sub(most.below);
    if more > 0 { writeln!(f, "    and {more} more") } else { Ok(()) }
}

/// Who is on an address: the names of each owner, the owner seen most often
/// first.
struct Owners<'a>(Vec<Owner<'a>>);

struct Owner<'a> {
    owner: &'a Arc<str>,
    names: Vec<String>,
    seen: Stretch,
    count: u64,
    days: usize,
}

impl<'a> Owners<'a> {
    fn of(names: &'a [NameMention]) -> Self {
        let mut owners: BTreeMap<&Arc<str>, Owner<'a>> = BTreeMap::new();
        for mention in names {
            let mut known = BTreeSet::new();
            for root in &mention.roots {
                let first = known.insert(&root.owner);
                let known = owners.entry(&root.owner).or_insert_with(|| Owner {
                    owner: &root.owner,
                    names: Vec::new(),
                    seen: mention.seen,
                    count: 0,
                    days: 0,
                });
                known.names.push(match (root.name.is_unkept(), root.name == mention.name) {
                    (true, _) => "names that were not kept".to_owned(),
                    (false, true) => root.name.to_string(),
                    (false, false) => format!("{} through {}", root.name, mention.name),
                });
                known.seen.from = known.seen.from.min(mention.seen.from);
                known.seen.until = known.seen.until.max(mention.seen.until);
                known.days = known.days.max(mention.days);
                if first {
                    known.count = known.count.saturating_add(mention.count);
                }
            }
        }
        let mut owners: Vec<Owner<'a>> = owners.into_values().collect();
        owners.sort_by_key(|owner| std::cmp::Reverse(owner.count));
        Self(owners)
    }

    /// Whether these owners are all there is to say about `reasons`.
    fn explain(&self, reasons: &[Sharing]) -> bool {
        self.0.len() > 1 && reasons.iter().all(|reason| matches!(reason, Sharing::Foreign(_)))
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, most: Most) -> fmt::Result {
        for Owner { owner, names, seen, count, days: on } in self.0.iter().take(most.listed) {
            let owner = if ***owner == *"*" { "many owners" } else { owner };
            let said: Vec<&str> = names.iter().take(most.below).map(String::as_str).collect();
            write!(f, "  {owner}: {}", said.join(", "))?;
            let more = names.len().saturating_sub(most.below);
            if more > 0 {
                write!(f, " and {}", counted(more, "more name"))?;
            }
            let (times, on) = (counted(*count, "time"), counted(*on, "day"));
            writeln!(f, ", seen {}, {times} on at least {on}", days(*seen))?;
        }
        let more = self.0.len().saturating_sub(most.listed);
        if more > 0 { writeln!(f, "  and {}", counted(more, "more owner")) } else { Ok(()) }
    }
}

/// Who saw all that, and how much of it.
fn write_sources(f: &mut fmt::Formatter<'_>, explanation: &Explanation, most: Most) -> fmt::Result {
    let mut sources: BTreeMap<_, usize> = BTreeMap::new();
    let addresses = explanation.addresses.iter().flat_map(|address| &address.sources);
    for source in addresses.chain(explanation.names.iter().flat_map(|name| &name.sources)) {
        *sources.entry(source).or_default() += 1;
    }
    let what = if explanation.names.is_empty() { "address" } else { "name" };
    for (source, count) in sources.iter().take(most.listed) {
        let sees = match source.coverage {
            Coverage::Population => "population",
            Coverage::Partial => "partial",
        };
        writeln!(f, "  {} by {} ({sees})", counted(*count, what), source.source)?;
    }
    let more = sources.len().saturating_sub(most.listed);
    if more > 0 { writeln!(f, "  and {}", counted(more, "more source")) } else { Ok(()) }
}
