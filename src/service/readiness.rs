//! What `/readyz` says when a build is in force; the keeper adds what it knows of
//! checkpoints and the clock, and what other threads warn of.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::build::Product;
use super::live::Live;
use crate::config::{Config, open_to_others};
use crate::publish::wire::ReadyAnswer;

/// How often the same failure is logged while it lasts.
pub(super) const SAY_AGAIN: Duration = Duration::from_secs(600);

/// What another thread has to say about readiness, for as long as it holds.
#[derive(Clone, Default)]
pub(super) struct Warning(Arc<ArcSwapOption<String>>);

impl Warning {
    pub(super) fn say(&self, text: String) {
        self.0.store(Some(Arc::new(text)));
    }

    pub(super) fn take_back(&self) {
        self.0.store(None);
    }

    /// What is to be said, if anything is.
    pub(super) fn text(&self) -> Option<String> {
        self.0.load().as_ref().map(|text| String::clone(text))
    }
}

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
