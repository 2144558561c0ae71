//! Forgetting, a piece at a time, so that nobody waits long.

use rusqlite::{Connection, params};

use super::said;
use super::write::seconds;
use crate::model::time::Timestamp;
use crate::publish::history::{HistoryError, Retention};

/// Rows of lines removed at once: some tenths of a second.
const ROWS: i64 = 50_000;
/// Pages given back to the disk at once: four megabytes.
const PAGES: i64 = 1_000;

/// Removes some of what is older than `retention` at `now`. Says whether there
/// is more.
pub(super) fn forget(
    file: &mut Connection,
    now: Timestamp,
    retention: Retention,
) -> Result<bool, HistoryError> {
    counts(file, now.minus(retention.counts)).map_err(said)?;
    let oldest = now.minus(retention.lines).day().0;
    let removed = file
        .prepare_cached(
            "DELETE FROM line WHERE (day, line, class) IN
                 (SELECT day, line, class FROM line WHERE day < ?1 ORDER BY day LIMIT ?2)",
        )
        .and_then(|mut remove| remove.execute(params![oldest, ROWS]))
        .map_err(said)?;
    let free = give_back(file).map_err(said)?;
    // Into the file, where what was deleted is overwritten. Whoever is reading
    // keeps the log from it until the next time.
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(said)?;
    Ok(i64::try_from(removed).unwrap_or(i64::MAX) >= ROWS || free)
}

fn counts(file: &mut Connection, before: Timestamp) -> rusqlite::Result<()> {
    let removing = file.transaction()?;
    let before = seconds(before);
    for table in ["closed", "lost"] {
        removing.execute(
            &format!("DELETE FROM {table} WHERE window IN (1, 24) AND start < ?1"),
            params![before],
        )?;
    }
    for table in ["watched", "count"] {
        // By the key: class after class.
        removing.execute(
            &format!(
                "DELETE FROM {table} WHERE window IN (1, 24)
                     AND class IN (SELECT 0 UNION ALL SELECT id FROM class) AND start < ?1"
            ),
            params![before],
        )?;
    }
    removing.execute("DELETE FROM run WHERE until / 1000 < ?1", params![before])?;
    removing.commit()
}

/// Gives free pages back to the disk. Says whether there are more.
fn give_back(file: &Connection) -> rusqlite::Result<bool> {
    let free: i64 = file.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    // A few are kept for what comes next.
    if free <= PAGES {
        return Ok(false);
    }
    let mut vacuum = file.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut steps = vacuum.query([])?;
    while steps.next()?.is_some() {}
    Ok(free > 2 * PAGES)
}
