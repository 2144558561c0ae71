//! Stories: address space, signatures, DNS answers and flows in; detections
//! and counts out. Every file in `tests/scenarios` is one; adding a story is
//! adding a file.
//!
//! The flows of a story are exported as real datagrams and go through the same
//! replay that `hayrake replay` runs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

#[path = "support/story.rs"]
mod story;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hayrake::attribute::{BuildInput, Signals, VerdictSettings, build, explain};
use hayrake::decode::{DecodeSettings, Decoder};
use hayrake::detect::Settings;
use hayrake::dns::{Answer, AnswerData, Knowledge};
use hayrake::infrastructure::{Ranges, Scans};
use hayrake::model::flow::{FlowRecord, TCP, UDP};
use hayrake::model::line::Regions;
use hayrake::model::time::{Day, Timestamp};
use hayrake::orient::{LineKey, LinePrefix, Prefixes};
use hayrake::pipeline::{Front, View};
use hayrake::receive::pcap::Captured;
use hayrake::replay::{Event, replay};
use hayrake::signature::{SignatureSet, SourceFile, compile};
use hayrake::simulate::export::{Format, Router};
use serde_json::json;
use story::{Exporter, Flow, Story};

impl Story {
    fn settings(&self) -> VerdictSettings {
        let usual = VerdictSettings {
            trust_partial: self.trust_partial,
            afar: self.afar.clone(),
            ..VerdictSettings::default()
        };
        match self.foreign {
            Some(story::Foreign { min_days, min_count }) => {
                VerdictSettings { min_days, min_count, ..usual }
            }
            None => usual,
        }
    }

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

    /// The scan data, as zgrab2 writes it.
    fn scans(&self, signatures: &SignatureSet) -> Scans {
        let mut certificates: BTreeMap<&[String], String> = BTreeMap::new();
        let mut scans = Scans::of_interest_to(signatures);
        for scanned in &self.scans {
            let raw = certificates.entry(&scanned.certificate).or_insert_with_key(|names| {
                let key = rcgen::KeyPair::generate().unwrap();
                let made = rcgen::CertificateParams::new(names.to_vec()).unwrap();
                STANDARD.encode(made.self_signed(&key).unwrap().der())
            });
            let handshake = json!({"server_certificates": {"certificate": {"raw": raw}}});
            let request = json!({"tls_log": {"handshake_log": handshake}});
            let result = json!({"response": {"body": scanned.page, "request": request}});
            let http = json!({"timestamp": scanned.at.to_string(), "result": result});
            let line = json!({"ip": scanned.address, "data": {"http": http}}).to_string();
            scans.read(line.as_bytes(), Timestamp::EPOCH, Timestamp::MAX).unwrap();
        }
        scans
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
    explained: BTreeMap<String, String>,
    counts: BTreeMap<String, u64>,
}

fn run(story: &Story) -> Ended {
    let signatures = story.signatures();
    let (knowledge, refused) = story.knowledge();
    let ranges = story.ranges();
    let scans = story.scans(&signatures);
    let mut regions = Regions::default();
    let mut prefixes = Prefixes::default();
    for line in &story.lines {
        let region = regions.intern(&line.region);
        prefixes.insert(line.net, LinePrefix { length: line.length, region });
    }
    let (prefixes, regions) = (Arc::new(prefixes), Arc::new(regions));
    let mut monitored = BTreeMap::new();
    let mut verdicts = BTreeMap::new();
    let mut explained = BTreeMap::new();
    let view_of = |day: Day| {
        let input = BuildInput {
            signatures: &signatures,
            dns: &knowledge,
            day,
            excluded: &|address| prefixes.contains(address),
            signals: Signals { ranges: Some(&ranges), scans: Some(&scans) },
            settings: story.settings(),
        };
        let built = build(&input);
        for subject in story.expect.explained.keys() {
            let told = explain(&input, &subject.parse().unwrap()).to_string();
            explained.insert(subject.clone(), told);
        }
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
    Ended { detections, monitored, verdicts, explained, counts }
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
        let Ended { mut detections, monitored, verdicts, explained, counts } = run(&story);
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
        for (subject, parts) in &story.expect.explained {
            let told = &explained[subject];
            for part in parts.iter().filter(|part| !told.contains(part.as_str())) {
                wrong.push(format!("{why}\n  `{part}` is not in what is said:\n{told}"));
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
