//! `hayrake signature`.

use super::Outcome;

/// List, show, check and compare signatures.
#[derive(clap::Args)]
pub(super) struct Signature {}

impl Signature {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        anyhow::bail!("not built yet")
    }
}
