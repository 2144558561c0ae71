//! The demonstration's score board: claims as they come, beside the truth.
//!
//! Hour windows are scored one by one. Over the whole run a line's class
//! counts once however often it was claimed, in hour or day windows.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::isp::TrueClass;
use super::score::{Score, Tally, Truth};
use crate::model::detection::Detection;
use crate::model::line::LineId;
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

    /// Scores the hours that began before `before` and gives how many there
    /// were. An hour in which nothing was claimed is not one of them.
    pub fn close(&mut self, before: Timestamp) -> u32 {
        let still_open = self.open.split_off(&before);
        let closed = std::mem::replace(&mut self.open, still_open);
        let mut number = 0;
        for (start, claims) in closed {
            let claims = claims.iter().map(|(line, class)| (*line, &**class));
            self.last = Some((start, self.truth.score(claims)));
            number += 1;
        }
        number
    }

    /// The score of the whole run so far.
    pub fn so_far(&self) -> Score {
        self.truth.score(self.ever.iter().map(|(line, class)| (*line, &**class)))
    }

    /// The board as text. `monitored` gives N of each class, as it is now.
    pub fn table(&self, monitored: &dyn Fn(&str) -> usize) -> String {
        let mut out = String::new();
        let title = match &self.last {
            Some((start, _)) => format!("hour from {start}"),
            None => "no hour window has closed yet".to_owned(),
        };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            out,
            "{title}\n\n{:28}{:14}{:>4}{:>8} |{:>8}{:>7}{:>11}{:>8} |{:>8}{:>7}{:>11}{:>8}",
            "class",
            "level",
            "N",
            "lines",
            "found",
            "wrong",
            "precision",
            "recall",
            "ever",
            "wrong",
            "precision",
            "recall"
        );
        let so_far = self.so_far();
        let nothing = Tally::default();
        for (place, class) in self.classes.iter().enumerate() {
            let of = |score: &Score| score.classes.get(place).map_or(nothing, |(_, tally)| *tally);
            let last = self.last.as_ref().map(|(_, score)| of(score));
            let n = monitored(&class.class);
            row(&mut out, &class.class, class.level.as_str(), n, last, of(&so_far));
        }
        let last = self.last.as_ref().map(|(_, score)| score.total());
        let all = self.classes.iter().map(|class| monitored(&class.class)).sum();
        row(&mut out, "all", "", all, last, so_far.total());
        out
    }
}

/// One line of the board.
fn row(out: &mut String, class: &str, level: &str, n: usize, last: Option<Tally>, ever: Tally) {
    let _ = write!(out, "{class:28}{level:14}{n:>4}{:>8} |", ever.lines);
    match last {
        Some(last) => cells(out, last),
        None => {
            let _ = write!(out, "{:>34}", "");
        }
    }
    out.push_str(" |");
    cells(out, ever);
    out.push_str(if n == 0 { "  not detectable now\n" } else { "\n" });
}

fn cells(out: &mut String, tally: Tally) {
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    let _ = write!(
        out,
        "{:>8}{:>7}{:>11}{:>8}",
        tally.claimed,
        tally.wrong(),
        percent(tally.precision()),
        percent(tally.recall())
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::line::RegionId;
    use crate::model::rules::Level;

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
        assert_eq!(board.close(Timestamp::from_secs(3_600)), 1);
        let (_, hour) = board.last.clone().unwrap();
        assert_eq!(hour.total(), Tally { lines: 2, claimed: 1, right: 1 });
        assert_eq!(board.so_far().total(), Tally { lines: 2, claimed: 3, right: 2 });
        assert_eq!(board.close(Timestamp::from_secs(3_600)), 0, "no hour is scored twice");
        assert_eq!(board.close(Timestamp::MAX), 1);
        let (_, hour) = board.last.clone().unwrap();
        assert_eq!(hour.total(), Tally { lines: 2, claimed: 1, right: 0 });
    }

    #[test]
    fn a_class_without_groups_is_marked() {
        let classes = [TrueClass { class: "kettle".into(), level: Level::Product }];
        let board = Board::new(&classes, [(LineId(1), "kettle")]);
        let table = board.table(&|_| 0);
        assert!(
            table.lines().any(|line| line.starts_with("kettle") && line.contains("not detectable"))
        );
    }
}
