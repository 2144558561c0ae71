//! Asking the configured resolvers, for a hitlist built by hand.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::config::Config;
use crate::dns::resolve::{ResolveReport, ResolveSettings, resolve};
use crate::model::time::Timestamp;
use crate::service::sources::Sources;

/// Asks the resolvers and adds what they say.
pub(super) fn ask(config: &Config, sources: &mut Sources, now: Timestamp) -> anyhow::Result<()> {
    let Some(configured) = &config.dns.resolve else {
        bail!("--resolve: the configuration has no dns.resolve");
    };
    let settings =
        ResolveSettings { servers: configured.servers.clone(), ..ResolveSettings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(resolve(&sources.signatures, &settings, now));
    runtime.shutdown_timeout(Duration::from_secs(1));
    let resolved = asked.context("the resolvers could not be asked")?;
    sources.learn(&resolved.answers);
    let ResolveReport { names, questions, answered, empty, failed, skipped, problems, .. } =
        &resolved.report;
    eprintln!(
        "resolvers: {names} names, {questions} questions, {answered} answered, {empty} empty, {failed} failed; {} wildcards cannot be asked for",
        skipped.len()
    );
    for problem in problems {
        eprintln!("  {problem}");
    }
    Ok(())
}
