//! The history of windows past, as a running service keeps it: over restarts,
//! beside a disk that is full or a file that is damaged, and as its API tells it.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and these tests run in real time"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::process::Command;
use std::time::Duration;

use hayrake::config::load;
use hayrake::model::time::{Timestamp, Window};
use hayrake::publish::history::sqlite::Sqlite;
use hayrake::publish::history::{CountsQuestion, History, LineDay, LinesQuestion, Point, Span};
use hayrake::service::clock::Clock;
use hayrake::service::{OpenWindows, Options, Service};
use serde_json::Value;
use support::{CLASS, Exporter, Hayrake, KETTLE, Site, eventually, get, line, now};

/// An hour in four seconds.
const FACTOR: u32 = 900;

fn start(site: &Site, from: Timestamp) -> Service {
    let clock = Clock::sped_up(from, NonZeroU32::new(FACTOR).unwrap());
    let windows = OpenWindows::Keep;
    let options = Options { clock, config_path: None, observer: None, windows };
    Service::start(load(&site.path("hayrake.yaml")).unwrap(), options).unwrap()
}

/// The hour of the day in which the tests are, at its beginning.
fn hour() -> Timestamp {
    Window::Hour.start(Timestamp::from_secs(now()))
}

fn kept_lines(site: &Site) -> Vec<LineDay> {
    let history = Sqlite::reading(&site.path("state")).unwrap();
    let mut found = Vec::new();
    let Some(days) = history.known(Window::Day).unwrap().days else { return found };
    let question = LinesQuestion { days, line: None, class: None };
    let mut tell = |line| {
        found.push(line);
        ControlFlow::Continue(())
    };
    history.lines(&question, &mut tell).unwrap();
    found
}

fn kept_hours(site: &Site) -> Vec<Point> {
    let history = Sqlite::reading(&site.path("state")).unwrap();
    let span = Span { from: Timestamp::EPOCH, to: Timestamp::MAX };
    let question = CountsQuestion { window: Window::Hour, span, class: Some(CLASS.into()) };
    let mut found = Vec::new();
    let mut tell = |point| {
        found.push(point);
        ControlFlow::Continue(())
    };
    history.counts(&question, &mut tell).unwrap();
    found
}

/// The points of the one class in the answer, by start; none while the history is
/// being made.
fn points(answer: &Value) -> BTreeMap<String, Value> {
    let series = answer["series"].as_array();
    let points =
        series.into_iter().flatten().flat_map(|series| series["points"].as_array().unwrap());
    points.map(|point| (point["start"].as_str().unwrap().to_owned(), point.clone())).collect()
}

#[test]
fn a_trend_goes_on_over_a_restart_and_a_gap_is_no_zero() {
    let site = Site::new();
    site.write("token", "correct-horse\n");
    site.configure("lateness: 1m\nhttp: {listen: \"127.0.0.1:0\", token_file: token}\n");
    let first = hour();
    let service = start(&site, first);
    let mut exporter = Exporter::new(service.udp_addresses()[0]);
    exporter.send_template();
    let lines: Vec<_> = (1..=7).map(line).collect();
    exporter.send_flows(&lines, &KETTLE);
    let ask = |service: &Service, query: &str| {
        let path = format!("/api/v1/history{query}");
        let (status, answer) = get(service.http_address(), &path, Some("correct-horse"));
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let by_class = format!("?class={CLASS}");
    eventually("two hours are there", || {
        points(&get(service.http_address(), "/api/v1/history", None).1).len() >= 2
    });
    let found = points(&ask(&service, &by_class));
    let counts: Vec<_> = found.values().map(|point| point["lines"].as_u64().unwrap()).collect();
    // The exporter's time is real: all that it sends belongs to the first hour.
    assert_eq!((counts[0], counts[1]), (7, 0), "{found:?}");
    assert_eq!(found[&first.to_string()]["seen"], 2.0);
    // Three hours' pause; in the last of them nobody was there.
    service.shutdown().unwrap();
    let again = Window::Hour.start(first.plus(Duration::from_secs(12 * 3_600)));
    let service = start(&site, again);
    eventually("the next hour is there", || {
        points(&ask(&service, &by_class)).contains_key(&again.to_string())
    });
    let found = points(&ask(&service, "?window=1h"));
    let gap = again.minus(Duration::from_secs(2 * 3_600)).to_string();
    assert!(!found.contains_key(&gap), "{found:?}");
    assert_eq!(found[&again.to_string()]["lines"], 0, "{found:?}");
    assert_eq!(found[&first.to_string()]["lines"], 7, "{found:?}");
    // One line, by its pseudonym.
    let pseudonym = kept_lines(&site)[0].line;
    let path = format!("/api/v1/history/lines/{pseudonym}");
    let (status, answer) = get(service.http_address(), &path, Some("correct-horse"));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["days"][0]["classes"][0]["class"], CLASS, "{answer}");
    assert_eq!(get(service.http_address(), &path, None).0, 401);
    service.shutdown().unwrap();
}

#[test]
fn nothing_is_kept_of_lines_when_they_are_kept_for_no_time() {
    let site = Site::new();
    site.configure("lateness: 1m\nhistory: {lines: 0d}\n");
    let service = start(&site, hour());
    let mut exporter = Exporter::new(service.udp_addresses()[0]);
    exporter.send_template();
    exporter.send_flows(&(1..=9).map(line).collect::<Vec<_>>(), &KETTLE);
    eventually("the hour is there", || {
        let (_, answer) = get(service.http_address(), "/api/v1/history", None);
        points(&answer).values().any(|point| point["lines"] == 9)
    });
    assert_eq!(kept_lines(&site), []);
    service.shutdown().unwrap();
    assert_eq!(kept_lines(&site), []);
}

/// A service that has seen a class on nine lines in windows that it then
/// closed early.
fn seen_and_closed(site: &Site) {
    let hayrake = site.run_and_close();
    see(&hayrake);
    assert!(hayrake.terminate().success());
}

fn see(hayrake: &Hayrake) {
    let mut exporter = Exporter::new(hayrake.udp);
    exporter.send_template();
    exporter.send_flows(&(1..=9).map(line).collect::<Vec<_>>(), &KETTLE);
    eventually("they are seen", || {
        hayrake.metric("hayrake_sightings_total{outcome=\"in_day\"}") == 18
    });
}

#[test]
fn windows_closed_early_twice_count_a_line_once() {
    let site = Site::new();
    seen_and_closed(&site);
    seen_and_closed(&site);
    assert_eq!(site.detections().len(), 36, "the file has what was closed twice");
    let lines = kept_lines(&site);
    let once: std::collections::BTreeSet<_> =
        lines.iter().map(|line| (line.day, line.line)).collect();
    assert_eq!(once.len(), lines.len());
    // Only if midnight came between is there a second day.
    assert!(lines.len() == 9 || lines.len() == 18, "{lines:?}");
    assert_eq!(kept_hours(&site), [], "the window goes on");
}

#[test]
fn a_damaged_history_is_set_aside_and_said() {
    let site = Site::new();
    seen_and_closed(&site);
    let file = site.path("state/history.sqlite");
    fs::write(&file, b"this is no database, and long enough to be looked at").unwrap();
    let mut hayrake = site.run_and_close();
    hayrake.wait_for_log("the history is damaged, is set aside");
    assert_eq!(hayrake.metric("hayrake_history_set_aside_total"), 1);
    see(&hayrake);
    assert!(hayrake.terminate().success());
    assert!(site.path("state/history.sqlite.damaged").exists());
    assert!(kept_lines(&site).len() >= 9);
}

#[test]
fn a_history_that_cannot_be_written_stops_nothing_and_is_said() {
    let site = Site::new();
    // The service's files may grow to eight kilobytes and no further.
    let binary = env!("CARGO_BIN_EXE_hayrake");
    let limited = format!("trap '' XFSZ; ulimit -f 8; exec {binary} \"$@\" --close-windows");
    let mut shell = Command::new("bash");
    let mut hayrake =
        Hayrake::start_by(shell.args(["-c", &limited, "hayrake"]), &site.path("hayrake.yaml"));
    hayrake.wait_for_log("the history cannot be written");
    assert!(hayrake.metric("hayrake_history_failures_total") > 0);
    eventually("it is said", || {
        hayrake.get("/readyz").1["warnings"].to_string().contains("not added to the history")
    });
    see(&hayrake);
    let (status, log) = hayrake.terminate_and_tell();
    assert!(status.success());
    assert!(log.contains("could not be written to the history"), "{log}");
    assert!(!site.detections().is_empty(), "detection goes on");
    // With room it begins anew.
    seen_and_closed(&site);
    assert!(kept_lines(&site).len() >= 9);
}

#[test]
fn without_a_history_there_is_no_file_and_the_api_says_why() {
    let site = Site::new();
    site.configure("history: {enabled: false}\n");
    let hayrake = site.run();
    let (status, answer) = hayrake.get("/api/v1/history");
    assert_eq!(status, 404);
    assert!(answer["error"].as_str().unwrap().contains("`history` is off"), "{answer}");
    assert!(hayrake.terminate().success());
    assert!(!site.path("state/history.sqlite").exists());
}
