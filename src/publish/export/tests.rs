//! Tables of a small history, read back.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use ::parquet::basic::{LogicalType, Type};
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row as Record};

use super::*;
use crate::model::line::LineId;
use crate::model::rules::Level;
use crate::publish::history::sqlite::Sqlite;
use crate::publish::history::{Claim, Detectable, News, Retention};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Two kettles in the north and one in a region with an awkward name, at ten;
/// the day is over.
fn history() -> (Sqlite, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let forever = Retention { counts: Duration::MAX, lines: Duration::MAX };
    let history = Sqlite::new(folder.path(), forever, |_| {});
    let claim = |line: u128, window, start: &str| Claim {
        window,
        start: at(start),
        line: LineId(line),
        region: if line < 3 { "north".into() } else { "\"south\", and more".into() },
        class: "kettle".into(),
        level: Level::Product,
        in_use: line == 1,
        confidence: 0.75,
        seen: 1,
        of: 2,
    };
    let mut claims: Vec<Claim> =
        (1..=3).map(|line| claim(line, Window::Hour, "2026-11-21T10:00:00Z")).collect();
    claims.push(claim(1, Window::Hour, "2026-11-21T23:00:00Z"));
    claims.extend((1..=3).map(|line| claim(line, Window::Day, "2026-11-21T00:00:00Z")));
    let kettle: (Arc<str>, Level) = ("kettle".into(), Level::Product);
    history
        .write(&News {
            claims,
            there: Some((at("2026-11-21T09:30:00Z"), at("2026-11-22T00:30:00Z"))),
            closed: Some(at("2026-11-22T00:00:00Z")),
            detectable: vec![Detectable { from: Timestamp::EPOCH, classes: vec![kettle] }],
            lost: vec![(Window::Hour, at("2026-11-21T10:00:00Z"), 2)],
        })
        .unwrap();
    (history, folder)
}

fn span(from: &str, to: &str) -> Span {
    Span { from: at(from), to: at(to) }
}

fn hours() -> What {
    let span = span("2026-11-21T09:00:00Z", "2026-11-21T11:00:00Z");
    What::Counts(CountsQuestion { window: Window::Hour, span, class: None })
}

fn lines() -> What {
    let day = at("2026-11-21T00:00:00Z").day();
    What::Lines(LinesQuestion { days: (day, day), line: None, class: None })
}

fn exported(what: &What, format: Format) -> (Vec<u8>, u64) {
    let (history, _folder) = history();
    let (mut bytes, mut told) = (Vec::new(), 0);
    let rows = export(&history, what, format, &mut bytes, &mut || told += 1).unwrap();
    assert_eq!(told, rows);
    (bytes, rows)
}

fn csv(what: &What) -> String {
    String::from_utf8(exported(what, Format::Csv).0).unwrap()
}

#[test]
fn counts_are_a_row_for_each_class_window_and_region() {
    let expected = "\
window,start,class,level,region,lines,in_use,confidence,seen,of,covered_seconds,lost
1h,2026-11-21T09:00:00Z,kettle,product,\"\"\"south\"\", and more\",0,0,,,,1800,0
1h,2026-11-21T09:00:00Z,kettle,product,north,0,0,,,,1800,0
1h,2026-11-21T10:00:00Z,kettle,product,\"\"\"south\"\", and more\",1,0,0.75,1,2,3600,2
1h,2026-11-21T10:00:00Z,kettle,product,north,2,1,0.75,1,2,3600,2
";
    assert_eq!(csv(&hours()), expected);
}

#[test]
fn lines_with_any_class_are_a_table_of_their_own() {
    let day = span("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    let expected = "\
window,start,region,lines,covered_seconds,lost
24h,2026-11-21T00:00:00Z,\"\"\"south\"\", and more\",1,52200,0
24h,2026-11-21T00:00:00Z,north,2,52200,0
";
    assert_eq!(csv(&What::Any(Window::Day, day)), expected);
}

#[test]
fn lines_are_a_row_for_each_day_and_class() {
    let text = csv(&lines());
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows[0], "day,line,class,level,region,in_day,hours,in_use_hours,confidence");
    assert_eq!(
        rows[1],
        "2026-11-21,00000000000000000000000000000001,kettle,product,north,true,10 23,10 23,0.75"
    );
    assert_eq!(rows.len(), 4);
}

fn records(what: &What) -> (SerializedFileReader<File>, Vec<Record>) {
    let (bytes, rows) = exported(what, Format::Parquet);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let file = SerializedFileReader::new(file).unwrap();
    let records: Vec<Record> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(records.len() as u64, rows);
    (file, records)
}

fn cell<'r>(record: &'r Record, name: &str) -> &'r Field {
    let found = record.get_column_iter().find(|(column, _)| *column == name);
    found.unwrap_or_else(|| panic!("no column {name}")).1
}

#[test]
fn parquet_has_the_same_with_its_types() {
    let (file, records) = records(&hours());
    let schema = file.metadata().file_metadata().schema_descr();
    let names: Vec<&str> = schema.columns().iter().map(|column| column.name()).collect();
    assert_eq!(names, COUNTS.map(|column| column.name));
    assert_eq!(schema.column(1).physical_type(), Type::INT64);
    let column = schema.column(1);
    let Some(LogicalType::Timestamp(start)) = column.logical_type_ref() else {
        panic!("{column:?}")
    };
    assert!(start.is_adjusted_to_u_t_c);
    let nothing = &records[0];
    assert_eq!(cell(nothing, "confidence"), &Field::Null);
    assert_eq!(cell(nothing, "lines"), &Field::Long(0));
    let north = &records[3];
    let ten = i64::try_from(at("2026-11-21T10:00:00Z").as_millis()).unwrap();
    assert_eq!(cell(north, "start"), &Field::TimestampMillis(ten));
    assert_eq!(cell(north, "region"), &Field::Str("north".to_owned()));
    assert_eq!(cell(north, "lines"), &Field::Long(2));
    assert_eq!(cell(north, "confidence"), &Field::Double(0.75));
    let (_, records) = self::records(&lines());
    let day = i32::try_from(at("2026-11-21T00:00:00Z").day().0).unwrap();
    assert_eq!(cell(&records[0], "day"), &Field::Date(day));
    assert_eq!(cell(&records[0], "in_day"), &Field::Bool(true));
    assert_eq!(cell(&records[0], "hours"), &Field::Str("10 23".to_owned()));
}

#[test]
fn an_empty_table_has_its_columns() {
    let nobody = LinesQuestion { days: (Day(1), Day(0)), line: None, class: None };
    let nobody = What::Lines(nobody);
    assert_eq!(csv(&nobody).lines().count(), 1);
    let (file, records) = records(&nobody);
    assert!(records.is_empty());
    assert_eq!(file.metadata().file_metadata().schema_descr().num_columns(), LINES.len());
}

/// A disk with room for so much.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_is_full_is_said() {
    let (history, _folder) = history();
    for format in [Format::Csv, Format::Parquet] {
        let failed = export(&history, &hours(), format, &mut Full(50), &mut || {}).unwrap_err();
        assert!(failed.to_string().starts_with("cannot write: "), "{format:?}: {failed}");
    }
}
