//! What a configuration's DNS answers make of signatures today, for a command
//! that runs and ends.

use super::answers::read_answers;
use crate::attribute::{BuildInput, build};
use crate::config::Config;
use crate::model::line::Regions;
use crate::model::rules::Rules;
use crate::model::time::Timestamp;
use crate::service::{prefixes, verdict_settings};
use crate::signature::SignatureSet;

/// The rules that hold today with the answers that `config` names.
pub(super) fn rules_today(config: &Config, signatures: &SignatureSet) -> anyhow::Result<Rules> {
    let dns = read_answers(&config.dns.feeds, &[])?;
    let prefixes = prefixes(&config.lines, &mut Regions::default());
    let now = jiff::Timestamp::now().as_millisecond();
    let built = build(&BuildInput {
        signatures,
        dns: &dns,
        day: Timestamp::from_millis(now.unsigned_abs()).day(),
        excluded: &|address| prefixes.contains(address),
        in_cloud: &|_| false,
        settings: verdict_settings(&config.dns),
    });
    Ok(built.rules)
}
