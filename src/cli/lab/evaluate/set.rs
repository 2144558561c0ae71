//! What `hayrake lab evaluate` looks at: captures, or a simulated ISP.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::progress;
use crate::cli::lab::capture::open;
use crate::cli::{Outcome, findings};
use crate::dns::{Coverage, Knowledge, Reading, read_into};
use crate::lab::evaluate::captures::{Device, packets};
use crate::lab::evaluate::report::Report;
use crate::lab::evaluate::run::{Looks, captured, simulated};
use crate::lab::evaluate::truth::Table;
use crate::lab::manifest;
use crate::model::time::Timestamp;
use crate::signature::{self, SignatureSet};
use crate::simulate::{OTHER_PACKETS, Settings};

/// One line in forty or so a day touches a server of a device that it does not
/// have. An assumption: nobody has published a figure.
const VISITS: f64 = 0.001;

#[derive(clap::Args)]
pub(super) struct Set {
    /// YAML file that says which captures show which device, as for `lab
    /// capture`.
    #[arg(long, value_name = "FILE", conflicts_with = "simulate")]
    manifest: Option<PathBuf>,
    /// Rows `device,class` that say what devices are, instead of their makers'
    /// and products' names; a device without a class is none.
    #[arg(long, value_name = "FILE", requires = "manifest")]
    truth: Option<PathBuf>,
    /// More DNS answers than those in the captures.
    #[arg(long, value_name = "FILE", requires = "manifest")]
    dns: Vec<PathBuf>,
    /// Subscriber lines of a simulated ISP.
    #[arg(long, value_name = "LINES")]
    simulate: Option<u32>,
    /// Hours to simulate.
    #[arg(long, value_name = "H", default_value_t = 24, requires = "simulate", value_parser = clap::value_parser!(u32).range(1..=8760))]
    hours: u32,
    /// Chance that the people of a simulated line touch a server of some class
    /// in an hour, by an app or a browser, whatever devices they have.
    #[arg(long, value_name = "CHANCE", default_value_t = VISITS, requires = "simulate", value_parser = chance)]
    visits: f64,
    /// Folder of signatures to judge, instead of the shipped ones.
    #[arg(long, value_name = "DIR")]
    signatures: Option<PathBuf>,
}

impl Set {
    /// Evaluates the set; findings when a capture has nothing of its device.
    pub(super) fn evaluate(&self, looks: &Looks) -> anyhow::Result<(Report, Outcome)> {
        let set = self.signatures.as_deref().map_or_else(signature::shipped, signature::load);
        let set = set.map_err(findings)?;
        match (&self.manifest, self.simulate) {
            (Some(manifest), _) => self.captures(&set, manifest, looks),
            (None, Some(lines)) => {
                let settings = Settings {
                    lines,
                    hours: self.hours,
                    sampling: looks.sampling,
                    seed: looks.seed,
                    // 2026-01-05T00:00:00Z, a Monday.
                    start: Timestamp::from_secs(1_767_571_200),
                    other_packets: OTHER_PACKETS,
                };
                let progress = progress("hours", self.hours.saturating_mul(looks.seeds));
                let report = simulated(&set, settings, self.visits, looks, progress)?;
                Ok((report, Outcome::Fine))
            }
            (None, None) => bail!("what to evaluate? --paper, --manifest FILE or --simulate LINES"),
        }
    }

    fn captures(
        &self,
        set: &SignatureSet,
        path: &Path,
        looks: &Looks,
    ) -> anyhow::Result<(Report, Outcome)> {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let entries =
            manifest::read(&path.display().to_string(), &read(path)?).map_err(findings)?;
        let table = match &self.truth {
            None => Table::default(),
            Some(path) => {
                let text = String::from_utf8_lossy(&read(path)?).into_owned();
                Table::read(&text, set).with_context(|| path.display().to_string())?
            }
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut outcome = Outcome::Fine;
        let mut dns = Knowledge::new();
        for path in &self.dns {
            answers(&mut dns, path, &read(path)?)?;
        }
        let mut devices = Vec::new();
        for entry in &entries {
            let mut device = Device {
                name: entry.device.as_str().into(),
                classes: table.classes(set, &entry.device, &entry.maker, &entry.product),
                packets: Vec::new(),
            };
            for (file, _) in &entry.captures {
                let path = folder.join(file);
                let bytes = open(&path)
                    .with_context(|| format!("cannot read the capture {}", path.display()))?;
                answers(&mut dns, &path, &bytes)?;
                let own = packets(entry.identity, &bytes);
                if own.is_empty() {
                    eprintln!(
                        "{}: nothing between {} and the Internet",
                        path.display(),
                        entry.device
                    );
                    outcome = Outcome::Findings;
                }
                device.packets.extend(own);
            }
            device.packets.sort_by_key(|packet| packet.end);
            devices.push(device);
        }
        let runs = u32::try_from(devices.len()).unwrap_or(u32::MAX).saturating_mul(looks.seeds);
        Ok((captured(set, &dns, &devices, looks, progress("runs", runs)), outcome))
    }
}

/// Takes DNS answers in. Whoever evaluates says that they are all there is: in
/// production, answers of one home would not decide what is dedicated.
fn answers(dns: &mut Knowledge, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let reading = Reading::new(Coverage::Population, Timestamp::MAX);
    let source = path.display().to_string();
    read_into(dns, &source, bytes, &reading).with_context(|| source.clone())?;
    Ok(())
}

fn chance(text: &str) -> Result<f64, String> {
    let chance = text.parse().ok().filter(|chance| (0.0..=1.0).contains(chance));
    chance.ok_or_else(|| format!("`{text}` is no chance, expected 0 to 1"))
}
