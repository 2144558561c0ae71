//! `hayrake inspect`: look at what exporters send, in captures or live.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::net::UdpSocket;

use super::Outcome;
use super::captures::Captures;
use crate::decode::{Datagram, DecodeSettings, Inspection};
use crate::service::clock::Clock;

/// Largest UDP payload.
const LARGEST_DATAGRAM: usize = 65_535;

/// Show what exporters send and what to mend.
///
/// For each exporter: templates, sampling rate and the field that told it,
/// lost datagrams, clock skew, sets without template, and one sentence for each
/// thing to mend; then the first records of each template with all fields.
/// Several captures are one stream; a file that is no capture is one datagram.
/// The fields are shown as they are, addresses of subscribers too.
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
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let limit = self.seconds.map(Duration::from_secs);
                runtime.block_on(listen(address, limit, &mut inspection))?;
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

/// Feeds what comes to `address` until Ctrl-C or the limit.
async fn listen(
    address: SocketAddr,
    limit: Option<Duration>,
    inspection: &mut Inspection,
) -> anyhow::Result<()> {
    let socket = UdpSocket::bind(address).await.with_context(|| format!("listen on {address}"))?;
    eprintln!("listening on {}; Ctrl-C ends and prints", socket.local_addr()?);
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    let end = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            interrupted = tokio::signal::ctrl_c() => return interrupted.context("wait for Ctrl-C"),
            received = socket.recv_from(&mut buffer) => {
                let (length, from) = received.context("receive")?;
                let source: IpAddr = from.ip();
                inspection.take(Datagram {
                    source,
                    source_port: from.port(),
                    received: Clock::Real.now(),
                    payload: buffer.get(..length).unwrap_or_default(),
                });
            }
        }
    }
}
