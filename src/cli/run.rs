//! `hayrake run`.

use std::path::PathBuf;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use super::Outcome;
use crate::service::clock::Clock;
use crate::service::guard::keep_to_itself;
use crate::service::{OpenWindows, Options, Service};

/// Run the service: take in flow exports, claim classes, serve the API.
///
/// Ends on SIGTERM and SIGINT after everything received is worked off; windows
/// still open go on after the next start. SIGHUP reads configuration,
/// signatures and DNS files again and opens the file of detections anew; so
/// does changing one of them, except for the file of detections.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake run -c /etc/hayrake/hayrake.yaml
  hayrake run -c hayrake.yaml --log hayrake=debug")]
pub(super) struct Run {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// What to log on standard error: error, warn, info, debug, trace, or a
    /// filter such as `hayrake=debug`. Without it RUST_LOG, else info.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// When it ends, close the windows that are open and write what they show so
    /// far, instead of keeping them for the next start.
    #[arg(long)]
    close_windows: bool,
}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        start_log(self.log.as_deref())?;
        keep_to_itself();
        let config = super::config(&self.config).context("the configuration cannot be used")?;
        let windows = if self.close_windows { OpenWindows::Close } else { OpenWindows::Keep };
        let options =
            Options { clock: Clock::Real, config_path: Some(self.config), observer: None, windows };
        let mut service = Service::start(config, options).context("the service did not start")?;
        service.wait_for_end()?;
        service.shutdown()?;
        Ok(Outcome::Fine)
    }
}

/// Logs to standard error, since detections may go to standard output.
fn start_log(filter: Option<&str>) -> anyhow::Result<()> {
    let filter = match filter {
        Some(filter) => EnvFilter::try_new(filter)
            .with_context(|| format!("log filter `{filter}` is not understood, allowed: error, warn, info, debug, trace or target=level"))?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(super::progress::colours())
        .init();
    Ok(())
}
