//! Where an export goes: onto a stream, or into a file that is whole or not
//! there.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;

use crate::cli::progress::Bar;
use crate::publish::export::{ExportError, Format, What, export};
use crate::publish::history::History;

/// Writes a table to `to`; gives the number of rows.
pub(super) fn write(
    history: &dyn History,
    what: &What,
    format: Format,
    to: impl Write + Send,
) -> Result<u64, ExportError> {
    let mut bar = Bar::of("rows written", None);
    let mut to = BufWriter::new(to);
    let rows = export(history, what, format, &mut to, &mut || bar.add(1))?;
    to.flush()?;
    Ok(rows)
}

/// Writes a file beside `path`, which gets its name when it is whole.
pub(super) fn to_file(
    history: &dyn History,
    what: &What,
    format: Format,
    path: &Path,
) -> anyhow::Result<u64> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let failed = |doing: &str| format!("cannot {doing} {}", path.display());
    let file = File::create(&part).with_context(|| failed("make"))?;
    let rows =
        write(history, what, format, &file).and_then(|rows| Ok(file.sync_all().map(|()| rows)?));
    match rows {
        Ok(rows) => {
            fs::rename(&part, path).with_context(|| failed("name"))?;
            Ok(rows)
        }
        Err(error) => {
            // What is left of it is worth nothing.
            let _ = fs::remove_file(&part);
            Err(error).with_context(|| failed("write"))
        }
    }
}
