//! What `/readyz` says when a build is in force; the keeper adds what it knows of
//! checkpoints, the history and the clock.

use super::build::Product;
use super::live::Live;
use crate::config::{Config, open_to_others};
use crate::publish::wire::ReadyAnswer;

/// What is said about readiness when a build is in force.
pub(super) fn ready(
    product: &Product,
    refused: &[String],
    live: &Live,
    config: &Config,
) -> ReadyAnswer {
    let mut warnings: Vec<String> = refused
        .iter()
        .map(|reason| format!("reload refused, what was in force before stays so: {reason}"))
        .collect();
    if product.detectable().0 == 0 {
        warnings.push("no class can be detected now; /api/v1/classes says why of each".to_owned());
    }
    warnings.extend(live.warnings());
    warnings.extend(open_to_others(config.http, config.tls.is_some()));
    ReadyAnswer { ready: true, waiting_for: Vec::new(), warnings }
}
