//! What the chain reads while it is judged: the hitlist and the rules of each
//! day, built as the live service builds them, and the same rules with other
//! thresholds beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::attribute::{BuildInput, Built, Signals, VerdictSettings, build};
use crate::dns::{Answer, AnswerData, Coverage, Knowledge};
use crate::model::line::Regions;
use crate::model::rules::{Rules, Threshold};
use crate::model::time::Day;
use crate::orient::Prefixes;
use crate::pipeline::View;
use crate::signature::SignatureSet;
use crate::simulate::names::{NameData, NameRecord};

/// One day's view and the rules to judge by, one for each threshold.
#[derive(Clone)]
pub struct DayView {
    /// What the front reads.
    pub view: View,
    /// What the backs judge by.
    pub rules: Vec<Arc<Rules>>,
}

/// The views of all days.
pub type Views = BTreeMap<Day, DayView>;

/// Builds the view of every day in `days`. An empty list of thresholds stands
/// for the classes' own.
pub fn views(
    set: &SignatureSet,
    dns: &Knowledge,
    prefixes: &Prefixes,
    days: impl IntoIterator<Item = Day>,
    thresholds: &[Threshold],
) -> Views {
    let prefixes = Arc::new(prefixes.clone());
    let regions = Arc::new(Regions::default());
    let days = days.into_iter().map(|day| {
        let Built { hitlist, rules, .. } = build(&BuildInput {
            signatures: set,
            dns,
            day,
            excluded: &|address| prefixes.contains(address),
            signals: Signals::default(),
            settings: VerdictSettings::default(),
        });
        let own = Arc::new(rules);
        let rules = match thresholds {
            [] => vec![Arc::clone(&own)],
            some => some
                .iter()
                .map(|threshold| Arc::new(Rules::clone(&own).with_threshold(*threshold)))
                .collect(),
        };
        let view = View {
            prefixes: Arc::clone(&prefixes),
            hitlist: Arc::new(hitlist),
            rules: own,
            regions: Arc::clone(&regions),
        };
        (day, DayView { view, rules })
    });
    days.collect()
}

/// What the simulated resolvers answered, from a source that sees everybody.
pub fn knowledge(names: &[NameRecord]) -> Result<Knowledge, String> {
    let mut dns = Knowledge::new();
    for day in names.iter().flat_map(NameRecord::days) {
        let answer = Answer {
            name: day.record.name.clone(),
            data: match &day.record.data {
                NameData::Address(address) => AnswerData::Address(*address),
                NameData::Alias(name) => AnswerData::Alias(name.clone()),
            },
            first: day.first,
            last: day.last,
            count: day.count,
            coverage: Coverage::Population,
        };
        dns.insert(answer, "simulated").map_err(|refused| format!("{refused:?}"))?;
    }
    Ok(dns)
}
