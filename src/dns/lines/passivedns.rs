//! The log of gamelinux passivedns: one record a line,
//! `time||client||server||class||name||type||answer||ttl||count`, with the time
//! the record was last seen and how often since it was last written. The chain
//! of a response is written link by link.
//!
//! The client is the second field: it is split off and never looked at.

use super::cof::instant;
use super::{Held, Told, unquoted_name};
use crate::dns::answer::AnswerData;

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
    let is_alias = match (class, kind) {
        ("IN", "CNAME") => true,
        ("IN", "A" | "AAAA") => false,
        _ => return Ok(Held::Irrelevant),
    };
    if is_error(answer) {
        return Ok(Held::Irrelevant);
    }
    // Where fields slipped, what was found may be the client: none is quoted.
    let at = time.parse().ok().and_then(instant).ok_or("the time is not a time")?;
    let count = count.trim().parse().map_err(|_| "the count is not a count")?;
    let name = unquoted_name(name)?;
    let data = if is_alias {
        AnswerData::Alias(unquoted_name(answer)?)
    } else {
        AnswerData::Address(answer.parse().map_err(|_| "the answer is not an address")?)
    };
    Ok(Held::Answers(Told { links: vec![(name, data)], first: at, last: at, count, unrelated: 0 }))
}

/// Whether the answer is none but the server's error code, in its place.
fn is_error(answer: &str) -> bool {
    let codes = [
        "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMPL", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
        "NOTAUTH", "NOTZONE",
    ];
    codes.contains(&answer) || answer.starts_with("UNKNOWN-ERROR")
}
