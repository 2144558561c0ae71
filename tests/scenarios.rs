//! Stories: address space, signatures, DNS answers and flows in; detections
//! and counts out. Every file in `tests/scenarios` is one; adding a story is
//! adding a file.
//!
//! The flows of a story are exported as real datagrams and go through the same
//! replay that `hayrake replay` runs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use hayrake::attribute::{BuildInput, Signals, VerdictSettings, build};
use hayrake::decode::{DecodeSettings, Decoder};
use hayrake::detect::Settings;
use hayrake::dns::{Answer, AnswerData, Coverage, Knowledge};
use hayrake::infrastructure::Ranges;
use hayrake::model::flow::{FlowRecord, TCP, UDP};
use hayrake::model::line::Regions;
use hayrake::model::time::{Day, Timestamp};
use hayrake::orient::{LineKey, LinePrefix, Prefixes};
use hayrake::pipeline::{Front, View};
use hayrake::receive::pcap::Captured;
use hayrake::replay::{Event, replay};
use hayrake::signature::{SignatureSet, SourceFile, compile};
use hayrake::simulate::export::{Format, Router};
use ipnetwork::IpNetwork;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    /// What the story shows, one sentence.
    story: String,
    /// Where it comes from: a section of the paper, a field report.
    #[serde(default)]
    because: String,
    lines: Vec<Net>,
    #[serde(default = "sampling")]
    sampling: NonZeroU32,
    #[serde(default)]
    exporter: Exporter,
    #[serde(default)]
    trust_partial: bool,
    /// Signature files by their place in the folder.
    signatures: BTreeMap<String, String>,
    #[serde(default)]
    dns: Vec<Answered>,
    /// Lists of the ranges of clouds, as their providers publish them.
    #[serde(default)]
    ranges: Vec<String>,
    #[serde(default)]
    flows: Vec<Flow>,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Net {
    net: IpNetwork,
    #[serde(default = "whole")]
    length: u8,
    #[serde(default)]
    region: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Exporter {
    #[default]
    Ipfix,
    V9,
    V5,
    Sflow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    name: String,
    address: Option<IpAddr>,
    alias: Option<String>,
    first: Timestamp,
    last: Timestamp,
    #[serde(default = "often")]
    count: u64,
    #[serde(default = "population")]
    coverage: Coverage,
    /// Who said so.
    #[serde(default = "source")]
    source: String,
    /// As many addresses from this one on.
    #[serde(default = "one_address")]
    addresses: u32,
    /// As many names, `1-NAME` and so on, lead there as well.
    #[serde(default)]
    others: u32,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flow {
    /// When it ended, and unless `received` says otherwise when it came.
    at: Timestamp,
    received: Option<Timestamp>,
    line: IpAddr,
    server: IpAddr,
    #[serde(default = "https")]
    port: u16,
    #[serde(default)]
    udp: bool,
    /// From the server to the line.
    #[serde(default)]
    down: bool,
    #[serde(default = "one")]
    packets: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Each as `1h 2026-11-21T10:00:00Z LINE CLASS: GROUP, GROUP`, with ` (in
    /// use)` after it where it is.
    detections: Vec<String>,
    /// N of the classes it names, on the last day.
    #[serde(default)]
    monitored: BTreeMap<String, usize>,
    /// Verdicts on names, on the last day.
    #[serde(default)]
    verdicts: BTreeMap<String, String>,
    /// Counters by name, only those it names.
    #[serde(default)]
    counts: BTreeMap<String, u64>,
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

impl Story {
    fn signatures(&self) -> SignatureSet {
        let files: Vec<SourceFile> = self
            .signatures
            .iter()
            .map(|(place, text)| SourceFile {
                place: place.clone(),
                path: place.clone(),
                bytes: text.clone().into_bytes(),
            })
            .collect();
        compile(&files).unwrap_or_else(|findings| {
            panic!("{}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })
    }

    fn ranges(&self) -> Ranges {
        let mut ranges = Ranges::default();
        for list in &self.ranges {
            ranges.read(list.as_bytes(), None, "story").unwrap();
        }
        ranges
    }

    /// The answers, and how many of them were refused.
    fn knowledge(&self) -> (Knowledge, u64) {
        let mut knowledge = Knowledge::new();
        let mut refused = 0;
        for answered in &self.dns {
            let data = match (&answered.address, &answered.alias) {
                (Some(address), None) => AnswerData::Address(*address),
                (None, Some(alias)) => AnswerData::Alias(alias.parse().unwrap()),
                _ => panic!("{} needs an address or an alias", answered.name),
            };
            let answer = Answer {
                name: answered.name.parse().unwrap(),
                data,
                first: answered.first,
                last: answered.last,
                count: answered.count,
                coverage: answered.coverage,
            };
            // Refused answers are part of some stories.
            for place in 0..answered.addresses {
                let data = match answer.data {
                    AnswerData::Address(IpAddr::V4(first)) => {
                        AnswerData::Address(IpAddr::V4((u32::from(first) + place).into()))
                    }
                    ref other => other.clone(),
                };
                let answer = Answer { data, ..answer.clone() };
                refused += u64::from(knowledge.insert(answer, &answered.source).is_err());
            }
            for other in 1..=answered.others {
                // Each its own owner.
                let name = format!("{other}-{}", answered.name).parse().unwrap();
                let answer = Answer { name, ..answer.clone() };
                refused += u64::from(knowledge.insert(answer, &answered.source).is_err());
            }
        }
        (knowledge, refused)
    }

    fn datagrams(&self) -> Vec<Captured<'static>> {
        let format = match self.exporter {
            Exporter::Ipfix => Format::IpfixInterval,
            Exporter::V9 => Format::Netflow9Sampler,
            Exporter::V5 => Format::Netflow5,
            Exporter::Sflow => Format::Sflow,
        };
        let agent: IpAddr = [192, 0, 2, 1].into();
        let mut flows = self.flows.clone();
        flows.sort_by_key(|flow| flow.received.unwrap_or(flow.at));
        let boot = flows
            .first()
            .map_or(Timestamp::EPOCH, |flow| flow.at.minus(std::time::Duration::from_secs(86_400)));
        let mut router = Router::new(format, agent, 7, self.sampling, boot);
        flows
            .iter()
            .map(|flow| {
                let received = flow.received.unwrap_or(flow.at);
                let mut payload = Vec::new();
                router.export(received, &[record(flow)], &mut payload);
                Captured {
                    source: agent,
                    source_port: 50_000,
                    destination: [192, 0, 2, 2].into(),
                    destination_port: 4_739,
                    received,
                    payload: payload.into(),
                }
            })
            .collect()
    }
}

fn record(flow: &Flow) -> FlowRecord {
    let (up, down) = ((flow.line, 50_123), (flow.server, flow.port));
    let ((source, source_port), (destination, destination_port)) =
        if flow.down { (down, up) } else { (up, down) };
    FlowRecord {
        source,
        destination,
        source_port,
        destination_port,
        protocol: if flow.udp { UDP } else { TCP },
        packets: flow.packets,
        bytes: flow.packets * 60,
        start: flow.at,
        end: flow.at,
        ..FlowRecord::EMPTY
    }
}

/// What came of a story.
struct Ended {
    detections: Vec<String>,
    monitored: BTreeMap<String, usize>,
    verdicts: BTreeMap<String, String>,
    counts: BTreeMap<String, u64>,
}

fn run(story: &Story) -> Ended {
    let signatures = story.signatures();
    let (knowledge, refused) = story.knowledge();
    let ranges = story.ranges();
    let mut regions = Regions::default();
    let mut prefixes = Prefixes::default();
    for line in &story.lines {
        let region = regions.intern(&line.region);
        prefixes.insert(line.net, LinePrefix { length: line.length, region });
    }
    let (prefixes, regions) = (Arc::new(prefixes), Arc::new(regions));
    let mut monitored = BTreeMap::new();
    let mut verdicts = BTreeMap::new();
    let view_of = |day: Day| {
        let settings =
            VerdictSettings { trust_partial: story.trust_partial, ..VerdictSettings::default() };
        let built = build(&BuildInput {
            signatures: &signatures,
            dns: &knowledge,
            day,
            excluded: &|address| prefixes.contains(address),
            signals: Signals { ranges: Some(&ranges), ..Signals::default() },
            settings,
        });
        verdicts.clear();
        let groups = built.report.classes.iter().flat_map(|class| &class.groups);
        for named in groups.flat_map(|group| &group.names) {
            let verdict = named.verdict.as_str().to_owned();
            verdicts.insert(named.name.to_string(), verdict);
        }
        for rule in built.rules.classes() {
            monitored.insert(rule.class.to_string(), rule.monitored());
        }
        View {
            prefixes: prefixes.clone(),
            hitlist: built.hitlist.into(),
            rules: built.rules.into(),
            regions: regions.clone(),
        }
    };
    let decoder = Decoder::new(DecodeSettings::default());
    let mut front = Front::new(decoder, LineKey::new([9; 16])).revealing();
    let mut detections = Vec::new();
    let datagrams = story.datagrams();
    let replayed =
        replay(datagrams.into_iter(), &mut front, Settings::default(), view_of, |event| {
            if let Event::Detection(detection, _, line) = event {
                let in_use = if detection.in_use { " (in use)" } else { "" };
                detections.push(format!(
                    "{} {} {} {}: {}{in_use}",
                    detection.window,
                    detection.start,
                    line.unwrap_or_default(),
                    detection.class,
                    detection.groups.join(", ")
                ));
            }
            Ok::<(), Infallible>(())
        });
    let summary = replayed.unwrap();
    let mut counts: BTreeMap<String, u64> =
        summary.decoded.iter().map(|(name, count)| (name.to_owned(), count)).collect();
    for (name, count) in [
        ("answers_refused", refused),
        ("from_line", summary.oriented.from_line),
        ("to_line", summary.oriented.to_line),
        ("both_lines", summary.oriented.both_lines),
        ("no_line", summary.oriented.no_line),
        ("attributed", summary.oriented.attributed),
        ("late_hour", summary.detected.late_hour),
        ("late_day", summary.detected.late_day),
        ("dropped_touches", summary.detected.dropped_touches),
    ] {
        counts.insert(name.to_owned(), count);
    }
    Ended { detections, monitored, verdicts, counts }
}

#[test]
fn every_story_ends_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut told = 0;
    let mut wrong = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let story: Story = serde_saphyr::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ended { mut detections, monitored, verdicts, counts } = run(&story);
        let mut expected = story.expect.detections.clone();
        detections.sort();
        expected.sort();
        let why = format!("{name}: {} {}", story.story, story.because);
        if detections != expected {
            wrong.push(format!("{why}\n  expected {expected:#?}\n  found {detections:#?}"));
        }
        for (class, n) in &story.expect.monitored {
            let found = monitored.get(class);
            if found != Some(n) {
                wrong.push(format!("{why}\n  N of {class}: expected {n}, found {found:?}"));
            }
        }
        for (of, verdict) in &story.expect.verdicts {
            let found = verdicts.get(of);
            if found != Some(verdict) {
                wrong.push(format!("{why}\n  {of}: expected {verdict}, found {found:?}"));
            }
        }
        for (counter, count) in &story.expect.counts {
            let found = counts.get(counter);
            if found != Some(count) {
                wrong.push(format!("{why}\n  {counter}: expected {count}, found {found:?}"));
            }
        }
        told += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(told >= 10, "the stories were found");
}
