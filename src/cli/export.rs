//! `hayrake export`.

mod write;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::Outcome;
use crate::model::line::LineId;
use crate::model::time::{Timestamp, Window};
use crate::publish::export::{Format, What};
use crate::publish::history::sqlite::Sqlite;
use crate::publish::history::{CountsQuestion, History, LinesQuestion, Span};
use write::{to_file, write};

/// Write the history as a table: counts of classes, or classes of lines.
///
/// It reads history.sqlite of the state folder, also while the service runs, and
/// whatever `k` says: whoever can read the file sees every count. A window in which
/// the service was down has no row; a class that could be detected and was on no
/// line has 0.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake export -c hayrake.yaml --window 24h --from 2026-11-01 > november.csv
  hayrake export -c hayrake.yaml --class amazon-fire-tv --out fire-tv.parquet
  hayrake export -c hayrake.yaml --what lines --from 2026-11-21 --to 2026-11-22")]
pub(super) struct Export {
    /// The configuration file, which names the state folder.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// What to write.
    #[arg(long, value_enum, default_value_t)]
    what: Table,
    /// Length of the windows of counts.
    #[arg(long, value_name = "1h|24h", default_value_t = Window::Hour)]
    window: Window,
    /// Windows or days that begin then or later: a day such as 2026-11-21, or a
    /// time such as 2026-11-21T10:00:00Z [default: the first there is].
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// Windows or days that begin before then [default: all there are].
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// One class only.
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// One line only, by its pseudonym.
    #[arg(long, value_name = "LINE")]
    line: Option<LineId>,
    /// How to write it [default: csv, or what the name of --out ends in].
    #[arg(long, value_enum)]
    format: Option<As>,
    /// Where to write it, whole or not at all [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Table {
    /// Lines per class, window and region.
    #[default]
    Counts,
    /// Lines with any class, each once, per window and region.
    Any,
    /// Which classes a line showed on which day, in which hours.
    Lines,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum As {
    /// Comma-separated values with a header.
    Csv,
    /// Apache Parquet, compressed with zstd.
    Parquet,
}

/// A day or a time.
fn instant(text: &str) -> Result<Timestamp, String> {
    let day = || format!("{text}T00:00:00Z").parse();
    text.parse().or_else(|_| day()).map_err(|_: String| {
        format!(
            "`{text}` is neither a day such as 2026-11-21 nor a time such as 2026-11-21T10:00:00Z"
        )
    })
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let config = super::config(&self.config).context("the configuration cannot be used")?;
        let format = self.format();
        let history = Sqlite::reading(&config.state).context("there is no history to read")?;
        let what = self.what(&history)?;
        let rows = match &self.out {
            Some(path) => to_file(&history, &what, format, path)?,
            None if format == Format::Parquet && io::stdout().is_terminal() => {
                bail!("Parquet is not for terminals: name a file with --out or redirect it")
            }
            None => write(&history, &what, format, io::stdout())?,
        };
        if rows == 0 {
            eprintln!("nothing was kept of what was asked for");
        }
        Ok(Outcome::Fine)
    }

    fn format(&self) -> Format {
        let named = self.out.as_ref().and_then(|path| path.extension());
        match self.format {
            Some(As::Csv) => Format::Csv,
            Some(As::Parquet) => Format::Parquet,
            None if named.is_some_and(|end| end == "parquet") => Format::Parquet,
            None => Format::Csv,
        }
    }

    fn what(&self, history: &dyn History) -> anyhow::Result<What> {
        let known = history.known(self.window).context("the history cannot be read")?;
        let class = self.class.as_deref().map(|asked| {
            known.class(asked).with_context(|| {
                let all: Vec<&str> = known.classes.iter().map(|(class, _)| &**class).collect();
                let all = all.join(", ");
                format!("class `{asked}` is in no window of the history; allowed: {all}")
            })
        });
        let class = class.transpose()?;
        let (from, to) = (self.from.unwrap_or_default(), self.to.unwrap_or(Timestamp::MAX));
        if from >= to {
            bail!("from {from} to {to}; allowed: from before to");
        }
        let span = Span { from, to };
        if self.line.is_some() && self.what != Table::Lines {
            bail!("--line goes with --what lines only");
        }
        if class.is_some() && self.what == Table::Any {
            bail!("--class goes with --what counts or lines only");
        }
        Ok(match self.what {
            Table::Counts => What::Counts(CountsQuestion { window: self.window, span, class }),
            Table::Any => What::Any(self.window, span),
            Table::Lines => {
                let days = known.days_in(span);
                What::Lines(LinesQuestion { days, line: self.line, class })
            }
        })
    }
}
