//! `hayrake simulate`: open the files, run the synthetic ISP, show progress.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Outcome;
use super::progress::Bar;
use crate::model::time::Timestamp;
use crate::signature::{self, SignatureSet};
use crate::simulate::capture::Capture;
use crate::simulate::names::write_cof;
use crate::simulate::truth::write_csv;
use crate::simulate::{Isp, OTHER_PACKETS, Settings, configuration};

/// Write a simulated ISP's exports, DNS answers and truth.
///
/// The folder gets `exports.pcap` (NetFlow v5, v9, IPFIX and sFlow datagrams of
/// six routers), `dns.jsonl` (passive DNS), `truth.csv` (which line has which
/// class) and `hayrake.yaml`. The same arguments give the same bytes on every
/// machine.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake simulate --lines 2000 --hours 2 --sampling 100 --seed 7 --out isp
  hayrake replay -c isp/hayrake.yaml isp/exports.pcap")]
pub(super) struct Simulate {
    /// Subscriber lines.
    #[arg(long, value_name = "N")]
    lines: u32,
    /// Hours of traffic.
    #[arg(long, value_name = "H", value_parser = clap::value_parser!(u32).range(1..=8760))]
    hours: u32,
    /// One packet in this many is sampled.
    #[arg(long, value_name = "R")]
    sampling: NonZeroU32,
    /// Everything that is drawn follows from it.
    #[arg(long, value_name = "S")]
    seed: u64,
    /// Folder for the files, made when missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of signatures that say which devices there are, instead of the
    /// shipped ones.
    #[arg(long, value_name = "DIR")]
    signatures: Option<PathBuf>,
    /// When the traffic begins.
    #[arg(long, value_name = "TIME", default_value = "2026-01-05T00:00:00Z")]
    start: Timestamp,
    /// Mean packets an hour of a line's traffic with other servers.
    #[arg(long, value_name = "PACKETS", default_value_t = OTHER_PACKETS)]
    other_packets: f64,
}

impl Simulate {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        // The configuration lies in another folder and needs the whole path.
        let signatures = self.signatures.as_deref().map(fs::canonicalize).transpose()?;
        let set = load(signatures.as_deref())?;
        let mut isp = Isp::new(&set, self.settings())?;
        fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot make the folder {}", self.out.display()))?;
        let path = |name: &str| self.out.join(name);
        let create = |name: &str| -> anyhow::Result<BufWriter<File>> {
            let file = File::create(path(name))
                .with_context(|| format!("cannot write {}", path(name).display()))?;
            Ok(BufWriter::with_capacity(1 << 20, file))
        };

        let mut names = create("dns.jsonl")?;
        let answers = write_cof(isp.names(), &mut names)?;
        names.flush()?;
        fs::write(path("hayrake.yaml"), configuration(&isp, signatures.as_deref()))?;

        let mut capture = Capture::new(create("exports.pcap")?)?;
        let mut datagrams = 0_u64;
        let mut bar = Bar::of("hours", Some(self.hours.into()));
        while isp.next_hour(|sent| {
            datagrams += 1;
            capture.write(&sent)
        })? {
            bar.at(isp.hours_done().into());
        }
        drop(bar);
        capture.into_inner().flush()?;

        let mut truth = create("truth.csv")?;
        let rows = write_csv(isp.truth(), self.hours, &mut truth)?;
        truth.flush()?;
        eprintln!(
            "{}: {datagrams} datagrams, {answers} DNS answers, {rows} true classes on {} lines",
            self.out.display(),
            self.lines,
        );
        Ok(Outcome::Fine)
    }

    fn settings(&self) -> Settings {
        Settings {
            lines: self.lines,
            hours: self.hours,
            sampling: self.sampling,
            seed: self.seed,
            start: self.start,
            other_packets: self.other_packets,
        }
    }
}

/// The signatures of a folder, or the shipped ones.
fn load(dir: Option<&Path>) -> anyhow::Result<SignatureSet> {
    dir.map_or_else(signature::shipped, signature::load).map_err(super::findings)
}
