//! `hayrake inspect`: look at what exporters send, in captures or live.

mod live;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use self::live::{Watching, listen};
use super::Outcome;
use super::captures::Captures;
use crate::decode::{Datagram, DecodeSettings, Inspection};

/// Show what exporters send and what to mend.
///
/// For each exporter: templates, sampling rate and the field that told it,
/// lost datagrams, clock skew, sets without template, and one sentence for each
/// thing to mend; then the first records of each template with all fields.
/// Several captures are one stream; a file that is no capture is one datagram.
/// The fields are shown as they are, addresses of subscribers too.
///
/// While it listens a terminal shows a table of exporters that is drawn anew
/// every second, with what to mend and the lines of router configuration that do
/// it; where standard output is no terminal the table comes every ten seconds
/// (`--every`). At the end stands the whole report, with `--json` only that.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake inspect export.pcap
  hayrake inspect --listen 0.0.0.0:2055 --seconds 120
  hayrake inspect --records 0 --json export.pcap")]
pub(super) struct Inspect {
    /// Captures of flow exports (pcap, pcapng) or bare datagrams.
    #[arg(value_name = "CAPTURE", required_unless_present = "listen")]
    captures: Vec<PathBuf>,
    /// Listen on this UDP address instead, until Ctrl-C or `--seconds`.
    #[arg(long, value_name = "ADDR", conflicts_with = "captures")]
    listen: Option<SocketAddr>,
    /// Stop listening after so many seconds.
    #[arg(long, value_name = "S", requires = "listen")]
    seconds: Option<u64>,
    /// Seconds between two tables where standard output is no terminal.
    #[arg(long, value_name = "S", requires = "listen", default_value = "10", value_parser = live::seconds)]
    every: u64,
    /// Records to show of each template.
    #[arg(long, value_name = "N", default_value_t = 1)]
    records: usize,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let mut inspection = Inspection::new(DecodeSettings::default(), self.records);
        match self.listen {
            Some(address) => {
                let watching = Watching {
                    limit: self.seconds.map(Duration::from_secs),
                    every: Duration::from_secs(self.every),
                    quiet: self.json,
                };
                listen(address, &watching, &mut inspection)?;
            }
            None => {
                let captures = Captures::read(&self.captures)?;
                for captured in captures.watched() {
                    inspection.take(Datagram {
                        source: captured.source,
                        source_port: captured.source_port,
                        received: captured.received,
                        payload: &captured.payload,
                    });
                }
            }
        }
        let report = inspection.finish();
        if report.datagrams == 0 && self.listen.is_none() {
            bail!("no UDP datagram in the captures");
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            println!("{report}");
        }
        // Advice is what the command is for; that nothing at all could be read
        // is a finding.
        let useless = report.counts.datagrams_received > 0
            && report.counts.datagrams_rejected == report.counts.datagrams_received;
        Ok(if useless { Outcome::Findings } else { Outcome::Fine })
    }
}
