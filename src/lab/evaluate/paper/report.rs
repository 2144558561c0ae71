//! Our figures beside the paper's.
//!
//! The paper's are those of its §5 for D = 0.4, in percent of the classes of a
//! set. Ours are means over runs; low and high are the 2.5 % and 97.5 %
//! quantiles of single runs, since the paper's figures are of a single run.

use std::fmt;

use serde::Serialize;

use super::classes::CLASSES;
use super::run::{MODES, Mode, Runs, Settings};
use crate::lab::evaluate::chain::{Claim, HORIZONS};
use crate::lab::evaluate::svg::{Panel, draw};
use crate::model::rules::{Level, Threshold};

/// Rows with the paper's figures within each horizon.
const TABLE: [(&str, Mode, [u32; 3]); 3] = [
    ("manufacturer+product", Mode::Active, [72, 93, 96]),
    ("manufacturer+product", Mode::Idle, [40, 73, 76]),
    ("product", Mode::Active, [63, 81, 90]),
];
/// Points of difference up to which a row agrees: recomputing the paper's own
/// figure 10 differs from its text by as much.
const AGREES: f64 = 8.0;

/// The table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PaperReport {
    /// Runs of each mode.
    pub seeds: u32,
    /// The first run's seed.
    pub seed: u64,
    /// One packet in this many was sampled.
    pub sampling: u32,
    /// D.
    pub threshold: String,
    /// Claims of classes on lines that do not have them, in all runs.
    pub wrong_claims: u64,
    /// Flow records decoded in all runs.
    pub flow_records: u64,
    /// The nine rows.
    pub rows: Vec<PaperRow>,
    /// Each class.
    pub classes: Vec<ClassRow>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PaperRow {
    /// Which classes.
    pub set: &'static str,
    /// Whether the devices are used.
    pub mode: Mode,
    /// Within how many hours.
    pub hours: u32,
    /// The paper's figure, percent.
    pub paper: u32,
    /// Ours: a class counts when one of its hour windows claimed it.
    pub ours: f64,
    /// 2.5 % of single runs are below.
    pub low: f64,
    /// 2.5 % of single runs are above.
    pub high: f64,
    /// The same as `ours`.
    pub any_hour: f64,
    /// Share when evidence of all hours so far is united.
    pub cumulative: f64,
    /// 2.5 % of single runs are below.
    pub cumulative_low: f64,
    /// 2.5 % of single runs are above.
    pub cumulative_high: f64,
    /// Whether `ours` is within 8 points of the paper's.
    pub agrees: bool,
}

/// One class in both modes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassRow {
    /// As figure 10 calls it.
    pub class: &'static str,
    /// Its level.
    pub level: Level,
    /// N.
    pub groups: u32,
    /// In how many percent of runs it was claimed within 1, 24 and 72 hours, in
    /// use.
    pub active: [f64; 3],
    /// The same, idle.
    pub idle: [f64; 3],
}

impl PaperReport {
    /// The table of one of the thresholds that were run, by its place.
    pub fn new(settings: &Settings, runs: &Runs, threshold: usize) -> Self {
        let rows = TABLE.iter().flat_map(|(set, mode, paper)| {
            HORIZONS
                .into_iter()
                .zip(paper)
                .map(|(hours, paper)| row(runs, threshold, set, *mode, hours, *paper))
        });
        let of = |mode: usize, class: usize| {
            let claims = &runs.claims[mode][threshold][class];
            HORIZONS.map(|hours| {
                percent(
                    claims.iter().filter(|claim| claim.any_hour_within(hours)).count(),
                    claims.len(),
                )
            })
        };
        let classes = CLASSES.iter().enumerate().map(|(place, class)| ClassRow {
            class: class.label,
            level: class.level,
            groups: class.groups,
            active: of(0, place),
            idle: of(1, place),
        });
        Self {
            seeds: settings.seeds,
            seed: settings.seed,
            sampling: settings.sampling.get(),
            threshold: settings.thresholds[threshold].to_string(),
            wrong_claims: runs.wrong.get(threshold).copied().unwrap_or(0),
            flow_records: runs.records,
            rows: rows.collect(),
            classes: classes.collect(),
        }
    }
}

fn row(
    runs: &Runs,
    threshold: usize,
    set: &'static str,
    mode: Mode,
    hours: u32,
    paper: u32,
) -> PaperRow {
    let horizon = HORIZONS.iter().position(|known| *known == hours).unwrap_or(0);
    let any_hour = shares(runs, threshold, set, mode, |claim| claim.any_hour_within(hours));
    let cumulative = shares(runs, threshold, set, mode, |claim| claim.united[horizon]);
    let [ours, low, high] = summary(any_hour);
    let [mean, cumulative_low, cumulative_high] = summary(cumulative);
    PaperRow {
        set,
        mode,
        hours,
        paper,
        ours,
        low,
        high,
        any_hour: ours,
        cumulative: mean,
        cumulative_low,
        cumulative_high,
        agrees: (ours - f64::from(paper)).abs() <= AGREES,
    }
}

/// For each run the percentage of the set's classes that were found.
fn shares(
    runs: &Runs,
    threshold: usize,
    set: &str,
    mode: Mode,
    found: impl Fn(&Claim) -> bool,
) -> Vec<f64> {
    let mode = MODES.iter().position(|known| *known == mode).unwrap_or(0);
    let classes: Vec<&Vec<Claim>> = CLASSES
        .iter()
        .zip(&runs.claims[mode][threshold])
        .filter(|(class, _)| match class.level {
            Level::Platform => false,
            Level::Manufacturer => set != "product",
            Level::Product => true,
        })
        .map(|(_, claims)| claims)
        .collect();
    let seeds = classes.first().map_or(0, |claims| claims.len());
    let of = |seed: usize| classes.iter().filter(|claims| found(&claims[seed])).count();
    (0..seeds).map(|seed| percent(of(seed), classes.len())).collect()
}

/// Mean, 2.5 % and 97.5 % quantile, to a tenth.
fn summary(mut shares: Vec<f64>) -> [f64; 3] {
    shares.sort_by(f64::total_cmp);
    let Some(last) = shares.len().checked_sub(1) else { return [0.0; 3] };
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    // The nearest rank outwards.
    let [low, high] = [last * 25 / 1_000, last - last * 25 / 1_000];
    [tenth(mean), tenth(shares[low]), tenth(shares[high])]
}

fn percent(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { (part as f64 * 1_000.0 / of as f64).round() / 10.0 }
}

/// Hours to detect against D for every class in both modes, as the paper's
/// figure 10: the hour within which half of all runs had found it.
pub fn figure(settings: &Settings, runs: &Runs) -> String {
    let curve = |mode: usize, class: usize| {
        let point = |(threshold, d): (usize, &Threshold)| {
            let claims = &runs.claims[mode][threshold][class];
            (d.to_string().parse().unwrap_or(0.0), median(claims))
        };
        settings.thresholds.iter().enumerate().map(point).collect()
    };
    let panels: Vec<Panel> = CLASSES
        .iter()
        .enumerate()
        .map(|(place, class)| Panel {
            title: format!("{} (N = {})", class.label, class.groups),
            curves: vec![curve(0, place), curve(1, place)],
        })
        .collect();
    let title = format!("Hours to detect against D, 1:{}", settings.sampling);
    draw(&title, &["active", "idle"], &panels, f64::from(HORIZONS[2]))
}

fn median(claims: &[Claim]) -> Option<f64> {
    let mut hours: Vec<u32> =
        claims.iter().map(|claim| claim.first_hour.unwrap_or(u32::MAX)).collect();
    hours.sort_unstable();
    let middle = hours.get(hours.len().checked_sub(1)? / 2)?;
    (*middle != u32::MAX).then(|| f64::from(*middle))
}

impl fmt::Display for PaperReport {
    /// Two tables in Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, seed, sampling, threshold, wrong_claims, flow_records, .. } = self;
        writeln!(
            f,
            "1:{sampling}, D = {threshold}, {seeds} runs of each mode from seed {seed}, {flow_records} flow records, {wrong_claims} wrong claims\n"
        )?;
        writeln!(
            f,
            "| set | mode | hours | paper | any hour | single runs | cumulative | single runs | within 8 points |"
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for row in &self.rows {
            let mode = if row.mode == Mode::Active { "active" } else { "idle" };
            writeln!(
                f,
                "| {} | {mode} | {} | {} % | {:.1} % | {:.1} to {:.1} | {:.1} % | {:.1} to {:.1} | {} |",
                row.set,
                row.hours,
                row.paper,
                row.ours,
                row.low,
                row.high,
                row.cumulative,
                row.cumulative_low,
                row.cumulative_high,
                if row.agrees { "yes" } else { "no" },
            )?;
        }
        writeln!(f, "\n| class | level | N | active 1 h | 24 h | 72 h | idle 1 h | 24 h | 72 h |")?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for ClassRow { class, level, groups, active, idle } in &self.classes {
            write!(f, "| {class} | {level} | {groups} |")?;
            for share in active.iter().chain(idle) {
                write!(f, " {share:.1} % |")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
