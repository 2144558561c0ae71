//! `hayrake hitlist`: read what a configuration names, build the hitlist of a
//! day, and print the summary or explain one name or address.

mod ask;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Subcommand;

use super::Outcome;
use super::progress::FileProgress;
use crate::attribute::{Explanation, Subject, explain};
use crate::model::line::Regions;
use crate::model::time::{Day, Timestamp};
use crate::service::clock::Clock;
use crate::service::sources::Sources;

/// Build the hitlist, or explain a name or an address.
#[derive(clap::Args)]
pub(super) struct Hitlist {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the hitlist and say what became of every group and why.
    ///
    /// Ends with 1 when no class at all can be detected.
    #[command(after_help = "Examples:
  hayrake hitlist build -c hayrake.yaml
  hayrake hitlist build -c hayrake.yaml --day 2026-11-21 --json")]
    Build {
        #[command(flatten)]
        input: Input,
    },
    /// Say what a name or an address stands for: the verdict and the names,
    /// owners, chains, days and sources behind it.
    #[command(after_help = "Examples:
  hayrake hitlist explain -c hayrake.yaml api.kettle.example.com
  hayrake hitlist explain -c hayrake.yaml 203.0.113.7 --all")]
    Explain {
        #[command(flatten)]
        input: Input,
        /// A domain name or an address.
        #[arg(value_name = "NAME-OR-ADDRESS")]
        subject: String,
        /// List every owner, name and address; else only the first are.
        #[arg(long)]
        all: bool,
    },
}

#[derive(clap::Args)]
struct Input {
    /// The configuration: its signatures, prefixes and DNS files are used.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// The UTC day whose knowledge is used, such as 2026-11-21; else today.
    #[arg(long, value_name = "DAY")]
    day: Option<String>,
    /// Ask the configured resolvers as well; this alone needs the network.
    #[arg(long)]
    resolve: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Hitlist {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        match self.command {
            Command::Build { input } => input.build(),
            Command::Explain { input, subject, all } => input.explain(&subject, all),
        }
    }
}

impl Input {
    fn build(self) -> anyhow::Result<Outcome> {
        let (sources, day) = self.read()?;
        let report = sources.build(day).report;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        let detectable = report.classes.iter().any(|class| class.monitored > 0);
        Ok(if detectable { Outcome::Fine } else { Outcome::Findings })
    }

    fn explain(self, subject: &str, all: bool) -> anyhow::Result<Outcome> {
        let subject: Subject = subject.parse().map_err(|why: String| anyhow!(why))?;
        let (mut sources, day) = self.read()?;
        sources.recall(&subject);
        let explanation: Explanation = sources.with_input(day, |input| explain(input, &subject));
        if self.json {
            println!("{}", serde_json::to_string_pretty(&explanation)?);
        } else if all {
            print!("{explanation:#}");
        } else {
            print!("{explanation}");
        }
        Ok(Outcome::Fine)
    }

    /// Everything that the configuration names, and the day. What was read is
    /// said on standard error.
    fn read(&self) -> anyhow::Result<(Sources, Day)> {
        let config = super::config(&self.config)?;
        let now = Clock::Real.now();
        let day = self.day.as_deref().map_or(Ok(now.day()), day)?;
        // Whoever asks about a later day means it.
        let until = now.max(day.end());
        let mut sources =
            Sources::read_through(&config, &Regions::default(), until, &FileProgress::of)
                .map_err(|wrong| anyhow!(wrong.join("\n")))?;
        for feed in &sources.reports {
            eprintln!("{}: {}", feed.path.display(), feed.report);
            for problem in &feed.report.problems {
                eprintln!("  {}: {}", problem.place, problem.what);
            }
        }
        for (path, report) in &sources.lists {
            eprintln!("{}: {report}", path.display());
        }
        for (path, report) in &sources.scanned {
            eprintln!("{}: {report}", path.display());
            for problem in &report.problems {
                eprintln!("  {}: {}", problem.line, problem.what);
            }
        }
        if self.resolve {
            ask::ask(&config, &mut sources, now)?;
        } else if config.dns.resolve.is_some() {
            eprintln!("the configured resolvers were not asked; --resolve does that");
        }
        Ok((sources, day))
    }
}

fn day(text: &str) -> anyhow::Result<Day> {
    let start: Result<Timestamp, String> = format!("{text}T00:00:00Z").parse();
    start.map(Timestamp::day).map_err(|_| anyhow!("--day `{text}` is no day such as 2026-11-21"))
}
