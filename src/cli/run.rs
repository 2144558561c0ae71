//! `hayrake run`.

use super::Outcome;

/// Run the service.
#[derive(clap::Args)]
pub(super) struct Run {}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        anyhow::bail!("not built yet")
    }
}
