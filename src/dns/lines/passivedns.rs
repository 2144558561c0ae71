//! The log of gamelinux passivedns: one record a line,
//! `time||client||server||class||name||type||answer||ttl||count`, with the time
//! the record was last seen and how often since it was last written. The chain
//! of a response is written link by link.
//!
//! The client is the second field: it is split off and never looked at. Told to
//! write other fields (`-f`), the program does not say which; the client and the
//! answer could not be told apart, so nothing is taken of such lines. Its JSON lines
//! (`-j`) name their fields, in any order; of them the client is never read.

use serde::Deserialize;

use super::cof::instant;
use super::{Held, Told, unquoted_name};
use crate::dns::answer::AnswerData;
use crate::model::time::Timestamp;

/// Between fields.
pub(super) const SEPARATOR: &str = "||";
/// Fields of a line.
const FIELDS: usize = 9;
/// What the program prints before and after its records when it writes to the
/// terminal.
const REMARKS: [&str; 4] = ["#", "[*]", "[!]", "-- "];

/// Whether a line is what the program says of itself.
pub(super) fn is_remark(text: &str) -> bool {
    REMARKS.iter().any(|mark| text.starts_with(mark))
}

/// Whether a line looks like a record.
pub(super) fn is_record(text: &str) -> bool {
    text.split(SEPARATOR).count() == FIELDS
}

/// Takes one line.
pub(super) fn take(text: &str) -> Result<Held, String> {
    if is_remark(text) {
        return Ok(Held::Remark);
    }
    let fields: Vec<&str> = text.split(SEPARATOR).take(FIELDS + 1).collect();
    let [time, _client, _server, class, name, kind, answer, _ttl, count] = fields[..] else {
        let more = if fields.len() > FIELDS { "more" } else { "fewer" };
        return Err(format!("{more} than {FIELDS} fields"));
    };
    let told = Record { class, kind, name, answer };
    told.held(|| {
        // Where fields slipped, what was found may be the client: none is quoted.
        let at = time.parse().ok().and_then(instant).ok_or("the time is not a time")?;
        Ok((at, count.trim().parse().map_err(|_| "the count is not a count")?))
    })
}

/// A line of the JSON form. Fields that were left out with `-f` are missing.
#[derive(Deserialize)]
struct Line {
    timestamp_s: Option<u64>,
    #[serde(default = "internet")]
    class: String,
    query: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    answer: Option<String>,
    #[serde(default = "once")]
    count: u64,
}

fn internet() -> String {
    "IN".to_owned()
}

const fn once() -> u64 {
    1
}

/// Takes one line of the JSON form. What is wrong is told without what was
/// found.
pub(super) fn take_json(text: &[u8]) -> Result<Held, String> {
    let line: Line = serde_json::from_slice(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            format!("a field is of a wrong type, column {}", error.column())
        }
        _ => error.to_string(),
    })?;
    let (Some(seconds), Some(name), Some(kind), Some(answer)) =
        (line.timestamp_s, line.query, line.kind, line.answer)
    else {
        return Err("a record without timestamp_s, query, type or answer".to_owned());
    };
    let record = Record { class: &line.class, kind: &kind, name: &name, answer: &answer };
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 seconds it is no time")]
    record.held(|| Ok((instant(seconds as f64).ok_or("the time is not a time")?, line.count)))
}

/// What a record says, whichever way it is written.
struct Record<'a> {
    class: &'a str,
    kind: &'a str,
    name: &'a str,
    answer: &'a str,
}

impl Record<'_> {
    fn held(
        self,
        seen: impl FnOnce() -> Result<(Timestamp, u64), &'static str>,
    ) -> Result<Held, String> {
        let Self { class, kind, name, answer } = self;
        let is_alias = match (class, kind) {
            ("IN", "CNAME") => true,
            ("IN", "A" | "AAAA") => false,
            _ => return Ok(Held::Irrelevant),
        };
        if is_error(answer) {
            return Ok(Held::Irrelevant);
        }
        let (at, count) = seen()?;
        let name = unquoted_name(name)?;
        let data = if is_alias {
            AnswerData::Alias(unquoted_name(answer)?)
        } else {
            AnswerData::Address(answer.parse().map_err(|_| "the answer is not an address")?)
        };
        Ok(Held::Answers(Told {
            links: vec![(name, data)],
            first: at,
            last: at,
            count,
            unrelated: 0,
        }))
    }
}

/// Whether the answer is none but the server's error code, in its place.
fn is_error(answer: &str) -> bool {
    let codes = [
        "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMPL", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
        "NOTAUTH", "NOTZONE",
    ];
    codes.contains(&answer) || answer.starts_with("UNKNOWN-ERROR")
}
