//! What a configuration's DNS answers make of signatures today, for a command
//! that runs and ends.

use std::sync::Arc;

use super::progress::FileProgress;
use crate::config::Config;
use crate::model::line::Regions;
use crate::model::rules::Rules;
use crate::service::clock::Clock;
use crate::service::sources::Sources;
use crate::signature::SignatureSet;

/// The rules that hold today for `signatures`, with the answers that `config`
/// names.
pub(super) fn rules_today(config: &Config, signatures: SignatureSet) -> anyhow::Result<Rules> {
    let now = Clock::Real.now();
    let mut sources = Sources::read_through(config, &Regions::default(), now, &FileProgress::of)
        .map_err(|wrong| anyhow::Error::msg(wrong.join("\n")))?;
    sources.signatures = Arc::new(signatures);
    Ok(sources.build(now.day()).rules)
}
