//! Zeek's dns.log: tables of tab-separated values that begin with their own
//! description (`#separator`, `#fields`, ..), and JSON lines of the same
//! fields.
//!
//! The answers of one response are one list without types, in the order of the
//! message: first the aliases from the question on, then what the last of them
//! led to. `TTLs` runs parallel. Only what name servers said (port 53) to a
//! question for addresses and without an error is taken. Who asked
//! (`id.orig_h`) is never looked at.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::error::Category;

use super::cof::{Moment, instant};
use super::{Held, Told, unquoted_name};
use crate::dns::answer::AnswerData;
use crate::model::time::Timestamp;

/// Whole numbers from here on are milliseconds, which Zeek can be told to
/// write: as seconds they are the year 5138.
const MILLISECONDS: u64 = 100_000_000_000;
/// Where name servers answer from. The log holds multicast DNS and NetBIOS
/// too, where anybody nearby may say anything.
const NAME_SERVER: u16 = 53;

/// Where fields slipped, what was found may be who asked: it is not quoted.
const NO_TIME: &str = "the time is not a time";

/// What a record says, whichever way it is written.
struct Response<'a> {
    at: Timestamp,
    server_port: Option<u16>,
    query: Option<&'a str>,
    class: Coded<'a>,
    kind: Coded<'a>,
    code: Coded<'a>,
    answers: Vec<&'a str>,
    lifetimes: Option<usize>,
}

/// What Zeek writes by name and by number; a log may have been cut down to
/// either.
#[derive(Clone, Copy, Default)]
struct Coded<'a> {
    name: Option<&'a str>,
    number: Option<u16>,
}

impl Coded<'_> {
    fn is(self, name: &str, number: u16) -> bool {
        self.name.map_or(self.number == Some(number), |told| told == name)
    }

    fn is_told(self) -> bool {
        self.name.is_some() || self.number.is_some()
    }
}

impl Response<'_> {
    fn held(self) -> Result<Held, String> {
        let is_told = self.server_port.is_none_or(|port| port == NAME_SERVER)
            && (!self.class.is_told() || self.class.is("C_INTERNET", 1))
            && (self.kind.is("A", 1) || self.kind.is("AAAA", 28))
            && self.code.is("NOERROR", 0);
        let Some(query) = self.query.filter(|_| is_told && !self.answers.is_empty()) else {
            return Ok(Held::Irrelevant);
        };
        if let Some(lifetimes) = self.lifetimes.filter(|count| *count != self.answers.len()) {
            return Err(format!("{} answers with {lifetimes} TTLs", self.answers.len()));
        }
        let mut name = unquoted_name(query)?;
        let mut links = Vec::with_capacity(self.answers.len());
        let (mut unrelated, mut at_the_end) = (0, false);
        for answer in self.answers {
            if let Ok(address) = answer.parse::<IpAddr>() {
                links.push((name.clone(), AnswerData::Address(address)));
                at_the_end = true;
            } else if answer.starts_with('<') || answer.contains(' ') {
                // Records of other types are described: "RRSIG 5 example.com".
                unrelated += 1;
            } else if at_the_end {
                return Err("an alias after an address: the order of the chain is lost".to_owned());
            } else {
                let target = unquoted_name(answer)?;
                links.push((name, AnswerData::Alias(target.clone())));
                name = target;
            }
        }
        if links.is_empty() {
            return Ok(Held::Irrelevant);
        }
        Ok(Held::Answers(Told { links, first: self.at, last: self.at, count: 1, unrelated }))
    }
}

/// A line of the JSON form.
#[derive(Deserialize)]
struct Line {
    ts: Moment,
    #[serde(rename = "id.resp_p")]
    server_port: Option<u16>,
    query: Option<String>,
    qclass_name: Option<String>,
    qclass: Option<u16>,
    qtype_name: Option<String>,
    qtype: Option<u16>,
    rcode_name: Option<String>,
    rcode: Option<u16>,
    #[serde(default)]
    answers: Vec<String>,
    #[serde(rename = "TTLs")]
    lifetimes: Option<Vec<f64>>,
}

pub(super) fn take_json(text: &[u8]) -> Result<Held, String> {
    let line: Line = serde_json::from_slice(text).map_err(|error| match error.classify() {
        // The message would quote what was found.
        Category::Data => {
            format!("a field is missing or of a wrong type, column {}", error.column())
        }
        _ => error.to_string(),
    })?;
    let at = match line.ts {
        Moment::Seconds(millis) if millis >= MILLISECONDS => Timestamp::from_millis(millis),
        moment => moment.instant().map_err(|_| NO_TIME)?,
    };
    Response {
        at,
        server_port: line.server_port,
        query: line.query.as_deref(),
        class: Coded { name: line.qclass_name.as_deref(), number: line.qclass },
        kind: Coded { name: line.qtype_name.as_deref(), number: line.qtype },
        code: Coded { name: line.rcode_name.as_deref(), number: line.rcode },
        answers: line.answers.iter().map(String::as_str).collect(),
        lifetimes: line.lifetimes.map(|list| list.len()),
    }
    .held()
}

/// What the description of a table said so far. A file may hold several tables
/// one after the other.
pub(super) struct Table {
    separator: String,
    set_separator: String,
    empty: String,
    unset: String,
    columns: Option<Columns>,
}

/// Where the fields stand that are read.
struct Columns {
    count: usize,
    at: usize,
    server_port: Option<usize>,
    query: usize,
    class: CodedAt,
    kind: CodedAt,
    code: CodedAt,
    answers: usize,
    lifetimes: Option<usize>,
}

/// Where the name and the number of something stand.
struct CodedAt {
    name: Option<usize>,
    number: Option<usize>,
}

impl Columns {
    /// `None` if the table is no dns.log.
    fn find(fields: &[&str]) -> Option<Self> {
        let find = |name: &str| fields.iter().position(|field| *field == name);
        let coded = |name: &str, number: &str| CodedAt { name: find(name), number: find(number) };
        let needed = |at: CodedAt| (at.name.is_some() || at.number.is_some()).then_some(at);
        Some(Self {
            count: fields.len(),
            at: find("ts")?,
            server_port: find("id.resp_p"),
            query: find("query")?,
            class: coded("qclass_name", "qclass"),
            kind: needed(coded("qtype_name", "qtype"))?,
            code: needed(coded("rcode_name", "rcode"))?,
            answers: find("answers")?,
            lifetimes: find("TTLs"),
        })
    }
}

impl Table {
    /// Zeek's own settings; the first line of a table names the separator.
    pub(super) fn new() -> Self {
        Self {
            separator: "\t".to_owned(),
            set_separator: ",".to_owned(),
            empty: "(empty)".to_owned(),
            unset: "-".to_owned(),
            columns: None,
        }
    }

    /// Takes a line of the description or a row.
    pub(super) fn take(&mut self, text: &[u8]) -> Result<Held, String> {
        let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
        match text.strip_prefix('#') {
            Some(told) => self.describe(told).map(|()| Held::Remark),
            None => self.row(text),
        }
    }

    fn describe(&mut self, told: &str) -> Result<(), String> {
        // The first line is separated by a space, whatever it says.
        if let Some(separator) = told.strip_prefix("separator ") {
            *self = Self { separator: unescape(separator), ..Self::new() };
            if self.separator.is_empty() {
                *self = Self::new();
                return Err("the separator is empty".to_owned());
            }
            return Ok(());
        }
        let mut parts = told.split(self.separator.as_str());
        let key = parts.next().unwrap_or_default();
        let value = || parts.clone().next().map(unescape).filter(|value| !value.is_empty());
        match key {
            "set_separator" => self.set_separator = value().ok_or("the set separator is empty")?,
            "empty_field" => self.empty = value().ok_or("the mark of empty fields is empty")?,
            "unset_field" => self.unset = value().ok_or("the mark of unset fields is empty")?,
            "fields" => {
                let fields: Vec<&str> = parts.collect();
                self.columns = Columns::find(&fields);
                if self.columns.is_none() {
                    return Err("the table is no dns.log: it lacks one of ts, query, qtype_name or qtype, rcode_name or rcode, and answers".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn row(&self, text: &str) -> Result<Held, String> {
        let Some(columns) = &self.columns else {
            return Err("a row without the #fields of a dns.log before it".to_owned());
        };
        let fields: Vec<&str> =
            text.split(self.separator.as_str()).take(columns.count + 1).collect();
        if fields.len() != columns.count {
            let more = if fields.len() > columns.count { "more" } else { "fewer" };
            return Err(format!("{more} fields than the {} that were announced", columns.count));
        }
        let set = |column: usize| Some(fields[column]).filter(|value| *value != self.unset);
        let list = |column: usize| -> Vec<&str> {
            match set(column) {
                Some(value) if value != self.empty => {
                    value.split(self.set_separator.as_str()).collect()
                }
                _ => Vec::new(),
            }
        };
        let at = fields[columns.at].parse().ok().and_then(instant).ok_or(NO_TIME)?;
        let number = |column| -> Option<u16> { set(column).and_then(|told| told.parse().ok()) };
        let coded = |at: &CodedAt| Coded {
            name: at.name.and_then(set),
            number: at.number.and_then(number),
        };
        Response {
            at,
            server_port: columns.server_port.and_then(number),
            query: set(columns.query),
            class: coded(&columns.class),
            kind: coded(&columns.kind),
            code: coded(&columns.code),
            answers: list(columns.answers),
            lifetimes: columns.lifetimes.map(|column| list(column).len()),
        }
        .held()
    }
}

/// Turns `\x09` into what it stands for. Other bytes that are not ASCII stay
/// escaped: no name holds them.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        plain.push_str(before);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                plain.push(char::from(code));
                rest = &after[2..];
            }
            None => {
                plain.push_str("\\x");
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}
