//! What is true: which class is on which line, and when a sampled packet could
//! have told so.
//!
//! A line with a device of a class has that class and every class above it.
//! Packets count for the class whose group they went to, so a Fire TV's
//! packets to Alexa's group stand in the row of Alexa.

use std::io::{self, Write};
use std::sync::Arc;

use ipnetwork::IpNetwork;

use super::population::{Line, lineage};
use crate::model::rules::Level;
use crate::model::time::Timestamp;
use crate::signature::SignatureSet;

/// A class as the truth tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueClass {
    /// The class.
    pub class: Arc<str>,
    /// Its level.
    pub level: Level,
}

/// One class on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthRow {
    /// Number of the line.
    pub(super) line: u32,
    /// Place of the class in the signature set.
    pub(super) class: usize,
    /// Whether a device of just this class is there, and not only one of a
    /// class below.
    pub device: bool,
    /// Sampled packets to the class's groups.
    pub packets: u64,
    /// First sampled packet.
    pub first: Option<Timestamp>,
    /// Last sampled packet.
    pub last: Option<Timestamp>,
    /// A bit for each hour from the start, set when a packet was sampled.
    pub(super) hours: Vec<u64>,
}

impl TruthRow {
    /// The number of the line.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Whether a packet was sampled in the hour, counted from the start.
    pub fn sampled_in(&self, hour: u32) -> bool {
        let word = self.hours.get((hour / 64) as usize).copied().unwrap_or(0);
        word >> (hour % 64) & 1 == 1
    }

    pub(super) fn sampled(&mut self, hour: u32, at: Timestamp) {
        self.packets += 1;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        let word = (hour / 64) as usize;
        if self.hours.len() <= word {
            self.hours.resize(word + 1, 0);
        }
        self.hours[word] |= 1 << (hour % 64);
    }
}

/// A row for every class of every line, in the order of lines.
pub(super) fn rows(set: &SignatureSet, lines: &[Line]) -> Vec<TruthRow> {
    let mut rows = Vec::new();
    for (number, line) in (0..).zip(lines) {
        let mut classes: Vec<(usize, bool)> = Vec::new();
        for device in &line.devices {
            for class in lineage(set, device.class) {
                let is_device = class == device.class;
                match classes.iter_mut().find(|(known, _)| *known == class) {
                    Some((_, known)) => *known |= is_device,
                    None => classes.push((class, is_device)),
                }
            }
        }
        classes.sort_unstable();
        rows.extend(classes.into_iter().map(|(class, device)| TruthRow {
            line: number,
            class,
            device,
            packets: 0,
            first: None,
            last: None,
            hours: Vec::new(),
        }));
    }
    rows
}

/// A row with the names of what it is about.
#[derive(Clone, Debug)]
pub struct TruthEntry<'a> {
    /// The line: an IPv4 address, or an IPv6 prefix.
    pub line: IpNetwork,
    /// Its region.
    pub region: &'static str,
    /// The class.
    pub class: &'a Arc<str>,
    /// Its level.
    pub level: Level,
    /// What is known.
    pub row: &'a TruthRow,
}

impl TruthEntry<'_> {
    /// The line as `replay --reveal` prints it.
    pub fn line_text(&self) -> String {
        line_text(self.line)
    }
}

/// An IPv4 line without its `/32`, an IPv6 line with its `/56`.
pub(super) fn line_text(line: IpNetwork) -> String {
    if line.is_ipv4() { line.ip().to_string() } else { line.to_string() }
}

/// Writes `truth.csv`: a header, then one line for each class of each line.
///
/// `hours` has a `1` for each hour from the start in which at least one
/// packet of the class was sampled, a `0` for each other.
pub fn write_csv<'a>(
    entries: impl Iterator<Item = TruthEntry<'a>>,
    hours: u32,
    out: &mut impl Write,
) -> io::Result<u64> {
    writeln!(out, "line,region,class,level,device,sampled_packets,first_packet,last_packet,hours")?;
    let mut rows = 0;
    for entry in entries {
        let TruthRow { device, packets, first, last, .. } = entry.row;
        let time = |at: &Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
        let bits: String =
            (0..hours).map(|hour| if entry.row.sampled_in(hour) { '1' } else { '0' }).collect();
        writeln!(
            out,
            "{},{},{},{},{device},{packets},{},{},{bits}",
            entry.line_text(),
            entry.region,
            entry.class,
            entry.level,
            time(first),
            time(last),
        )?;
        rows += 1;
    }
    Ok(rows)
}
