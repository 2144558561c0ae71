//! History in one SQLite file, `history.sqlite` in the state folder.
//!
//! One thread writes, a transaction at a time, with a write-ahead log: whoever
//! asks meanwhile sees the file as it was at the beginning of the question, and
//! a service that is killed leaves whole transactions only. A file that is
//! damaged is set aside and a new one is begun. Each question opens the file
//! anew, for reading, so that it never sees one that was set aside.

mod ask;
mod retain;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{
    CountsQuestion, History, HistoryError, Known, LineDay, LinesQuestion, News, Point, Retention,
    Tell,
};
use crate::model::time::{Timestamp, Window};

/// The file's name in the state folder.
pub const FILE: &str = "history.sqlite";
/// Mode of the file: what is in it concerns nobody else.
const MODE: u32 = 0o600;
/// How long a question waits for a file that is being recovered.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pages kept in memory by the writer, in KiB: what an hour of a million lines
/// touches at once fits.
const CACHE_KIB: i64 = 65_536;
/// The log is cut to this size after it has grown, in bytes.
const LOG: i64 = 64 << 20;

/// The history in a file.
pub struct Sqlite {
    path: PathBuf,
    writer: Mutex<Option<Held>>,
    retention: Retention,
    set_aside: Box<dyn Fn(&str) + Send + Sync>,
}

/// The file that is written, and which one it is on the disk.
struct Held {
    file: Connection,
    place: (u64, u64),
}

impl Sqlite {
    /// The file in `folder`, opened or made when something is written first.
    /// `set_aside` is told why when a damaged one had to be.
    pub fn new(
        folder: &Path,
        retention: Retention,
        set_aside: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        let (path, set_aside) = (folder.join(FILE), Box::new(set_aside));
        Self { path, writer: Mutex::default(), retention, set_aside }
    }

    /// The file in `folder` to ask only, also while a service writes it.
    pub fn reading(folder: &Path) -> Result<Self, HistoryError> {
        let path = folder.join(FILE);
        // SQLite alone would not say which file.
        File::open(&path).map_err(|error| unusable(&path, &error))?;
        let retention = Retention { counts: Duration::MAX, lines: Duration::MAX };
        Ok(Self { path, writer: Mutex::default(), retention, set_aside: Box::new(|_| {}) })
    }

    /// Bytes on the disk, with the log.
    pub fn bytes(&self) -> u64 {
        let size = |end| fs::metadata(beside(&self.path, end)).map_or(0, |found| found.len());
        ["", "-wal", "-shm"].into_iter().map(size).sum()
    }

    /// Does something with the file, opened if it is not. One that is damaged is
    /// set aside, and a new one tried.
    fn with_writer<T>(
        &self,
        act: impl Fn(&mut Connection) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        // Whoever panicked left a transaction that was rolled back.
        let mut held = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let damage = match open(&self.path, &mut held).and_then(&act) {
            Err(HistoryError::Damaged(damage)) => damage,
            other => return other,
        };
        *held = None;
        set_aside(&self.path).map_err(|error| unusable(&self.path, &error))?;
        (self.set_aside)(&damage);
        open(&self.path, &mut held).and_then(act)
    }

    fn reader(&self) -> Result<Connection, HistoryError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let file = Connection::open_with_flags(&self.path, flags).map_err(said)?;
        file.busy_timeout(PATIENCE).map_err(said)?;
        let found: u32 = schema::pragma(&file, "user_version")?;
        let known = u32::try_from(schema::STEPS.len()).unwrap_or(u32::MAX);
        if found == known { Ok(file) } else { Err(HistoryError::Later { found, known }) }
    }
}

impl History for Sqlite {
    fn write(&self, news: &News) -> Result<(), HistoryError> {
        self.with_writer(|file| write::write(file, news, self.retention))
    }

    fn forget(&self, now: Timestamp) -> Result<bool, HistoryError> {
        self.with_writer(|file| retain::forget(file, now, self.retention))
    }

    fn known(&self, window: Window) -> Result<Known, HistoryError> {
        ask::known(&self.reader()?, window)
    }

    fn counts(&self, of: &CountsQuestion, tell: Tell<'_, Point>) -> Result<(), HistoryError> {
        ask::counts(&self.reader()?, of, tell)
    }

    fn lines(&self, of: &LinesQuestion, tell: Tell<'_, LineDay>) -> Result<(), HistoryError> {
        ask::lines(&self.reader()?, of, tell)
    }
}

/// The connection that is held, opened if there is none, or if it is to a file
/// that is no longer the one by this name: its folder was removed, or another disk
/// mounted there.
fn open<'h>(path: &Path, held: &'h mut Option<Held>) -> Result<&'h mut Connection, HistoryError> {
    let there = fs::metadata(path).map(|found| (found.dev(), found.ino()));
    if let Some(gone) = held.take_if(|held| there.as_ref().ok() != Some(&held.place)) {
        // Closing would remove a log by its name, which may be another file's.
        gone.file.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(said)?;
    }
    if held.is_none() {
        // SQLite gives the files beside it the mode of this one.
        let made = File::options().append(true).create(true).mode(MODE).open(path);
        let found =
            made.and_then(|made| made.metadata()).map_err(|error| unusable(path, &error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut file = Connection::open_with_flags(path, flags).map_err(said)?;
        prepare(&mut file)?;
        let place = (found.dev(), found.ino());
        return Ok(&mut held.insert(Held { file, place }).file);
    }
    held.as_mut()
        .map(|held| &mut held.file)
        .ok_or_else(|| HistoryError::Unusable("it is not open".to_owned()))
}

fn prepare(file: &mut Connection) -> Result<(), HistoryError> {
    file.busy_timeout(PATIENCE).map_err(said)?;
    // Before the first table: what is deleted goes back to the disk, and its
    // bytes are overwritten.
    for (name, value) in [
        ("auto_vacuum", "INCREMENTAL"),
        ("secure_delete", "ON"),
        ("journal_mode", "WAL"),
        // A transaction is on the disk when it is said to be.
        ("synchronous", "FULL"),
    ] {
        file.pragma_update(None, name, value).map_err(said)?;
    }
    file.pragma_update(None, "journal_size_limit", LOG).map_err(said)?;
    file.pragma_update(None, "cache_size", -CACHE_KIB).map_err(said)?;
    schema::migrate(file, schema::STEPS)?;
    // The large tables are looked at as they are read and written.
    for table in ["run", "progress", "class", "region", "closed", "lost", "watched", "count"] {
        let check = format!("PRAGMA quick_check({table})");
        let found: String = file.query_row(&check, [], |row| row.get(0)).map_err(said)?;
        if found != "ok" {
            return Err(HistoryError::Damaged(found.replace('\n', ", ")));
        }
    }
    Ok(())
}

/// Gives the file another name, after the last one that was set aside.
fn set_aside(path: &Path) -> io::Result<()> {
    fs::rename(path, beside(path, ".damaged"))?;
    // Its log is worth nothing without it, and would be taken for that of the
    // next.
    for end in ["-wal", "-shm"] {
        match fs::remove_file(beside(path, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn unusable(path: &Path, error: &io::Error) -> HistoryError {
    HistoryError::Unusable(format!("{}: {error}", path.display()))
}

/// What SQLite said.
fn said(error: rusqlite::Error) -> HistoryError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            HistoryError::Damaged(error.to_string())
        }
        _ => HistoryError::Unusable(error.to_string()),
    }
}
