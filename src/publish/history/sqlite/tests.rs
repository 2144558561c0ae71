//! What a history keeps, whatever way it is told.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::model::line::LineId;
use crate::model::rules::Level;
use crate::model::time::{Day, Timestamp};
use crate::publish::history::{Cell, Claim, Detectable, Span, Windows};

const DAY: Duration = Duration::from_secs(86_400);
const FOREVER: Retention = Retention { counts: Duration::MAX, lines: Duration::MAX };

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn claim(line: u128, class: &str, window: Window, start: &str) -> Claim {
    Claim {
        window,
        start: at(start),
        line: LineId(line),
        region: if line < 100 { "north".into() } else { "south".into() },
        class: class.into(),
        level: Level::Product,
        in_use: line.is_multiple_of(2),
        confidence: 0.9,
        seen: 3,
        of: 4,
    }
}

fn detectable(classes: &[&str]) -> Vec<Detectable> {
    let classes = classes.iter().map(|class| ((*class).into(), Level::Product)).collect();
    vec![Detectable { from: Timestamp::EPOCH, classes }]
}

/// News of a service that was there all day.
fn news(claims: Vec<Claim>, closed: Option<&str>) -> News {
    News {
        claims,
        there: Some((at("2026-11-21T00:00:00Z"), at("2026-11-22T06:00:00Z"))),
        closed: closed.map(at),
        detectable: detectable(&["kettle", "toaster"]),
        lost: Vec::new(),
    }
}

struct Kept {
    history: Sqlite,
    folder: tempfile::TempDir,
    set_aside: Arc<AtomicUsize>,
}

fn kept(retention: Retention) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    kept_in(folder, retention)
}

fn kept_in(folder: tempfile::TempDir, retention: Retention) -> Kept {
    let set_aside = Arc::new(AtomicUsize::new(0));
    let count = set_aside.clone();
    let history = Sqlite::new(folder.path(), retention, move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    Kept { history, folder, set_aside }
}

fn points(history: &Sqlite, window: Window) -> Vec<Point> {
    let span = Span { from: Timestamp::EPOCH, to: Timestamp::MAX };
    let mut points = Vec::new();
    let question = CountsQuestion { window, span, class: None };
    let mut tell = |point| {
        points.push(point);
        ControlFlow::Continue(())
    };
    history.counts(&question, &mut tell).unwrap();
    points
}

/// Lines by class and start; `any` stands for any.
fn lines_by_start(history: &Sqlite, window: Window) -> BTreeMap<(String, String), u64> {
    let name = |point: &Point| {
        let class = point.class.as_ref().map_or("any", |(class, _)| &**class);
        (class.to_owned(), point.start.to_string())
    };
    let lines = |point: &Point| point.cells.iter().map(|cell| cell.lines).sum();
    points(history, window).iter().map(|point| (name(point), lines(point))).collect()
}

fn days(history: &Sqlite) -> Vec<LineDay> {
    let mut days = Vec::new();
    let question = LinesQuestion { days: (Day(0), Day(30_000)), line: None, class: None };
    let mut tell = |day| {
        days.push(day);
        ControlFlow::Continue(())
    };
    history.lines(&question, &mut tell).unwrap();
    days
}

#[test]
fn a_class_without_lines_is_zero_and_a_window_without_service_is_absent() {
    let Kept { history, folder: _folder, .. } = kept(FOREVER);
    let ten = "2026-11-21T10:00:00Z";
    let mut first = news(vec![claim(1, "kettle", Window::Hour, ten)], Some("2026-11-21T11:00:00Z"));
    first.there = Some((at("2026-11-21T09:45:00Z"), at("2026-11-21T11:05:00Z")));
    history.write(&first).unwrap();
    // It was down from then until half past two.
    let mut later = news(Vec::new(), Some("2026-11-21T15:00:00Z"));
    later.there = Some((at("2026-11-21T14:30:00Z"), at("2026-11-21T15:05:00Z")));
    later.detectable = detectable(&["toaster"]);
    history.write(&later).unwrap();
    let expected = [
        ("any", "09", 0),
        ("any", "10", 1),
        ("any", "11", 0),
        ("any", "14", 0),
        ("kettle", "09", 0),
        ("kettle", "10", 1),
        // At eleven and two it could not be detected.
        ("toaster", "09", 0),
        ("toaster", "10", 0),
        ("toaster", "11", 0),
        ("toaster", "14", 0),
    ];
    let expected: BTreeMap<_, _> = expected
        .map(|(class, hour, lines)| {
            ((class.to_owned(), format!("2026-11-21T{hour}:00:00Z")), lines)
        })
        .into();
    assert_eq!(lines_by_start(&history, Window::Hour), expected);
    let covered = |hour: &str| {
        let start = at(&format!("2026-11-21T{hour}:00:00Z"));
        let found = points(&history, Window::Hour).into_iter().find(|point| point.start == start);
        found.unwrap().covered.as_secs()
    };
    assert_eq!(["09", "10", "11", "14"].map(covered), [900, 3_600, 300, 1_800]);
    assert!(points(&history, Window::Day).is_empty(), "the day is not over");
}

#[test]
fn a_window_is_not_shown_before_it_is_closed() {
    let Kept { history, folder: _folder, .. } = kept(FOREVER);
    let ten = "2026-11-21T10:00:00Z";
    history.write(&news(vec![claim(1, "kettle", Window::Hour, ten)], None)).unwrap();
    assert!(points(&history, Window::Hour).is_empty());
    assert_eq!(history.known(Window::Hour).unwrap().windows, None);
    history.write(&news(Vec::new(), Some("2026-11-21T10:00:00Z"))).unwrap();
    let known = history.known(Window::Hour).unwrap();
    assert_eq!(known.windows, Some((at("2026-11-21T00:00:00Z"), at("2026-11-21T09:00:00Z"))));
    history.write(&news(Vec::new(), Some("2026-11-21T11:00:00Z"))).unwrap();
    assert_eq!(lines_by_start(&history, Window::Hour)[&("kettle".to_owned(), ten.to_owned())], 1);
}

#[test]
fn what_rests_on_the_lines_is_kept_by_region() {
    let Kept { history, folder: _folder, .. } = kept(FOREVER);
    let ten = "2026-11-21T10:00:00Z";
    let claims = [1, 2, 4, 100].map(|line| claim(line, "kettle", Window::Hour, ten)).to_vec();
    history.write(&news(claims, Some("2026-11-21T11:00:00Z"))).unwrap();
    let points = points(&history, Window::Hour);
    let point =
        points.iter().find(|point| point.start == at(ten) && point.class.is_some()).unwrap();
    let cell = |cell: &Cell| (cell.region.to_string(), cell.lines, cell.in_use, cell.seen, cell.of);
    let cells: Vec<_> = point.cells.iter().map(cell).collect();
    assert_eq!(cells, [("north".to_owned(), 3, 2, 9, 12), ("south".to_owned(), 1, 1, 3, 4)]);
    assert!((point.cells[0].confidence - 2.7).abs() < 1e-9);
}

#[test]
fn lines_are_known_by_day_with_their_hours() {
    let Kept { history, folder: _folder, .. } = kept(FOREVER);
    let hour = |line, class, hour: u32| {
        claim(line, class, Window::Hour, &format!("2026-11-21T{hour:02}:00:00Z"))
    };
    let day = claim(2, "kettle", Window::Day, "2026-11-21T00:00:00Z");
    let claims = vec![hour(2, "kettle", 0), hour(2, "kettle", 23), hour(2, "toaster", 5), day];
    history.write(&news(claims, Some("2026-11-22T00:00:00Z"))).unwrap();
    let days = days(&history);
    assert_eq!(days.len(), 2);
    assert_eq!(
        (&*days[0].class, &*days[0].region, days[0].day),
        ("kettle", "north", at("2026-11-21T00:00:00Z").day())
    );
    assert_eq!(days[0].claimed.hours().collect::<Vec<_>>(), [0, 23]);
    assert!(days[0].claimed.has_day() && !days[1].claimed.has_day());
    let one =
        LinesQuestion { days: (days[0].day, days[0].day), line: Some(LineId(3)), class: None };
    history.lines(&one, &mut |_| panic!("nothing is known of it")).unwrap();
    let counts = lines_by_start(&history, Window::Day);
    assert_eq!(counts[&("any".to_owned(), "2026-11-21T00:00:00Z".to_owned())], 1);
}

#[test]
fn lines_kept_for_no_time_are_gone_when_their_window_is_closed() {
    let Kept { history, folder, .. } = kept(Retention { lines: Duration::ZERO, ..FOREVER });
    let line = 0xfeed_beef_0123_4567_89ab_cdef_0246_8ace_u128;
    let ten = "2026-11-21T10:00:00Z";
    let claims = vec![claim(line, "kettle", Window::Hour, ten)];
    history.write(&news(claims.clone(), None)).unwrap();
    history.write(&news(Vec::new(), Some("2026-11-21T11:00:00Z"))).unwrap();
    assert_eq!(days(&history), []);
    // Nor does it come back, or count again.
    history.write(&news(claims, None)).unwrap();
    assert_eq!(days(&history), []);
    assert_eq!(lines_by_start(&history, Window::Hour)[&("kettle".to_owned(), ten.to_owned())], 1);
    // Its bytes are overwritten, once the log is taken over.
    drop(history);
    let bytes = fs::read(folder.path().join(FILE)).unwrap();
    let id = line.to_be_bytes();
    assert!(!bytes.windows(id.len()).any(|found| found == id));
}

#[test]
fn what_is_old_is_forgotten() {
    let Kept { history, folder: _folder, .. } = kept(Retention { counts: 2 * DAY, lines: DAY });
    let of = |day: u32| {
        let start = format!("2026-11-{day}T00:00:00Z");
        let mut news = news(vec![claim(1, "kettle", Window::Day, &start)], None);
        news.there = Some((at("2026-11-21T00:00:00Z"), at(&start).plus(25 * DAY / 24)));
        news.closed = Some(at(&start).plus(DAY));
        news
    };
    for day in 21..=24 {
        history.write(&of(day)).unwrap();
    }
    assert_eq!((days(&history).len(), points(&history, Window::Day).len()), (4, 12));
    assert!(!history.forget(at("2026-11-25T01:00:00Z")).unwrap());
    let left: Vec<_> = days(&history).iter().map(|line| line.day.to_string()).collect();
    assert_eq!(left, ["2026-11-24"]);
    let starts: Vec<_> = points(&history, Window::Day).iter().map(|point| point.start).collect();
    assert!(starts.iter().all(|start| *start == at("2026-11-24T00:00:00Z")), "{starts:?}");
    let known = history.known(Window::Day).unwrap();
    assert_eq!(known.windows.unwrap().0, at("2026-11-24T00:00:00Z"));
}

#[test]
fn a_damaged_file_is_set_aside_and_a_new_one_begun() {
    let ten = "2026-11-21T10:00:00Z";
    let claims = vec![claim(1, "kettle", Window::Hour, ten)];
    for damage in [b"no database at all, no database at all".as_slice(), &[0xff; 9_000]] {
        let Kept { history, folder, .. } = kept(FOREVER);
        history.write(&news(claims.clone(), Some("2026-11-21T11:00:00Z"))).unwrap();
        drop(history);
        let path = folder.path().join(FILE);
        let mut file = fs::File::options().write(true).open(&path).unwrap();
        // The second leaves the header whole.
        file.seek(SeekFrom::Start(if damage.len() > 1_000 { 100 } else { 0 })).unwrap();
        file.write_all(damage).unwrap();
        let Kept { history, folder, set_aside } = kept_in(folder, FOREVER);
        history.write(&news(claims.clone(), Some("2026-11-21T11:00:00Z"))).unwrap();
        assert_eq!(set_aside.load(Ordering::Relaxed), 1);
        assert!(folder.path().join("history.sqlite.damaged").exists());
        assert_eq!(days(&history).len(), 1);
    }
}

#[test]
fn a_file_that_is_no_longer_there_is_begun_anew_and_one_that_is_back_goes_on() {
    let Kept { history, folder, set_aside } = kept(FOREVER);
    let (here, away) = (folder.path().join("history.sqlite"), folder.path().join("away"));
    let rename = |from: &Path, to: &Path| {
        fs::rename(from, to).unwrap();
        // What SQLite has beside it goes along.
        for end in ["-wal", "-shm"] {
            let _ = fs::rename(beside(from, end), beside(to, end));
        }
    };
    let write = |line: u128| {
        let claimed = claim(line, "kettle", Window::Day, "2026-11-21T00:00:00Z");
        history.write(&news(vec![claimed], None)).unwrap();
    };
    let lines = || days(&history).iter().map(|day| day.line.0).collect::<Vec<_>>();
    write(1);
    rename(&here, &away);
    write(2);
    write(3);
    assert_eq!(lines(), [2, 3]);
    fs::remove_file(&here).unwrap();
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(&here, end));
    }
    rename(&away, &here);
    write(4);
    assert_eq!(lines(), [1, 4]);
    assert_eq!(set_aside.load(Ordering::Relaxed), 0);
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let Kept { history, folder, .. } = kept(FOREVER);
    history.write(&news(Vec::new(), None)).unwrap();
    drop(history);
    let file = Connection::open(folder.path().join(FILE)).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let Kept { history, set_aside, folder: _folder } = kept_in(folder, FOREVER);
    let refused = history.write(&news(Vec::new(), None)).unwrap_err();
    assert!(matches!(refused, HistoryError::Later { found: 99, .. }), "{refused}");
    let refused = history.known(Window::Hour).unwrap_err();
    assert!(matches!(refused, HistoryError::Later { found: 99, .. }), "{refused}");
    assert_eq!(set_aside.load(Ordering::Relaxed), 0);
}

#[test]
fn nobody_else_can_read_the_file_and_a_reader_needs_no_writer() {
    let Kept { history, folder, .. } = kept(FOREVER);
    history.write(&news(Vec::new(), None)).unwrap();
    for end in ["", "-wal", "-shm"] {
        let mode =
            fs::metadata(beside(&folder.path().join(FILE), end)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "history.sqlite{end}");
    }
    assert!(history.bytes() > 0);
    drop(history);
    Sqlite::reading(folder.path()).unwrap().known(Window::Hour).unwrap();
    let missing = Sqlite::reading(Path::new("/nonexistent")).err().unwrap().to_string();
    assert!(missing.starts_with("/nonexistent/history.sqlite: "), "{missing}");
}

fn claims() -> impl Strategy<Value = Vec<(Claim, u8)>> {
    let one = (0u128..6, 0usize..3, 0u32..3, any::<bool>(), 0u8..4).prop_map(
        |(line, class, hour, day, times)| {
            let (window, hour) = if day { (Window::Day, 0) } else { (Window::Hour, hour) };
            let start = format!("2026-11-21T{hour:02}:00:00Z");
            (claim(line, ["kettle", "toaster", "radio"][class], window, &start), times)
        },
    );
    prop::collection::vec(one, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// In whatever pieces and however often claims are told, with the service
    /// ending between any two pieces: each line counts once.
    #[test]
    fn counts_are_distinct_lines_however_they_are_told(
        told in claims(),
        pieces in 1usize..9,
        restart in any::<bool>(),
        none_kept in any::<bool>(),
    ) {
        let lines = if none_kept { Duration::ZERO } else { Duration::MAX };
        let mut kept = kept(Retention { lines, ..FOREVER });
        let mut expected: BTreeMap<(String, String, Window), std::collections::BTreeSet<u128>> =
            BTreeMap::new();
        for (claim, _) in &told {
            let start = claim.start.to_string();
            for class in [&*claim.class, "any"] {
                let key = (class.to_owned(), start.clone(), claim.window);
                expected.entry(key).or_default().insert(claim.line.0);
            }
        }
        let all: Vec<Claim> = told.iter().map(|(claim, _)| claim.clone()).collect();
        for piece in all.chunks(pieces) {
            kept.history.write(&news(piece.to_vec(), None)).unwrap();
            if restart {
                let Kept { history, folder, .. } = kept;
                drop(history);
                kept = kept_in(folder, Retention { lines, ..FOREVER });
            }
        }
        // Some are told again, before and after their windows are closed.
        let again: Vec<Claim> = told
            .iter()
            .flat_map(|(claim, times)| vec![claim.clone(); usize::from(*times)])
            .collect();
        kept.history.write(&news(again.clone(), Some("2026-11-21T02:00:00Z"))).unwrap();
        kept.history.write(&news(again.clone(), Some("2026-11-22T00:00:00Z"))).unwrap();
        kept.history.write(&news(again, None)).unwrap();
        for window in Window::ALL {
            let mut found = lines_by_start(&kept.history, window);
            found.retain(|_, lines| *lines > 0);
            let expected: BTreeMap<_, _> = expected
                .iter()
                .filter(|((_, _, of), _)| *of == window)
                .map(|((class, start, _), lines)| ((class.clone(), start.clone()), lines.len() as u64))
                .collect();
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!(days(&kept.history).is_empty(), none_kept || told.is_empty());
    }
}

#[test]
fn bits_of_windows_are_those_that_have_ended() {
    let day = at("2026-11-21T00:00:00Z").day();
    let ended = |text: &str| Windows::ended(day, at(text));
    assert_eq!(ended("2026-11-21T00:59:59Z").hours().count(), 0);
    assert_eq!(ended("2026-11-21T02:00:00Z").hours().collect::<Vec<_>>(), [0, 1]);
    assert!(!ended("2026-11-21T23:59:59Z").has_day());
    let all = ended("2026-11-22T00:00:00Z");
    assert_eq!((all.hours().count(), all.has_day()), (24, true));
    assert_eq!(Windows::one(Window::Day, day.start()).hours().count(), 0);
}

#[test]
fn days_of_a_span_are_those_that_begin_in_it() {
    let held = |first, last| Known { days: Some((Day(first), Day(last))), ..Known::default() };
    let day = |day: u32| Day(day).start();
    let hour = Duration::from_secs(3_600);
    let span = |from, to| Span { from, to };
    assert_eq!(held(3, 9).days_in(span(Timestamp::EPOCH, Timestamp::MAX)), (Day(3), Day(9)));
    assert_eq!(held(3, 9).days_in(span(day(4), day(6))), (Day(4), Day(5)));
    assert_eq!(held(3, 9).days_in(span(day(4).plus(hour), day(6).plus(hour))), (Day(5), Day(6)));
    for none in [span(day(4).plus(hour), day(5)), span(Timestamp::EPOCH, Timestamp::EPOCH)] {
        let (first, last) = held(3, 9).days_in(none);
        assert!(last < first, "{first:?} {last:?}");
    }
    let (first, last) = Known::default().days_in(span(Timestamp::EPOCH, Timestamp::MAX));
    assert!(last < first);
}
