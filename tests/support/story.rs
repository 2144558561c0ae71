//! How a story is written: the files in `tests/scenarios`.

#![allow(unreachable_pub, reason = "a part of one test binary")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use hayrake::dns::Coverage;
use hayrake::model::time::Timestamp;
use ipnetwork::IpNetwork;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// What the story shows, one sentence.
    pub story: String,
    /// Where it comes from: a section of the paper, a field report.
    #[serde(default)]
    pub because: String,
    pub lines: Vec<Net>,
    #[serde(default = "sampling")]
    pub sampling: NonZeroU32,
    #[serde(default)]
    pub exporter: Exporter,
    #[serde(default)]
    pub trust_partial: bool,
    /// Sources that heard resolvers elsewhere.
    #[serde(default)]
    pub afar: std::collections::BTreeSet<String>,
    /// When a foreign name is believed; the settings' defaults, if absent.
    pub foreign: Option<Foreign>,
    /// Signature files by their place in the folder.
    pub signatures: BTreeMap<String, String>,
    #[serde(default)]
    pub dns: Vec<Answered>,
    /// Lists of the ranges of clouds, as their providers publish them.
    #[serde(default)]
    pub ranges: Vec<String>,
    /// What an Internet scan saw.
    #[serde(default)]
    pub scans: Vec<Scanned>,
    #[serde(default)]
    pub flows: Vec<Flow>,
    pub expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Net {
    pub net: IpNetwork,
    #[serde(default = "whole")]
    pub length: u8,
    #[serde(default)]
    pub region: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exporter {
    #[default]
    Ipfix,
    V9,
    V5,
    Sflow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    pub name: String,
    pub address: Option<IpAddr>,
    pub alias: Option<String>,
    pub first: Timestamp,
    pub last: Timestamp,
    #[serde(default = "often")]
    pub count: u64,
    #[serde(default = "population")]
    pub coverage: Coverage,
    /// Who said so.
    #[serde(default = "source")]
    pub source: String,
    /// As many addresses from this one on.
    #[serde(default = "one_address")]
    pub addresses: u32,
    /// As many names, `1-NAME` and so on, lead there as well.
    #[serde(default)]
    pub others: u32,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foreign {
    pub min_days: usize,
    pub min_count: u64,
}

/// An address showed a certificate and a page. The certificate is real, and
/// the same for all that show one for the same names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scanned {
    pub address: IpAddr,
    pub at: Timestamp,
    pub certificate: Vec<String>,
    #[serde(default)]
    pub page: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// When it ended, and unless `received` says otherwise when it came.
    pub at: Timestamp,
    pub received: Option<Timestamp>,
    pub line: IpAddr,
    pub server: IpAddr,
    #[serde(default = "https")]
    pub port: u16,
    #[serde(default)]
    pub udp: bool,
    /// From the server to the line.
    #[serde(default)]
    pub down: bool,
    #[serde(default = "one")]
    pub packets: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Each as `1h 2026-11-21T10:00:00Z LINE CLASS: GROUP, GROUP`, with ` (in
    /// use)` after it where it is.
    pub detections: Vec<String>,
    /// N of the classes it names, on the last day.
    #[serde(default)]
    pub monitored: BTreeMap<String, usize>,
    /// Verdicts on names, on the last day.
    #[serde(default)]
    pub verdicts: BTreeMap<String, String>,
    /// Parts of what `hitlist explain` says of a name or an address, on the last
    /// day.
    #[serde(default)]
    pub explained: BTreeMap<String, Vec<String>>,
    /// Counters by name, only those it names.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
}

fn sampling() -> NonZeroU32 {
    NonZeroU32::MIN
}
fn whole() -> u8 {
    56
}
fn often() -> u64 {
    100
}
fn source() -> String {
    "story".to_owned()
}
fn one_address() -> u32 {
    1
}
fn population() -> Coverage {
    Coverage::Population
}
fn https() -> u16 {
    443
}
fn one() -> u64 {
    1
}
