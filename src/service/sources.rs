//! What the service knows besides flows: signatures, DNS answers, prefixes and
//! the token, read from the files that the configuration names.
//!
//! Reading is all or nothing: either everything can be used, or every reason
//! why not comes back and what was in force stays so.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::attribute::VerdictSettings;
use crate::config::{Config, Dns, FileFeed, Lines};
use crate::decode::DecodeSettings;
use crate::dns::{Answer, Knowledge, Reading, read_into};
use crate::metrics::Metrics;
use crate::model::line::Regions;
use crate::model::time::Timestamp;
use crate::orient::{LinePrefix, Prefixes};
use crate::publish::token::Token;
use crate::signature::SignatureSet;

/// Source of the answers that the service asked for itself.
const OWN_RESOLVER: &str = "resolver";

/// Everything read.
pub(super) struct Sources {
    pub(super) signatures: Arc<SignatureSet>,
    pub(super) knowledge: Knowledge,
    pub(super) prefixes: Arc<Prefixes>,
    pub(super) regions: Arc<Regions>,
    pub(super) token: Option<Token>,
}

impl Sources {
    /// Reads everything that `config` names. `regions` are those known so far,
    /// `resolved` the answers the service asked for itself, and answers seen
    /// later than `now` are not believed.
    pub(super) fn read(
        config: &Config,
        regions: &Regions,
        resolved: &[Answer],
        now: Timestamp,
        metrics: &Metrics,
    ) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let signatures = config.signatures.load().unwrap_or_else(|findings| {
            wrong.extend(findings.iter().map(ToString::to_string));
            SignatureSet::default()
        });
        let mut knowledge = Knowledge::new();
        for feed in &config.dns.feeds {
            if let Err(error) = read_feed(&mut knowledge, feed, now, metrics) {
                wrong.push(format!("{}: {error}", feed.path.display()));
            }
        }
        insert_resolved(&mut knowledge, resolved, metrics);
        let token = config.token_file.as_deref().map(read_token).transpose();
        let token = token.unwrap_or_else(|error| {
            wrong.push(error);
            None
        });
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut regions = regions.clone();
        let prefixes = prefixes(&config.lines, &mut regions);
        Ok(Self {
            signatures: Arc::new(signatures),
            knowledge,
            prefixes: Arc::new(prefixes),
            regions: Arc::new(regions),
            token,
        })
    }
}

/// Adds answers the service asked for itself.
pub(super) fn insert_resolved(knowledge: &mut Knowledge, answers: &[Answer], metrics: &Metrics) {
    let mut refused = 0;
    for answer in answers {
        if knowledge.insert(answer.clone(), OWN_RESOLVER).is_err() {
            refused += 1;
        }
    }
    metrics.dns_answers.with_label_values(&["taken"]).inc_by(answers.len() as u64 - refused);
    metrics.dns_answers.with_label_values(&["refused"]).inc_by(refused);
}

fn read_feed(
    knowledge: &mut Knowledge,
    feed: &FileFeed,
    now: Timestamp,
    metrics: &Metrics,
) -> Result<(), String> {
    let path = feed.path.display();
    let file = File::open(&feed.path).map_err(|error| error.to_string())?;
    let reading = Reading { coverage: feed.coverage, now };
    let report = read_into(knowledge, &path.to_string(), file, &reading)
        .map_err(|error| error.to_string())?;
    metrics.dns_answers.with_label_values(&["taken"]).inc_by(report.answers);
    metrics.dns_answers.with_label_values(&["refused"]).inc_by(report.refusals());
    metrics.dns_answers.with_label_values(&["damaged"]).inc_by(report.damaged);
    tracing::info!(%path, "{report}");
    if let Some(first) = report.problems.first() {
        tracing::warn!(%path, place = first.place, "the first problem in it: {}", first.what);
    }
    Ok(())
}

fn read_token(path: &Path) -> Result<Token, String> {
    let content = std::fs::read_to_string(path)
        .map_err(|error| format!("token file {}: {error}", path.display()))?;
    Token::from_file_content(&content)
        .map_err(|error| format!("token file {}: {error}", path.display()))
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
        ..VerdictSettings::default()
    }
}

/// What the decoder is told, by the configuration.
pub fn decode_settings(config: &Config) -> DecodeSettings {
    DecodeSettings {
        default_sampling: config.exporters.default_sampling.clone(),
        max_skew: config.max_skew,
    }
}
