//! `hayrake simulate`.

use super::Outcome;

/// Write a simulated ISP's exports, DNS answers and truth.
#[derive(clap::Args)]
pub(super) struct Simulate {}

impl Simulate {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        anyhow::bail!("not built yet")
    }
}
