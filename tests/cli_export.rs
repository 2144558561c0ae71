//! `hayrake export` on what a service kept, and its Parquet read by a reader of
//! other make where there is one.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and the environment names a Python"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use hayrake::model::line::LineId;
use hayrake::model::rules::Level;
use hayrake::model::time::{Timestamp, Window};
use hayrake::publish::history::sqlite::Sqlite;
use hayrake::publish::history::{Claim, Detectable, History, News, Retention};
use support::{CLASS, Site};

/// Lines in the history.
const LINES: u128 = 20;
/// More than a row group of Parquet holds.
const MANY: u128 = 100_001;

/// A site with a history: its class on so many lines in one hour and the day.
fn site(lines: u128) -> Site {
    let site = Site::new();
    fs::create_dir(site.path("state")).unwrap();
    let forever = Retention { counts: Duration::MAX, lines: Duration::MAX };
    let history = Sqlite::new(&site.path("state"), forever, |_| {});
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let claim = |window, start: &str, line| Claim {
        window,
        start: at(start),
        line: LineId(line),
        region: "north".into(),
        class: CLASS.into(),
        level: Level::Product,
        in_use: false,
        confidence: 0.5,
        seen: 2,
        of: 2,
    };
    let mut claims: Vec<Claim> =
        (0..lines).map(|line| claim(Window::Hour, "2026-11-21T10:00:00Z", line)).collect();
    claims.extend((0..lines).map(|line| claim(Window::Day, "2026-11-21T00:00:00Z", line)));
    let classes = vec![(CLASS.into(), Level::Product)];
    let news = News {
        claims,
        there: Some((at("2026-11-21T00:00:00Z"), at("2026-11-22T00:10:00Z"))),
        closed: Some(at("2026-11-22T00:00:00Z")),
        detectable: vec![Detectable { from: Timestamp::EPOCH, classes }],
        lost: Vec::new(),
    };
    history.write(&news).unwrap();
    site
}

fn export(site: &Site, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hayrake"))
        .args(["export", "-c"])
        .arg(site.path("hayrake.yaml"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn counts_go_to_standard_output_and_lines_to_a_file() {
    let site = site(LINES);
    let output = export(&site, &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let csv = text(&output.stdout);
    assert_eq!(csv.lines().count(), 1 + 24, "a header, and every hour of the day");
    let ten = format!("1h,2026-11-21T10:00:00Z,{CLASS},product,north,{LINES},0,0.5,2,2,3600,0");
    assert!(csv.lines().any(|line| line == ten), "{csv}");
    let some = ["--from", "2026-11-21T10:00:00Z", "--to", "2026-11-21T12:00:00Z", "--class", CLASS];
    assert_eq!(text(&export(&site, &some).stdout).lines().count(), 1 + 2);
    let day = export(&site, &["--window", "24h", "--what", "any"]);
    assert_eq!(
        text(&day.stdout).lines().nth(1).unwrap(),
        format!("24h,2026-11-21T00:00:00Z,north,{LINES},86400,0")
    );

    let out = site.path("lines.csv");
    let arguments = ["--what", "lines", "--from", "2026-11-21", "--to", "2026-11-22", "--out"];
    let output = export(&site, &[&arguments[..], &[out.to_str().unwrap()]].concat());
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
    let csv = fs::read_to_string(&out).unwrap();
    assert_eq!(csv.lines().count() as u128, 1 + LINES);
    assert!(!site.path("lines.csv.part").exists());
    let one = export(&site, &["--what", "lines", "--line", &LineId(7).to_string()]);
    assert_eq!(
        text(&one.stdout).lines().nth(1).unwrap(),
        format!("2026-11-21,{},{CLASS},product,north,true,10,,0.5", LineId(7))
    );
}

#[test]
fn it_reads_beside_a_running_service() {
    let site = site(LINES);
    // Its windows are of a day that only gets older.
    site.configure("history: {counts: 3650d}\n");
    let hayrake = site.run();
    let output = export(&site, &["--window", "24h"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains(&format!(",{LINES},")), "{}", text(&output.stdout));
    assert!(hayrake.terminate().success());
}

#[test]
fn what_cannot_be_exported_is_said() {
    let site = site(LINES);
    for (arguments, said) in [
        (
            vec!["--class", "toaster"],
            "class `toaster` is in no window of the history; allowed: test-kettle",
        ),
        (vec!["--from", "yesterday"], "neither a day such as 2026-11-21"),
        (vec!["--from", "2026-11-22", "--to", "2026-11-21"], "allowed: from before to"),
        (vec!["--line", "00000000000000000000000000000007"], "--line goes with --what lines"),
        (vec!["--out", "/nonexistent/counts.csv"], "cannot make /nonexistent/counts.csv"),
        (vec!["--format", "xlsx"], "parquet"),
    ] {
        let output = export(&site, &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(said), "{arguments:?}: {}", text(&output.stderr));
    }
    fs::remove_file(site.path("state/history.sqlite")).unwrap();
    let output = export(&site, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("state/history.sqlite: No such file"));
}

/// A Python with pyarrow, if there is one.
fn python() -> Option<String> {
    let python = std::env::var("HAYRAKE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import pyarrow.parquet"]).output();
    found.is_ok_and(|output| output.status.success()).then_some(python)
}

const READ: &str = r#"
import sys, pyarrow.parquet as parquet, pyarrow.compute as compute
counts, lines = (parquet.read_table(path) for path in sys.argv[1:3])
print(*(f"{field.name}:{field.type}" for field in counts.schema))
ten = counts.filter(compute.greater(counts["lines"], 0)).to_pylist()
print(len(counts), ten[0]["start"].isoformat(), ten[0]["lines"], ten[0]["confidence"])
print(counts.filter(compute.equal(counts["lines"], 0)).to_pylist()[0]["confidence"])
print(*(f"{field.name}:{field.type}" for field in lines.schema))
print(len(lines), lines["day"][0], lines["hours"][0], lines["in_day"][0], compute.count_distinct(lines["line"]))
print(parquet.ParquetFile(sys.argv[2]).num_row_groups)
"#;

#[test]
fn parquet_is_read_by_another_reader() {
    let Some(python) = python() else {
        println!("skipped: no python3 with pyarrow (HAYRAKE_TEST_PYTHON names another)");
        return;
    };
    let site = site(MANY);
    let (counts, lines) = (site.path("counts.parquet"), site.path("lines.parquet"));
    let to = |path: &Path| path.to_str().unwrap().to_owned();
    for arguments in [vec!["--out", &to(&counts)], vec!["--what", "lines", "--out", &to(&lines)]] {
        let output = export(&site, &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let output =
        Command::new(python).args(["-c", READ, &to(&counts), &to(&lines)]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = format!(
        "window:string start:timestamp[ms, tz=UTC] class:string level:string region:string \
         lines:int64 in_use:int64 confidence:double seen:double of:double covered_seconds:int64 lost:int64\n\
         24 2026-11-21T10:00:00+00:00 {MANY} 0.5\n\
         None\n\
         day:date32[day] line:string class:string level:string region:string in_day:bool \
         hours:string in_use_hours:string confidence:double\n\
         {MANY} 2026-11-21 10 True {MANY}\n\
         2\n"
    );
    assert_eq!(text(&output.stdout), expected);
}
