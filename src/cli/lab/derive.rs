//! `hayrake lab derive`: candidate signatures of what devices did.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::input::{Evidence, Traffic};
use crate::cli::Outcome;
use crate::lab::derive::{Derived, File, counts, derive};

/// Make candidate signatures: platforms, manufacturers and products.
///
/// Without --out the files are printed one after the other. A second run over
/// the same facts changes nothing. What is in no class is told on standard
/// error, with the reason. Ends with 1 when something waits for a decision.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake lab derive traffic.json --decisions decisions.yaml --checked 2026-11-21 --out candidates")]
pub(super) struct Derive {
    #[command(flatten)]
    traffic: Traffic,
    #[command(flatten)]
    evidence: Evidence,
    /// The day that the files say the facts were looked at, such as 2026-11-21.
    #[arg(long, value_name = "DAY")]
    checked: String,
    /// Folder in which the files are written; files of the same name there are
    /// replaced, others are left alone.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Derive {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let checked = self
            .checked
            .parse()
            .map_err(|_| anyhow!("--checked `{}` is no day such as 2026-11-21", self.checked))?;
        let known = self.evidence.read()?;
        let derived = derive(&self.traffic.read()?, known.grounds(), checked);
        let files = derived.files();
        if let Some(folder) = &self.out {
            files.iter().try_for_each(|file| write(folder, file))?;
        }
        if self.json {
            let all = serde_json::json!({"files": files, "left_out": derived.left_out});
            println!("{}", serde_json::to_string_pretty(&all)?);
        } else if self.out.is_none() {
            files.iter().for_each(|file| println!("# {}\n{}", file.path, file.text));
        }
        tell(&derived);
        let undecided = !derived.left_out.is_empty();
        Ok(if undecided { Outcome::Findings } else { Outcome::Fine })
    }
}

/// Writes a file if it is not there as it should be, and says so.
fn write(folder: &Path, file: &File) -> anyhow::Result<()> {
    let path = folder.join(&file.path);
    let shown = path.display();
    let known = fs::read(&path).ok();
    let word = match &known {
        Some(text) if text == file.text.as_bytes() => return Ok(()),
        Some(_) => "changed",
        None => "new",
    };
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    fs::write(&path, &file.text).with_context(|| format!("cannot write {shown}"))?;
    eprintln!("{word}: {shown}");
    Ok(())
}

fn tell(derived: &Derived) {
    derived.left_out.iter().for_each(|left_out| eprintln!("left out: {left_out}"));
    let counts = counts(&derived.classes).into_iter();
    let counts: Vec<String> = counts.map(|(level, count)| format!("{count} {level}")).collect();
    eprintln!("classes: {}", if counts.is_empty() { "none".to_owned() } else { counts.join(", ") });
}
