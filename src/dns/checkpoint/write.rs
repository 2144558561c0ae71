//! Writing a table in slices.
//!
//! A table of twenty million addresses takes seconds to write and may change a
//! thousand times meanwhile. It is neither copied nor held still: a slice is
//! written, the table is worked with, the next slice is written. Two things
//! make the slices one table. What moves between facts and traces is kept track
//! of, so that nothing is written twice or not at all: traces that are taken
//! back after their would-be fact was passed, and before they are themselves,
//! are written at the end. And facts are not folded meanwhile, up to a bound;
//! what renumbers names or lets many things go ends the writing, and whoever
//! writes begins again.

use std::io::{self, Write};
use std::net::IpAddr;

use super::{
    ADDRESS, ALIAS, END, INSTANT, KIND, MANY, NO_MORE_DAYS, ONCE, PARTIAL, TRACE, TRACES, V6,
};
use crate::bytes::{Progress, put_number, put_text};
use crate::dns::answer::Coverage;
use crate::dns::knowledge::{Entry, Knowledge, NameId};
use crate::dns::seen::{Span, Spans};
use crate::dns::traces::{NameHash, RegistrableId, Registrables, Trace, Traces};
use crate::model::domain::DomainName;

/// Facts or traces looked at in a slice whatever they come to, since those of
/// files come to nothing: some milliseconds.
const LOOKED_AT: usize = 50_000;
/// Bytes of a slice when everything is written at once.
const SLICE: usize = 1 << 18;

/// A checkpoint that is being written.
#[derive(Debug)]
pub(in crate::dns) struct Underway {
    /// By source: its place among those written, if it is wanted.
    sources: Vec<Option<u16>>,
    names: Places,
    owners: Places,
    /// The entry that comes next; none when all were written.
    entry: Option<usize>,
    /// The part of the traces that comes next.
    part: usize,
    /// Traces that are written after those of all parts.
    late: Vec<u8>,
    facts: u64,
    traces: u64,
}

/// Which names or owners were given, and in which place. Places count from 1;
/// 0 stands for none.
#[derive(Debug, Default)]
struct Places {
    places: Vec<u32>,
    given: u32,
}

impl Places {
    /// The place of what has this id here, if it was given already.
    fn find(&mut self, id: usize) -> Option<u32> {
        if self.places.len() <= id {
            self.places.resize(id + id / 4 + 1, 0);
        }
        if self.places[id] == 0 {
            self.given += 1;
            self.places[id] = self.given;
            return None;
        }
        Some(self.places[id])
    }
}

impl Knowledge {
    /// Begins to write what sources whose name is `wanted` told.
    pub fn begin_checkpoint(&mut self, wanted: impl Fn(&str) -> bool, into: &mut Vec<u8>) {
        self.traces.sort();
        let mut texts = Vec::new();
        let mut place = |source: &str| {
            wanted(source).then(|| {
                texts.push(source.to_owned());
                u16::try_from(texts.len() - 1).unwrap_or(u16::MAX)
            })
        };
        let sources = self.sources.iter().map(|source| place(source)).collect();
        put_number(into, texts.len() as u64);
        texts.iter().for_each(|text| put_text(into, text));
        self.underway = Some(Box::new(Underway {
            sources,
            names: Places::default(),
            owners: Places::default(),
            entry: Some(0),
            part: 0,
            late: Vec::new(),
            facts: 0,
            traces: 0,
        }));
    }

    /// Appends the next slice, until `into` holds about `enough` bytes.
    pub fn write_checkpoint(&mut self, into: &mut Vec<u8>, enough: usize) -> Progress {
        let Some(mut underway) = self.underway.take() else { return Progress::Disturbed };
        let progress = underway.write(self, into, enough);
        if progress == Progress::More {
            self.underway = Some(underway);
        }
        progress
    }

    /// Gives up the checkpoint that is being written.
    pub fn drop_checkpoint(&mut self) {
        self.underway = None;
    }

    /// Writes the whole table, as far as sources whose name is `wanted` told
    /// it.
    pub fn write_whole(
        &mut self,
        wanted: impl Fn(&str) -> bool,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut slice = Vec::with_capacity(SLICE * 2);
        self.begin_checkpoint(wanted, &mut slice);
        loop {
            let progress = self.write_checkpoint(&mut slice, SLICE);
            out.write_all(&slice)?;
            slice.clear();
            if progress != Progress::More {
                return Ok(());
            }
        }
    }
}

impl Underway {
    fn write(&mut self, dns: &Knowledge, into: &mut Vec<u8>, enough: usize) -> Progress {
        let mut looked = 0;
        while looked < LOOKED_AT && into.len() < enough {
            if let Some(place) = self.entry {
                if let Some(entry) = dns.entries.get(place) {
                    self.write_entry(dns, place, entry, into);
                    looked += 1 + entry.addresses.len() + entry.aliases.len();
                    self.entry = Some(place + 1);
                } else {
                    into.push(TRACES);
                    self.entry = None;
                }
            } else if self.part < Traces::PARTS {
                for (address, trace) in dns.traces.part(self.part) {
                    looked += 1;
                    self.write_trace(&dns.traces.owners, address, trace, into);
                }
                looked += 1;
                self.part += 1;
            } else {
                into.append(&mut self.late);
                into.push(END);
                put_number(into, self.facts);
                put_number(into, self.traces);
                return Progress::Done;
            }
        }
        Progress::More
    }

    fn write_entry(&mut self, dns: &Knowledge, place: usize, entry: &Entry, into: &mut Vec<u8>) {
        let name = &dns.names[place];
        if name.is_unkept() {
            return self.write_unkept(name, entry);
        }
        for (address, spans) in &entry.addresses {
            if self.is_wanted(spans) {
                into.push(ADDRESS | if address.is_ipv6() { V6 } else { 0 });
                self.write_name(place, name, into);
                put_address(into, *address);
                self.write_spans(spans, into);
            }
        }
        for (target, spans) in &entry.aliases {
            if self.is_wanted(spans) {
                into.push(ALIAS);
                self.write_name(place, name, into);
                self.write_name(target.place(), dns.name(*target), into);
                self.write_spans(spans, into);
            }
        }
    }

    /// Names of which only the owner is known are the traces they came from.
    fn write_unkept(&mut self, name: &DomainName, entry: &Entry) {
        let owner = (*name != DomainName::unkept(None)).then(|| name.registrable());
        for (address, spans) in &entry.addresses {
            for span in spans.all() {
                let trace = Trace::new(NameHash::new(name), RegistrableId::MANY, span);
                self.write_late(*address, &trace, owner);
            }
        }
    }

    fn write_name(&mut self, id: usize, name: &DomainName, into: &mut Vec<u8>) {
        let place = self.names.find(id);
        put_number(into, place.unwrap_or(0).into());
        if place.is_none() {
            put_text(into, name.as_str());
        }
    }

    fn place_of(&self, source: u16) -> Option<u16> {
        self.sources.get(usize::from(source)).copied().flatten()
    }

    fn is_wanted(&self, spans: &Spans) -> bool {
        spans.all().iter().any(|span| self.place_of(span.source).is_some())
    }

    fn write_spans(&mut self, spans: &Spans, into: &mut Vec<u8>) {
        let wanted = |span: &&Span| self.place_of(span.source).is_some();
        put_number(into, spans.all().iter().filter(wanted).count() as u64);
        for span in spans.all() {
            let Some(source) = self.place_of(span.source) else { continue };
            put_number(into, source.into());
            into.push(u8::from(span.coverage == Coverage::Partial));
            let (first, last) = (span.first.as_millis(), span.last.as_millis());
            put_number(into, first);
            put_number(into, last.saturating_sub(first));
            put_number(into, span.count);
            put_number(into, span.more_days.into());
        }
        self.facts += 1;
    }

    fn write_trace(
        &mut self,
        owners: &Registrables,
        address: IpAddr,
        trace: &Trace,
        into: &mut Vec<u8>,
    ) {
        let Some(source) = self.place_of(trace.source()) else { return };
        match owners.text(trace.owner) {
            None => put_trace(into, address, trace, source, |_| {}, MANY),
            Some(text) => {
                let place = self.owners.find(trace.owner.place());
                let owner = |into: &mut Vec<u8>| match place {
                    Some(place) => put_number(into, u64::from(place) + 1),
                    None => {
                        into.push(0);
                        put_text(into, text);
                    }
                };
                put_trace(into, address, trace, source, owner, 0);
            }
        }
        self.traces += 1;
    }

    /// Writes a trace in the end, when names of owners are given anew.
    fn write_late(&mut self, address: IpAddr, trace: &Trace, owner: Option<&str>) {
        let Some(source) = self.place_of(trace.source()) else { return };
        let tag = if owner.is_none() { MANY } else { 0 };
        let owner = |into: &mut Vec<u8>| {
            if let Some(owner) = owner {
                into.push(1);
                put_text(into, owner);
            }
        };
        put_trace(&mut self.late, address, trace, source, owner, tag);
        self.traces += 1;
    }

    /// A trace has become a fact of the name `id`.
    pub(in crate::dns) fn taken_back(
        &mut self,
        id: NameId,
        address: IpAddr,
        trace: &Trace,
        owner: Option<&str>,
    ) {
        let as_fact = self.entry.is_some_and(|next| id.place() >= next);
        let as_trace = Traces::part_of(address) < self.part;
        if !as_fact && !as_trace {
            self.write_late(address, trace, owner);
        }
    }
}

fn put_address(into: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => into.extend(v4.octets()),
        IpAddr::V6(v6) => into.extend(v6.octets()),
    }
}

fn put_trace(
    into: &mut Vec<u8>,
    address: IpAddr,
    trace: &Trace,
    source: u16,
    owner: impl FnOnce(&mut Vec<u8>),
    mut tag: u8,
) {
    let span = trace.span();
    let (first, last) = (span.first.as_secs(), span.last.as_secs());
    for (holds, flag) in [
        (address.is_ipv6(), V6),
        (span.coverage == Coverage::Partial, PARTIAL),
        (first == last, INSTANT),
        (span.count == 1, ONCE),
        (span.more_days == 0, NO_MORE_DAYS),
    ] {
        if holds {
            tag |= flag;
        }
    }
    debug_assert!((tag | TRACE) & KIND == TRACE);
    into.push(tag | TRACE);
    put_address(into, address);
    into.extend(trace.name.to_bytes());
    owner(into);
    put_number(into, source.into());
    into.extend(u32::try_from(last).unwrap_or(u32::MAX).to_le_bytes());
    if tag & INSTANT == 0 {
        put_number(into, last.saturating_sub(first));
    }
    if tag & ONCE == 0 {
        put_number(into, span.count);
    }
    if tag & NO_MORE_DAYS == 0 {
        put_number(into, span.more_days.into());
    }
}
