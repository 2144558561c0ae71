//! What came of reading a source: every line and message is accounted for.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::answer::Refused;

/// Most problems kept with their place; the rest is only counted.
pub const MOST_PROBLEMS: usize = 20;
/// Longest description of a problem in bytes; what was found is foreign text.
const LONGEST_PROBLEM: usize = 200;

/// A form in which answers are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Nothing: no line at all, which is told from no format.
    Empty,
    /// JSON in the Passive DNS Common Output Format, lines or an array.
    Cof,
    /// DNSDB version 2: the same objects framed by the Streaming API Framing.
    Dnsdb,
    /// DNS messages in a pcap or pcapng capture.
    Capture,
    /// dnstap messages in Frame Streams.
    Dnstap,
    /// Zeek's dns.log as a table of tab-separated values.
    ZeekTable,
    /// Zeek's dns.log as JSON lines.
    ZeekJson,
    /// The log of gamelinux passivedns.
    #[serde(rename = "passivedns")]
    PassiveDns,
    /// The host list of tshark.
    Hosts,
}

/// How a source ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "ended", content = "why", rename_all = "snake_case")]
pub enum Ending {
    /// With all there is.
    #[default]
    Complete,
    /// The source held back some of its answers.
    Limited(String),
    /// The source gave up.
    Failed(String),
    /// In the middle: the closing line or the rest of a packet is missing.
    CutOff,
}

/// Something wrong at one place of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadProblem {
    /// Line or packet, counted from 1.
    pub place: u64,
    /// What is wrong.
    pub what: String,
}

/// What came of reading a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadReport {
    /// How it was written.
    pub format: Format,
    /// Lines that hold a record, objects of an array, or DNS messages.
    pub units: u64,
    /// Answers that were passed on.
    pub answers: u64,
    /// Records of types that lead to no address, and messages without answers.
    pub irrelevant: u64,
    /// dnstap messages of kinds that were not asked for.
    pub other_types: u64,
    /// Records in a message that do not belong to its question.
    pub unrelated: u64,
    /// Lines, packets and messages that could not be read.
    pub damaged: u64,
    /// Absurd answers, by reason.
    pub refused: BTreeMap<Refused, u64>,
    /// The first problems with their places.
    pub problems: Vec<ReadProblem>,
    /// How it ended.
    pub ending: Ending,
}

impl ReadReport {
    /// A report on nothing yet.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            units: 0,
            answers: 0,
            irrelevant: 0,
            other_types: 0,
            unrelated: 0,
            damaged: 0,
            refused: BTreeMap::new(),
            problems: Vec::new(),
            ending: Ending::Complete,
        }
    }

    pub(super) fn damage(&mut self, place: u64, what: impl Into<String>) {
        self.damaged += 1;
        self.note(place, what.into());
    }

    /// Counts an answer that nobody should believe.
    pub fn refuse(&mut self, place: u64, why: Refused) {
        *self.refused.entry(why).or_default() += 1;
        self.note(place, why.to_string());
    }

    fn note(&mut self, place: u64, mut what: String) {
        if self.problems.len() < MOST_PROBLEMS {
            let end = (0..=LONGEST_PROBLEM.min(what.len())).rev();
            let end = end.into_iter().find(|end| what.is_char_boundary(*end)).unwrap_or(0);
            what.truncate(end);
            // It will be printed on terminals.
            let what = what.replace(char::is_control, "?");
            self.problems.push(ReadProblem { place, what });
        }
    }

    /// How many answers were refused, for all reasons.
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }
}

impl fmt::Display for ReadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.format {
            Format::Capture | Format::Dnstap => "DNS messages",
            _ => "lines",
        };
        write!(f, "{} answers from {} {unit}", self.answers, self.units)?;
        for (count, what) in [
            (self.irrelevant, "without an address"),
            (self.other_types, "of other dnstap types"),
            (self.unrelated, "beside the question"),
            (self.damaged, "damaged"),
            (self.refusals(), "refused"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        match &self.ending {
            Ending::Complete => Ok(()),
            Ending::CutOff => f.write_str("; cut off before its end"),
            Ending::Limited(why) => write!(f, "; limited by the source: {why}"),
            Ending::Failed(why) => write!(f, "; the source failed: {why}"),
        }
    }
}
