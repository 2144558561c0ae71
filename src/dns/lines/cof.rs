//! JSON objects of the Passive DNS Common Output Format
//! (draft-dulaunoy-dnsop-passive-dns-cof), as CIRCL and others serve it, and
//! DNSDB version 2, whose Streaming API Framing wraps the same objects:
//! `{"cond":"begin"}`, `{"obj":{..}}`, `{"cond":"succeeded"}`. Times are Unix
//! seconds.

use serde::Deserialize;

use super::{Held, Told};
use crate::dns::answer::AnswerData;
use crate::dns::report::{Ending, Format};
use crate::model::domain::DomainName;
use crate::model::time::Timestamp;

/// The last instant of the year 9999 in Unix seconds.
const LAST_SECOND: f64 = 253_402_207_199.0;
/// An object as it is, or framed.
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
pub(super) enum Moment {
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

/// What the lines so far said beside answers.
pub(super) struct Cof {
    pub(super) format: Format,
    framing: Framing,
    ending: Ending,
}

impl Cof {
    pub(super) fn new() -> Self {
        Self { format: Format::Cof, framing: Framing::None, ending: Ending::Complete }
    }

    /// Takes one object.
    pub(super) fn take(&mut self, text: &[u8]) -> Result<Held, String> {
        let line: Line = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if line.cond.is_some() || line.obj.is_some() {
            self.format = Format::Dnsdb;
        }
        if let Some(cond) = &line.cond {
            self.take_cond(cond, line.msg.unwrap_or_default())?;
        }
        match line.obj {
            Some(record) => {
                // An object after the closing line, or without an opening one,
                // still needs a closing line.
                self.framing = Framing::Open;
                take_record(*record)
            }
            None if line.cond.is_some() => Ok(Held::Remark),
            None => take_record(Line { obj: None, cond: None, msg: None, ..line }),
        }
    }

    fn take_cond(&mut self, cond: &str, why: String) -> Result<(), String> {
        self.framing = match cond {
            "begin" | "ongoing" => Framing::Open,
            "succeeded" => Framing::Closed,
            "limited" => {
                self.ending = Ending::Limited(why);
                Framing::Closed
            }
            "failed" => {
                self.ending = Ending::Failed(why);
                Framing::Closed
            }
            other => {
                return Err(format!(
                    "cond `{other}` is unknown, allowed: begin, ongoing, succeeded, limited, failed"
                ));
            }
        };
        Ok(())
    }

    /// How the source ended, if nothing comes any more.
    pub(super) fn ending(self) -> Ending {
        if self.framing == Framing::Open && self.ending == Ending::Complete {
            Ending::CutOff
        } else {
            self.ending
        }
    }
}

fn take_record(record: Line) -> Result<Held, String> {
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
        _ => return Ok(Held::Irrelevant),
    };
    let name: DomainName = name.parse()?;
    let first = record.time_first.or(record.zone_time_first);
    let last = record.time_last.or(record.zone_time_last);
    let first = first.map(Moment::instant).transpose()?;
    let last = last.map(Moment::instant).transpose()?;
    let (Some(first), Some(last)) = (first.or(last), last.or(first)) else {
        return Err("object without time_first and time_last".to_owned());
    };
    let values = match rdata {
        OneOrMany::One(value) => vec![value],
        OneOrMany::Many(values) => values,
    };
    let mut links = Vec::with_capacity(values.len());
    for value in values {
        let data = if is_alias {
            AnswerData::Alias(value.parse()?)
        } else {
            let address = value.trim().parse();
            AnswerData::Address(address.map_err(|_| format!("`{value}` is not an address"))?)
        };
        links.push((name.clone(), data));
    }
    if links.is_empty() {
        return Ok(Held::Irrelevant);
    }
    let count = record.count.unwrap_or(1);
    Ok(Held::Answers(Told { links, first, last, count, unrelated: 0 }))
}

impl Moment {
    pub(super) fn instant(self) -> Result<Timestamp, String> {
        match self {
            Self::Seconds(seconds) => Ok(Timestamp::from_secs(seconds)),
            Self::Fraction(seconds) => {
                instant(seconds).ok_or_else(|| format!("{seconds} is not a time"))
            }
            Self::Text(text) => match text.parse::<f64>() {
                Ok(seconds) => instant(seconds).ok_or_else(|| format!("`{text}` is not a time")),
                Err(_) => text.parse(),
            },
        }
    }
}

/// The instant so many seconds after 1970; none beyond the year 9999.
pub(super) fn instant(seconds: f64) -> Option<Timestamp> {
    let fits = seconds.is_finite() && (0.0..=LAST_SECOND).contains(&seconds);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked"
    )]
    fits.then(|| Timestamp::from_millis((seconds * 1_000.0).round() as u64))
}
