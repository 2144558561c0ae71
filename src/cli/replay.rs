//! `hayrake replay`: open captures, DNS answers and signatures, run the chain,
//! print detections.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;

use super::Outcome;
use super::captures::Captures;
use super::progress::FileProgress;
use crate::config::{Config, FileFeed};
use crate::decode::Decoder;
use crate::detect::Settings;
use crate::model::line::Regions;
use crate::model::time::{Day, Timestamp};
use crate::orient::reveal::line_named;
use crate::pipeline::Front;
use crate::publish::jsonl::write_line;
use crate::publish::wire;
use crate::replay::explain::Explanation;
use crate::replay::{Event, replay};
use crate::service::decode_settings;
use crate::service::key::line_key;
use crate::service::sources::Sources;

/// Problems of datagrams that are printed; the summary counts all.
const MOST_PROBLEMS: u64 = 20;

/// Run flow-export captures through the pipeline.
///
/// Time comes from the packets. Detections go to standard output as JSON lines,
/// the summary to standard error. Windows that are still open at the end of the
/// input are closed then. Several captures are merged by time; a file that is
/// no capture is one bare datagram. Nothing is resolved: the network is not
/// needed. Ends with 1 when no datagram at all could be read.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake replay -c hayrake.yaml export.pcap > detections.jsonl
  hayrake replay -c hayrake.yaml export.pcap --explain 198.51.100.7")]
pub(super) struct Replay {
    /// Configuration: its prefixes, signatures and DNS files are used.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Captures of flow exports (pcap, pcapng) or bare datagrams.
    #[arg(value_name = "CAPTURE", required = true)]
    captures: Vec<PathBuf>,
    /// More DNS answers (see docs/feeding-dns.md for the formats), taken as
    /// population coverage.
    #[arg(long, value_name = "FILE")]
    dns: Vec<PathBuf>,
    /// Print lines themselves instead of their pseudonyms: for your own tests.
    #[arg(long)]
    reveal: bool,
    /// Say on standard error why each class is or is not claimed on this line:
    /// an address, an IPv6 prefix or a pseudonym.
    #[arg(long, value_name = "LINE")]
    explain: Option<String>,
}

impl Replay {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let config = super::config(&self.config)?;
        let sources = self.sources(&config)?;
        let key = line_key(&config.lines.key_file)?;
        let mut explanation = match &self.explain {
            None => None,
            Some(text) => match line_named(text, &key, &sources.prefixes) {
                Some(line) => Some(Explanation::new(line)),
                None => bail!("--explain: not a pseudonym and no address in lines.prefixes"),
            },
        };
        let view_of = |day: Day| {
            let built = sources.build(day);
            let detectable = built.rules.classes().iter().filter(|rule| rule.monitored() > 0);
            let (detectable, all) = (detectable.count(), built.rules.classes().len());
            eprintln!(
                "{day}: {detectable} of {all} classes detectable, {} addresses on the hitlist",
                built.hitlist.len()
            );
            sources.view(Arc::new(built.hitlist), Arc::new(built.rules))
        };

        let captures = Captures::read(&self.captures)?;
        let mut front = Front::new(Decoder::new(decode_settings(&config)), key);
        if self.reveal {
            front = front.revealing();
        }
        let settings = Settings { lateness: config.lateness, ..Settings::default() };
        let mut out = BufWriter::new(io::stdout().lock());
        let mut problems = 0;
        let summary = replay(captures.watched(), &mut front, settings, view_of, |event| {
            if let Some(explanation) = &mut explanation {
                explanation.follow(&event);
            }
            match event {
                Event::Detection(detection, view, name) => {
                    let region = view.regions.name(detection.region);
                    let shown = wire::Detection::new(detection, &region);
                    let shown = match name {
                        Some(line) => shown.revealed(line),
                        None => shown,
                    };
                    return write_line(&mut out, &shown);
                }
                Event::Problem(problem) if problems < MOST_PROBLEMS => {
                    problems += 1;
                    eprintln!("{problem}");
                }
                Event::Problem(_) | Event::Sighting(..) => {}
            }
            Ok(())
        })?;
        out.flush()?;
        eprint!("{summary}");
        if let Some(explanation) = explanation {
            eprint!("{explanation}");
        }
        let decoded = &summary.decoded;
        if decoded.datagrams_received == 0 {
            bail!("no UDP datagram in the captures");
        }
        let useless = decoded.datagrams_rejected == decoded.datagrams_received;
        Ok(if useless { Outcome::Findings } else { Outcome::Fine })
    }

    /// What the configuration names, and the files of `--dns`. A file that is
    /// given both ways is read once.
    fn sources(&self, config: &Config) -> anyhow::Result<Sources> {
        // A replay has its own now: what was answered later than a day is not
        // seen on that day, however late it is.
        let now = Timestamp::MAX;
        let wrong = |wrong: Vec<String>| anyhow::Error::msg(wrong.join("\n"));
        let mut sources =
            Sources::read_through(config, &Regions::default(), now, &FileProgress::of)
                .map_err(wrong)?;
        let same = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        for path in &self.dns {
            if sources.reports.iter().all(|read| same(&read.path) != same(path)) {
                let feed = FileFeed::new(path.clone());
                sources.read_answers(&feed, now).map_err(anyhow::Error::msg)?;
            }
        }
        for read in &sources.reports {
            eprintln!("{}: {}", read.path.display(), read.report);
        }
        Ok(sources)
    }
}
