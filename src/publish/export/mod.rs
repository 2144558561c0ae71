//! The history as a table, for spreadsheets and analysis: CSV or Parquet.
//!
//! What the columns are is decided here once for both formats; [`csv`] and
//! [`parquet`] only write cells. Rows are written as the history tells them, so
//! an export takes little memory however long it is.

mod csv;
mod parquet;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use thiserror::Error;

use crate::model::time::{Day, Timestamp, Window};
use crate::publish::history::{
    Cell, CountsQuestion, History, HistoryError, Known, LineDay, LinesQuestion, Point, Span,
    Windows,
};

/// What a table is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header, RFC 4180.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Lines per class, window and region.
    Counts(CountsQuestion),
    /// Lines with any class, per window and region.
    Any(Window, Span),
    /// Classes of lines by day.
    Lines(LinesQuestion),
}

/// Why an export did not end well.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The history cannot be read.
    #[error("the history cannot be read: {0}")]
    History(#[from] HistoryError),
    /// The table cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Column {
    name: &'static str,
    kind: Kind,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Count,
    /// A number that there may not be.
    Mean,
    Flag,
    Instant,
    Day,
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(Arc<str>),
    Count(u64),
    Mean(Option<f64>),
    Flag(bool),
    Instant(Timestamp),
    Day(Day),
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

const COUNTS: [Column; 12] = [
    column("window", Kind::Text),
    column("start", Kind::Instant),
    column("class", Kind::Text),
    column("level", Kind::Text),
    column("region", Kind::Text),
    column("lines", Kind::Count),
    column("in_use", Kind::Count),
    column("confidence", Kind::Mean),
    column("seen", Kind::Mean),
    column("of", Kind::Mean),
    column("covered_seconds", Kind::Count),
    column("lost", Kind::Count),
];

const ANY: [Column; 6] = [
    column("window", Kind::Text),
    column("start", Kind::Instant),
    column("region", Kind::Text),
    column("lines", Kind::Count),
    column("covered_seconds", Kind::Count),
    column("lost", Kind::Count),
];

const LINES: [Column; 9] = [
    column("day", Kind::Day),
    column("line", Kind::Text),
    column("class", Kind::Text),
    column("level", Kind::Text),
    column("region", Kind::Text),
    column("in_day", Kind::Flag),
    column("hours", Kind::Text),
    column("in_use_hours", Kind::Text),
    column("confidence", Kind::Mean),
];

/// Writes what is asked for to `to`, and tells after each row. Gives the number
/// of rows.
pub fn export(
    history: &dyn History,
    what: &What,
    format: Format,
    to: &mut (dyn Write + Send),
    told: &mut dyn FnMut(),
) -> Result<u64, ExportError> {
    match what {
        What::Counts(question) => {
            let regions = regions(history.known(question.window)?);
            let table = Table::begin(format, &COUNTS, to, told)?;
            table.written(|row| {
                history
                    .counts(question, &mut |point| counts(&point, question.window, &regions, row))
            })
        }
        What::Any(window, span) => {
            let regions = regions(history.known(*window)?);
            let question = CountsQuestion { window: *window, span: *span, class: None };
            let table = Table::begin(format, &ANY, to, told)?;
            table.written(|row| {
                history.counts(&question, &mut |point| any(&point, *window, &regions, row))
            })
        }
        What::Lines(question) => {
            let table = Table::begin(format, &LINES, to, told)?;
            table.written(|row| history.lines(question, &mut |found| line(&found, row)))
        }
    }
}

/// The regions that there is a row for in each window.
fn regions(known: Known) -> Vec<Arc<str>> {
    if known.regions.is_empty() { vec!["".into()] } else { known.regions }
}

/// Takes in a row, or says that no more can be.
type Row<'r> = &'r mut dyn FnMut(&[Value]) -> ControlFlow<()>;

fn cells<'p>(
    point: &'p Point,
    regions: &'p [Arc<str>],
) -> impl Iterator<Item = (&'p Arc<str>, Cell)> {
    regions.iter().map(|region| {
        let cell = point.cells.iter().find(|cell| cell.region == *region);
        (region, cell.cloned().unwrap_or_default())
    })
}

fn counts(point: &Point, window: Window, regions: &[Arc<str>], row: Row<'_>) -> ControlFlow<()> {
    let Some((class, level)) = &point.class else { return ControlFlow::Continue(()) };
    for (region, cell) in cells(point, regions) {
        let mean = |sum: f64| Value::Mean((cell.lines > 0).then(|| sum / cell.lines as f64));
        row(&[
            Value::Text(window.as_str().into()),
            Value::Instant(point.start),
            Value::Text(class.clone()),
            Value::Text(level.as_str().into()),
            Value::Text(region.clone()),
            Value::Count(cell.lines),
            Value::Count(cell.in_use),
            mean(cell.confidence),
            mean(cell.seen as f64),
            mean(cell.of as f64),
            Value::Count(point.covered.as_secs()),
            Value::Count(point.lost),
        ])?;
    }
    ControlFlow::Continue(())
}

fn any(point: &Point, window: Window, regions: &[Arc<str>], row: Row<'_>) -> ControlFlow<()> {
    if point.class.is_some() {
        return ControlFlow::Continue(());
    }
    for (region, cell) in cells(point, regions) {
        row(&[
            Value::Text(window.as_str().into()),
            Value::Instant(point.start),
            Value::Text(region.clone()),
            Value::Count(cell.lines),
            Value::Count(point.covered.as_secs()),
            Value::Count(point.lost),
        ])?;
    }
    ControlFlow::Continue(())
}

fn line(found: &LineDay, row: Row<'_>) -> ControlFlow<()> {
    let hours = |windows: Windows| {
        let hours: Vec<String> = windows.hours().map(|hour| hour.to_string()).collect();
        Value::Text(hours.join(" ").into())
    };
    row(&[
        Value::Day(found.day),
        Value::Text(found.line.to_string().into()),
        Value::Text(found.class.clone()),
        Value::Text(found.level.as_str().into()),
        Value::Text(found.region.clone()),
        Value::Flag(found.claimed.has_day()),
        hours(found.claimed),
        hours(found.in_use),
        Value::Mean(Some(found.confidence)),
    ])
}

/// A table that is being written.
struct Table<'t> {
    writer: Writer<'t>,
    told: &'t mut dyn FnMut(),
    rows: u64,
    failed: Option<io::Error>,
}

enum Writer<'t> {
    Csv(Box<csv::Csv<'t>>),
    Parquet(Box<parquet::Parquet<'t>>),
}

impl<'t> Table<'t> {
    fn begin(
        format: Format,
        columns: &'static [Column],
        to: &'t mut (dyn Write + Send),
        told: &'t mut dyn FnMut(),
    ) -> io::Result<Self> {
        let writer = match format {
            Format::Csv => Writer::Csv(Box::new(csv::Csv::begin(columns, to)?)),
            Format::Parquet => Writer::Parquet(Box::new(parquet::Parquet::begin(columns, to)?)),
        };
        Ok(Self { writer, told, rows: 0, failed: None })
    }

    /// Writes the rows that `tell` gives, and the end.
    fn written(
        mut self,
        tell: impl FnOnce(Row<'_>) -> Result<(), HistoryError>,
    ) -> Result<u64, ExportError> {
        tell(&mut |row| {
            let written = match &mut self.writer {
                Writer::Csv(csv) => csv.row(row),
                Writer::Parquet(parquet) => parquet.row(row),
            };
            match written {
                Ok(()) => {
                    self.rows += 1;
                    (self.told)();
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    self.failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        match self.writer {
            Writer::Csv(csv) => csv.end()?,
            Writer::Parquet(parquet) => parquet.end()?,
        }
        Ok(self.rows)
    }
}
