//! News into the file, in one transaction.
//!
//! A claim is new if its bit is not set in the row of its line, class and day;
//! the count of its window goes up in the same transaction. So a count is at
//! any moment the number of lines that have the bit, however often and in
//! whatever pieces they are told. A window that is closed takes nothing more:
//! its bits may be gone.

use std::sync::Arc;

use hashbrown::HashMap;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, params};

use super::said;
use crate::model::rules::Level;
use crate::model::time::{Timestamp, Window};
use crate::publish::history::{Claim, Detectable, HistoryError, News, Retention, Windows};

/// The class that stands for all of them.
pub(super) const ANY: i64 = 0;

/// Unix seconds as the file has them.
pub(super) fn seconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

/// The length of a window as the file has it.
pub(super) fn hours(window: Window) -> i64 {
    match window {
        Window::Hour => 1,
        Window::Day => 24,
    }
}

/// Numbers as the file has them.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn write(
    file: &mut Connection,
    news: &News,
    retention: Retention,
) -> Result<(), HistoryError> {
    let writing = file.transaction().map_err(said)?;
    if let Some((began, until)) = news.there {
        let until = number(until.as_millis());
        writing
            .prepare_cached(
                "INSERT INTO run VALUES (?1, ?2) ON CONFLICT DO UPDATE SET until = max(until, ?2)",
            )
            .and_then(|mut run| run.execute(params![number(began.as_millis()), until]))
            .map_err(said)?;
    }
    let closed = closed_by(&writing).map_err(said)?;
    take_in(&writing, &news.claims, closed).map_err(said)?;
    for (window, start, claims) in &news.lost {
        writing
            .prepare_cached("INSERT INTO lost VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET claims = claims + ?3")
            .and_then(|mut lost| {
                lost.execute(params![hours(*window), seconds(*start), number(*claims)])
            })
            .map_err(said)?;
    }
    if let Some(by) = news.closed.filter(|by| *by > closed) {
        close(&writing, closed, by, &news.detectable).map_err(said)?;
        forget_bits(&writing, by, retention).map_err(said)?;
    }
    writing.commit().map_err(said)
}

/// Windows that end by then are closed.
fn closed_by(file: &Transaction<'_>) -> rusqlite::Result<Timestamp> {
    let found: Option<u64> = file
        .query_row("SELECT closed FROM progress", [], |row| row.get::<_, i64>(0))
        .optional()?
        .and_then(|closed| u64::try_from(closed).ok());
    Ok(found.map_or(Timestamp::EPOCH, Timestamp::from_secs))
}

/// What is added to one count.
#[derive(Default)]
struct Sum {
    lines: u64,
    in_use: u64,
    confidence: f64,
    seen: u64,
    of: u64,
}

/// A count: window, start, class, region.
type Key = (Window, Timestamp, i64, i64);

struct Names<'t> {
    file: &'t Transaction<'t>,
    classes: HashMap<(Arc<str>, Level), i64>,
    regions: HashMap<Arc<str>, i64>,
}

impl<'t> Names<'t> {
    fn of(file: &'t Transaction<'t>) -> Self {
        Self { file, classes: HashMap::new(), regions: HashMap::new() }
    }

    fn class(&mut self, name: &Arc<str>, level: Level) -> rusqlite::Result<i64> {
        if let Some(id) = self.classes.get(&(name.clone(), level)) {
            return Ok(*id);
        }
        self.file
            .prepare_cached("INSERT OR IGNORE INTO class (name, level) VALUES (?1, ?2)")?
            .execute(params![&**name, level.as_str()])?;
        let id = self
            .file
            .prepare_cached("SELECT id FROM class WHERE name = ?1 AND level = ?2")?
            .query_row(params![&**name, level.as_str()], |row| row.get(0))?;
        self.classes.insert((name.clone(), level), id);
        Ok(id)
    }

    fn region(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.regions.get(name) {
            return Ok(*id);
        }
        self.file
            .prepare_cached("INSERT OR IGNORE INTO region (name) VALUES (?1)")?
            .execute(params![&**name])?;
        let id = self
            .file
            .prepare_cached("SELECT id FROM region WHERE name = ?1")?
            .query_row(params![&**name], |row| row.get(0))?;
        self.regions.insert(name.clone(), id);
        Ok(id)
    }
}

fn take_in(file: &Transaction<'_>, claims: &[Claim], closed: Timestamp) -> rusqlite::Result<()> {
    let mut names = Names::of(file);
    let mut sums: HashMap<Key, Sum> = HashMap::new();
    let mut line = file.prepare_cached(
        "INSERT INTO line VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET claimed = claimed | ?5, in_use = in_use | ?6,
             confidence = max(confidence, ?7)
         WHERE claimed & ?5 = 0",
    )?;
    let mut any = file.prepare_cached(
        "INSERT INTO any_line VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET claimed = claimed | ?3 WHERE claimed & ?3 = 0",
    )?;
    let mut last_any = None;
    for claim in claims.iter().filter(|claim| claim.window.end(claim.start) > closed) {
        let day = claim.start.day().0;
        let bit = Windows::one(claim.window, claim.start).0;
        let (class, region) =
            (names.class(&claim.class, claim.level)?, names.region(&claim.region)?);
        let id = claim.line.0.to_be_bytes();
        let in_use = if claim.in_use { bit } else { 0 };
        let new = line.execute(params![day, id, class, region, bit, in_use, claim.confidence])? > 0;
        if !new {
            continue;
        }
        let sum = sums.entry((claim.window, claim.start, class, region)).or_default();
        sum.lines += 1;
        sum.in_use += u64::from(claim.in_use);
        sum.confidence += claim.confidence;
        sum.seen += claim.seen as u64;
        sum.of += claim.of as u64;
        // The classes of a line come one after the other.
        let of_any = (claim.window, claim.start, claim.line);
        if last_any != Some(of_any) {
            last_any = Some(of_any);
            if any.execute(params![day, id, bit])? > 0 {
                sums.entry((claim.window, claim.start, ANY, region)).or_default().lines += 1;
            }
        }
    }
    let mut count = file.prepare_cached(
        "INSERT INTO count VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT DO UPDATE SET lines = lines + ?5, in_use = in_use + ?6,
             confidence = confidence + ?7, seen = seen + ?8, monitored = monitored + ?9",
    )?;
    for (key, sum) in sums {
        add(&mut count, key, &sum)?;
    }
    Ok(())
}

fn add(count: &mut CachedStatement<'_>, key: Key, sum: &Sum) -> rusqlite::Result<usize> {
    let (window, start, class, region) = key;
    count.execute(params![
        hours(window),
        class,
        seconds(start),
        region,
        number(sum.lines),
        number(sum.in_use),
        sum.confidence,
        number(sum.seen),
        number(sum.of),
    ])
}

/// Closes windows that end by `by` and did not by `before`, of which the
/// service has seen something.
fn close(
    file: &Transaction<'_>,
    before: Timestamp,
    by: Timestamp,
    detectable: &[Detectable],
) -> rusqlite::Result<()> {
    let mut names = Names::of(file);
    for window in Window::ALL {
        for (start, covered) in seen(file, window, before, by)? {
            file.prepare_cached("INSERT OR REPLACE INTO closed VALUES (?1, ?2, ?3)")?
                .execute(params![hours(window), seconds(start), number(covered)])?;
            let end = window.end(start);
            let in_force = detectable.iter().rfind(|known| known.from < end);
            for (class, level) in in_force.into_iter().flat_map(|known| &known.classes) {
                let class = names.class(class, *level)?;
                file.prepare_cached("INSERT OR IGNORE INTO watched VALUES (?1, ?2, ?3)")?
                    .execute(params![hours(window), class, seconds(start)])?;
            }
            // What was claimed could be detected.
            file.prepare_cached(
                "INSERT OR IGNORE INTO watched SELECT DISTINCT n.window, n.class, n.start
                 FROM class AS c JOIN count AS n
                     ON n.window = ?1 AND n.class = c.id AND n.start = ?2",
            )?
            .execute(params![hours(window), seconds(start)])?;
        }
    }
    file.execute(
        "INSERT INTO progress VALUES (1, ?1) ON CONFLICT DO UPDATE SET closed = ?1",
        params![seconds(by)],
    )?;
    Ok(())
}

/// The windows that end after `before` and by `by` in which a service was
/// there, with the milliseconds that it was.
fn seen(
    file: &Transaction<'_>,
    window: Window,
    before: Timestamp,
    by: Timestamp,
) -> rusqlite::Result<Vec<(Timestamp, u64)>> {
    let mut covered: Vec<(Timestamp, u64)> = Vec::new();
    let mut runs = file.prepare_cached(
        "SELECT began, until FROM run WHERE until > ?1 AND began < ?2 ORDER BY began",
    )?;
    let from = window.start(before);
    let times = |row: &rusqlite::Row<'_>| {
        let at =
            |place| row.get(place).map(|ms: i64| Timestamp::from_millis(ms.max(0).cast_unsigned()));
        Ok((at(0)?, at(1)?))
    };
    let spans = params![number(from.as_millis()), number(by.as_millis())];
    for run in runs.query_map(spans, times)? {
        let (began, until) = run?;
        let mut start = window.start(began.max(from));
        while start < until && window.end(start) <= by {
            let end = window.end(start);
            if end > before {
                let there = until.min(end).since(began.max(start));
                let there = u64::try_from(there.as_millis()).unwrap_or(u64::MAX);
                match covered.last_mut().filter(|(last, _)| *last == start) {
                    Some((_, sum)) => *sum += there,
                    None => covered.push((start, there)),
                }
            }
            start = end;
        }
    }
    Ok(covered)
}

/// Lets go of what is there to know claims again of windows that are closed.
fn forget_bits(
    file: &Transaction<'_>,
    closed: Timestamp,
    retention: Retention,
) -> rusqlite::Result<()> {
    // Windows of two days at most are open.
    let today = closed.day();
    let ended = Windows::ended(today, closed).0;
    let mut tables = vec!["any_line"];
    if retention.lines.is_zero() {
        tables.push("line");
    }
    for table in tables {
        file.execute(
            &format!("DELETE FROM {table} WHERE day < ?1 OR (day = ?1 AND claimed & ~?2 = 0)"),
            params![today.0, ended],
        )?;
    }
    Ok(())
}
