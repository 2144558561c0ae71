//! Reading a table back. Whatever the bytes are, reading ends with a table or
//! with the reason, and takes no more memory than the table's own bound allows
//! and the bytes pay for.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    ADDRESS, ALIAS, CheckpointError, END, INSTANT, KIND, LONGEST_NAME, LONGEST_SOURCE, MANY,
    NO_MORE_DAYS, ONCE, PARTIAL, TRACE, TRACES, V6,
};
use crate::bytes::Input;
use crate::dns::answer::{Answer, AnswerData, CLOCK_TOLERANCE, Coverage, Refused, is_usable};
use crate::dns::knowledge::{Knowledge, MOST_SOURCES};
use crate::dns::seen::{SourceId, Span};
use crate::dns::traces::{NameHash, RegistrableId, Trace};
use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

/// Traces between two looks at memory.
const LOOK_AT_MEMORY: u64 = 1 << 14;
/// The tag of a fact or trace must have no other bits than these.
const BITS_OF_AN_ADDRESS: u8 = KIND | V6;

/// What was read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Names that led to an address or to another name.
    pub facts: u64,
    /// Facts of which only the owner was kept.
    pub traces: u64,
    /// Spans and traces of sources that are not wanted any more.
    pub unwanted: u64,
    /// What the table would not have taken as an answer either, and what it
    /// has no memory for.
    pub refused: u64,
}

impl Knowledge {
    /// Adds what was written, as far as it is of sources whose name is
    /// `wanted` and not of a time after `now`. After an error some of it may
    /// have been added, and the table is to be thrown away.
    pub fn restore(
        &mut self,
        from: impl Read,
        now: Timestamp,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Restored, CheckpointError> {
        let mut reader = Reader {
            input: Input::new(from),
            dns: self,
            latest: now.plus(CLOCK_TOLERANCE),
            sources: Vec::new(),
            names: Vec::new(),
            owners: Vec::new(),
            kept: 0,
            restored: Restored::default(),
        };
        reader.read_sources(wanted)?;
        let facts = reader.read_facts()?;
        let traces = reader.read_traces()?;
        reader.read_end(facts, traces)?;
        let restored = reader.restored;
        self.restored();
        Ok(restored)
    }
}

struct Reader<'k, R> {
    input: Input<R>,
    dns: &'k mut Knowledge,
    latest: Timestamp,
    /// Each with its place in the table, if it is wanted.
    sources: Vec<Option<SourceId>>,
    names: Vec<DomainName>,
    owners: Vec<RegistrableId>,
    /// Bytes taken by what is no trace.
    kept: usize,
    restored: Restored,
}

impl<R: Read> Reader<'_, R> {
    fn read_sources(&mut self, wanted: impl Fn(&str) -> bool) -> Result<(), CheckpointError> {
        let number = self.input.below(MOST_SOURCES + 1, "a number of sources of")?;
        for _ in 0..number {
            let name = self.input.text(LONGEST_SOURCE)?;
            let place = wanted(name).then(|| self.dns.source(name));
            self.sources.push(place.and_then(Result::ok));
        }
        Ok(())
    }

    fn read_facts(&mut self) -> Result<u64, CheckpointError> {
        let mut facts = 0;
        loop {
            let tag = self.input.byte()?;
            if tag == TRACES {
                self.kept = self.dns.memory();
                return Ok(facts);
            }
            let (name, data) = match tag & KIND {
                ADDRESS if tag & !BITS_OF_AN_ADDRESS == 0 => {
                    (self.name()?, AnswerData::Address(self.address(tag)?))
                }
                ALIAS if tag == ALIAS => (self.name()?, AnswerData::Alias(self.name()?)),
                _ => return self.input.damaged(format!("a fact with the tag {tag:#04x}")),
            };
            facts += 1;
            let (before, spans) = (self.dns.facts, self.input.number()?);
            for _ in 0..spans {
                if let Some(span) = self.span()? {
                    self.keep(&name, &data, span);
                }
            }
            self.restored.facts += (self.dns.facts - before) as u64;
            self.dns.fold_if_due();
        }
    }

    fn name(&mut self) -> Result<DomainName, CheckpointError> {
        match self.input.below(self.names.len() + 1, "a name in place")? {
            0 => {
                let name = self.input.text(LONGEST_NAME)?.parse::<DomainName>();
                let name = name.or_else(|problem| self.input.damaged(problem))?;
                self.names.push(name.clone());
                Ok(name)
            }
            place => Ok(self.names[place - 1].clone()),
        }
    }

    fn address(&mut self, tag: u8) -> Result<IpAddr, CheckpointError> {
        Ok(if tag & V6 == 0 {
            Ipv4Addr::from(self.input.array::<4>()?).into()
        } else {
            Ipv6Addr::from(self.input.array::<16>()?).into()
        })
    }

    /// The source and its place in the table, unless it is not wanted.
    fn source(&mut self) -> Result<Option<SourceId>, CheckpointError> {
        let place = self.input.below(self.sources.len(), "a source in place")?;
        let source = self.sources[place];
        self.restored.unwanted += u64::from(source.is_none());
        Ok(source)
    }

    fn span(&mut self) -> Result<Option<Span>, CheckpointError> {
        let source = self.source()?;
        let coverage = match self.input.byte()? {
            0 => Coverage::Population,
            1 => Coverage::Partial,
            other => return self.input.damaged(format!("a coverage {other}, allowed: 0, 1")),
        };
        let first = self.input.number()?;
        let last = first.saturating_add(self.input.number()?);
        if last > Timestamp::MAX.as_millis() {
            return self.input.damaged("a time after the year 9999");
        }
        let (count, more_days) = (self.input.number()?, self.input.small("days")?);
        Ok(source.map(|source| Span {
            first: Timestamp::from_millis(first),
            last: Timestamp::from_millis(last),
            count,
            source,
            more_days,
            coverage,
        }))
    }

    /// Adds a span as an answer would be added.
    fn keep(&mut self, name: &DomainName, data: &AnswerData, span: Span) {
        let Span { first, last, count, coverage, .. } = span;
        let answer =
            Answer { name: name.clone(), data: data.clone(), first, last, count, coverage };
        let added = answer.screened(self.latest.minus(CLOCK_TOLERANCE)).and_then(|answer| {
            self.dns.insert_span(answer.name, answer.data, Span { count: answer.count, ..span })
        });
        self.restored.refused += u64::from(added.is_err());
    }

    fn read_traces(&mut self) -> Result<u64, CheckpointError> {
        let mut traces = 0;
        loop {
            let tag = self.input.byte()?;
            if tag == END {
                return Ok(traces);
            }
            if tag & KIND != TRACE {
                return self.input.damaged(format!("a trace with the tag {tag:#04x}"));
            }
            let address = self.address(tag)?;
            let name = NameHash::from_bytes(self.input.array()?);
            let owner = if tag & MANY == 0 { self.owner()? } else { RegistrableId::MANY };
            let span = self.trace_span(tag)?;
            traces += 1;
            if traces % LOOK_AT_MEMORY == 0 {
                self.dns.note_memory(self.kept + self.owners.capacity() * size_of::<u32>());
            }
            let Some(span) = span else { continue };
            match self.usable(address, span.last) {
                Ok(()) => {
                    self.dns.traces.add(address, Trace::new(name, owner, &span));
                    self.restored.traces += 1;
                }
                Err(_) => self.restored.refused += 1,
            }
        }
    }

    fn usable(&self, address: IpAddr, last: Timestamp) -> Result<(), Refused> {
        if last > self.latest {
            return Err(Refused::Future);
        }
        if address != address.to_canonical() || !is_usable(address) {
            return Err(Refused::UnusableAddress);
        }
        // Only after a limit was lowered; the next folding lets the oldest go.
        if self.dns.is_out_of_memory() { Err(Refused::TooManyFacts) } else { Ok(()) }
    }

    fn owner(&mut self) -> Result<RegistrableId, CheckpointError> {
        let place = self.input.below(self.owners.len() + 2, "an owner in place")?;
        if let Some(place) = place.checked_sub(2) {
            return Ok(self.owners[place]);
        }
        let text = self.input.text(LONGEST_NAME)?;
        let plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
        };
        if text.is_empty() || !text.bytes().all(plain) {
            return self.input.damaged("an owner that is no domain");
        }
        let owner = self.dns.traces.owners.intern(text);
        if place == 0 {
            self.owners.push(owner);
        }
        Ok(owner)
    }

    fn trace_span(&mut self, tag: u8) -> Result<Option<Span>, CheckpointError> {
        let source = self.source()?;
        let last = u32::from_le_bytes(self.input.array()?);
        let length = if tag & INSTANT == 0 { self.input.number()? } else { 0 };
        let Some(first) = u64::from(last).checked_sub(length) else {
            return self.input.damaged("a trace that was first seen before 1970");
        };
        let count = if tag & ONCE == 0 { self.input.number()?.max(1) } else { 1 };
        let more_days = if tag & NO_MORE_DAYS == 0 { self.input.small("days")? } else { 0 };
        Ok(source.map(|source| Span {
            first: Timestamp::from_secs(first),
            last: Timestamp::from_secs(last.into()),
            count,
            source,
            more_days,
            coverage: if tag & PARTIAL == 0 { Coverage::Population } else { Coverage::Partial },
        }))
    }

    fn read_end(&mut self, facts: u64, traces: u64) -> Result<(), CheckpointError> {
        let said = (self.input.number()?, self.input.number()?);
        if said != (facts, traces) {
            return self.input.damaged(format!(
                "{facts} facts and {traces} traces were found, and {} and {} were written",
                said.0, said.1
            ));
        }
        if !self.input.is_at_end()? {
            return self.input.damaged("more bytes after the end");
        }
        Ok(())
    }
}
