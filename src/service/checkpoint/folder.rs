//! The state folder: which files it has, how a new one replaces the old, and
//! what becomes of one that cannot be used.
//!
//! Of each kind there are at most four files: `dns.checkpoint`, the one before
//! as `dns.checkpoint.1`, the last that could not be used as
//! `dns.checkpoint.damaged`, and `dns.checkpoint.new` while it is written. A
//! new one is on the disk before it gets its name, so at any moment, a power
//! cut included, one of the first two is whole. `lock` is held by the service
//! that uses the folder; the system lets go of it however the service ends.

use std::fs::{self, DirBuilder, File, Metadata, TryLockError};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Kind;
use super::envelope::{Sealing, check};
use crate::metrics::CheckpointMetrics;

/// Mode of the folder: what is in it concerns nobody else.
const FOLDER: u32 = 0o700;
/// Mode of its files.
const FILE: u32 = 0o600;
/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// Why the state folder cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Another service has it.
    #[error("the state folder {0} is used by another service, give each its own `state`")]
    InUse(PathBuf),
    /// It cannot be made or written to.
    #[error("the state folder {path} cannot be used: {cause}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// The folder, held by this service.
#[derive(Debug)]
pub(in crate::service) struct Folder {
    path: PathBuf,
    /// Held for as long as it is open.
    lock: File,
}

impl Folder {
    /// Makes the folder if there is none, and takes hold of it.
    pub(in crate::service) fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |cause| FolderError::Io { path: path.to_owned(), cause };
        DirBuilder::new().recursive(true).mode(FOLDER).create(path).map_err(failed)?;
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(false).mode(FILE);
        let lock = options.open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => {
                // Some network file systems have no locks.
                tracing::warn!(path = %path.display(), %error, "the state folder cannot be locked");
            }
        }
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Whether the folder by this name is still the one that is held: not when it
    /// was removed, or another disk was mounted there.
    pub(super) fn is_there(&self) -> bool {
        let place = |found: Metadata| (found.dev(), found.ino());
        let held = self.lock.metadata().map(place);
        let there = fs::metadata(self.path.join("lock")).map(place);
        matches!((held, there), (Ok(held), Ok(there)) if held == there)
    }

    fn file(&self, kind: Kind, end: &str) -> PathBuf {
        self.path.join(format!("{}.checkpoint{end}", kind.name()))
    }

    /// Reads the newest checkpoint that `decode` can use. One that it cannot
    /// use is set aside.
    pub(in crate::service) fn read<T>(
        &self,
        kind: Kind,
        format: u16,
        metrics: &CheckpointMetrics,
        mut decode: impl FnMut(&mut dyn Read) -> Result<T, String>,
    ) -> Option<T> {
        let (newest, before) = (self.file(kind, ""), self.file(kind, ".1"));
        for path in [&newest, &before] {
            match read(path, kind, format, &mut decode) {
                Ok(Some(found)) => {
                    if path == &before {
                        tracing::warn!(path = %path.display(), "the checkpoint before the last is used");
                    }
                    return Some(found);
                }
                Ok(None) => {}
                Err(reason) => {
                    metrics.set_aside.with_label_values(&[kind.name()]).inc();
                    self.set_aside(kind, path, &reason);
                }
            }
        }
        None
    }

    fn set_aside(&self, kind: Kind, path: &Path, reason: &str) {
        let aside = self.file(kind, ".damaged");
        let renamed = fs::rename(path, &aside);
        let path = path.display();
        match renamed {
            Ok(()) => tracing::error!(
                %path, aside = %aside.display(),
                "a checkpoint cannot be used and is set aside: {reason}"
            ),
            Err(error) => tracing::error!(
                %path, %error,
                "a checkpoint cannot be used, and cannot be set aside either: {reason}"
            ),
        }
    }

    /// A file to write the next checkpoint to.
    pub(super) fn create(&self, kind: Kind, format: u16) -> io::Result<Sealing<File>> {
        let path = self.file(kind, ".new");
        // What a service leaves that was killed while it wrote.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = File::options().write(true).create_new(true).mode(FILE).open(path)?;
        Sealing::begin(file, kind, format)
    }

    /// Makes the file written last the newest checkpoint.
    pub(super) fn install(&self, kind: Kind, written: Sealing<File>) -> io::Result<()> {
        written.seal()?.sync_all()?;
        let newest = self.file(kind, "");
        match fs::rename(&newest, self.file(kind, ".1")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(self.file(kind, ".new"), newest)?;
        File::open(&self.path)?.sync_all()
    }

    /// Removes what is there, damaged ones apart.
    pub(super) fn forget(&self, kind: Kind) -> io::Result<()> {
        for end in ["", ".1"] {
            match fs::remove_file(self.file(kind, end)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        File::open(&self.path)?.sync_all()
    }

    /// Lets go of a file that was not written to its end.
    pub(super) fn discard(&self, kind: Kind) {
        // The next one removes it if this fails.
        let _ = fs::remove_file(self.file(kind, ".new"));
    }
}

/// What `decode` makes of a file; nothing when there is none.
fn read<T>(
    path: &Path,
    kind: Kind,
    format: u16,
    decode: &mut impl FnMut(&mut dyn Read) -> Result<T, String>,
) -> Result<Option<T>, String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("it cannot be opened: {error}")),
    };
    check(&mut file, kind, format).map_err(|unusable| unusable.to_string())?;
    decode(&mut BufReader::with_capacity(BUFFER, file)).map(Some)
}
