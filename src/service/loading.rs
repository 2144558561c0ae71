//! Reading what the running service needs, with what came of it counted and
//! logged. At the start and at every reload it goes through here.

use std::path::Path;

use super::clock::Clock;
use super::sources::{RESOLVER, Sources};
use crate::config::Config;
use crate::dns::{Answer, Knowledge};
use crate::metrics::Metrics;
use crate::model::line::Regions;
use crate::model::time::Timestamp;
use crate::publish::token::Token;

/// Everything read.
pub(super) struct Loaded {
    pub(super) sources: Sources,
    pub(super) token: Option<Token>,
}

/// Reads everything that `config` names, answers onto the table that `begin`
/// gives.
pub(super) fn load(
    config: &Config,
    regions: &Regions,
    clock: &Clock,
    metrics: &Metrics,
    begin: impl FnOnce(&dyn Fn() -> Knowledge) -> Knowledge,
) -> Result<Loaded, Vec<String>> {
    let token = config.token_file.as_deref().map(read_token).transpose();
    let sources =
        Sources::read_onto(config, regions, belief(clock), &|_, file| Box::new(file), begin);
    let (sources, token) = match (sources, token) {
        (Ok(sources), Ok(token)) => (sources, token),
        (Err(wrong), Ok(_)) => return Err(wrong),
        (Ok(_), Err(wrong)) => return Err(vec![wrong]),
        (Err(mut all), Err(wrong)) => {
            all.push(wrong);
            return Err(all);
        }
    };
    tell(&sources, metrics);
    Ok(Loaded { sources, token })
}

/// Adds answers that the service has asked for itself.
pub(super) fn learn(sources: &mut Sources, answers: &[Answer], clock: &Clock, metrics: &Metrics) {
    if !answers.is_empty() {
        let now = i64::try_from(clock.now().as_secs()).unwrap_or(i64::MAX);
        metrics.feeds.last_answer.with_label_values(&[RESOLVER]).set(now);
    }
    let refused = sources.learn(answers);
    metrics.feeds.count(RESOLVER, "taken", answers.len() as u64 - refused);
    metrics.feeds.count(RESOLVER, "refused", refused);
}

fn tell(sources: &Sources, metrics: &Metrics) {
    for (path, report) in &sources.lists {
        tracing::info!(path = %path.display(), "{report}");
    }
    for (path, report) in &sources.scanned {
        let path = path.display();
        tracing::info!(%path, "{report}");
        if let Some(first) = report.problems.first() {
            tracing::warn!(%path, line = first.line, "the first problem in it: {}", first.what);
        }
    }
    for feed in &sources.reports {
        let (path, report) = (feed.path.display(), &feed.report);
        let name = feed.path.display().to_string();
        metrics.feeds.count(&name, "taken", report.answers);
        metrics.feeds.count(&name, "refused", report.refusals());
        metrics.feeds.count(&name, "damaged", report.damaged);
        let written = i64::try_from(feed.written.as_secs()).unwrap_or(i64::MAX);
        metrics.feeds.written.with_label_values(&[&name]).set(written);
        tracing::info!(%path, "{report}");
        if let Some(first) = report.problems.first() {
            tracing::warn!(%path, place = first.place, "the first problem in it: {}", first.what);
        }
    }
}

fn read_token(path: &Path) -> Result<Token, String> {
    let failed = |error: String| format!("token file {}: {error}", path.display());
    let content = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Token::from_file_content(&content).map_err(failed)
}

/// Answers seen later than this are not believed. For a clock that is not the
/// system's, answers are made in advance.
pub(super) fn belief(clock: &Clock) -> Timestamp {
    match clock {
        Clock::Real | Clock::Moved(_) => clock.now(),
        Clock::SpedUp { .. } => Timestamp::MAX,
    }
}
