//! `hayrake hitlist`.

use super::Outcome;

/// Build the hitlist, or explain a name or an address.
#[derive(clap::Args)]
pub(super) struct Hitlist {}

impl Hitlist {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        anyhow::bail!("not built yet")
    }
}
