//! `hayrake signature list`: the classes, a row each.

use std::path::PathBuf;

use super::super::Outcome;
use super::super::detectable::rules_today;
use super::open;
use crate::signature::{HEADING, rows};

pub(super) fn list(
    config: Option<PathBuf>,
    dir: Option<PathBuf>,
    json: bool,
) -> anyhow::Result<Outcome> {
    let config = config.map(|path| super::super::config(&path)).transpose()?;
    let set = match (&config, dir) {
        (Some(config), None) => config.signatures.load().map_err(super::super::findings)?,
        (_, dir) => open(dir)?,
    };
    let rules = config.map(|config| rules_today(&config, set.clone())).transpose()?;
    let rows = rows(&set, rules.as_ref());
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        println!("{HEADING}");
        rows.iter().for_each(|row| println!("{row}"));
    }
    Ok(Outcome::Fine)
}
