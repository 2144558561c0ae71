//! Whether files have changed, by looking at them now and then.
//!
//! Polling what `stat` tells works on every file system, also network ones,
//! and sees files that are replaced by renaming. A file that is being written
//! changes from look to look; it is told of only once it has stood still for
//! one look, or after a while if it never does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::clock::Stopwatch;

/// How often files are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(2);
/// How long a file may go on changing before it is read all the same.
const PATIENCE: Duration = Duration::from_secs(60);
/// Files looked at in one folder. More is no folder of signatures.
const FILES: usize = 20_000;

/// What identifies a file's content without reading it: device, inode, size
/// and time of the last change. `None` when there is no file.
type Print = Option<(u64, u64, u64, i64, i64)>;

/// Files and folders under watch, as last seen.
pub(super) struct Watch {
    roots: Vec<PathBuf>,
    taken: BTreeMap<PathBuf, Print>,
    seen: BTreeMap<PathBuf, Print>,
    unsettled: Option<Stopwatch>,
}

impl Watch {
    /// Watches these files, and these folders with all that is in them. What
    /// they hold now counts as known.
    pub(super) fn new(roots: Vec<PathBuf>) -> Self {
        let taken = look(&roots);
        Self { roots, seen: taken.clone(), taken, unsettled: None }
    }

    /// The files that have changed since they were last told of and stand
    /// still now.
    pub(super) fn changed(&mut self) -> Vec<PathBuf> {
        let now = look(&self.roots);
        let standing_still = now == self.seen;
        self.seen = now;
        if self.seen == self.taken {
            self.unsettled = None;
            return Vec::new();
        }
        let since = self.unsettled.get_or_insert_with(Stopwatch::start);
        if !standing_still && since.elapsed() < PATIENCE {
            return Vec::new();
        }
        self.unsettled = None;
        let before = std::mem::replace(&mut self.taken, self.seen.clone());
        let paths = before.keys().chain(self.taken.keys());
        let mut changed: Vec<PathBuf> =
            paths.filter(|path| before.get(*path) != self.taken.get(*path)).cloned().collect();
        changed.sort();
        changed.dedup();
        changed
    }
}

fn look(roots: &[PathBuf]) -> BTreeMap<PathBuf, Print> {
    let mut prints = BTreeMap::new();
    for root in roots {
        look_at(root, &mut prints);
    }
    prints
}

fn look_at(path: &Path, prints: &mut BTreeMap<PathBuf, Print>) {
    if prints.len() >= FILES {
        return;
    }
    let found = fs::metadata(path).ok();
    if found.as_ref().is_some_and(fs::Metadata::is_dir) {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries {
            look_at(&entry.path(), prints);
        }
        return;
    }
    let print = found.map(|m| (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec()));
    prints.insert(path.to_owned(), print);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_when_it_stands_still() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        fs::write(&file, "one").unwrap();
        let mut watch = Watch::new(vec![dir.path().to_owned()]);
        assert!(watch.changed().is_empty());
        fs::write(&file, "three").unwrap();
        assert!(watch.changed().is_empty(), "it may still be written");
        assert_eq!(watch.changed(), std::slice::from_ref(&file));
        assert!(watch.changed().is_empty());
        fs::remove_file(&file).unwrap();
        watch.changed();
        assert_eq!(watch.changed(), [file]);
    }

    #[test]
    fn a_file_replaced_by_one_of_the_same_size_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let (file, other) = (dir.path().join("dns.jsonl"), dir.path().join("new"));
        fs::write(&file, "one").unwrap();
        let mut watch = Watch::new(vec![file.clone()]);
        fs::write(&other, "two").unwrap();
        fs::rename(&other, &file).unwrap();
        watch.changed();
        assert_eq!(watch.changed(), [file]);
    }

    #[test]
    fn a_file_that_comes_later_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("later");
        let mut watch = Watch::new(vec![file.clone()]);
        fs::write(&file, "now").unwrap();
        watch.changed();
        assert_eq!(watch.changed(), [file]);
    }
}
