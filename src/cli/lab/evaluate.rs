//! `hayrake lab evaluate`: how good signatures are, by the production chain.

mod set;
mod thresholds;

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::Outcome;
use crate::cli::progress::Bar;
use crate::lab::evaluate::paper::report::{PaperReport, figure};
use crate::lab::evaluate::paper::run::{Settings, run};
use crate::lab::evaluate::run::Looks;
use crate::lab::evaluate::sample::Method;
use crate::model::rules::Threshold;

/// Judge signatures by the production chain on traffic whose truth is known.
///
/// Captures of devices (--manifest, as for `lab capture`) are thinned packet by
/// packet, exported as a router would and taken through the chain with the DNS
/// answers in them; --simulate makes up an ISP instead. For every class recall,
/// false claims and hours to detect are printed. With --paper the 37 rules of
/// "A Haystack Full of Needles" (IMC 2020) look for a simulated testbed of their
/// devices, and what they find within 1, 24 and 72 hours is printed beside the
/// paper's figures. docs/evaluation.md explains all three.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake lab evaluate --manifest devices.yaml --sampling 100 --seeds 20
  hayrake lab evaluate --simulate 2000 --hours 24 --sampling 100
  hayrake lab evaluate --paper --seeds 200")]
pub(super) struct Evaluate {
    #[command(flatten)]
    set: set::Set,
    /// The paper's rules on its testbed.
    #[arg(long, conflicts_with_all = ["manifest", "simulate", "signatures", "method"])]
    paper: bool,
    /// Runs, each with other packets; 200 with --paper, else 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: Option<u32>,
    /// The first run's seed; everything that is drawn follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// One packet in this many is sampled.
    #[arg(long, value_name = "R", default_value = "550")]
    sampling: NonZeroU32,
    /// How packets of captures are sampled.
    #[arg(long, value_enum, default_value = "random")]
    method: MethodArgument,
    /// Thresholds D to compare on the same packets: `0.2,0.4`, or `0.1..0.95` in
    /// steps of 0.05. Without it the signatures' own.
    #[arg(long, value_name = "LIST", value_parser = thresholds::parse)]
    thresholds: Option<thresholds::List>,
    /// Draw hours to detect against D to this file.
    #[arg(long, value_name = "FILE", requires = "thresholds")]
    svg: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum MethodArgument {
    /// Each packet with the same chance.
    Random,
    /// Every N-th packet.
    Count,
}

impl Evaluate {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        if self.paper {
            return self.paper();
        }
        let looks = Looks {
            method: match self.method {
                MethodArgument::Random => Method::Random,
                MethodArgument::Count => Method::Count,
            },
            sampling: self.sampling,
            seeds: self.seeds.unwrap_or(1),
            seed: self.seed,
            thresholds: self.thresholds.map(|list| list.0).unwrap_or_default(),
        };
        let (report, outcome) = self.set.evaluate(&looks)?;
        if let Some(path) = &self.svg {
            write(path, &crate::lab::evaluate::report::figure(&report))?;
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        Ok(outcome)
    }

    fn paper(self) -> anyhow::Result<Outcome> {
        // The table is that of 0.4; what else is asked for is for the drawing.
        let more = self.thresholds.map(|list| list.0).unwrap_or_default();
        let own = Some(Threshold::DEFAULT).filter(|own| !more.contains(own));
        let thresholds: Vec<Threshold> = more.into_iter().chain(own).collect();
        let table = thresholds.iter().position(|d| *d == Threshold::DEFAULT).unwrap_or(0);
        let settings = Settings {
            seeds: self.seeds.unwrap_or(200),
            seed: self.seed,
            sampling: self.sampling,
            thresholds,
        };
        // Each seed is one run of devices in use and one of idle ones.
        let runs = run(&settings, progress("runs", settings.seeds.saturating_mul(2)))?;
        if let Some(path) = &self.svg {
            write(path, &figure(&settings, &runs))?;
        }
        let report = PaperReport::new(&settings, &runs, table);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        Ok(Outcome::Fine)
    }
}

/// Says on a terminal how far it is.
fn progress(what: &'static str, total: u32) -> impl FnMut(u32) {
    let mut bar = Bar::of(what, Some(total.into()));
    move |done| bar.at(done.into())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
