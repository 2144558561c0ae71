//! Everything a configuration names besides sockets, read from files, and the
//! views that are made of it. `run`, `replay` and `hitlist` all read here.
//!
//! Reading is all or nothing: either everything can be used, or every reason
//! why not comes back.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::attribute::{
    BuildInput, Built, Hitlist, Signals, Subject, VerdictSettings, build, refresh,
};
use crate::config::{Config, Dns, FileFeed, Lines, Origin, RangeFile};
use crate::decode::DecodeSettings;
use crate::dns::read::{Reading, read_into};
use crate::dns::report::ReadReport;
use crate::dns::{Answer, Knowledge, Sieve};
use crate::infrastructure::certificates::ScanReport;
use crate::infrastructure::ranges::RangesReport;
use crate::infrastructure::{Ranges, Scans};
use crate::model::line::Regions;
use crate::model::rules::Rules;
use crate::model::time::{Day, Timestamp};
use crate::orient::{LinePrefix, Prefixes};
use crate::pipeline::View;
use crate::signature::SignatureSet;

use super::clock::written;

/// The name under which answers to our own questions are kept.
pub const RESOLVER: &str = "resolver";

/// What comes between a file and its reader: to say how far it is.
pub type Open<'a> = &'a dyn Fn(&Path, File) -> Box<dyn Read>;

/// Everything read.
pub struct Sources {
    /// What people wrote about devices.
    pub signatures: Arc<SignatureSet>,
    /// What resolvers answered.
    pub knowledge: Knowledge,
    /// How long ago an answer may have last been seen.
    pub keep: Duration,
    /// Where subscriber lines are.
    pub prefixes: Arc<Prefixes>,
    /// The names of regions.
    pub regions: Arc<Regions>,
    /// How strict verdicts are.
    pub verdicts: VerdictSettings,
    /// The ranges of clouds and delivery networks.
    pub ranges: Ranges,
    /// Certificates seen by Internet scans.
    pub scans: Scans,
    /// What came of each file of scan data.
    pub scanned: Vec<(PathBuf, ScanReport)>,
    /// What came of each list of ranges.
    pub lists: Vec<(PathBuf, RangesReport)>,
    /// What came of each file of answers.
    pub reports: Vec<FeedReport>,
}

/// What came of one file of answers.
#[derive(Clone, Debug)]
pub struct FeedReport {
    /// The file.
    pub path: PathBuf,
    /// When it had been written.
    pub written: Timestamp,
    /// What was read.
    pub report: ReadReport,
}

impl Sources {
    /// Reads everything that `config` names. `regions` are those known so far,
    /// whose ids stay; answers seen later than `now` are not believed.
    pub fn read(config: &Config, regions: &Regions, now: Timestamp) -> Result<Self, Vec<String>> {
        Self::read_through(config, regions, now, &|_, file| Box::new(file))
    }

    /// The same, each file through what `open` makes of it.
    pub fn read_through(
        config: &Config,
        regions: &Regions,
        now: Timestamp,
        open: Open<'_>,
    ) -> Result<Self, Vec<String>> {
        Self::read_onto(config, regions, now, open, |make| make())
    }

    /// The same, onto the table that `begin` gives, which is told how to make
    /// an empty one.
    pub fn read_onto(
        config: &Config,
        regions: &Regions,
        now: Timestamp,
        open: Open<'_>,
        begin: impl FnOnce(&dyn Fn() -> Knowledge) -> Knowledge,
    ) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let signatures = config.signatures.load().unwrap_or_else(|findings| {
            wrong.extend(findings.iter().map(ToString::to_string));
            SignatureSet::default()
        });
        let mut regions = regions.clone();
        let mut prefixes = prefixes(&config.lines, &mut regions);
        match config.lines.opt_out.load() {
            Ok(listed) => listed.into_iter().for_each(|net| prefixes.opt_out(net)),
            Err(findings) => wrong.extend(findings.iter().map(ToString::to_string)),
        }
        let scans = Scans::of_interest_to(&signatures);
        let memory = usize::try_from(config.dns.memory).unwrap_or(usize::MAX);
        let knowledge = begin(&|| Knowledge::bounded(Sieve::new(&signatures), memory));
        let mut sources = Self {
            signatures: Arc::new(signatures),
            knowledge,
            keep: config.dns.keep,
            prefixes: Arc::new(prefixes),
            regions: Arc::new(regions),
            verdicts: verdict_settings(&config.dns),
            ranges: Ranges::default(),
            scans,
            scanned: Vec::new(),
            lists: Vec::new(),
            reports: Vec::new(),
        };
        for feed in &config.dns.feeds {
            if let Err(error) = sources.read_answers_through(feed, now, open) {
                wrong.push(error);
            }
        }
        for list in &config.dns.ranges {
            if let Err(error) = sources.read_ranges(list, open) {
                wrong.push(error);
            }
        }
        for scan in &config.dns.scans {
            if let Err(error) = sources.read_scan(scan, now, open) {
                wrong.push(error);
            }
        }
        if wrong.is_empty() { Ok(sources) } else { Err(wrong) }
    }

    /// Reads one more file of answers.
    pub fn read_answers(&mut self, feed: &FileFeed, now: Timestamp) -> Result<(), String> {
        self.read_answers_through(feed, now, &|_, file| Box::new(file))
    }

    fn read_answers_through(
        &mut self,
        feed: &FileFeed,
        now: Timestamp,
        open: Open<'_>,
    ) -> Result<(), String> {
        let path = &feed.path;
        let failed = |error: String| format!("{}: {error}", path.display());
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        let source = path.display().to_string();
        let written = written(&file);
        let reading =
            Reading { types: feed.types, dated: written, ..Reading::new(feed.coverage, now) };
        let report = read_into(&mut self.knowledge, &source, open(path, file), &reading)
            .map_err(|error| failed(error.to_string()))?;
        self.knowledge.settle();
        self.reports.push(FeedReport { path: path.to_owned(), written, report });
        Ok(())
    }

    /// Reads one more file of scan data. Records without a time are as old as
    /// the file.
    fn read_scan(&mut self, path: &Path, now: Timestamp, open: Open<'_>) -> Result<(), String> {
        let failed = |error: String| format!("{}: {error}", path.display());
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        let made = written(&file);
        let report = self.scans.read(open(path, file), made, now);
        self.scanned.push((path.to_owned(), report.map_err(|error| failed(error.to_string()))?));
        Ok(())
    }

    /// Reads one more list of address ranges.
    fn read_ranges(&mut self, list: &RangeFile, open: Open<'_>) -> Result<(), String> {
        let path = &list.path;
        let failed = |error: String| format!("{}: {error}", path.display());
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let report = self.ranges.read(open(path, file), list.provider.as_deref(), &stem);
        self.lists.push((path.clone(), report.map_err(|problem| failed(problem.to_string()))?));
        Ok(())
    }

    /// Adds answers that the service asked for itself; returns how many were
    /// refused.
    pub fn learn(&mut self, answers: &[Answer]) -> u64 {
        let refused =
            |answer: &&Answer| self.knowledge.insert((*answer).clone(), RESOLVER).is_err();
        answers.iter().filter(refused).count() as u64
    }

    /// Takes back what is left of answers about an address that is asked about,
    /// whether or not it can matter.
    pub fn recall(&mut self, subject: &Subject) {
        if let Subject::Address(address) = subject {
            self.knowledge.recall([*address]);
        }
    }

    /// Forgets answers that on `day` were last seen too long ago.
    pub fn forget(&mut self, day: Day) {
        self.knowledge.expire(day.start().minus(self.keep).day().start());
    }

    /// The hitlist and the rules of a day.
    pub fn build(&self, day: Day) -> Built {
        self.with_input(day, build)
    }

    /// The endpoints as they are known now, for the rules made earlier in the
    /// day.
    pub fn refresh(&self, day: Day, frozen: &Rules) -> Hitlist {
        self.with_input(day, |input| refresh(input, frozen))
    }

    /// What the pipeline reads, with this hitlist and these rules.
    pub fn view(&self, hitlist: Arc<Hitlist>, rules: Arc<Rules>) -> View {
        View { prefixes: self.prefixes.clone(), hitlist, rules, regions: self.regions.clone() }
    }

    /// What the pipeline reads on a day.
    pub fn view_of(&self, day: Day) -> View {
        let built = self.build(day);
        self.view(Arc::new(built.hitlist), Arc::new(built.rules))
    }

    /// Hands what a build looks at to `make`.
    pub fn with_input<T>(&self, day: Day, make: impl FnOnce(&BuildInput<'_>) -> T) -> T {
        make(&BuildInput {
            signatures: &self.signatures,
            dns: &self.knowledge,
            day,
            excluded: &|address| self.prefixes.contains(address),
            signals: Signals { ranges: Some(&self.ranges), scans: Some(&self.scans) },
            settings: self.verdicts.clone(),
        })
    }
}

/// The table of lines' prefixes; names of regions are added to `regions`.
pub fn prefixes(lines: &Lines, regions: &mut Regions) -> Prefixes {
    let mut prefixes = Prefixes::default();
    for configured in &lines.prefixes {
        let region = regions.intern(configured.region.as_deref().unwrap_or(""));
        prefixes.insert(configured.net, LinePrefix { length: configured.length, region });
    }
    prefixes
}

/// How strict verdicts are, by the configuration.
pub fn verdict_settings(dns: &Dns) -> VerdictSettings {
    VerdictSettings {
        min_days: usize::try_from(dns.foreign.min_days).unwrap_or(usize::MAX),
        min_count: dns.foreign.min_count,
        trust_partial: dns.trust_partial,
        hold: dns.hold,
        cloud_hold: dns.cloud_hold,
        crowd_owners: usize::try_from(dns.crowd_owners).unwrap_or(usize::MAX),
        afar: dns
            .feeds
            .iter()
            .filter(|feed| feed.origin == Origin::Global)
            .map(|feed| feed.path.display().to_string())
            .collect(),
    }
}

/// What the decoder is told, by the configuration.
pub fn decode_settings(config: &Config) -> DecodeSettings {
    DecodeSettings {
        default_sampling: config.exporters.default_sampling.clone(),
        max_skew: config.max_skew,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_cannot_be_used_is_named_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            std::fs::create_dir_all(dir.path().join("signatures/product")).unwrap();
            std::fs::write(dir.path().join(name), content).unwrap();
        };
        file("signatures/product/kettle.yaml", "class: kettle\n");
        file(
            "hayrake.yaml",
            "lines: {prefixes: [{net: 198.51.100.0/24, region: north}], key_file: key}\n\
             dns: {feeds: [{file: missing.jsonl}, {file: gone.jsonl}]}\n\
             signatures: signatures\n",
        );
        let config = crate::config::load(&dir.path().join("hayrake.yaml")).unwrap();
        let wrong = Sources::read(&config, &Regions::default(), Timestamp::MAX).err().unwrap();
        for part in ["missing.jsonl", "gone.jsonl", "kettle.yaml"] {
            assert!(wrong.iter().any(|reason| reason.contains(part)), "{part} in {wrong:?}");
        }
    }

    #[test]
    fn a_region_keeps_its_id_over_a_reload() {
        let lines = |regions: &[&str]| Lines {
            prefixes: regions
                .iter()
                .map(|region| crate::config::LinePrefixConfig {
                    net: "198.51.100.0/24".parse().unwrap(),
                    length: 32,
                    region: Some((*region).to_owned()),
                })
                .collect(),
            key_file: PathBuf::new(),
            opt_out: crate::config::OptOut::default(),
        };
        let mut regions = Regions::default();
        prefixes(&lines(&["south"]), &mut regions);
        let south = regions.clone().intern("south");
        prefixes(&lines(&["north", "south"]), &mut regions);
        assert_eq!(regions.intern("south"), south);
    }
}
