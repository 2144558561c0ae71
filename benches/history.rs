//! Writing an hour and a day of claims into the history, telling them again,
//! and asking: at a million lines, three classes each.
//!
//! `cargo bench --bench history`; `HISTORY_LINES=3000000` for another size.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]
#![allow(clippy::disallowed_methods, reason = "a bench measures")]

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use hayrake::model::line::LineId;
use hayrake::model::rules::Level;
use hayrake::model::time::{Timestamp, Window};
use hayrake::publish::history::sqlite::Sqlite;
use hayrake::publish::history::{
    Claim, CountsQuestion, Detectable, History, LinesQuestion, News, Retention, Span,
};

const CLASSES: [&str; 3] = ["a-platform", "a-maker", "a-product"];
/// Claims in one transaction, as the service has it.
const AT_ONCE: usize = 65_536;

/// The claims of one window, by line as a window tells them. Lines are spread by
/// an odd multiplier, as a keyed hash would.
fn claims(lines: u32, window: Window, start: Timestamp) -> Vec<Claim> {
    let mut ids: Vec<u128> = (1..=lines)
        .map(|line| u128::from(line).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
        .collect();
    ids.sort_unstable();
    let claim = |id, class: &'static str| Claim {
        window,
        start,
        line: LineId(id),
        region: "north".into(),
        class: class.into(),
        level: Level::Product,
        in_use: false,
        confidence: 0.97,
        seen: 3,
        of: 8,
    };
    ids.into_iter().flat_map(|id| CLASSES.map(|class| claim(id, class))).collect()
}

fn tell(history: &Sqlite, claims: &[Claim], closed: Option<Timestamp>) -> Duration {
    let classes = CLASSES.map(|class| (class.into(), Level::Product)).to_vec();
    let began = Instant::now();
    for piece in claims.chunks(AT_ONCE) {
        let start = claims[0].start;
        history
            .write(&News {
                claims: piece.to_vec(),
                there: Some((start, start.plus(Duration::from_secs(3_900)))),
                detectable: vec![Detectable { from: Timestamp::EPOCH, classes: classes.clone() }],
                ..News::default()
            })
            .unwrap();
    }
    history.write(&News { closed, ..News::default() }).unwrap();
    began.elapsed()
}

fn main() {
    // `cargo test --benches` runs it small.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let lines = std::env::var("HISTORY_LINES").ok().and_then(|lines| lines.parse().ok());
    let lines: u32 = lines.unwrap_or(if measured { 1_000_000 } else { 1_000 });
    for keep in [Duration::from_secs(30 * 86_400), Duration::ZERO] {
        let folder = tempfile::tempdir().unwrap();
        let retention = Retention { counts: Duration::MAX, lines: keep };
        let history = Sqlite::new(folder.path(), retention, |_| {});
        println!(
            "{lines} lines with {} classes, lines kept: {} d",
            CLASSES.len(),
            keep.as_secs() / 86_400
        );
        let midnight: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        let said = |what: &str, took: Duration, claims: usize| {
            let rate = claims as f64 / took.as_secs_f64() / 1e6;
            println!("  {what}: {:.1} s, {rate:.2} M claims/s", took.as_secs_f64());
        };
        for hour in 0..2_u32 {
            let start = midnight.plus(Duration::from_secs(3_600) * hour);
            let told = claims(lines, Window::Hour, start);
            let closed = Window::Hour.end(start);
            said(&format!("hour {hour}"), tell(&history, &told, Some(closed)), told.len());
        }
        let told = claims(lines, Window::Day, midnight);
        said("the day", tell(&history, &told, None), told.len());
        said("the day told again", tell(&history, &told, None), told.len());
        let began = Instant::now();
        let closed = Some(Window::Day.end(midnight));
        history.write(&News { closed, ..News::default() }).unwrap();
        println!("  the day closed: {:.2} s", began.elapsed().as_secs_f64());
        let began = Instant::now();
        while history.forget(midnight.plus(Duration::from_secs(86_400))).unwrap() {}
        println!(
            "  forgetting: {:.2} s, file {} MB",
            began.elapsed().as_secs_f64(),
            history.bytes() >> 20
        );
        let began = Instant::now();
        let mut rows = 0;
        let span = Span { from: Timestamp::EPOCH, to: Timestamp::MAX };
        let question = CountsQuestion { window: Window::Hour, span, class: None };
        history
            .counts(&question, &mut |_| {
                rows += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
        println!("  counts: {rows} points in {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        let day = midnight.day();
        let line = Some(told[0].line);
        history
            .lines(&LinesQuestion { days: (day, day), line, class: None }, &mut |_| {
                ControlFlow::Continue(())
            })
            .unwrap();
        println!("  one line: {:.2} ms", began.elapsed().as_secs_f64() * 1e3);
    }
}
