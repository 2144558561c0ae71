//! Runs the testbed through the production chain, once for each seed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::classes::{CLASSES, PaperClass};
use crate::decode::Datagram;
use crate::lab::evaluate::EvaluateError;
use crate::lab::evaluate::chain::{Chain, Claim, Claims, HORIZONS};
use crate::lab::evaluate::run::prefixes;
use crate::lab::evaluate::view::{Views, knowledge, views};
use crate::model::line::LineId;
use crate::model::rules::Threshold;
use crate::model::time::Timestamp;
use crate::orient::reveal::line_named;
use crate::orient::{LineKey, Prefixes};
use crate::signature::{SignatureSet, SourceFile, compile};
use crate::simulate::testbed::Testbed;
use crate::simulate::{Isp, Usage};

/// Hours that the testbed is watched.
const HOURS: u32 = HORIZONS[2];
/// A Monday at midnight; nothing depends on it.
const START: Timestamp = Timestamp::from_secs(1_767_571_200);
/// Pseudonyms are compared within a run only.
const KEY: LineKey = LineKey::new(*b"the paper's test");

/// What to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Runs of each mode.
    pub seeds: u32,
    /// The first run's seed; the others follow it.
    pub seed: u64,
    /// One packet in this many is sampled.
    pub sampling: NonZeroU32,
    /// Devices of each class on its line. The paper's testbed has 96 of 56
    /// products behind its 37 rules and does not say how many of which.
    pub devices: u32,
    /// The thresholds D that are compared on the same traffic.
    pub thresholds: Vec<Threshold>,
}

/// Whether the devices are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// All of them in every hour.
    Active,
    /// None ever.
    Idle,
}

/// Both modes.
pub const MODES: [Mode; 2] = [Mode::Active, Mode::Idle];

/// When each class was claimed on the line of its own device.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// By mode, threshold and class, one entry a seed.
    pub claims: Vec<Vec<Vec<Vec<Claim>>>>,
    /// For each threshold claims of classes on lines that do not have them, over
    /// all runs.
    pub wrong: Vec<u64>,
    /// Flow records decoded.
    pub records: u64,
}

/// Runs the testbed in both modes with every seed; tells `progress` of each.
pub fn run(settings: &Settings, mut progress: impl FnMut(u32)) -> Result<Runs, EvaluateError> {
    let testbed = Testbed::new(signatures()?, START, HOURS, settings.sampling, settings.devices)?;
    let prefixes = prefixes(&testbed.run(Usage::Never, settings.seed));
    let dns = knowledge(testbed.names()).map_err(EvaluateError::Answers)?;
    let days = (START.day().0..=START.day().0 + HOURS / 24).map(crate::model::time::Day);
    let views = views(testbed.signatures(), &dns, &prefixes, days, &settings.thresholds);
    let places = places(&testbed);
    let mut runs = Runs { wrong: vec![0; settings.thresholds.len()], ..Runs::default() };
    let mut done = 0;
    for mode in MODES {
        let usage = match mode {
            Mode::Active => Usage::Always,
            Mode::Idle => Usage::Never,
        };
        let mut by_threshold = vec![vec![Vec::new(); CLASSES.len()]; settings.thresholds.len()];
        for seed in 0..u64::from(settings.seeds) {
            let isp = testbed.run(usage, settings.seed.wrapping_add(seed));
            let lines = lines(&isp, &prefixes);
            let (claims, records) = one(isp, &views);
            runs.records += records;
            let by_threshold = by_threshold.iter_mut().zip(&mut runs.wrong);
            for ((by_class, wrong), claims) in by_threshold.zip(claims) {
                *wrong += wrongly(&claims, &lines, &places);
                for (class, (paper, seeds)) in CLASSES.iter().zip(by_class).enumerate() {
                    let own = lines.iter().find(|(_, place)| **place == places[class].0);
                    let claim = own.and_then(|(line, _)| claims.get(&(*line, paper.class.into())));
                    seeds.push(claim.cloned().unwrap_or_default());
                }
            }
            done += 1;
            progress(done);
        }
        runs.claims.push(by_threshold);
    }
    Ok(runs)
}

/// The paper's rules as signatures. Names are made up; a group that a class has
/// from its parent has the parent's name.
pub fn signatures() -> Result<SignatureSet, EvaluateError> {
    let files: Vec<SourceFile> = CLASSES.iter().map(source).collect();
    compile(&files).map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        EvaluateError::Signatures(findings.join("\n"))
    })
}

fn source(class: &PaperClass) -> SourceFile {
    let PaperClass { class: name, label, level, of_parent, parent, .. } = class;
    let mut text = format!("class: {name}\nname: {label}\nlevel: {level}\nvendor: {label}\n");
    if let Some(parent) = parent {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "parent: {parent}");
    }
    text.push_str("groups:\n");
    let own = (0..class.own_groups()).map(|group| format!("g{group}.{name}.test"));
    let parents = (0..*of_parent).map(|group| format!("g{group}.{}.test", parent.unwrap_or(name)));
    for group in own.chain(parents) {
        let _ = writeln!(text, "  - {{names: [{group}], role: primary, ports: [443/tcp]}}");
    }
    text.push_str("sources: [\"the paper's figure 10\"]\nchecked: 2026-11-21\n");
    let path = format!("{level}/{name}.yaml");
    SourceFile { place: path.clone(), path, bytes: text.into_bytes() }
}

/// The place of each class of the paper in the signature set, with the places
/// of the classes that its device has.
fn places(testbed: &Testbed) -> Vec<(usize, Vec<&'static str>)> {
    let classes = &testbed.signatures().classes;
    let place = |class: &PaperClass| {
        classes.iter().position(|known| *known.class == *class.class).unwrap_or(usize::MAX)
    };
    let family = |class| super::lineage(class).iter().map(|class| class.class).collect();
    CLASSES.iter().map(|class| (place(class), family(class))).collect()
}

/// The pseudonym of each line with its number, which is its device's class.
fn lines(isp: &Isp, prefixes: &Prefixes) -> HashMap<LineId, usize> {
    (0..)
        .zip(isp.line_texts())
        .filter_map(|(number, line)| Some((line_named(&line, &KEY, prefixes)?, number)))
        .collect()
}

/// Claims of what a line's device is not.
fn wrongly(
    claims: &Claims,
    lines: &HashMap<LineId, usize>,
    places: &[(usize, Vec<&'static str>)],
) -> u64 {
    let is_wrong = |line: &LineId, class: &Arc<str>| {
        let device = lines.get(line).and_then(|line| places.iter().find(|(at, _)| at == line));
        device.is_none_or(|(_, family)| !family.contains(&&**class))
    };
    claims.keys().filter(|(line, class)| is_wrong(line, class)).count() as u64
}

/// One run: every datagram of the testbed's routers through the chain.
fn one(mut isp: Isp, views: &Views) -> (Vec<Claims>, u64) {
    let mut chain = Chain::new(views, START, KEY);
    let mut sink = |sent: crate::simulate::Sent<'_>| {
        chain.step(Datagram {
            source: sent.source,
            source_port: sent.source_port,
            received: sent.at,
            payload: sent.payload,
        });
        Ok::<(), Infallible>(())
    };
    while isp.next_hour(&mut sink).unwrap_or(false) {}
    let finished = chain.finish();
    (finished.claims, finished.records)
}
