//! `hayrake check`: everything that is wrong with a configuration, at once.

use std::path::PathBuf;

use super::Outcome;
use crate::config::{Printed, check};
use crate::signature::{Finding, Severity};

/// Check a configuration, its signatures and the files that it names.
///
/// Ends with 0 when all is fine, with 1 when something is worth a look and
/// with 2 when the configuration cannot be used.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake check -c hayrake.yaml
  hayrake check -c hayrake.yaml --print
  hayrake check -c hayrake.yaml --json")]
pub(super) struct Check {
    /// The configuration.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Print the configuration with all defaults filled in.
    #[arg(long)]
    print: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let checked = check(&self.config, today());
        let config = checked.config.as_ref().filter(|_| self.print);
        if self.json {
            let mut all = serde_json::json!({"findings": checked.findings});
            if let Some(config) = config {
                all["config"] = serde_json::to_value(Printed::from(config))?;
            }
            println!("{}", serde_json::to_string_pretty(&all)?);
        } else {
            // Findings go beside the configuration, so that it can be piped.
            let to_stderr = config.is_some();
            for finding in &checked.findings {
                if to_stderr { eprintln!("{finding}") } else { println!("{finding}") }
            }
            if let Some(config) = config {
                print!("{}", config.to_yaml()?);
            }
        }
        judge(&checked.findings)
    }
}

/// How a command that printed `findings` ends.
pub(super) fn judge(findings: &[Finding]) -> anyhow::Result<Outcome> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    match (errors, findings.len() - errors) {
        (0, 0) => Ok(Outcome::Fine),
        (0, _) => Ok(Outcome::Findings),
        (errors, warnings) => anyhow::bail!("errors: {errors}, warnings: {warnings}"),
    }
}

/// The day by the machine's clock, in UTC.
pub(super) fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
