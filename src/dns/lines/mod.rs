//! Text sources, a record a line: JSON lines in COF, DNSDB's framing of them or
//! Zeek's fields, a JSON array of COF objects, Zeek's tables, the log of
//! passivedns and tshark's host list. Which one it is the first line tells that
//! can be understood.
//!
//! Every line that is not empty and not a remark of the format itself is one
//! unit, and a unit gives answers (taken or refused), or is irrelevant, or is
//! damaged; nothing of a damaged unit is taken.

mod array;
mod cof;
mod hosts;
mod passivedns;
#[cfg(test)]
mod tests;
mod zeek;

use std::io::{self, BufRead};

use serde::Deserialize;
use serde::de::IgnoredAny;

use self::array::{Objects, Piece};
use self::cof::Cof;
use self::zeek::Table;
use super::answer::{Answer, AnswerData, Coverage, Refused};
use super::read::{ReadError, Reading};
use super::report::{Ending, Format, ReadReport};
use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

pub(super) use self::array::is_array;

/// Longest line in bytes. The longest name takes 253.
const LONGEST_LINE: usize = 1 << 20;
/// If so many lines come before the first good one, it is no such file.
const HOPELESS: u64 = 1_000;

/// What a line holds.
enum Held {
    Answers(Told),
    /// Nothing that leads to an address.
    Irrelevant,
    /// An answer that nobody should believe.
    Absurd(Refused),
    /// No record, but something the format says of itself.
    Remark,
}

/// What one record says.
struct Told {
    /// The links from names to aliases and addresses, in order.
    links: Vec<(DomainName, AnswerData)>,
    first: Timestamp,
    last: Timestamp,
    count: u64,
    /// Records beside these that lead nowhere.
    unrelated: u64,
}

/// A format that is read line by line.
enum Lines {
    Cof(Cof),
    ZeekJson,
    ZeekTable(Box<Table>),
    PassiveDns,
    PassiveDnsJson,
    Hosts,
}

impl Lines {
    /// The format of which `text` is a line.
    fn tell(text: &[u8]) -> Option<Self> {
        if text.trim_ascii_start().starts_with(b"{") {
            return Self::tell_object(text);
        }
        let text = std::str::from_utf8(text).ok()?;
        if text.starts_with("#separator ") {
            Some(Self::ZeekTable(Box::new(Table::new())))
        } else if passivedns::is_record(text) {
            Some(Self::PassiveDns)
        } else {
            hosts::is_pair(text).then_some(Self::Hosts)
        }
    }

    fn tell_object(text: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Keys {
            rrname: Option<IgnoredAny>,
            cond: Option<IgnoredAny>,
            obj: Option<IgnoredAny>,
            ts: Option<IgnoredAny>,
            proto: Option<IgnoredAny>,
            trans_id: Option<IgnoredAny>,
            query: Option<IgnoredAny>,
            timestamp_s: Option<IgnoredAny>,
            answer: Option<IgnoredAny>,
        }
        let keys: Keys = serde_json::from_slice(text).ok()?;
        if keys.rrname.is_some() || keys.cond.is_some() || keys.obj.is_some() {
            return Some(Self::Cof(Cof::new()));
        }
        if keys.timestamp_s.is_some() && keys.query.is_some() && keys.answer.is_some() {
            return Some(Self::PassiveDnsJson);
        }
        let is_dns = keys.query.is_some() || (keys.trans_id.is_some() && keys.proto.is_some());
        (keys.ts.is_some() && is_dns).then_some(Self::ZeekJson)
    }

    fn take(&mut self, text: &[u8], reading: &Reading) -> Result<Held, String> {
        let as_text = || std::str::from_utf8(text).map_err(|error| error.to_string());
        match self {
            Self::Cof(cof) => cof.take(text),
            Self::ZeekJson => zeek::take_json(text),
            Self::ZeekTable(table) => table.take(text),
            Self::PassiveDns => passivedns::take(as_text()?),
            Self::PassiveDnsJson => passivedns::take_json(text),
            Self::Hosts => hosts::take(as_text()?, reading.dated),
        }
    }

    fn format(&self) -> Format {
        match self {
            Self::Cof(cof) => cof.format,
            Self::ZeekJson => Format::ZeekJson,
            Self::ZeekTable(_) => Format::ZeekTable,
            Self::PassiveDns | Self::PassiveDnsJson => Format::PassiveDns,
            Self::Hosts => Format::Hosts,
        }
    }

    /// What a source of this format can see at most: a host list without
    /// counts cannot tell a stray name from a neighbour.
    fn coverage(&self, told: Coverage) -> Coverage {
        if matches!(self, Self::Hosts) { Coverage::Partial } else { told }
    }
}

/// A line before the first record may be what a program says of itself.
fn is_preface(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(passivedns::is_remark)
}

/// Where answers and counts go.
struct Sink<'a> {
    reading: Reading,
    report: ReadReport,
    sink: &'a mut dyn FnMut(Answer),
}

impl Sink<'_> {
    fn take(&mut self, held: Result<Held, String>, place: u64, coverage: Coverage) {
        self.report.units += 1;
        match held {
            Ok(Held::Answers(told)) => self.take_told(told, place, coverage),
            Ok(Held::Irrelevant) => self.report.irrelevant += 1,
            Ok(Held::Absurd(why)) => self.report.refuse(place, why),
            Ok(Held::Remark) => self.report.units -= 1,
            Err(what) => self.report.damage(place, what),
        }
    }

    fn take_told(&mut self, told: Told, place: u64, coverage: Coverage) {
        let Told { links, first, last, count, unrelated } = told;
        self.report.unrelated += unrelated;
        for (name, data) in links {
            let answer = Answer { name, data, first, last, count, coverage };
            match answer.screened(self.reading.now) {
                Ok(answer) => {
                    self.report.answers += 1;
                    (self.sink)(answer);
                }
                Err(why) => self.report.refuse(place, why),
            }
        }
    }

    /// Whether nothing of a source was any good, however far it was read.
    fn is_hopeless(&self) -> bool {
        self.report.units == self.report.damaged
    }

    /// What is said of a source that cannot be read any further: what was
    /// read of it counts.
    fn stopped(&mut self, error: io::Error) -> Result<(), ReadError> {
        if self.is_hopeless() {
            return Err(error.into());
        }
        self.report.ending = match error.kind() {
            io::ErrorKind::UnexpectedEof => Ending::CutOff,
            _ => Ending::Failed(error.to_string()),
        };
        Ok(())
    }
}

pub(super) fn read_lines(
    mut input: impl BufRead,
    reading: &Reading,
    sink: &mut dyn FnMut(Answer),
) -> Result<ReadReport, ReadError> {
    let mut sink = Sink { reading: *reading, report: ReadReport::new(Format::Empty), sink };
    let mut lines: Option<Lines> = None;
    let mut buffer = Vec::new();
    let mut number = 0;
    loop {
        let whole = match next_line(&mut input, &mut buffer) {
            Ok(Some(whole)) => whole,
            Ok(None) => break,
            Err(error) => {
                sink.stopped(error)?;
                break;
            }
        };
        number += 1;
        let text = buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&buffer);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.trim_ascii().is_empty() {
            continue;
        }
        if lines.is_none() {
            lines = Lines::tell(text);
            if lines.is_none() && is_preface(text) {
                continue;
            }
        }
        let coverage = lines.as_ref().map_or(reading.coverage, |l| l.coverage(reading.coverage));
        let held = match &mut lines {
            _ if !whole => Err(format!("line is longer than {LONGEST_LINE} bytes")),
            Some(lines) => lines.take(text, reading),
            None => Err("no line of a known format".to_owned()),
        };
        sink.take(held, number, coverage);
        if sink.report.damaged >= HOPELESS && sink.is_hopeless() {
            return Err(ReadError::UnknownFormat);
        }
    }
    if sink.report.units > 0 && sink.is_hopeless() {
        return Err(ReadError::UnknownFormat);
    }
    let mut report = sink.report;
    if let Some(lines) = lines {
        report.format = lines.format();
        if let (Lines::Cof(cof), Ending::Complete) = (lines, &report.ending) {
            report.ending = cof.ending();
        }
    }
    Ok(report)
}

/// Reads a JSON array of objects. The place of a problem is the line where the
/// object begins.
pub(super) fn read_array(
    input: impl BufRead,
    reading: &Reading,
    sink: &mut dyn FnMut(Answer),
) -> Result<ReadReport, ReadError> {
    let mut sink = Sink { reading: *reading, report: ReadReport::new(Format::Cof), sink };
    let mut cof = Cof::new();
    let mut objects = Objects::new(input);
    loop {
        let (held, line) = match objects.next() {
            Ok(Some((Piece::Object(text), line))) => (cof.take(text), line),
            Ok(Some((Piece::Damaged(what), line))) => (Err(what.to_owned()), line),
            Ok(None) => break,
            Err(error) => {
                sink.stopped(error)?;
                break;
            }
        };
        sink.take(held, line, reading.coverage);
        if sink.report.damaged >= HOPELESS && sink.is_hopeless() {
            return Err(ReadError::UnknownFormat);
        }
    }
    if sink.report.units > 0 && sink.is_hopeless() {
        return Err(ReadError::UnknownFormat);
    }
    if sink.report.ending == Ending::Complete && !objects.is_closed() {
        sink.report.ending = Ending::CutOff;
    }
    Ok(sink.report)
}

/// Reads a name without telling what was found, which may be who asked.
fn unquoted_name(text: &str) -> Result<DomainName, String> {
    text.parse().map_err(|_| format!("{} characters that are no host name", text.len()))
}

/// Reads the next line without its end into `buffer`. `Some(false)`: the line
/// was too long and is cut.
fn next_line(input: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<Option<bool>> {
    buffer.clear();
    let mut any = false;
    let mut whole = true;
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            return Ok(any.then_some(whole));
        }
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        let room = LONGEST_LINE.saturating_sub(buffer.len());
        whole &= part.len() <= room;
        buffer.extend_from_slice(&part[..part.len().min(room)]);
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}
