//! How well a collector did: its claims against the truth.
//!
//! A claim is right when the line has a device of the class or of one below
//! it. Precision is the share of claims that are right, recall the share of
//! lines with the class on which it was claimed. What names a line is up to
//! the caller: text from `replay --reveal`, or the pseudonyms of a service.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

/// Which lines have which classes, `K` being what names a line.
#[derive(Clone, Debug)]
pub struct Truth<K> {
    classes: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
    lines: HashMap<K, Vec<usize>>,
}

/// Counts of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that have the class.
    pub lines: u64,
    /// Lines on which it was claimed.
    pub claimed: u64,
    /// Lines on which it was claimed rightly.
    pub right: u64,
}

/// All tallies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// One tally for each class, in the order given to [`Truth::new`].
    pub classes: Vec<(Arc<str>, Tally)>,
    /// Claims of classes that the truth does not know.
    pub unknown: u64,
    /// Lines rather than classes on lines: those that have any class, those on
    /// which any was claimed, and those on which every claim was right.
    pub lines: Tally,
}

impl Tally {
    /// Share of claims that are right; `None` when nothing was claimed.
    pub fn precision(&self) -> Option<f64> {
        (self.claimed > 0).then(|| self.right as f64 / self.claimed as f64)
    }

    /// Share of lines with the class that it was claimed on; `None` when there
    /// is no such line.
    pub fn recall(&self) -> Option<f64> {
        (self.lines > 0).then(|| self.right as f64 / self.lines as f64)
    }

    /// Lines on which the class was claimed wrongly.
    pub fn wrong(&self) -> u64 {
        self.claimed - self.right
    }
}

impl Score {
    /// The sum over all classes. Claims of unknown classes are wrong ones.
    pub fn total(&self) -> Tally {
        let mut total = Tally { claimed: self.unknown, ..Tally::default() };
        for (_, tally) in &self.classes {
            total.lines += tally.lines;
            total.claimed += tally.claimed;
            total.right += tally.right;
        }
        total
    }
}

impl<K: Hash + Eq + Clone> Truth<K> {
    /// The truth about `classes`: pairs of a line and a class it has, ancestors
    /// listed as their own pairs. Pairs of other classes are left out.
    pub fn new<'a>(
        classes: impl IntoIterator<Item = Arc<str>>,
        pairs: impl IntoIterator<Item = (K, &'a str)>,
    ) -> Self {
        let classes: Vec<Arc<str>> = classes.into_iter().collect();
        let places: HashMap<Arc<str>, usize> =
            classes.iter().enumerate().map(|(place, class)| (Arc::clone(class), place)).collect();
        let mut lines: HashMap<K, Vec<usize>> = HashMap::new();
        for (line, class) in pairs {
            if let Some(place) = places.get(class) {
                let has = lines.entry(line).or_default();
                if !has.contains(place) {
                    has.push(*place);
                }
            }
        }
        Self { classes, places, lines }
    }

    /// Whether the line has the class.
    pub fn has(&self, line: &K, class: &str) -> bool {
        let place = self.places.get(class);
        place.is_some_and(|place| self.lines.get(line).is_some_and(|has| has.contains(place)))
    }

    /// Scores claims; the same class claimed on the same line more than once
    /// counts once.
    pub fn score<'a>(&self, claims: impl IntoIterator<Item = (K, &'a str)>) -> Score {
        let mut tallies = vec![Tally::default(); self.classes.len()];
        for place in self.lines.values().flatten() {
            tallies[*place].lines += 1;
        }
        let mut seen: HashSet<(K, &str)> = HashSet::new();
        // Whether every claim on the line is right so far.
        let mut claimed: HashMap<K, bool> = HashMap::new();
        let mut unknown = 0;
        for (line, class) in claims {
            let right = self.has(&line, class);
            *claimed.entry(line.clone()).or_insert(true) &= right;
            if !seen.insert((line, class)) {
                continue;
            }
            match self.places.get(class) {
                Some(place) => {
                    tallies[*place].claimed += 1;
                    tallies[*place].right += u64::from(right);
                }
                None => unknown += 1,
            }
        }
        let lines = Tally {
            lines: self.lines.len() as u64,
            claimed: claimed.len() as u64,
            right: claimed.values().filter(|right| **right).count() as u64,
        };
        Score { classes: self.classes.iter().cloned().zip(tallies).collect(), unknown, lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_count_once_and_wrong_ones_are_seen() {
        let classes = ["alexa", "echo", "kettle"].map(Arc::from);
        let truth = Truth::new(classes, [(1, "alexa"), (1, "echo"), (2, "alexa"), (1, "alexa")]);
        let score =
            truth.score([(1, "alexa"), (1, "alexa"), (3, "alexa"), (1, "kettle"), (1, "x")]);
        assert_eq!(score.classes[0].1, Tally { lines: 2, claimed: 2, right: 1 });
        assert_eq!(score.classes[1].1, Tally { lines: 1, claimed: 0, right: 0 });
        assert_eq!(score.classes[1].1.precision(), None);
        assert_eq!(score.classes[1].1.recall(), Some(0.0));
        assert_eq!(score.classes[2].1.recall(), None, "nobody has one");
        assert_eq!(score.classes[2].1.wrong(), 1);
        let lines = Tally { lines: 2, claimed: 2, right: 0 };
        assert_eq!(score.lines, lines, "line 1 has a kettle too many, and 3 nothing at all");
        let all_right = truth.score([(1, "alexa"), (1, "echo"), (2, "alexa")]).lines;
        assert_eq!(all_right, Tally { lines: 2, claimed: 2, right: 2 }, "lines, not classes");
        let total = score.total();
        assert_eq!((total.lines, total.claimed, total.right), (3, 4, 1));
    }
}
