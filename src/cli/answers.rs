//! Reading files of DNS answers for a command that runs and ends.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::config::FileFeed;
use crate::dns::{Knowledge, Reading, read_into};
use crate::model::time::Timestamp;

/// The answers of the configured `feeds` and of more files, which count as
/// population coverage; each file once. Says on standard error what was read.
pub(super) fn read_answers(feeds: &[FileFeed], more: &[PathBuf]) -> anyhow::Result<Knowledge> {
    let given = more.iter().cloned().map(FileFeed::new);
    let mut dns = Knowledge::new();
    let mut read = Vec::new();
    for feed in feeds.iter().cloned().chain(given) {
        let path = feed.path.display();
        let same = feed.path.canonicalize().unwrap_or_else(|_| feed.path.clone());
        if read.contains(&same) {
            continue;
        }
        // The command has its own now: answers later than a day are not seen
        // on that day, however late they are.
        let reading = Reading { types: feed.types, ..Reading::new(feed.coverage, Timestamp::MAX) };
        let file = File::open(&feed.path).with_context(|| format!("cannot open {path}"))?;
        let report = read_into(&mut dns, &path.to_string(), file, &reading)
            .with_context(|| format!("cannot use {path}"))?;
        eprintln!("{path}: {report}");
        read.push(same);
    }
    Ok(dns)
}
