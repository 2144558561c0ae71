//! Everything that was answered, in one bounded table: from a name to its
//! addresses and aliases, and back.
//!
//! Facts are kept whole and asked for by day, so that a verdict for a day uses
//! what was known by its end and nothing later. The table grows with what is
//! inserted up to the constants below; what no longer fits is refused with
//! the reason, which the caller counts. A table with a limit of memory keeps
//! whole only what can matter: see [`super::fold`].

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::Serialize;
use smallvec::SmallVec;

use super::answer::{Answer, AnswerData, Coverage, Refused};
use super::checkpoint::Underway;
use super::fold::{Bounds, Gone};
use super::seen::{Seen, SourceId, Span, Spans};
use super::traces::Traces;
use crate::model::domain::DomainName;
use crate::model::time::{Day, Timestamp};

/// Most different names.
pub const MOST_NAMES: usize = 16_000_000;
/// Most facts, a fact being one name that led to one address or name.
pub const MOST_FACTS: usize = 32_000_000;
/// Most addresses of one name. Big pools have hundreds; more is an attack or a
/// name that tells nothing.
pub const MOST_ADDRESSES_OF_A_NAME: usize = 4_096;
/// Most names that one name was an alias of.
pub const MOST_ALIASES_OF_A_NAME: usize = 256;
/// Most different sources.
pub const MOST_SOURCES: usize = 1_024;

/// A name in [`Knowledge`]; valid for that table only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub(super) u32);

/// What is known of one name.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Sorted by address.
    pub(super) addresses: Vec<(IpAddr, Spans)>,
    pub(super) aliases: Vec<(NameId, Spans)>,
    /// Names that are an alias of this one.
    pub(super) pointing: Vec<NameId>,
}

/// The table of all answers.
#[derive(Debug, Default)]
pub struct Knowledge {
    pub(super) names: Vec<DomainName>,
    pub(super) entries: Vec<Entry>,
    pub(super) places: HashMap<DomainName, NameId>,
    pub(super) on_address: HashMap<IpAddr, SmallVec<[NameId; 2]>>,
    pub(super) sources: Vec<Arc<str>>,
    pub(super) facts: usize,
    /// What is left of answers that are not known to matter.
    pub(super) traces: Traces,
    pub(super) bounds: Option<Box<Bounds>>,
    pub(super) gone: Gone,
    /// The checkpoint that is being written.
    pub(super) underway: Option<Box<Underway>>,
}

/// How full the table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KnowledgeSize {
    /// Different names.
    pub names: usize,
    /// Different addresses; those with facts and traces count twice.
    pub addresses: usize,
    /// Names that led to an address or to another name.
    pub facts: usize,
    /// Facts of which only the owner was kept.
    pub traces: usize,
    /// Different sources.
    pub sources: usize,
    /// What has left the table since it was made.
    #[serde(flatten)]
    pub gone: Gone,
}

impl Knowledge {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what `source` answered. The order of answers makes no difference,
    /// as long as no limit is hit.
    pub fn insert(&mut self, answer: Answer, source: &str) -> Result<(), Refused> {
        // Readers screen against their clock; here only what is absurd at any
        // time is refused, for answers that came another way.
        let answer = answer.screened(Timestamp::MAX)?;
        let source = self.source(source)?;
        let span = Span {
            first: answer.first,
            last: answer.last,
            count: answer.count,
            source,
            more_days: 0,
            coverage: answer.coverage,
        };
        self.insert_span(answer.name, answer.data, span)?;
        self.fold_if_due();
        Ok(())
    }

    pub(super) fn insert_span(
        &mut self,
        name: DomainName,
        data: AnswerData,
        span: Span,
    ) -> Result<(), Refused> {
        let facts_full = self.facts >= MOST_FACTS || self.is_out_of_memory();
        // A name is a new fact at least, and takes memory by itself.
        let unknown = |name| facts_full && !self.places.contains_key(name);
        match data {
            AnswerData::Address(_) if unknown(&name) => Err(Refused::TooManyFacts),
            AnswerData::Alias(target) if unknown(&name) || unknown(&target) => {
                Err(Refused::TooManyFacts)
            }
            AnswerData::Address(address) => {
                let id = self.intern(name)?;
                self.insert_address(id, address, span, facts_full)
            }
            AnswerData::Alias(target) => self.insert_alias(name, target, span, facts_full),
        }
    }

    pub(super) fn insert_address(
        &mut self,
        id: NameId,
        address: IpAddr,
        span: Span,
        facts_full: bool,
    ) -> Result<(), Refused> {
        let addresses = &mut self.entries[id.place()].addresses;
        match addresses.binary_search_by(|(held, _)| held.cmp(&address)) {
            Ok(place) => addresses[place].1.add(span),
            Err(_) if facts_full => return Err(Refused::TooManyFacts),
            Err(_) if addresses.len() >= MOST_ADDRESSES_OF_A_NAME => {
                return Err(Refused::TooManyAddresses);
            }
            Err(place) => {
                let mut spans = Spans::default();
                spans.add(span);
                // Most names have one address only.
                if addresses.is_empty() {
                    addresses.reserve_exact(1);
                }
                addresses.insert(place, (address, spans));
                self.on_address.entry(address).or_default().push(id);
                self.facts += 1;
            }
        }
        Ok(())
    }

    fn insert_alias(
        &mut self,
        name: DomainName,
        target: DomainName,
        span: Span,
        facts_full: bool,
    ) -> Result<(), Refused> {
        let id = self.intern(name)?;
        let target = self.intern(target)?;
        let aliases = &mut self.entries[id.place()].aliases;
        if let Some((_, spans)) = aliases.iter_mut().find(|(held, _)| *held == target) {
            spans.add(span);
            return Ok(());
        }
        if facts_full {
            return Err(Refused::TooManyFacts);
        }
        if aliases.len() >= MOST_ALIASES_OF_A_NAME {
            return Err(Refused::TooManyAliases);
        }
        let mut spans = Spans::default();
        spans.add(span);
        if aliases.is_empty() {
            aliases.reserve_exact(1);
        }
        aliases.push((target, spans));
        self.entries[target.place()].pointing.push(id);
        self.facts += 1;
        Ok(())
    }

    pub(super) fn intern(&mut self, name: DomainName) -> Result<NameId, Refused> {
        if let Some(id) = self.places.get(&name) {
            return Ok(*id);
        }
        let place = u32::try_from(self.names.len()).map_err(|_| Refused::TooManyNames)?;
        if self.names.len() >= MOST_NAMES {
            return Err(Refused::TooManyNames);
        }
        self.names.push(name.clone());
        self.entries.push(Entry::default());
        self.places.insert(name, NameId(place));
        Ok(NameId(place))
    }

    pub(super) fn source(&mut self, name: &str) -> Result<SourceId, Refused> {
        if let Some(place) = self.sources.iter().position(|held| **held == *name) {
            return SourceId::try_from(place).map_err(|_| Refused::TooManySources);
        }
        if self.sources.len() >= MOST_SOURCES {
            return Err(Refused::TooManySources);
        }
        let id = SourceId::try_from(self.sources.len()).map_err(|_| Refused::TooManySources)?;
        self.sources.push(name.into());
        Ok(id)
    }

    /// How full the table is.
    pub fn size(&self) -> KnowledgeSize {
        KnowledgeSize {
            names: self.names.len(),
            addresses: self.on_address.len() + self.traces.addresses(),
            facts: self.facts,
            traces: self.traces.len(),
            gone: Gone { saturated: self.traces.saturated, ..self.gone },
            sources: self.sources.len(),
        }
    }

    /// The name under `id`.
    pub fn name(&self, id: NameId) -> &DomainName {
        &self.names[id.place()]
    }

    /// Where `name` stands, if any answer had it on either side.
    pub fn find(&self, name: &DomainName) -> Option<NameId> {
        self.places.get(name).copied()
    }

    /// Every name that was kept, in no order that means anything.
    pub fn names(&self) -> impl Iterator<Item = (NameId, &DomainName)> {
        (0..).map(NameId).zip(&self.names).filter(|(_, name)| !name.is_unkept())
    }

    /// Whether `id` itself was answered for by the end of `day`, rather than
    /// only having been the target of another name.
    pub fn is_answered(&self, id: NameId, day: Day) -> bool {
        self.addresses(id, day).next().is_some() || self.aliases(id, day).next().is_some()
    }

    /// The addresses that `id` itself led to by the end of `day`, sorted.
    pub fn addresses(&self, id: NameId, day: Day) -> impl Iterator<Item = (IpAddr, Seen)> + '_ {
        let addresses = self.entries[id.place()].addresses.iter();
        addresses.filter_map(move |(address, spans)| Some((*address, spans.seen(day)?)))
    }

    /// The names that `id` was an alias of by the end of `day`.
    pub fn aliases(&self, id: NameId, day: Day) -> impl Iterator<Item = (NameId, Seen)> + '_ {
        let aliases = self.entries[id.place()].aliases.iter();
        aliases.filter_map(move |(target, spans)| Some((*target, spans.seen(day)?)))
    }

    /// The names that were an alias of `id` by the end of `day`.
    pub fn pointing(&self, id: NameId, day: Day) -> impl Iterator<Item = (NameId, Seen)> + '_ {
        let pointing = self.entries[id.place()].pointing.iter();
        pointing.filter_map(move |from| {
            let aliases = &self.entries[from.place()].aliases;
            let (_, spans) = aliases.iter().find(|(target, _)| *target == id)?;
            Some((*from, spans.seen(day)?))
        })
    }

    /// The names that led straight to `address` by the end of `day`.
    pub fn on_address(
        &self,
        address: IpAddr,
        day: Day,
    ) -> impl Iterator<Item = (NameId, Seen)> + '_ {
        let names = self.on_address.get(&address).map_or(&[][..], SmallVec::as_slice);
        names.iter().filter_map(move |id| Some((*id, self.address_spans(*id, address)?.seen(day)?)))
    }

    /// When `id` led to `address`, span by span.
    pub fn address_history(
        &self,
        id: NameId,
        address: IpAddr,
        day: Day,
    ) -> impl Iterator<Item = Span> + '_ {
        self.address_spans(id, address).into_iter().flat_map(move |spans| spans.upto(day))
    }

    /// When `id` was an alias of `target`, span by span.
    pub fn alias_history(
        &self,
        id: NameId,
        target: NameId,
        day: Day,
    ) -> impl Iterator<Item = Span> + '_ {
        let aliases = self.entries[id.place()].aliases.iter();
        let spans = aliases.filter(move |(held, _)| *held == target);
        spans.flat_map(move |(_, spans)| spans.upto(day))
    }

    /// The source that a span came from, and what it sees.
    pub fn source_of(&self, span: &Span) -> (&str, Coverage) {
        (&self.sources[usize::from(span.source)], span.coverage)
    }

    fn address_spans(&self, id: NameId, address: IpAddr) -> Option<&Spans> {
        let addresses = &self.entries[id.place()].addresses;
        let place = addresses.binary_search_by(|(held, _)| held.cmp(&address)).ok()?;
        Some(&addresses[place].1)
    }
}

impl NameId {
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(name: &str, data: AnswerData, day: u32) -> Answer {
        Answer {
            name: name.parse().unwrap(),
            data,
            first: Day(day).start(),
            last: Day(day).start(),
            count: 1,
            coverage: Coverage::Population,
        }
    }

    fn address(text: &str) -> AnswerData {
        AnswerData::Address(text.parse().unwrap())
    }

    #[test]
    fn a_name_is_found_in_every_way_it_is_written() {
        let mut dns = Knowledge::new();
        dns.insert(answer("API.Example.com.", address("198.51.100.1"), 5), "a").unwrap();
        dns.insert(answer("api.example.com", address("198.51.100.1"), 6), "a").unwrap();
        let id = dns.find(&"Api.EXAMPLE.com".parse().unwrap()).unwrap();
        let (_, seen) = dns.addresses(id, Day(9)).next().unwrap();
        assert_eq!((seen.count, seen.days), (2, 2));
        let size = KnowledgeSize { names: 1, addresses: 1, facts: 1, sources: 1, ..dns.size() };
        assert_eq!((dns.size(), size.traces), (size, 0));
    }

    #[test]
    fn the_alias_graph_is_walked_both_ways_by_day() {
        let mut dns = Knowledge::new();
        let target = "vm.cloud.example".parse::<DomainName>().unwrap();
        dns.insert(answer("a.example.com", AnswerData::Alias(target.clone()), 5), "a").unwrap();
        let (from, to) =
            (dns.find(&"a.example.com".parse().unwrap()).unwrap(), dns.find(&target).unwrap());
        assert_eq!(dns.aliases(from, Day(5)).next().unwrap().0, to);
        assert_eq!(dns.pointing(to, Day(5)).next().unwrap().0, from);
        assert_eq!(dns.pointing(to, Day(4)).count(), 0);
        assert!(dns.is_answered(from, Day(5)) && !dns.is_answered(to, Day(5)));
        assert!(!dns.is_answered(from, Day(4)));
    }

    #[test]
    fn one_name_with_very_many_addresses_is_cut_off_and_said() {
        let mut dns = Knowledge::new();
        let mut refused = 0;
        for n in 0..100_000_u32 {
            let data = AnswerData::Address(IpAddr::V4((0x0c00_0000 + n).into()));
            refused += usize::from(
                dns.insert(answer("many.example.com", data, 5), "a")
                    == Err(Refused::TooManyAddresses),
            );
        }
        assert_eq!(refused, 100_000 - MOST_ADDRESSES_OF_A_NAME);
        assert_eq!(dns.size().facts, MOST_ADDRESSES_OF_A_NAME);
    }

    #[test]
    fn sources_are_bounded_and_remembered() {
        let mut dns = Knowledge::new();
        for n in 0..MOST_SOURCES {
            dns.insert(answer("a.example.com", address("198.51.100.1"), 5), &format!("s{n}"))
                .unwrap();
        }
        let more = dns.insert(answer("a.example.com", address("198.51.100.1"), 5), "more");
        assert_eq!(more, Err(Refused::TooManySources));
        let id = dns.find(&"a.example.com".parse().unwrap()).unwrap();
        let span = dns.address_history(id, "198.51.100.1".parse().unwrap(), Day(5)).nth(7).unwrap();
        assert_eq!(dns.source_of(&span), ("s7", Coverage::Population));
    }
}
