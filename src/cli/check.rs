//! `hayrake check`.

use super::Outcome;

/// Check a configuration and everything it names.
#[derive(clap::Args)]
pub(super) struct Check {}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        anyhow::bail!("not built yet")
    }
}
