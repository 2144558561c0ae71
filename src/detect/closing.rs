//! A window that has ended, judged slice by slice.
//!
//! Nothing is added to it any more. Its lines are judged in the order of their
//! numbers, so how far it has come is one number, and a checkpoint that is
//! begun meanwhile leaves out what was judged before. The evidence stays whole
//! until all lines are judged, and is given back in slices as well.

use std::sync::Arc;

use super::evidence::{Cursor, Evidence};
use super::rule::Judge;
use crate::model::detection::Detection;
use crate::model::line::LineId;
use crate::model::rules::Rules;
use crate::model::time::{Timestamp, Window};

/// A window that is being closed.
pub(super) struct Closing {
    /// Its end and length.
    pub(super) key: (Timestamp, Window),
    pub(super) evidence: Evidence,
    judge: Judge,
    shard: Cursor,
    /// Lines of the shard that was begun, and how many of them were judged.
    lines: Vec<(LineId, Cursor)>,
    judged: usize,
    /// The last line that was judged.
    pub(super) last: Option<LineId>,
    /// Touches of groups that are not monitored any more.
    pub(super) dropped: u64,
}

impl Closing {
    /// Begins to close a window under the rules in force at its end.
    pub(super) fn new(key: (Timestamp, Window), evidence: Evidence, rules: Arc<Rules>) -> Self {
        let (end, window) = key;
        let judge = Judge::new(rules, (window, end.minus(window.length())), &evidence);
        Self {
            key,
            evidence,
            judge,
            shard: Cursor::default(),
            lines: Vec::new(),
            judged: 0,
            last: None,
            dropped: 0,
        }
    }

    /// Whether `line` is still to be judged.
    pub(super) fn awaits(&self, line: LineId) -> bool {
        self.last.is_none_or(|last| line > last)
    }

    /// Judges the next lines, as many as are `left`, and marks those in use in
    /// the `day` that an hour belongs to. Says whether all were judged.
    pub(super) fn step(
        &mut self,
        left: &mut usize,
        mut day: Option<&mut Evidence>,
        into: &mut Vec<Detection>,
    ) -> bool {
        loop {
            while let Some((line, at)) = self.lines.get(self.judged).copied() {
                if *left == 0 {
                    return false;
                }
                *left -= 1;
                self.judged += 1;
                self.last = Some(line);
                let Some(seen) = self.evidence.line_at(at) else { continue };
                self.dropped += self.judge.judge(&self.evidence, &seen, into);
                if let Some(day) = &mut day
                    && self.judge.is_in_use()
                {
                    day.mark_in_use(line, |group| self.judge.is_group_in_use(group));
                }
            }
            self.judged = 0;
            if !self.evidence.next_shard(&mut self.shard, &mut self.lines) {
                return true;
            }
        }
    }
}
