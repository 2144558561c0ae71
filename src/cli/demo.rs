//! `hayrake demo`.

use super::Outcome;
use crate::signature::{self, SignatureSet};

/// Run a simulated ISP through the whole service and print classes beside the truth.
#[derive(clap::Args)]
pub(super) struct Demo {}

/// The shipped signatures; they are part of the binary, so a finding in them
/// is a fault of the build.
pub(super) fn shipped() -> anyhow::Result<SignatureSet> {
    signature::shipped().map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the shipped signatures are broken:\n{}", findings.join("\n"))
    })
}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        anyhow::bail!("not built yet")
    }
}
