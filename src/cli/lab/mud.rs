//! `hayrake lab mud`: from RFC 8520 profiles to candidates for signatures.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::super::{Outcome, check::today};
use super::input::Evidence;
use crate::lab::domains::Grounds;
use crate::lab::mud::{Conversion, Given, MAX_BYTES, convert, read};

/// Make candidates for signatures from manufacturer usage descriptions.
///
/// Prints each candidate with comments: what every name is worth and why, and
/// what could not be carried over. Ends with 1 when a profile has no name that
/// is surely its maker's.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake lab mud kettle.json --maker Example --out signatures")]
pub(in crate::cli) struct Mud {
    /// Profiles (RFC 8520) as JSON.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Who made the device; without it what the profile says.
    #[arg(long)]
    maker: Option<String>,
    /// What the device is; without it what the profile says.
    #[arg(long)]
    product: Option<String>,
    #[command(flatten)]
    evidence: Evidence,
    /// Folder in which candidates are written, as `product/<class>.yaml`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Mud {
    pub(in crate::cli) fn run(self) -> anyhow::Result<Outcome> {
        if self.files.len() > 1 && self.product.is_some() {
            anyhow::bail!("--product with {} profiles, allowed: one", self.files.len());
        }
        let known = self.evidence.read()?;
        let mut converted = Vec::new();
        let mut wrong = Vec::new();
        for path in &self.files {
            match self.convert(path, known.grounds()) {
                Ok(conversion) => converted.push(conversion),
                Err(error) => wrong.push(format!("{}: {error:#}", path.display())),
            }
        }
        let mut classes = BTreeSet::new();
        for conversion in &converted {
            if !classes.insert(&conversion.class) {
                wrong
                    .push(format!("class `{}` of two profiles, allowed: of one", conversion.class));
            } else if let (Some(out), Some(text)) = (&self.out, &conversion.candidate) {
                save(out, &conversion.class, text)?;
            }
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&converted)?);
        } else {
            let texts: Vec<_> = converted.iter().map(ToString::to_string).collect();
            print!("{}", texts.join("---\n"));
        }
        if !wrong.is_empty() {
            anyhow::bail!(wrong.join("\n"));
        }
        let all = converted.iter().all(|conversion| conversion.candidate.is_some());
        Ok(if all { Outcome::Fine } else { Outcome::Findings })
    }

    fn convert(&self, path: &Path, grounds: Grounds<'_>) -> anyhow::Result<Conversion> {
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        let given = Given { maker: self.maker.clone(), product: self.product.clone() };
        Ok(convert(&read(&bytes)?, &given, grounds, today())?)
    }
}

fn save(out: &Path, class: &str, text: &str) -> anyhow::Result<()> {
    let path = out.join("product").join(format!("{class}.yaml"));
    let dir = path.parent().unwrap_or(out);
    fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    fs::write(&path, text).with_context(|| path.display().to_string())
}
