//! `hayrake replay`.

use super::Outcome;

/// Run flow-export captures through the pipeline.
#[derive(clap::Args)]
pub(super) struct Replay {}

impl Replay {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        anyhow::bail!("not built yet")
    }
}
