//! A table as Apache Parquet, by the format's own crate without Arrow: columns
//! are gathered up to a row group and written one after the other, compressed
//! with zstd. Times are UTC milliseconds, days are dates, and every column
//! but the means has a value in every row.

use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::parser::parse_message_type;

use super::{Column, Kind, Value};

/// Rows of a group, which are in memory at once: about 20 MB.
const GROUP: usize = 100_000;

pub(super) struct Parquet<'t> {
    file: SerializedFileWriter<&'t mut (dyn Write + Send)>,
    columns: Vec<Cells>,
    rows: usize,
}

/// A column of the group that is being gathered.
enum Cells {
    Text(Vec<ByteArray>),
    Whole(Vec<i64>),
    Day(Vec<i32>),
    Flag(Vec<bool>),
    /// Those that there are, and for each row whether there is one.
    Mean(Vec<f64>, Vec<i16>),
}

impl<'t> Parquet<'t> {
    pub(super) fn begin(columns: &[Column], to: &'t mut (dyn Write + Send)) -> io::Result<Self> {
        let fields: String = columns.iter().map(field).collect();
        let schema =
            parse_message_type(&format!("message history {{ {fields} }}")).map_err(said)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("hayrake ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(to, Arc::new(schema), Arc::new(properties));
        let columns = columns.iter().map(|column| Cells::none(column.kind)).collect();
        Ok(Self { file: file.map_err(said)?, columns, rows: 0 })
    }

    pub(super) fn row(&mut self, row: &[Value]) -> io::Result<()> {
        for (cells, value) in self.columns.iter_mut().zip(row) {
            cells.push(value)?;
        }
        self.rows += 1;
        if self.rows < GROUP { Ok(()) } else { self.group().map_err(said) }
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.group().map_err(said)?;
        }
        self.file.close().map_err(said)?;
        Ok(())
    }

    fn group(&mut self) -> Result<(), ParquetError> {
        self.rows = 0;
        let mut group = self.file.next_row_group()?;
        for cells in &mut self.columns {
            let Some(mut column) = group.next_column()? else { break };
            cells.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        Ok(())
    }
}

/// A column as the schema has it.
fn field(column: &Column) -> String {
    let name = column.name;
    match column.kind {
        Kind::Text => format!("required binary {name} (STRING); "),
        Kind::Count => format!("required int64 {name}; "),
        Kind::Mean => format!("optional double {name}; "),
        Kind::Flag => format!("required boolean {name}; "),
        Kind::Instant => format!("required int64 {name} (TIMESTAMP(MILLIS,true)); "),
        Kind::Day => format!("required int32 {name} (DATE); "),
    }
}

impl Cells {
    fn none(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(Vec::new()),
            Kind::Count | Kind::Instant => Self::Whole(Vec::new()),
            Kind::Day => Self::Day(Vec::new()),
            Kind::Flag => Self::Flag(Vec::new()),
            Kind::Mean => Self::Mean(Vec::new(), Vec::new()),
        }
    }

    fn push(&mut self, value: &Value) -> io::Result<()> {
        match (self, value) {
            (Self::Text(cells), Value::Text(text)) => cells.push((&**text).into()),
            (Self::Whole(cells), Value::Count(count)) => {
                cells.push(i64::try_from(*count).unwrap_or(i64::MAX));
            }
            (Self::Whole(cells), Value::Instant(at)) => cells.push(at.as_millis().cast_signed()),
            (Self::Day(cells), Value::Day(day)) => cells.push(day.0.cast_signed()),
            (Self::Flag(cells), Value::Flag(flag)) => cells.push(*flag),
            (Self::Mean(cells, there), Value::Mean(mean)) => {
                there.push(i16::from(mean.is_some()));
                cells.extend(mean);
            }
            // The table of columns and what makes rows are in one file.
            (_, value) => {
                return Err(io::Error::other(format!("{value:?} in a column of another kind")));
            }
        }
        Ok(())
    }

    /// Writes the cells and lets go of them.
    fn write(&mut self, to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match self {
            Self::Text(cells) => to.typed::<ByteArrayType>().write_batch(cells, None, None)?,
            Self::Whole(cells) => to.typed::<Int64Type>().write_batch(cells, None, None)?,
            Self::Day(cells) => to.typed::<Int32Type>().write_batch(cells, None, None)?,
            Self::Flag(cells) => to.typed::<BoolType>().write_batch(cells, None, None)?,
            Self::Mean(cells, there) => {
                to.typed::<DoubleType>().write_batch(cells, Some(there), None)?
            }
        };
        match self {
            Self::Text(cells) => cells.clear(),
            Self::Whole(cells) => cells.clear(),
            Self::Day(cells) => cells.clear(),
            Self::Flag(cells) => cells.clear(),
            Self::Mean(cells, there) => {
                cells.clear();
                there.clear();
            }
        }
        Ok(())
    }
}

fn said(error: ParquetError) -> io::Error {
    match error {
        // What the disk said stands in it.
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}
