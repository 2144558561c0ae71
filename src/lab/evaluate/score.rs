//! From what the chain claimed and what is true to recall, false claims and
//! time to detect, each with what is uncertain about it.
//!
//! The unit is the line: one device in captures, one household in a simulated
//! set. A line that was run with several seeds counts once, with the share of
//! runs in which a class was found; a false claim of any run is one. So
//! intervals are over devices, and neither packets nor seeds narrow them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::chain::{Claims, Finished, HORIZONS};
use super::interval::{interval, upper_bound};
use super::report::{ClassReport, ConfusionRow, Estimate, FalseClaims, Within};
use crate::model::group::GroupId;
use crate::model::line::LineId;
use crate::model::rules::{ClassRule, Rules};
use crate::model::time::Day;

/// A line and what is true of it.
#[derive(Clone, Debug)]
pub struct TrueLine {
    /// Its pseudonym in the run.
    pub id: LineId,
    /// The same in every run.
    pub name: Arc<str>,
    /// The classes it has, those above included.
    pub classes: Vec<Arc<str>>,
}

/// What became of one class at one threshold.
#[derive(Debug, Default)]
struct ClassTally {
    owners: BTreeMap<Arc<str>, Owner>,
    others: u64,
    touched: HashSet<(Arc<str>, Day)>,
    wrong: HashSet<(Arc<str>, Day)>,
}

/// A line that has the class.
#[derive(Debug, Default)]
struct Owner {
    runs: u32,
    any_hour: [u32; 3],
    united: [u32; 3],
    first_hours: Vec<Option<u32>>,
}

/// Everything that was run at one threshold.
#[derive(Debug, Default)]
pub struct Score {
    classes: BTreeMap<Arc<str>, ClassTally>,
    /// How often a device's line was claimed to have a class, by device.
    confusion: BTreeMap<Arc<str>, BTreeMap<Arc<str>, u32>>,
    runs: BTreeMap<Arc<str>, u32>,
}

impl Score {
    /// Adds a run of `lines`, all of which are watched on `days`.
    pub fn add(
        &mut self,
        rules: &Rules,
        lines: &[TrueLine],
        days: &[Day],
        claims: &Claims,
        finished: &Finished,
        first_run: bool,
    ) {
        let groups: HashMap<GroupId, usize> = rules
            .classes()
            .iter()
            .enumerate()
            .flat_map(|(class, rule)| rule.groups.iter().map(move |group| (group.id, class)))
            .collect();
        let by_id: HashMap<LineId, &TrueLine> = lines.iter().map(|line| (line.id, line)).collect();
        for rule in rules.classes() {
            let tally = self.classes.entry(Arc::clone(&rule.class)).or_default();
            let owners = lines.iter().filter(|line| line.classes.contains(&rule.class));
            let mut owned = 0;
            for line in owners {
                owned += 1;
                let claim = claims.get(&(line.id, Arc::clone(&rule.class)));
                let owner = tally.owners.entry(Arc::clone(&line.name)).or_default();
                owner.runs += 1;
                owner.first_hours.push(claim.and_then(|claim| claim.first_hour));
                let Some(claim) = claim else { continue };
                for (place, hours) in HORIZONS.into_iter().enumerate() {
                    owner.any_hour[place] += u32::from(claim.any_hour_within(hours));
                    owner.united[place] += u32::from(claim.united[place]);
                }
            }
            if first_run {
                tally.others += (lines.len() - owned) as u64 * days.len() as u64;
            }
        }
        for ((line, day), touched) in &finished.touched {
            let Some(line) = by_id.get(line) else { continue };
            for class in touched.iter().filter_map(|group| groups.get(group)) {
                let class = &rules.classes()[*class].class;
                if !line.classes.contains(class) {
                    let tally = self.classes.entry(Arc::clone(class)).or_default();
                    tally.touched.insert((Arc::clone(&line.name), *day));
                }
            }
        }
        for ((line, class), claim) in claims {
            let Some(line) = by_id.get(line) else { continue };
            if !claim.days.is_empty() {
                let claimed = self.confusion.entry(Arc::clone(&line.name)).or_default();
                *claimed.entry(Arc::clone(class)).or_default() += 1;
            }
            if !line.classes.contains(class) {
                let tally = self.classes.entry(Arc::clone(class)).or_default();
                tally.wrong.extend(claim.days.iter().map(|day| (Arc::clone(&line.name), *day)));
            }
        }
        for line in lines {
            *self.runs.entry(Arc::clone(&line.name)).or_default() += 1;
        }
    }

    /// The report on every class within `horizons` hours; N is that of the day,
    /// of those of `rules`, on which it was largest.
    pub fn classes(&self, rules: &[&Rules], horizons: &[u32]) -> Vec<ClassReport> {
        let none = ClassTally::default();
        let Some(first) = rules.first() else { return Vec::new() };
        let report = |(place, class): (usize, &ClassRule)| {
            let days = rules.iter().filter_map(|rules| rules.classes().get(place));
            let rule = days.max_by_key(|rule| rule.monitored()).unwrap_or(class);
            let tally = self.classes.get(&rule.class).unwrap_or(&none);
            let within =
                HORIZONS.into_iter().enumerate().filter(|(_, hours)| horizons.contains(hours)).map(
                    |(place, hours)| Within {
                        hours,
                        any_hour: tally.recall(|owner| owner.any_hour[place]),
                        cumulative: tally.recall(|owner| owner.united[place]),
                    },
                );
            ClassReport {
                class: Arc::clone(&rule.class),
                level: rule.level,
                monitored: rule.monitored(),
                required: rule.required(),
                devices: tally.owners.len(),
                within: within.collect(),
                median_hours: tally.median_hours(),
                false_claims: tally.false_claims(),
            }
        };
        first.classes().iter().enumerate().map(report).collect()
    }

    /// For each line what it was claimed to have, with the share of its runs;
    /// `truth` says what it has.
    pub fn confusion(&self, truth: impl Fn(&str) -> Vec<Arc<str>>) -> Vec<ConfusionRow> {
        let row = |(line, runs): (&Arc<str>, &u32)| {
            let claimed = self.confusion.get(line).into_iter().flatten();
            let share = |times: u32| f64::from(times) / f64::from((*runs).max(1));
            ConfusionRow {
                device: Arc::clone(line),
                truth: truth(line),
                claimed: claimed.map(|(class, times)| (Arc::clone(class), share(*times))).collect(),
            }
        };
        self.runs.iter().map(row).collect()
    }
}

impl ClassTally {
    fn recall(&self, found: impl Fn(&Owner) -> u32) -> Estimate {
        let successes: f64 = self
            .owners
            .values()
            .map(|owner| f64::from(found(owner)) / f64::from(owner.runs.max(1)))
            .sum();
        let trials = self.owners.len() as f64;
        let (low, high) = interval(successes, trials);
        let share = (trials > 0.0).then(|| successes / trials);
        Estimate { share, low, high }
    }

    /// The hour within which half of all looks had found the class.
    fn median_hours(&self) -> Option<u32> {
        let mut hours: Vec<u32> = self
            .owners
            .values()
            .flat_map(|owner| &owner.first_hours)
            .map(|hour| hour.unwrap_or(u32::MAX))
            .collect();
        hours.sort_unstable();
        let middle = hours.len().checked_sub(1)? / 2;
        hours.get(middle).copied().filter(|hour| *hour != u32::MAX)
    }

    fn false_claims(&self) -> FalseClaims {
        let wrong = self.wrong.len() as u64;
        FalseClaims {
            line_days: self.others,
            touched_line_days: self.touched.len() as u64,
            claims: wrong,
            upper_a_line_day: upper_bound(wrong as f64, self.others as f64),
            upper_a_touched_line_day: upper_bound(wrong as f64, self.touched.len() as f64),
        }
    }
}
