//! `hayrake demo`.

use super::Outcome;

/// Run a simulated ISP through the whole service and print classes beside the truth.
#[derive(clap::Args)]
pub(super) struct Demo {}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        anyhow::bail!("not built yet")
    }
}
