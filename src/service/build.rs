//! From sources to what workers and the API read: the hitlist, the rules and
//! what is said about them.
//!
//! N, groups and roles are made once for a UTC day; within the day only the
//! endpoints follow the DNS answers. The exception is a day that began knowing
//! nothing ([`Product::learning`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::clock::{Clock, Stopwatch};
use super::snapshot::Snapshot;
use super::sources::{Sources, decode_settings};
use crate::attribute::{BuildChange, BuildReport, ClassReport, Hitlist, diff};
use crate::config::Config;
use crate::dns::Knowledge;
use crate::metrics::Metrics;
use crate::model::rules::Rules;
use crate::model::time::{Day, Timestamp};
use crate::orient::LineKeys;
use crate::publish::prometheus::show_lines;
use crate::publish::view::{Current, Facts};
use crate::publish::wire::{GroupState, HitlistAnswer, SignatureAnswer};
use crate::signature::SignatureSet;

/// What was built for a day.
pub(super) struct Product {
    pub(super) day: Day,
    /// Whether the day began without any class that could be detected, which
    /// is so when nothing was known yet. Rules then follow the answers until
    /// the day ends, or the few names that are asked for first would be all
    /// that is looked for.
    pub(super) learning: bool,
    /// From when the rules hold.
    since: Timestamp,
    /// When the endpoints were last brought up to date.
    built: Timestamp,
    hitlist: Arc<Hitlist>,
    rules: Arc<Rules>,
    report: BuildReport,
    /// Classes that can no longer be detected, and the last day they could.
    lost: BTreeMap<Arc<str>, Day>,
}

impl Product {
    /// Builds anew: N, groups and roles are what the data says now.
    pub(super) fn build(sources: &mut Sources, clock: &Clock, metrics: &Metrics) -> Self {
        let stopwatch = Stopwatch::start();
        let now = clock.now();
        sources.forget(now.day());
        sources.knowledge.settle();
        let built = sources.build(now.day());
        metrics.hitlist_build.set(stopwatch.elapsed().as_secs_f64());
        let mut product = Self {
            day: now.day(),
            learning: false,
            since: now,
            built: now,
            hitlist: Arc::new(built.hitlist),
            rules: Arc::new(built.rules),
            report: built.report,
            lost: BTreeMap::new(),
        };
        product.learning = product.detectable().0 == 0;
        product
    }

    /// Brings the endpoints up to what is known now; the rules stay.
    pub(super) fn refresh(&mut self, sources: &mut Sources, clock: &Clock, metrics: &Metrics) {
        let stopwatch = Stopwatch::start();
        sources.knowledge.settle();
        let hitlist = sources.refresh(self.day, &self.rules);
        metrics.hitlist_build.set(stopwatch.elapsed().as_secs_f64());
        self.report.endpoints = hitlist.len();
        self.built = clock.now();
        self.hitlist = Arc::new(hitlist);
    }

    /// What changed from the build `before`. A class that was lost is counted
    /// and remembered until it can be detected again.
    pub(super) fn follow(&mut self, before: &Self, metrics: &Metrics) -> BuildChange {
        let change = diff((&before.report, &before.hitlist), (&self.report, &self.hitlist));
        self.lost.clone_from(&before.lost);
        for lost in change.lost() {
            metrics.class_lost.with_label_values(&[&lost.class]).inc();
            self.lost.insert(lost.class.clone(), before.day);
        }
        let undetectable = |class: &Arc<str>| {
            let mut classes = self.report.classes.iter();
            classes.any(|known| known.class == *class && known.monitored == 0)
        };
        self.lost.retain(|class, _| undetectable(class));
        change
    }

    /// Why a class cannot be detected, and until when it could.
    fn reason(&self, class: &ClassReport) -> String {
        let until = self.lost.get(&class.class);
        let until = until.map(|day| format!("; it could be detected until {day}"));
        format!("{}{}", why_not(class), until.unwrap_or_default())
    }

    /// Classes that can be detected, and classes in all.
    pub(super) fn detectable(&self) -> (usize, usize) {
        let classes = self.rules.classes();
        (classes.iter().filter(|class| class.monitored() > 0).count(), classes.len())
    }

    /// The rules of the day.
    pub(super) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// The endpoints in force.
    pub(super) fn hitlist(&self) -> &Hitlist {
        &self.hitlist
    }

    /// What workers read.
    pub(super) fn snapshot(&self, config: &Config, sources: &Sources, keys: &LineKeys) -> Snapshot {
        Snapshot {
            view: sources.view(self.hitlist.clone(), self.rules.clone()),
            from: self.since,
            allow: config.exporters.allow.clone(),
            keys: keys.clone(),
            decode: decode_settings(config),
        }
    }

    /// Tells the API and the metrics.
    pub(super) fn show(&self, sources: &Sources, current: &Current, metrics: &Metrics) {
        let reasons = self.report.classes.iter().filter(|class| class.monitored == 0);
        let facts = Facts {
            rules: self.rules.clone(),
            regions: sources.regions.clone(),
            reasons: reasons.map(|class| (class.class.clone(), self.reason(class))).collect(),
            signatures: Arc::new(
                sources.signatures.classes.iter().map(SignatureAnswer::new).collect(),
            ),
            groups: Arc::new(self.report.classes.iter().map(group_states).collect()),
            hitlist: HitlistAnswer::new(&self.report, self.built),
        };
        self.show_rules(metrics);
        show_classes(&sources.signatures, metrics);
        show_table(&sources.knowledge, metrics);
        // Classes and regions may have gone: what is shown is made anew.
        metrics.lines.reset();
        for window in crate::model::time::Window::ALL {
            if let Some(complete) = current.complete(window) {
                show_lines(metrics, &facts, &complete, current.k());
            }
        }
        current.set_facts(facts);
        self.show_endpoints(current, metrics);
    }

    /// Tells the API and the metrics that endpoints have changed, and nothing
    /// else has.
    pub(super) fn show_endpoints(&self, current: &Current, metrics: &Metrics) {
        metrics.hitlist_endpoints.set(number(self.report.endpoints));
        metrics.hitlist_built.set(i64::try_from(self.built.as_secs()).unwrap_or(i64::MAX));
        if let Some(facts) = current.facts() {
            let hitlist = HitlistAnswer::new(&self.report, self.built);
            current.set_facts(Facts { hitlist, ..Facts::clone(&facts) });
        }
    }

    fn show_rules(&self, metrics: &Metrics) {
        let groups = self.report.groups;
        for (verdict, count) in [
            ("dedicated", groups.dedicated),
            ("shared", groups.shared),
            ("undecided", groups.undecided),
            ("unresolvable", groups.unresolvable),
        ] {
            metrics.hitlist_groups.with_label_values(&[verdict]).set(number(count));
        }
        metrics.class_detectable.reset();
        metrics.class_groups.reset();
        for class in self.rules.classes() {
            let labels = [&*class.class, class.level.as_str()];
            let detectable = i64::from(class.monitored() > 0);
            metrics.class_detectable.with_label_values(&labels).set(detectable);
            metrics.class_groups.with_label_values(&labels).set(number(class.monitored()));
        }
    }
}

/// What people wrote about the classes.
fn show_classes(signatures: &SignatureSet, metrics: &Metrics) {
    metrics.class_info.reset();
    metrics.class_checked.reset();
    for class in &signatures.classes {
        let (level, parent) = (class.level.as_str(), class.parent.as_deref().unwrap_or(""));
        let labels = [&*class.class, level, &*class.name, &*class.vendor, parent];
        metrics.class_info.with_label_values(&labels).set(1);
        let checked = class.checked.to_zoned(TimeZone::UTC).map(|start| start.timestamp());
        if let Ok(start) = checked {
            let gauge = metrics.class_checked.with_label_values(&[&*class.class, level]);
            gauge.set(start.as_second());
        }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How full the table of answers is.
fn show_table(dns: &Knowledge, metrics: &Metrics) {
    let (size, table) = (dns.size(), &metrics.feeds.table);
    for (kind, count) in [
        ("names", size.names),
        ("addresses", size.addresses),
        ("facts", size.facts),
        ("traces", size.traces),
    ] {
        table.holds.with_label_values(&[kind]).set(number(count));
    }
    table.bytes.set(number(dns.memory()));
    let gone = size.gone;
    for (why, count) in
        [("expired", gone.expired), ("evicted", gone.evicted), ("saturated", gone.saturated)]
    {
        table.gone.with_label_values(&[why]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// What became of each group of a class.
fn group_states(class: &ClassReport) -> (Arc<str>, Vec<GroupState>) {
    (class.class.clone(), class.groups.iter().map(GroupState::new).collect())
}

/// Why a class has no group that is monitored: its groups' verdicts, and the
/// first reason in words.
fn why_not(class: &ClassReport) -> String {
    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    for group in &class.groups {
        *verdicts.entry(group.verdict).or_default() += 1;
    }
    let counted: Vec<String> =
        verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let first = class
        .groups
        .iter()
        .find_map(|group| Some(format!("; {}: {}", group.group, group.why_not.as_ref()?)));
    format!(
        "none of its {} groups is dedicated and resolvable now ({}){}",
        class.total,
        counted.join(", "),
        first.unwrap_or_default()
    )
}
