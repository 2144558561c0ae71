//! The demonstration's score board: claims as they come, beside the truth.
//!
//! Hour windows are scored one by one. Over the whole run a line's class
//! counts once however often it was claimed, in hour or day windows.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::score::{Score, Tally, Truth};
use super::truth::TrueClass;
use crate::model::detection::Detection;
use crate::model::line::LineId;
use crate::model::rules::Level;
use crate::model::time::{Timestamp, Window};

/// Claims and the truth.
#[derive(Debug)]
pub struct Board {
    classes: Vec<TrueClass>,
    truth: Truth<LineId>,
    /// Claims of hour windows that are not scored yet, by start.
    open: BTreeMap<Timestamp, HashSet<(LineId, Arc<str>)>>,
    /// Claims of the whole run.
    ever: HashSet<(LineId, Arc<str>)>,
    /// The last hour that was scored.
    last: Option<(Timestamp, Score)>,
}

impl Board {
    /// A board for `classes`, of which the lines in `pairs` have some.
    pub fn new<'a>(
        classes: &[TrueClass],
        pairs: impl IntoIterator<Item = (LineId, &'a str)>,
    ) -> Self {
        let names = classes.iter().map(|class| Arc::clone(&class.class));
        Self {
            classes: classes.to_vec(),
            truth: Truth::new(names, pairs),
            open: BTreeMap::new(),
            ever: HashSet::new(),
            last: None,
        }
    }

    /// Takes what a service detected.
    pub fn claim(&mut self, detections: &[Detection]) {
        for Detection { window, start, line, class, .. } in detections {
            let claim = (*line, Arc::clone(class));
            self.ever.insert(claim.clone());
            if *window == Window::Hour {
                self.open.entry(*start).or_default().insert(claim);
            }
        }
    }

    /// Scores the hours that began before `before` and says whether there was
    /// one. An hour in which nothing was claimed is none.
    pub fn close(&mut self, before: Timestamp) -> bool {
        let still_open = self.open.split_off(&before);
        let closed = std::mem::replace(&mut self.open, still_open);
        let any = !closed.is_empty();
        for (start, claims) in closed {
            let claims = claims.iter().map(|(line, class)| (*line, &**class));
            self.last = Some((start, self.truth.score(claims)));
        }
        any
    }

    /// The score of the whole run so far.
    pub fn so_far(&self) -> Score {
        self.truth.score(self.ever.iter().map(|(line, class)| (*line, &**class)))
    }

    /// The hour that was scored last.
    pub fn last_hour(&self) -> Option<Timestamp> {
        self.last.as_ref().map(|(start, _)| *start)
    }

    /// The board, a row for each class and one for all at the end, which counts a
    /// line once whatever it has. `monitored` gives N of each class, as it is now.
    pub fn rows(&self, monitored: &dyn Fn(&str) -> usize) -> Vec<BoardRow> {
        let so_far = self.so_far();
        let last = self.last.as_ref().map(|(_, score)| score);
        let tally = |score: &Score, place: usize| {
            score.classes.get(place).map_or_else(Tally::default, |(_, tally)| *tally)
        };
        let mut rows: Vec<BoardRow> = self
            .classes
            .iter()
            .enumerate()
            .map(|(place, TrueClass { class, level })| BoardRow {
                class: Arc::clone(class),
                level: Some(*level),
                groups: monitored(class),
                last_hour: last.map(|score| tally(score, place).into()),
                so_far: tally(&so_far, place).into(),
            })
            .collect();
        rows.push(BoardRow {
            class: "all".into(),
            level: None,
            groups: rows.iter().map(|row| row.groups).sum(),
            last_hour: last.map(|score| score.lines.into()),
            so_far: so_far.lines.into(),
        });
        rows
    }
}

/// One class on the board.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BoardRow {
    /// The class, or `all`.
    pub class: Arc<str>,
    /// Its level; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// N: groups monitored now. None: the class is not detectable.
    pub groups: usize,
    /// The last hour window that closed, if one has.
    pub last_hour: Option<BoardTally>,
    /// The whole run, hour and day windows.
    pub so_far: BoardTally,
}

/// A tally with what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BoardTally {
    /// Lines that have the class.
    pub lines: u64,
    /// Lines on which it was claimed.
    pub claimed: u64,
    /// Lines on which it was claimed wrongly.
    pub wrong: u64,
    /// Share of claims that are right.
    pub precision: Option<f64>,
    /// Share of lines with the class on which it was claimed.
    pub recall: Option<f64>,
}

impl From<Tally> for BoardTally {
    fn from(tally: Tally) -> Self {
        Self {
            lines: tally.lines,
            claimed: tally.claimed,
            wrong: tally.wrong(),
            precision: tally.precision(),
            recall: tally.recall(),
        }
    }
}

/// The rows as a table for people.
pub fn table(rows: &[BoardRow]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "{:50}{:^33}{:^33}", "", "last hour window", "whole run");
    let _ = write!(out, "{:26}{:13}{:>4}{:>7}", "class", "level", "N", "lines");
    for _ in 0..2 {
        let _ = write!(out, "{:>9}{:>6}{:>10}{:>8}", "claimed", "wrong", "precision", "recall");
    }
    out.push('\n');
    for row in rows {
        let level = row.level.map_or("", Level::as_str);
        let BoardRow { class, groups, last_hour, so_far, .. } = row;
        let _ = write!(out, "{class:26}{level:13}{groups:>4}{:>7}", so_far.lines);
        match last_hour {
            Some(last) => cells(&mut out, last),
            None => {
                let _ = write!(out, "{:33}", "");
            }
        }
        cells(&mut out, so_far);
        out.push_str(if *groups == 0 { "  not detectable now\n" } else { "\n" });
    }
    out
}

fn cells(out: &mut String, tally: &BoardTally) {
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    let BoardTally { claimed, wrong, .. } = tally;
    let (precision, recall) = (percent(tally.precision), percent(tally.recall));
    let _ = write!(out, "{claimed:>9}{wrong:>6}{precision:>10}{recall:>8}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::line::RegionId;

    fn detection(window: Window, hour: u64, line: u128, class: &str) -> Detection {
        let start = Timestamp::from_secs(hour * 3_600);
        Detection {
            window,
            start,
            line: LineId(line),
            region: RegionId::default(),
            class: class.into(),
            level: Level::Product,
            groups: vec![],
            required: 1,
            of: 1,
            packets: 1,
            bytes: 1,
            first: start,
            last: start,
            in_use: false,
            confidence: 1.0,
        }
    }

    #[test]
    fn hours_are_scored_one_by_one_and_the_run_as_a_whole() {
        let classes = [TrueClass { class: "kettle".into(), level: Level::Product }];
        let mut board = Board::new(&classes, [(LineId(1), "kettle"), (LineId(2), "kettle")]);
        board.claim(&[
            detection(Window::Hour, 0, 1, "kettle"),
            detection(Window::Hour, 0, 1, "kettle"),
            detection(Window::Hour, 1, 3, "kettle"),
            detection(Window::Day, 0, 2, "kettle"),
        ]);
        assert!(board.close(Timestamp::from_secs(3_600)));
        let (_, hour) = board.last.clone().unwrap();
        assert_eq!(hour.total(), Tally { lines: 2, claimed: 1, right: 1 });
        assert_eq!(board.so_far().total(), Tally { lines: 2, claimed: 3, right: 2 });
        assert!(!board.close(Timestamp::from_secs(3_600)), "no hour is scored twice");
        assert!(board.close(Timestamp::MAX));
        let (_, hour) = board.last.clone().unwrap();
        assert_eq!(hour.total(), Tally { lines: 2, claimed: 1, right: 0 });
    }

    #[test]
    fn the_last_row_counts_lines_and_not_classes() {
        let class = |class: &str| TrueClass { class: class.into(), level: Level::Product };
        let pairs = [(LineId(1), "kettle"), (LineId(1), "pot"), (LineId(2), "pot")];
        let mut board = Board::new(&[class("kettle"), class("pot")], pairs);
        board.claim(&[
            detection(Window::Hour, 0, 1, "kettle"),
            detection(Window::Hour, 0, 1, "pot"),
            detection(Window::Hour, 0, 3, "pot"),
        ]);
        let rows = board.rows(&|_| 1);
        let BoardTally { lines, claimed, wrong, .. } = rows.last().unwrap().so_far;
        assert_eq!((lines, claimed, wrong), (2, 2, 1), "three classes claimed, on two lines");
    }

    #[test]
    fn a_class_without_groups_is_marked() {
        let classes = [TrueClass { class: "kettle".into(), level: Level::Product }];
        let board = Board::new(&classes, [(LineId(1), "kettle")]);
        let is_marked = |groups| {
            let table = table(&board.rows(&|_| groups));
            let mut rows = table.lines().filter(|row| row.starts_with("kettle"));
            rows.any(|row| row.ends_with("not detectable now"))
        };
        assert!(is_marked(0));
        assert!(!is_marked(1));
    }
}
