//! Runs the testbed through the production chain, once for each seed.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::classes::{CLASSES, PaperClass};
use super::products::of_classes;
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
    let testbed = Testbed::new(signatures()?, START, HOURS, settings.sampling)?;
    let places = places(&testbed);
    let first = on_lines(&places, settings.seed, Mode::Idle);
    let prefixes = prefixes(&testbed.run(Usage::Never, settings.seed, &first));
    let dns = knowledge(testbed.names()).map_err(EvaluateError::Answers)?;
    let days = (START.day().0..=START.day().0 + HOURS / 24).map(crate::model::time::Day);
    let views = views(testbed.signatures(), &dns, &prefixes, days, &settings.thresholds);
    let mut runs = Runs { wrong: vec![0; settings.thresholds.len()], ..Runs::default() };
    let mut done = 0;
    for mode in MODES {
        let usage = match mode {
            Mode::Active => Usage::Always,
            Mode::Idle => Usage::Never,
        };
        let mut by_threshold = vec![vec![Vec::new(); CLASSES.len()]; settings.thresholds.len()];
        for run in 0..u64::from(settings.seeds) {
            let seed = settings.seed.wrapping_add(run);
            let isp = testbed.run(usage, seed, &on_lines(&places, seed, mode));
            let lines = lines(&isp, &prefixes);
            let truth = truth(&isp);
            let (claims, records) = one(isp, &views);
            runs.records += records;
            let by_threshold = by_threshold.iter_mut().zip(&mut runs.wrong);
            for ((by_class, wrong), claims) in by_threshold.zip(claims) {
                *wrong += wrongly(&claims, &lines, &truth);
                for (class, (paper, seeds)) in CLASSES.iter().zip(by_class).enumerate() {
                    let own = lines.iter().find(|(_, place)| **place == places[class]);
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

/// The place of each class of the paper in the signature set.
fn places(testbed: &Testbed) -> Vec<usize> {
    let classes = &testbed.signatures().classes;
    let place = |class: &PaperClass| {
        classes.iter().position(|known| *known.class == *class.class).unwrap_or(usize::MAX)
    };
    CLASSES.iter().map(place).collect()
}

/// The devices on every line: line number `n` has those of class number `n` of
/// the signature set, and of the classes below it.
fn on_lines(places: &[usize], seed: u64, mode: Mode) -> Vec<Vec<usize>> {
    let mut lines = vec![Vec::new(); places.len()];
    for (place, devices) in places.iter().zip(of_classes(seed, mode == Mode::Active)) {
        lines[*place] = devices.into_iter().map(|class| places[class]).collect();
    }
    lines
}

/// The classes that the devices of each line have.
fn truth(isp: &Isp) -> HashSet<(u32, Arc<str>)> {
    isp.truth().map(|entry| (entry.row.line(), Arc::clone(entry.class))).collect()
}

/// The pseudonym of each line with its number, which is its device's class.
fn lines(isp: &Isp, prefixes: &Prefixes) -> HashMap<LineId, usize> {
    (0..)
        .zip(isp.line_texts())
        .filter_map(|(number, line)| Some((line_named(&line, &KEY, prefixes)?, number)))
        .collect()
}

/// Claims of what no device of a line is.
fn wrongly(
    claims: &Claims,
    lines: &HashMap<LineId, usize>,
    truth: &HashSet<(u32, Arc<str>)>,
) -> u64 {
    let is_wrong = |line: &LineId, class: &Arc<str>| {
        let number = lines.get(line).and_then(|line| u32::try_from(*line).ok());
        number.is_none_or(|line| !truth.contains(&(line, Arc::clone(class))))
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
