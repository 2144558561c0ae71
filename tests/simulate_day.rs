//! A simulated day through the whole pipeline: whatever the signatures, the
//! strangers on shared addresses and the people who only visit makers' sites
//! make of it, no class may be claimed on a line without it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

#[path = "support/simulated.rs"]
mod simulated;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use hayrake::attribute::{BuildInput, Built, Hitlist, HitlistEntry, Signals, build};
use hayrake::decode::{Datagram, DecodeSettings, Decoder};
use hayrake::detect;
use hayrake::infrastructure::VerdictSettings;
use hayrake::model::detection::Detection;
use hayrake::model::domain::NamePattern;
use hayrake::model::line::{LineId, Regions};
use hayrake::model::rules::{ClassRule, GroupRule, Rules};
use hayrake::model::time::{Timestamp, Window};
use hayrake::orient::reveal::line_named;
use hayrake::orient::{LineKey, LinePrefix, Prefixes};
use hayrake::pipeline::{Back, Front, FrontOutput, View};
use hayrake::signature::{GroupDefinition, SignatureSet, shipped};
use hayrake::simulate::names::NameData;
use hayrake::simulate::score::{Score, Truth};
use hayrake::simulate::{Isp, OTHER_PACKETS, Settings};
use simulated::knowledge;

const KEY: LineKey = LineKey::new([7; 16]);

struct Day {
    isp: Isp,
    detections: Vec<Detection>,
    truth: Truth<LineId>,
}

impl Day {
    /// Simulates and runs the pipeline with time from the datagrams.
    fn run(
        set: &SignatureSet,
        lines: u32,
        sampling: u32,
        seed: u64,
        view: fn(&SignatureSet, &Isp) -> View,
    ) -> Self {
        let settings = Settings {
            lines,
            hours: 24,
            sampling: sampling.try_into().unwrap(),
            seed,
            start: "2026-01-05T00:00:00Z".parse().unwrap(),
            other_packets: OTHER_PACKETS,
        };
        let mut isp = Isp::new(set, settings).unwrap();
        let view = view(set, &isp);
        let mut front = Front::new(Decoder::new(DecodeSettings::default()), KEY);
        let mut back = Back::new(detect::Settings::default(), view.rules.clone());
        let mut out = FrontOutput::default();
        let mut detections = Vec::new();
        while isp
            .next_hour(|sent| {
                let datagram = Datagram {
                    source: sent.source,
                    source_port: sent.source_port,
                    received: sent.at,
                    payload: sent.payload,
                };
                out.clear();
                front.step(datagram, &view, &mut out);
                detections.extend(back.step(&out.sightings, sent.at));
                Ok::<(), Infallible>(())
            })
            .unwrap()
        {}
        detections.extend(back.finish());
        let named = |line: &str| line_named(line, &KEY, &view.prefixes).unwrap();
        let entries: Vec<_> = isp.truth().map(|entry| (named(&entry.line_text()), entry)).collect();
        let truth = Truth::new(
            isp.classes().iter().map(|class| Arc::clone(&class.class)),
            entries.iter().map(|(line, entry)| (*line, &**entry.class)),
        );
        drop(entries);
        Self { isp, detections, truth }
    }

    fn score(&self, window: Window) -> Score {
        let claims = self.detections.iter().filter(|detection| detection.window == window);
        self.truth.score(claims.map(|detection| (detection.line, &*detection.class)))
    }
}

fn view(set: &SignatureSet, isp: &Isp) -> View {
    let mut prefixes = Prefixes::default();
    let mut regions = Regions::default();
    for prefix in isp.prefixes() {
        let region = regions.intern(prefix.region);
        prefixes.insert(prefix.net, LinePrefix { length: prefix.length, region });
    }
    let Built { hitlist, rules, .. } = built(set, isp, &prefixes);
    View {
        prefixes: Arc::new(prefixes),
        hitlist: Arc::new(hitlist),
        rules: Arc::new(rules),
        regions: Arc::new(regions),
    }
}

fn built(set: &SignatureSet, isp: &Isp, prefixes: &Prefixes) -> Built {
    let dns = knowledge(isp);
    build(&BuildInput {
        signatures: set,
        dns: &dns,
        day: isp.settings().start.day(),
        excluded: &|address| prefixes.contains(address),
        signals: Signals::default(),
        settings: VerdictSettings::default(),
    })
}

#[test]
fn no_class_is_claimed_on_a_line_without_it() {
    let set = shipped().unwrap();
    for seed in [1, 2] {
        let day = Day::run(&set, 2_000, 1_000, seed, view);
        for window in Window::ALL {
            let score = day.score(window);
            for (class, tally) in &score.classes {
                assert_eq!(tally.wrong(), 0, "seed {seed}, {window}: {class} {tally:?}");
            }
            assert_eq!(score.unknown, 0);
        }
        let total = day.score(Window::Day).total();
        // Two thirds of the model's devices keep up with no main server.
        assert!(total.recall().unwrap() > 0.3, "seed {seed}: {total:?}");
        assert!(day.isp.lines_without_devices() > 1_500, "most lines have nothing to claim");
    }
}

/// The test above could pass in a world without temptation. Here every address
/// that a name ever led to is evidence for ever, and false claims abound.
#[test]
fn without_verdicts_the_same_day_is_full_of_false_claims() {
    let set = shipped().unwrap();
    let day = Day::run(&set, 1_000, 1_000, 1, view_without_verdicts);
    let total = day.score(Window::Day).total();
    assert!(total.wrong() > 500, "{total:?}");
    let honest = Day::run(&set, 1_000, 1_000, 1, view);
    assert_eq!(honest.score(Window::Day).total().wrong(), 0);
}

/// A hitlist of all addresses of all names, whoever else lives there.
fn view_without_verdicts(set: &SignatureSet, isp: &Isp) -> View {
    let mut entries = Vec::new();
    let mut classes = Vec::new();
    for class in &set.classes {
        for group in &class.groups {
            for address in group.names.iter().flat_map(|pattern| addresses(isp, pattern)) {
                entries.push(HitlistEntry {
                    address,
                    group: group.id,
                    ports: group.ports.clone(),
                    from: Timestamp::EPOCH,
                    until: Timestamp::MAX,
                });
            }
        }
        let rule = |group: &GroupDefinition| GroupRule {
            id: group.id,
            name: group.names[0].to_string().into(),
            role: group.role,
            packets_per_hour: None,
        };
        let parent = |parent: &Arc<str>| set.classes.iter().position(|c| c.class == *parent);
        classes.push(ClassRule {
            class: class.class.clone(),
            name: class.name.clone(),
            level: class.level,
            parent: class.parent.as_ref().and_then(parent),
            threshold: class.threshold,
            in_use_packets: class.in_use_packets,
            groups: class.groups.iter().map(rule).collect(),
        });
    }
    entries.sort_by_key(|entry| (entry.address, entry.group));
    entries.dedup_by_key(|entry| (entry.address, entry.group));
    View {
        hitlist: Arc::new(Hitlist::new(entries)),
        rules: Arc::new(Rules::new(classes, &[])),
        ..view(set, isp)
    }
}

/// Every address that a name of the pattern ever led to, straight or by one
/// alias.
fn addresses(isp: &Isp, pattern: &NamePattern) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for record in isp.names().iter().filter(|record| pattern.matches(&record.name)) {
        match &record.data {
            NameData::Address(address) => found.push(*address),
            NameData::Alias(alias) => {
                let exact = NamePattern::Exact(alias.clone());
                found.extend(addresses(isp, &exact));
            }
        }
    }
    found
}
