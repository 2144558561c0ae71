//! What the steps after the captures read: traffic, and what verdicts rest on.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::config::SignatureSource;
use crate::lab::domains::{Decisions, Grounds, Popular};
use crate::lab::traffic::Captured;
use crate::signature::SignatureSet;

/// What devices did.
#[derive(clap::Args)]
pub(super) struct Traffic {
    /// Files that `lab capture --json` printed.
    #[arg(value_name = "TRAFFIC", required = true)]
    files: Vec<PathBuf>,
}

/// What verdicts on domains rest on beside the traffic.
#[derive(clap::Args)]
pub(super) struct Evidence {
    /// Folder of signatures whose owner aliases and platforms are used, instead
    /// of those that are part of the program.
    #[arg(long, value_name = "DIR")]
    signatures: Option<PathBuf>,
    /// List of popular services instead of the one that is part of the program:
    /// a name a line.
    #[arg(long, value_name = "FILE")]
    popular: Option<PathBuf>,
    /// YAML file of what people decided about domains.
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
}

/// [`Evidence`], read.
pub(super) struct Known {
    pub(super) signatures: SignatureSet,
    popular: Popular,
    decisions: Decisions,
}

impl Traffic {
    /// All devices of all files.
    pub(super) fn read(&self) -> anyhow::Result<Captured> {
        let mut devices = Vec::new();
        for file in &self.files {
            let captured = Captured::from_json(&read(file)?);
            devices.extend(captured.with_context(|| file.display().to_string())?.devices);
        }
        Ok(Captured::new(devices)?)
    }
}

impl Evidence {
    pub(super) fn read(&self) -> anyhow::Result<Known> {
        let source = self.signatures.clone().map_or(SignatureSource::Shipped, SignatureSource::Dir);
        let signatures = source.load().map_err(crate::cli::findings)?;
        let popular = match &self.popular {
            Some(file) => {
                let text = String::from_utf8(read(file)?);
                let text = text.with_context(|| file.display().to_string())?;
                Popular::read(&text).with_context(|| file.display().to_string())?
            }
            None => Popular::shipped()?,
        };
        let decisions = match &self.decisions {
            Some(file) => Decisions::read(&file.display().to_string(), &read(file)?)
                .map_err(crate::cli::findings)?,
            None => Decisions::default(),
        };
        Ok(Known { signatures, popular, decisions })
    }
}

impl Known {
    pub(super) fn grounds(&self) -> Grounds<'_> {
        let Self { signatures, popular, decisions } = self;
        Grounds { signatures, popular, decisions }
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
