//! A table as comma-separated values, RFC 4180: a header, then a line a row.
//! What there is not is an empty cell.

use std::io::{self, Write};

use super::{Column, Value};

pub(super) struct Csv<'t>(csv::Writer<&'t mut (dyn Write + Send)>);

impl<'t> Csv<'t> {
    pub(super) fn begin(columns: &[Column], to: &'t mut (dyn Write + Send)) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record(columns.iter().map(|column| column.name))?;
        Ok(Self(writer))
    }

    pub(super) fn row(&mut self, row: &[Value]) -> io::Result<()> {
        Ok(self.0.write_record(row.iter().map(text))?)
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Count(count) => count.to_string(),
        Value::Mean(None) => String::new(),
        Value::Mean(Some(mean)) => mean.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Instant(at) => at.to_string(),
        Value::Day(day) => day.to_string(),
    }
}
