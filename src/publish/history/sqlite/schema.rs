//! The tables of the history file, and how an older file becomes a newer one.
//!
//! `PRAGMA user_version` is the number of steps that were taken; a step is never
//! changed, a further one is appended. Windows are 1 or 24 (hours), their starts
//! Unix seconds, days are counted from 1970-01-01. A file can be looked at with
//! `sqlite3 -readonly`.

use rusqlite::{Connection, TransactionBehavior};

use super::said;
use crate::publish::history::HistoryError;

/// Says in the file's header whose it is: "Hayr".
pub(super) const APPLICATION: u32 = 0x4861_7972;

/// The steps from an empty file to the newest format.
pub(super) const STEPS: &[&str] = &[FIRST];

const FIRST: &str = "
-- When a service was there: from began until, Unix milliseconds.
CREATE TABLE run (began INTEGER PRIMARY KEY, until INTEGER NOT NULL);
-- One row: windows that end by then (Unix seconds) are closed.
CREATE TABLE progress (id INTEGER PRIMARY KEY CHECK (id = 1), closed INTEGER NOT NULL);
-- Class 0 stands for lines with any class and is not in here.
CREATE TABLE class (id INTEGER PRIMARY KEY, name TEXT NOT NULL, level TEXT NOT NULL,
    UNIQUE (name, level));
CREATE TABLE region (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
-- Windows that are closed and in which a service was there for so many ms.
CREATE TABLE closed (window INTEGER NOT NULL, start INTEGER NOT NULL, covered INTEGER NOT NULL,
    PRIMARY KEY (window, start)) WITHOUT ROWID;
-- Claims that could not be written.
CREATE TABLE lost (window INTEGER NOT NULL, start INTEGER NOT NULL, claims INTEGER NOT NULL,
    PRIMARY KEY (window, start)) WITHOUT ROWID;
-- Classes that could be detected in a closed window.
CREATE TABLE watched (window INTEGER NOT NULL, class INTEGER NOT NULL, start INTEGER NOT NULL,
    PRIMARY KEY (window, class, start)) WITHOUT ROWID;
-- Lines per class and region; confidence, seen and monitored are sums over them.
CREATE TABLE count (window INTEGER NOT NULL, class INTEGER NOT NULL, start INTEGER NOT NULL,
    region INTEGER NOT NULL, lines INTEGER NOT NULL, in_use INTEGER NOT NULL,
    confidence REAL NOT NULL, seen INTEGER NOT NULL, monitored INTEGER NOT NULL,
    PRIMARY KEY (window, class, start, region)) WITHOUT ROWID;
-- Classes of lines by day. claimed and in_use have a bit for each hour of the
-- day, and bit 24 for the day: by these a claim that is told again is known.
CREATE TABLE line (day INTEGER NOT NULL, line BLOB NOT NULL, class INTEGER NOT NULL,
    region INTEGER NOT NULL, claimed INTEGER NOT NULL, in_use INTEGER NOT NULL,
    confidence REAL NOT NULL,
    PRIMARY KEY (day, line, class)) WITHOUT ROWID;
-- Lines with any class, while a window is open.
CREATE TABLE any_line (day INTEGER NOT NULL, line BLOB NOT NULL, claimed INTEGER NOT NULL,
    PRIMARY KEY (day, line)) WITHOUT ROWID;
";

/// Brings the file to the newest format.
pub(super) fn migrate(file: &mut Connection, steps: &[&str]) -> Result<(), HistoryError> {
    let taken: u32 = pragma(file, "user_version")?;
    let application: u32 = pragma(file, "application_id")?;
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    if taken > known {
        return Err(HistoryError::Later { found: taken, known });
    }
    if taken > 0 && application != APPLICATION {
        return Err(HistoryError::Damaged("it is a database of something else".to_owned()));
    }
    if taken == known {
        return Ok(());
    }
    let step = file.transaction_with_behavior(TransactionBehavior::Immediate).map_err(said)?;
    for sql in &steps[usize::try_from(taken).unwrap_or(usize::MAX)..] {
        step.execute_batch(sql).map_err(said)?;
    }
    step.pragma_update(None, "application_id", APPLICATION).map_err(said)?;
    step.pragma_update(None, "user_version", known).map_err(said)?;
    step.commit().map_err(said)
}

/// The value of a pragma that is a number.
pub(super) fn pragma<T: rusqlite::types::FromSql>(
    file: &Connection,
    name: &str,
) -> Result<T, HistoryError> {
    file.pragma_query_value(None, name, |row| row.get(0)).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_steps_that_it_lacks_and_keeps_what_it_has() {
        let mut file = Connection::open_in_memory().unwrap();
        let first = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);";
        let second = "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7;";
        migrate(&mut file, &[first]).unwrap();
        migrate(&mut file, &[first]).unwrap();
        migrate(&mut file, &[first, second]).unwrap();
        let found: (i64, i64) =
            file.query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(found, (1, 7));
        let older = migrate(&mut file, &[first]).unwrap_err();
        assert!(matches!(older, HistoryError::Later { found: 2, known: 1 }), "{older}");
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let mut file = Connection::open_in_memory().unwrap();
        let first = "CREATE TABLE a (x INTEGER);";
        migrate(&mut file, &[first]).unwrap();
        migrate(&mut file, &[first, "CREATE TABLE b (x); no sql"]).unwrap_err();
        assert_eq!(pragma::<u32>(&file, "user_version").unwrap(), 1);
        assert!(file.execute("INSERT INTO b VALUES (1)", []).is_err(), "b is not there");
    }
}
