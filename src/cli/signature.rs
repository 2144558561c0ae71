//! `hayrake signature`: look at what people wrote about devices.

mod list;

use std::path::PathBuf;

use super::Outcome;
use super::check::{judge, today};
use crate::config::SignatureSource;
use crate::signature::{Description, Freshness, SignatureSet, diff};

/// List, show, check and compare signatures.
///
/// Without `--dir` these are the signatures that are part of the program.
#[derive(clap::Args)]
pub(super) struct Signature {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List the classes with their groups and how many of them are required.
    ///
    /// GROUPS is N when every group is dedicated and resolvable, REQUIRED is
    /// what that takes: max(1, floor(D*N)). How many are monitored now depends
    /// on DNS answers: with a configuration the list tells it, and names the
    /// classes that are not detectable now. `hayrake hitlist build` says why.
    #[command(after_help = "Examples:
  hayrake signature list
  hayrake signature list -c hayrake.yaml
  hayrake signature list --dir signatures --json")]
    List {
        /// Configuration whose signatures and DNS answers are used.
        #[arg(short, long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        folder: Folder,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show all that is known of a class.
    #[command(after_help = "Examples:
  hayrake signature show philips-hue
  hayrake signature show philips-hue --json")]
    Show {
        /// The class, as its file is called.
        class: String,
        #[command(flatten)]
        folder: Folder,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check a folder and tell everything that is wrong or worth a look.
    ///
    /// Ends with 0 when all is fine, with 1 when something is worth a look and
    /// with 2 when the folder cannot be used.
    #[command(after_help = "Examples:
  hayrake signature check
  hayrake signature check --dir signatures --stale-after 180")]
    Check {
        #[command(flatten)]
        folder: Folder,
        /// Days after which facts are stale.
        #[arg(long, value_name = "DAYS", default_value_t = Freshness::DAYS)]
        stale_after: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell in words what changes for detection from one folder to another.
    ///
    /// Ends with 1 when anything changes.
    #[command(after_help = "Examples:
  hayrake signature diff signatures
  hayrake signature diff signatures.before signatures --json")]
    Diff {
        /// The folder before and the folder after; a single one is compared
        /// with the signatures of this program.
        #[arg(value_name = "DIR", required = true, num_args = 1..=2)]
        folders: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args)]
struct Folder {
    /// Folder of signatures instead of those that are part of the program.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Signature {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        match self.action {
            Action::List { config, folder, json } => list::list(config, folder.dir, json),
            Action::Show { class, folder, json } => show(&open(folder.dir)?, &class, json),
            Action::Check { folder, stale_after, json } => {
                let freshness = Freshness { today: today(), days: stale_after };
                let examined = source(folder.dir).check(freshness);
                if json {
                    println!("{}", serde_json::to_string_pretty(&examined.findings)?);
                } else {
                    examined.findings.iter().for_each(|finding| println!("{finding}"));
                    if let Some(set) = &examined.set {
                        println!("{} classes can be used", set.classes.len());
                    }
                }
                judge(&examined.findings)
            }
            Action::Diff { mut folders, json } => {
                let after = folders.pop();
                let changes = diff(&open(folders.pop())?, &open(after)?);
                if json {
                    println!("{}", serde_json::to_string_pretty(&changes)?);
                } else {
                    changes.iter().for_each(|change| println!("{change}"));
                }
                Ok(if changes.is_empty() { Outcome::Fine } else { Outcome::Findings })
            }
        }
    }
}

fn source(dir: Option<PathBuf>) -> SignatureSource {
    dir.map_or(SignatureSource::Shipped, SignatureSource::Dir)
}

fn open(dir: Option<PathBuf>) -> anyhow::Result<SignatureSet> {
    source(dir).load().map_err(super::findings)
}

fn show(set: &SignatureSet, class: &str, json: bool) -> anyhow::Result<Outcome> {
    let Some(found) = set.class(class) else {
        anyhow::bail!("no class `{class}`, `hayrake signature list` names them");
    };
    let description = Description::from(found);
    if json {
        println!("{}", serde_json::to_string_pretty(&description)?);
    } else {
        println!("{description}");
    }
    Ok(Outcome::Fine)
}
