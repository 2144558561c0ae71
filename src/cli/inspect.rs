//! `hayrake inspect`.

use super::Outcome;

/// Show what an exporter sends and what to mend.
#[derive(clap::Args)]
pub(super) struct Inspect {}

impl Inspect {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        anyhow::bail!("not built yet")
    }
}
