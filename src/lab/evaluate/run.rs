//! Judges signatures on a set: captures of devices, or a simulated ISP.
//!
//! Whatever thresholds are compared see the same sampled packets.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::EvaluateError;
use super::captures::{self, Device};
use super::chain::{Chain, HORIZONS};
use super::report::{Report, ThresholdReport};
use super::sample::Method;
use super::score::{Score, TrueLine};
use super::view::{Views, knowledge, views};
use crate::decode::Datagram;
use crate::dns::Knowledge;
use crate::model::line::Regions;
use crate::model::rules::{Rules, Threshold};
use crate::model::time::Day;
use crate::orient::reveal::line_named;
use crate::orient::{LineKey, LinePrefix, Prefixes};
use crate::signature::SignatureSet;
use crate::simulate::{Isp, Sent, Settings};

/// Pseudonyms are compared within a run only.
const KEY: LineKey = LineKey::new(*b"simulated lines!");

/// How to look.
#[derive(Clone, Debug)]
pub struct Looks {
    /// Which packets are sampled.
    pub method: Method,
    /// One packet in this many is.
    pub sampling: NonZeroU32,
    /// Runs, each with other packets.
    pub seeds: u32,
    /// The first run's seed; the others follow it.
    pub seed: u64,
    /// The thresholds to compare; none stands for the signatures' own.
    pub thresholds: Vec<Threshold>,
}

impl Looks {
    fn seeds(&self) -> impl Iterator<Item = u64> + use<> {
        let first = self.seed;
        (0..u64::from(self.seeds)).map(move |seed| first.wrapping_add(seed))
    }

    fn scores(&self) -> Vec<Score> {
        (0..self.thresholds.len().max(1)).map(|_| Score::default()).collect()
    }

    fn report(&self, source: String) -> Report {
        Report {
            source,
            sampling: self.sampling.get(),
            method: self.method.as_str(),
            seeds: self.seeds,
            seed: self.seed,
            lines: 0,
            days: 0,
            flow_records: 0,
            thresholds: Vec::new(),
        }
    }
}

/// Judges `set` on captures of devices, with what resolvers answered in `dns`;
/// tells `progress` of each run.
pub fn captured(
    set: &SignatureSet,
    dns: &Knowledge,
    devices: &[Device],
    looks: &Looks,
    mut progress: impl FnMut(u32),
) -> Report {
    let prefixes = captures::prefixes();
    let days: BTreeSet<Day> = devices.iter().flat_map(Device::days).collect();
    let views = views(set, dns, &prefixes, days.iter().copied(), &looks.thresholds);
    let mut scores = looks.scores();
    let mut report = looks.report("captures".to_owned());
    report.days = days.len();
    let mut done = 0;
    for (stream, device) in (0..).zip(devices) {
        let lines = captures::lines(device, &prefixes);
        report.lines += lines.len();
        let days: Vec<Day> = device.days().into_iter().collect();
        // A device that never left the home is looked for, too, and not found.
        let of_day = days.first().and_then(|day| views.get(day));
        let Some(view) = of_day.or(views.values().next()) else { continue };
        for (run, seed) in looks.seeds().enumerate() {
            let finished =
                captures::run(device, &views, looks.method, looks.sampling, seed, stream);
            report.flow_records += finished.records;
            for (place, score) in scores.iter_mut().enumerate() {
                let none = Default::default();
                let claims = finished.claims.get(place).unwrap_or(&none);
                score.add(&view.rules[place], &lines, &days, claims, &finished, run == 0);
            }
            done += 1;
            progress(done);
        }
    }
    report.thresholds = thresholds(looks, &scores, &views, &HORIZONS);
    let truth = |name: &str| {
        let device = devices.iter().find(|device| name.starts_with(&*device.name));
        device.map(|device| device.classes.clone()).unwrap_or_default()
    };
    for (threshold, score) in report.thresholds.iter_mut().zip(&scores) {
        threshold.confusion = score.confusion(truth);
    }
    report
}

/// Judges `set` on a simulated ISP whose people own devices of its classes;
/// tells `progress` of each hour. With the chance of `visits` in an hour the
/// people of a line touch a server of some class by an app or a browser.
pub fn simulated(
    set: &SignatureSet,
    settings: Settings,
    visits: f64,
    looks: &Looks,
    mut progress: impl FnMut(u32),
) -> Result<Report, EvaluateError> {
    let mut scores = looks.scores();
    let source = format!("simulated, {} hours", settings.hours);
    let mut report = looks.report(source);
    report.lines = settings.lines as usize;
    let last = (settings.hours.max(1) - 1) / 24;
    let first = settings.start.day();
    let days: Vec<Day> = (first.0..=first.0 + last).map(Day).collect();
    report.days = days.len();
    let mut done = 0;
    let mut last_views = Views::new();
    for (run, seed) in looks.seeds().enumerate() {
        let mut isp = Isp::new(set, Settings { seed, sampling: looks.sampling, ..settings })?
            .with_visits(visits);
        let prefixes = prefixes(&isp);
        let dns = knowledge(isp.names()).map_err(EvaluateError::Answers)?;
        let views = views(set, &dns, &prefixes, days.iter().copied(), &looks.thresholds);
        let mut chain = Chain::new(&views, settings.start, KEY);
        let mut sink = |sent: Sent<'_>| {
            chain.step(Datagram {
                source: sent.source,
                source_port: sent.source_port,
                received: sent.at,
                payload: sent.payload,
            });
            Ok::<(), Infallible>(())
        };
        while isp.next_hour(&mut sink).unwrap_or(false) {
            done += 1;
            progress(done);
        }
        let finished = chain.finish();
        report.flow_records += finished.records;
        let lines = lines(&isp, &prefixes, run);
        let Some(view) = views.values().next() else { continue };
        for (place, score) in scores.iter_mut().enumerate() {
            let none = Default::default();
            let claims = finished.claims.get(place).unwrap_or(&none);
            // Every seed is another population, so all its line-days count.
            score.add(&view.rules[place], &lines, &days, claims, &finished, true);
        }
        last_views = views;
    }
    let horizons: Vec<u32> =
        HORIZONS.into_iter().filter(|hours| *hours <= settings.hours).collect();
    report.thresholds = thresholds(looks, &scores, &last_views, &horizons);
    Ok(report)
}

fn thresholds(
    looks: &Looks,
    scores: &[Score],
    views: &Views,
    horizons: &[u32],
) -> Vec<ThresholdReport> {
    let name = |place: usize| {
        looks.thresholds.get(place).map_or_else(|| "own".to_owned(), ToString::to_string)
    };
    let report = |(place, score): (usize, &Score)| {
        let rules: Vec<&Rules> =
            views.values().filter_map(|view| view.rules.get(place)).map(|rules| &**rules).collect();
        let classes = score.classes(&rules, horizons);
        ThresholdReport { threshold: name(place), classes, confusion: Vec::new() }
    };
    scores.iter().enumerate().map(report).collect()
}

/// The prefixes of a simulated ISP.
pub fn prefixes(isp: &Isp) -> Prefixes {
    let mut regions = Regions::default();
    let mut prefixes = Prefixes::default();
    for prefix in isp.prefixes() {
        let region = regions.intern(prefix.region);
        prefixes.insert(prefix.net, LinePrefix { length: prefix.length, region });
    }
    prefixes
}

/// Every line with its classes. A line of another run is another line.
fn lines(isp: &Isp, prefixes: &Prefixes, run: usize) -> Vec<TrueLine> {
    let mut lines = Vec::new();
    let mut truth = isp.truth().peekable();
    for (number, text) in (0..).zip(isp.line_texts()) {
        let mut classes = Vec::new();
        while let Some(entry) = truth.next_if(|entry| entry.row.line() == number) {
            classes.push(Arc::clone(entry.class));
        }
        if let Some(id) = line_named(&text, &KEY, prefixes) {
            lines.push(TrueLine { id, name: format!("{run}/{text}").into(), classes });
        }
    }
    lines
}
