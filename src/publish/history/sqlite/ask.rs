//! Questions to the file, each in one transaction of its own.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use rusqlite::{Connection, Row, ToSql, params, params_from_iter};

use super::said;
use super::write::{ANY, hours, seconds};
use crate::model::line::LineId;
use crate::model::rules::Level;
use crate::model::time::{Day, Timestamp, Window};
use crate::publish::history::{
    Cell, CountsQuestion, HistoryError, Known, LineDay, LinesQuestion, Point, Tell, Windows,
};

type Class = (Arc<str>, Level);

/// Names by their numbers.
struct Names {
    classes: Vec<(i64, Class)>,
    regions: HashMap<i64, Arc<str>>,
}

fn names(file: &Connection) -> rusqlite::Result<Names> {
    let mut classes = Vec::new();
    let mut known = file.prepare("SELECT id, name, level FROM class ORDER BY name, level")?;
    let mut rows = known.query([])?;
    while let Some(row) = rows.next()? {
        let level: String = row.get(2)?;
        // A level that is not known is of a later version; the format says so.
        let Some(level) = Level::ALL.into_iter().find(|known| known.as_str() == level) else {
            continue;
        };
        classes.push((row.get(0)?, (row.get::<_, String>(1)?.into(), level)));
    }
    let mut known = file.prepare("SELECT id, name FROM region")?;
    let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?.into()));
    let regions = known.query_map([], pair)?.collect::<rusqlite::Result<_>>()?;
    Ok(Names { classes, regions })
}

fn at(row: &Row<'_>, place: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_secs(unsigned(row, place)?))
}

fn unsigned(row: &Row<'_>, place: usize) -> rusqlite::Result<u64> {
    row.get(place).map(|number: i64| number.max(0).cast_unsigned())
}

pub(super) fn known(file: &Connection, window: Window) -> Result<Known, HistoryError> {
    let known = || -> rusqlite::Result<Known> {
        let reading = file.unchecked_transaction()?;
        let Names { classes, regions } = names(&reading)?;
        let mut watched = reading.prepare(
            "SELECT EXISTS (SELECT * FROM watched WHERE window IN (1, 24) AND class = ?1)",
        )?;
        let mut held = Vec::new();
        for (id, class) in classes {
            if watched.query_row(params![id], |row| row.get(0))? {
                held.push(class);
            }
        }
        let mut regions: Vec<_> = regions.into_values().collect();
        regions.sort_unstable();
        let ends =
            |row: &Row<'_>| Ok((row.get::<_, Option<i64>>(0)?.is_some(), at(row, 0), at(row, 1)));
        let windows = reading.query_row(
            "SELECT min(start), max(start) FROM closed WHERE window = ?1",
            params![hours(window)],
            ends,
        )?;
        let days = reading.query_row(
            "SELECT (SELECT min(day) FROM line), (SELECT max(day) FROM line)",
            [],
            |row| Ok((row.get::<_, Option<u32>>(0)?, row.get::<_, Option<u32>>(1)?)),
        )?;
        Ok(Known {
            classes: held,
            regions,
            windows: if windows.0 { Some((windows.1?, windows.2?)) } else { None },
            days: days.0.zip(days.1).map(|(first, last)| (Day(first), Day(last))),
        })
    };
    known().map_err(said)
}

/// The counts of one class, zeros too; of lines with any class for [`ANY`].
const COUNTS: &str = "
SELECT s.start, s.covered, coalesce(l.claims, 0),
    n.region, n.lines, n.in_use, n.confidence, n.seen, n.monitored
FROM closed AS s
LEFT JOIN lost AS l ON l.window = s.window AND l.start = s.start
LEFT JOIN count AS n ON n.window = s.window AND n.class = ?2 AND n.start = s.start
WHERE s.window = ?1 AND s.start >= ?3 AND s.start < ?4
    AND (?2 = 0 OR EXISTS
        (SELECT * FROM watched AS w WHERE w.window = ?1 AND w.class = ?2 AND w.start = s.start))
ORDER BY s.start, n.region";

pub(super) fn counts(
    file: &Connection,
    of: &CountsQuestion,
    tell: Tell<'_, Point>,
) -> Result<(), HistoryError> {
    let mut counts = || -> rusqlite::Result<()> {
        let reading = file.unchecked_transaction()?;
        let Names { classes, regions } = names(&reading)?;
        let asked = |(name, _): &Class| of.class.as_ref().is_none_or(|class| class == name);
        let mut ids: Vec<(i64, Option<Class>)> = classes
            .into_iter()
            .filter(|(_, class)| asked(class))
            .map(|(id, class)| (id, Some(class)))
            .collect();
        if of.class.is_none() {
            ids.push((ANY, None));
        }
        let mut counts = reading.prepare(COUNTS)?;
        let length = of.window.length();
        for (id, class) in ids {
            let span = params![hours(of.window), id, seconds(of.span.from), seconds(of.span.to)];
            let mut rows = counts.query(span)?;
            let mut held: Option<Point> = None;
            while let Some(row) = rows.next()? {
                let start = at(row, 0)?;
                if held.as_ref().is_none_or(|point| point.start != start) {
                    if held.take().is_some_and(|point| tell(point).is_break()) {
                        return Ok(());
                    }
                    let covered = Duration::from_millis(unsigned(row, 1)?).min(length);
                    let (class, lost) = (class.clone(), unsigned(row, 2)?);
                    held = Some(Point { class, start, covered, lost, cells: Vec::new() });
                }
                if let (Some(point), Some(region)) = (&mut held, row.get::<_, Option<i64>>(3)?) {
                    point.cells.push(Cell {
                        region: regions.get(&region).cloned().unwrap_or_default(),
                        lines: unsigned(row, 4)?,
                        in_use: unsigned(row, 5)?,
                        confidence: row.get(6)?,
                        seen: unsigned(row, 7)?,
                        of: unsigned(row, 8)?,
                    });
                }
            }
            if held.is_some_and(|point| tell(point).is_break()) {
                return Ok(());
            }
        }
        Ok(())
    };
    counts().map_err(said)
}

pub(super) fn lines(
    file: &Connection,
    of: &LinesQuestion,
    tell: Tell<'_, LineDay>,
) -> Result<(), HistoryError> {
    let mut lines = || -> rusqlite::Result<()> {
        let reading = file.unchecked_transaction()?;
        let Names { classes, regions } = names(&reading)?;
        let classes: HashMap<i64, Class> = classes.into_iter().collect();
        let asked = |name: &Arc<str>| of.class.as_ref().is_none_or(|class| class == name);
        // Day after day, so that one line is found by the key.
        let mut sql = String::from(
            "SELECT line, class, region, claimed, in_use, confidence FROM line WHERE day = ?1",
        );
        let id = of.line.map(|line| line.0.to_be_bytes());
        sql.push_str(if id.is_some() { " AND line = ?2" } else { "" });
        sql.push_str(" ORDER BY line, class");
        let mut found = reading.prepare(&sql)?;
        for day in of.days.0.0..=of.days.1.0 {
            let mut asked_for: Vec<&dyn ToSql> = vec![&day];
            asked_for.extend(id.as_ref().map(|id| -> &dyn ToSql { id }));
            let mut rows = found.query(params_from_iter(asked_for))?;
            while let Some(row) = rows.next()? {
                let Some((class, level)) = classes.get(&row.get::<_, i64>(1)?) else { continue };
                if !asked(class) {
                    continue;
                }
                let line_day = LineDay {
                    day: Day(day),
                    line: LineId(u128::from_be_bytes(row.get(0)?)),
                    class: class.clone(),
                    level: *level,
                    region: regions.get(&row.get::<_, i64>(2)?).cloned().unwrap_or_default(),
                    claimed: Windows(row.get(3)?),
                    in_use: Windows(row.get(4)?),
                    confidence: row.get(5)?,
                };
                if tell(line_day).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    };
    lines().map_err(said)
}
