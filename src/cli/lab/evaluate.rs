//! `hayrake lab evaluate`: how good signatures are, by the production chain.

use std::io::{self, IsTerminal as _};
use std::num::NonZeroU32;

use crate::cli::Outcome;
use crate::lab::evaluate::paper::report::PaperReport;
use crate::lab::evaluate::paper::run::{Settings, run};
use crate::model::rules::Threshold;

/// Judge signatures by the production chain on traffic whose truth is known.
///
/// With --paper the 37 rules of "A Haystack Full of Needles" (IMC 2020) look for
/// a simulated testbed of their devices, and the shares found within 1, 24 and
/// 72 hours are printed beside the paper's; docs/evaluation.md has the traffic
/// model.
#[derive(clap::Args)]
pub(super) struct Evaluate {
    /// The paper's rules on its testbed.
    #[arg(long, required = true)]
    paper: bool,
    /// Runs of each mode.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: u32,
    /// The first run's seed; everything that is drawn follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// One packet in this many is sampled.
    #[arg(long, value_name = "R", default_value = "550")]
    sampling: NonZeroU32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Evaluate {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let settings = Settings {
            seeds: self.seeds,
            seed: self.seed,
            sampling: self.sampling,
            thresholds: vec![Threshold::DEFAULT],
        };
        let progress = io::stderr().is_terminal();
        let runs = run(&settings, |done| {
            if progress {
                eprint!("\r{done} of {} runs", 2 * settings.seeds);
            }
        })?;
        if progress {
            eprintln!();
        }
        let report = PaperReport::new(&settings, &runs, 0);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        Ok(Outcome::Fine)
    }
}
