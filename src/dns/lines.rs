//! JSON lines: the Passive DNS Common Output Format
//! (draft-dulaunoy-dnsop-passive-dns-cof) and DNSDB version 2, whose Streaming
//! API Framing wraps the same objects: `{"cond":"begin"}`, `{"obj":{..}}`,
//! `{"cond":"succeeded"}`. Times are Unix seconds.

use std::io::{self, BufRead};
use std::net::IpAddr;

use serde::Deserialize;

use super::answer::{Answer, AnswerData};
use super::read::{ReadError, Reading};
use super::report::{Ending, Format, ReadReport};
use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

/// Longest line in bytes. The longest name takes 253.
const LONGEST_LINE: usize = 1 << 20;
/// If so many lines come before the first good one, it is no such file.
const HOPELESS: u64 = 1_000;

/// A line of either format: an object as it is, or framed.
#[derive(Deserialize)]
struct Line {
    cond: Option<String>,
    msg: Option<String>,
    obj: Option<Box<Line>>,
    rrname: Option<String>,
    rrtype: Option<RecordType>,
    rdata: Option<OneOrMany>,
    time_first: Option<Moment>,
    time_last: Option<Moment>,
    zone_time_first: Option<Moment>,
    zone_time_last: Option<Moment>,
    count: Option<u64>,
}

/// By name, or by number as some servers write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum RecordType {
    Text(String),
    Number(u16),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Seconds, as a number or as text, or RFC 3339.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Seconds(u64),
    Fraction(f64),
    Text(String),
}

/// Whether DNSDB frames its objects, and where in the frame we are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Open,
    Closed,
}

pub(super) fn read_lines(
    mut input: impl BufRead,
    reading: &Reading,
    sink: &mut dyn FnMut(Answer),
) -> Result<ReadReport, ReadError> {
    let mut report = ReadReport::new(Format::Cof);
    let mut framing = Framing::None;
    let mut good = false;
    let mut buffer = Vec::new();
    let mut number = 0;
    while let Some(whole) = next_line(&mut input, &mut buffer)? {
        number += 1;
        let text = buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&buffer).trim_ascii();
        if text.is_empty() {
            continue;
        }
        report.units += 1;
        if !whole {
            report.damage(number, format!("line is longer than {LONGEST_LINE} bytes"));
            continue;
        }
        match serde_json::from_slice::<Line>(text) {
            Ok(line) => {
                good = true;
                take_line(line, number, reading, &mut framing, &mut report, sink);
            }
            Err(error) => report.damage(number, error.to_string()),
        }
        if !good && report.damaged >= HOPELESS {
            return Err(ReadError::UnknownFormat);
        }
    }
    if !good && report.damaged > 0 {
        return Err(ReadError::UnknownFormat);
    }
    if framing == Framing::Open && report.ending == Ending::Complete {
        report.ending = Ending::CutOff;
    }
    Ok(report)
}

fn take_line(
    line: Line,
    number: u64,
    reading: &Reading,
    framing: &mut Framing,
    report: &mut ReadReport,
    sink: &mut dyn FnMut(Answer),
) {
    if line.cond.is_some() || line.obj.is_some() {
        report.format = Format::Dnsdb;
    }
    if let Some(cond) = &line.cond {
        let why = || line.msg.clone().unwrap_or_default();
        match cond.as_str() {
            "begin" | "ongoing" => *framing = Framing::Open,
            "succeeded" => *framing = Framing::Closed,
            "limited" => {
                *framing = Framing::Closed;
                report.ending = Ending::Limited(why());
            }
            "failed" => {
                *framing = Framing::Closed;
                report.ending = Ending::Failed(why());
            }
            other => report.damage(
                number,
                format!(
                    "cond `{other}` is unknown, allowed: begin, ongoing, succeeded, limited, failed"
                ),
            ),
        }
    }
    let record = match line.obj {
        Some(record) => {
            // An object after the closing line, or without an opening one,
            // still needs a closing line.
            *framing = Framing::Open;
            *record
        }
        None if line.cond.is_some() => return,
        None => line,
    };
    if let Err(what) = take_record(record, number, reading, report, sink) {
        report.damage(number, what);
    }
}

fn take_record(
    record: Line,
    number: u64,
    reading: &Reading,
    report: &mut ReadReport,
    sink: &mut dyn FnMut(Answer),
) -> Result<(), String> {
    let (Some(name), Some(kind), Some(rdata)) = (record.rrname, record.rrtype, record.rdata) else {
        return Err("object without rrname, rrtype or rdata".to_owned());
    };
    let is_alias = match &kind {
        RecordType::Text(text) if text.eq_ignore_ascii_case("CNAME") => true,
        RecordType::Text(text)
            if text.eq_ignore_ascii_case("A") || text.eq_ignore_ascii_case("AAAA") =>
        {
            false
        }
        RecordType::Number(5) => true,
        RecordType::Number(1 | 28) => false,
        _ => {
            report.irrelevant += 1;
            return Ok(());
        }
    };
    let name: DomainName = name.parse()?;
    let first = record.time_first.or(record.zone_time_first);
    let last = record.time_last.or(record.zone_time_last);
    let first = first.map(|moment| moment.instant()).transpose()?;
    let last = last.map(|moment| moment.instant()).transpose()?;
    let (Some(first), Some(last)) = (first.or(last), last.or(first)) else {
        return Err("object without time_first and time_last".to_owned());
    };
    let values = match rdata {
        OneOrMany::One(value) => vec![value],
        OneOrMany::Many(values) => values,
    };
    for value in values {
        let data = if is_alias {
            AnswerData::Alias(value.parse()?)
        } else {
            let address: IpAddr =
                value.trim().parse().map_err(|_| format!("`{value}` is not an address"))?;
            AnswerData::Address(address)
        };
        let answer = Answer {
            name: name.clone(),
            data,
            first,
            last,
            count: record.count.unwrap_or(1),
            coverage: reading.coverage,
        };
        match answer.screened(reading.now) {
            Ok(answer) => {
                report.answers += 1;
                sink(answer);
            }
            Err(why) => report.refuse(number, why),
        }
    }
    Ok(())
}

impl Moment {
    fn instant(self) -> Result<Timestamp, String> {
        let millis = |seconds: f64| {
            let fits = seconds.is_finite() && (0.0..=253_402_207_199.0).contains(&seconds);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the range was checked"
            )]
            fits.then(|| Timestamp::from_millis((seconds * 1_000.0) as u64))
        };
        match self {
            Self::Seconds(seconds) => Ok(Timestamp::from_secs(seconds)),
            Self::Fraction(seconds) => {
                millis(seconds).ok_or_else(|| format!("{seconds} is not a time"))
            }
            Self::Text(text) => match text.parse::<f64>() {
                Ok(seconds) => millis(seconds).ok_or_else(|| format!("`{text}` is not a time")),
                Err(_) => text.parse(),
            },
        }
    }
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
