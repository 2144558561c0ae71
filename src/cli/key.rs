//! `hayrake key`: the secret under which pseudonyms of lines are made.

use std::path::PathBuf;

use clap::Subcommand;

use super::Outcome;
use crate::service::key::rotate;

/// Change the key of the pseudonyms of lines.
#[derive(clap::Args)]
pub(super) struct Key {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Rotate(Rotate),
}

/// Make a new key, in force when the next UTC day begins.
///
/// Until then the old one stays, so that no window is split; a running service
/// sees the new one by itself. From that day on every line has another
/// pseudonym, and a day later nothing links the two: the old key is taken out of
/// the file. A second rotation before midnight replaces the key to come.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake key rotate -c /etc/hayrake/hayrake.yaml")]
struct Rotate {
    /// The configuration that names the key file.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

impl Key {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let Command::Rotate(Rotate { config }) = self.command;
        let path = super::config(&config)?.lines.key_file;
        let from = rotate(&path)?;
        println!("{}: pseudonyms of lines change at {from}T00:00:00Z", path.display());
        Ok(Outcome::Fine)
    }
}
