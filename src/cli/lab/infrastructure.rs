//! `hayrake lab infrastructure`: what serves the domains of devices.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};

use super::input::{Evidence, Traffic};
use crate::cli::Outcome;
use crate::dns::{Coverage, Knowledge, Reading, read};
use crate::infrastructure::{Judge, Signals, VerdictSettings};
use crate::lab::served::{Table, served};
use crate::model::time::{Day, Timestamp};

/// Tell which domains are on infrastructure of their own.
///
/// DNS answers decide, as for the hitlist: files in any format that `run` reads,
/// which must be what many people were answered, or "nobody else" means nothing.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake lab infrastructure traffic.json --dns pdns.jsonl")]
pub(super) struct Infrastructure {
    #[command(flatten)]
    traffic: Traffic,
    #[command(flatten)]
    evidence: Evidence,
    /// File of DNS answers; may be given several times.
    #[arg(long, value_name = "FILE", required = true)]
    dns: Vec<PathBuf>,
    /// The UTC day as of which is judged, such as 2026-11-21; else the last one
    /// that the answers tell of.
    #[arg(long, value_name = "DAY")]
    day: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Infrastructure {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let captured = self.traffic.read()?;
        let known = self.evidence.read()?;
        let (dns, last) = self.answers()?;
        let day = match &self.day {
            Some(text) => day(text)?,
            None => last.day(),
        };
        let settings = VerdictSettings::default();
        let owners = &known.signatures.owners;
        let mut judge = Judge::new(&dns, owners, &settings, day, Signals::default());
        let served = served(&captured, &dns, &mut judge);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&served)?);
        } else {
            print!("{}", Table(&served));
        }
        Ok(Outcome::Fine)
    }

    /// The answers of all files and when the last one was seen.
    fn answers(&self) -> anyhow::Result<(Knowledge, Timestamp)> {
        let mut dns = Knowledge::new();
        let mut last = Timestamp::EPOCH;
        for path in &self.dns {
            let name = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
            let reading = Reading::new(Coverage::Population, Timestamp::MAX);
            let mut refused = 0_u64;
            let report = read(file, &reading, &mut |answer| {
                last = last.max(answer.last);
                refused += u64::from(dns.insert(answer, &name).is_err());
            })
            .with_context(|| name.clone())?;
            eprintln!("{name}: {report}; {refused} answers for which there was no room");
        }
        Ok((dns, last))
    }
}

fn day(text: &str) -> anyhow::Result<Day> {
    let start: Result<Timestamp, String> = format!("{text}T00:00:00Z").parse();
    start.map(Timestamp::day).map_err(|_| anyhow!("--day `{text}` is no day such as 2026-11-21"))
}
