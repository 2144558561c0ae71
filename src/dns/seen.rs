//! When, how often and by whom one fact (a name led to something) was seen.
//!
//! Passive DNS gives intervals with a count, live sources give instants. Both
//! are kept as spans, one for each source and UTC day on which the span began,
//! because a verdict for a day must not know what was seen later. Adding spans
//! in any order gives the same result.

use smallvec::SmallVec;

use super::answer::Coverage;
use crate::model::time::{Day, Timestamp};

/// Most spans kept for one fact and source. Beyond it the oldest two become
/// one, so that the recent days stay apart.
pub const MOST_SPANS: usize = 32;

/// Place of a source in [`super::knowledge::Knowledge::sources`].
pub(super) type SourceId = u16;

/// An interval in which one source saw a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
    /// How often.
    pub count: u64,
    pub(super) source: SourceId,
    /// Days on which it was seen beside those of both ends, as far as they are
    /// known.
    pub(super) more_days: u16,
    /// What the source sees.
    pub coverage: Coverage,
}

impl Span {
    /// Spans with one key are one span.
    fn key(&self) -> (SourceId, Coverage, Day) {
        (self.source, self.coverage, self.first.day())
    }

    fn absorb(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count = self.count.saturating_add(other.count);
        self.more_days = self.more_days.max(other.more_days);
    }

    /// This span as it was known at the end of `day`.
    fn upto(mut self, day: Day) -> Option<Self> {
        if self.first.day() > day {
            return None;
        }
        self.last = self.last.min(last_instant(day));
        Some(self)
    }
}

/// The last instant that belongs to `day`.
fn last_instant(day: Day) -> Timestamp {
    day.end().shifted(-1)
}

/// All spans of one fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spans(SmallVec<[Span; 1]>);

impl Spans {
    pub(super) fn add(&mut self, span: Span) {
        match self.0.binary_search_by(|held| held.key().cmp(&span.key())) {
            Ok(place) => self.0[place].absorb(&span),
            Err(place) => {
                self.0.insert(place, span);
                self.join_oldest(span.source, span.coverage);
            }
        }
    }

    fn join_oldest(&mut self, source: SourceId, coverage: Coverage) {
        let same = |held: &Span| held.source == source && held.coverage == coverage;
        let Some(oldest) = self.0.iter().position(same) else { return };
        if self.0.iter().filter(|held| same(held)).count() > MOST_SPANS {
            let next = self.0.remove(oldest + 1);
            self.0[oldest].absorb(&next);
        }
    }

    /// Whether nothing is left after what was last seen before `oldest` has
    /// gone.
    pub(super) fn expire(&mut self, oldest: Timestamp) -> bool {
        self.0.retain(|span| span.last >= oldest);
        self.0.is_empty()
    }

    /// Every span.
    pub(super) fn all(&self) -> &[Span] {
        &self.0
    }

    /// The bytes taken outside of this value.
    pub(super) fn heap(&self) -> usize {
        if self.0.spilled() { self.0.capacity() * size_of::<Span>() } else { 0 }
    }

    /// The spans as they were known at the end of `day`.
    pub(super) fn upto(&self, day: Day) -> impl Iterator<Item = Span> + '_ {
        self.0.iter().filter_map(move |span| span.upto(day))
    }

    /// The spans as one, as known at the end of `day`; `None` if nothing was.
    pub(super) fn seen(&self, day: Day) -> Option<Seen> {
        let mut days = SmallVec::<[Day; 4]>::new();
        let mut more_days = 0;
        let mut seen: Option<Seen> = None;
        let spans: SmallVec<[Span; 4]> = self.upto(day).collect();
        for span in &spans {
            days.extend([span.first.day(), span.last.day()]);
            more_days += usize::from(span.more_days);
            let all = seen.get_or_insert(Seen {
                first: span.first,
                last: span.last,
                count: 0,
                days: 0,
                population: false,
            });
            all.first = all.first.min(span.first);
            all.last = all.last.max(span.last);
            all.population |= span.coverage == Coverage::Population;
        }
        days.sort_unstable();
        days.dedup();
        seen.map(|all| Seen { days: days.len() + more_days, count: count(spans), ..all })
    }
}

/// How often something was seen. Two feeds may tell of the same answers, such as
/// a resolver live and in its log, so of sources that saw it at the same time
/// the one counts that saw it most often. Files that follow one another add up.
fn count(mut spans: SmallVec<[Span; 4]>) -> u64 {
    spans.sort_unstable_by_key(|span| (span.first, span.last));
    let mut total: u64 = 0;
    let mut together = SmallVec::<[(SourceId, u64); 4]>::new();
    let mut until = Timestamp::EPOCH;
    for span in spans {
        if span.first > until {
            total = total.saturating_add(most(&together));
            together.clear();
        }
        until = until.max(span.last);
        match together.iter_mut().find(|(source, _)| *source == span.source) {
            Some((_, count)) => *count = count.saturating_add(span.count),
            None => together.push((span.source, span.count)),
        }
    }
    total.saturating_add(most(&together))
}

fn most(counts: &[(SourceId, u64)]) -> u64 {
    counts.iter().map(|(_, count)| *count).max().unwrap_or_default()
}

/// What is known of a fact at the end of a day, over all sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// First seen.
    pub first: Timestamp,
    /// Last seen, at most the end of the day.
    pub last: Timestamp,
    /// How often, by the source that saw it most often where several saw it at
    /// the same time. A span that goes on after the day keeps its whole count,
    /// since nobody knows how it is spread.
    pub count: u64,
    /// On how many days it was certainly seen: the ends of the spans.
    pub days: usize,
    /// Whether a population source saw it.
    pub population: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn span(first: u64, last: u64, count: u64, source: SourceId) -> Span {
        Span {
            first: Timestamp::from_secs(first),
            last: Timestamp::from_secs(last),
            count,
            source,
            more_days: 0,
            coverage: if source == 0 { Coverage::Population } else { Coverage::Partial },
        }
    }

    #[test]
    fn a_day_knows_nothing_of_later_days() {
        let mut spans = Spans::default();
        spans.add(span(DAY + 10, DAY + 20, 3, 0));
        spans.add(span(2 * DAY + 10, 4 * DAY + 20, 40, 0));
        assert_eq!(spans.seen(Day(0)), None);
        let first = spans.seen(Day(1)).unwrap();
        assert_eq!((first.count, first.days), (3, 1));
        assert_eq!(first.last, Timestamp::from_secs(DAY + 20));
        let clipped = spans.seen(Day(2)).unwrap();
        assert_eq!((clipped.count, clipped.days), (43, 2));
        assert_eq!(clipped.last.day(), Day(2), "the last time is clipped to the day");
        assert_eq!(spans.seen(Day(9)).unwrap().days, 3);
    }

    #[test]
    fn only_a_population_source_makes_a_fact_population() {
        let mut spans = Spans::default();
        spans.add(span(1, 2, 1, 1));
        assert!(!spans.seen(Day(0)).unwrap().population);
        spans.add(span(1, 2, 1, 0));
        assert!(spans.seen(Day(0)).unwrap().population);
    }

    #[test]
    fn what_two_sources_saw_at_one_time_is_counted_once() {
        let mut spans = Spans::default();
        let count = |spans: &Spans| spans.seen(Day(9)).unwrap().count;
        spans.add(span(10, 50, 6, 0));
        spans.add(span(20, 40, 7, 1));
        assert_eq!(count(&spans), 7, "live and from a log");
        spans.add(span(51, 90, 5, 2));
        assert_eq!(count(&spans), 12, "the next hour's file");
        spans.add(span(DAY + 10, DAY + 50, 6, 0));
        spans.add(span(45, 45, u64::MAX, 3));
        assert_eq!(count(&spans), u64::MAX);
    }

    #[test]
    fn many_days_keep_the_recent_ones_apart_in_any_order() {
        let days: Vec<u64> = (0..MOST_SPANS as u64 + 20).collect();
        let mut forward = Spans::default();
        let mut backward = Spans::default();
        let mut mixed = Spans::default();
        for day in &days {
            forward.add(span(day * DAY, day * DAY + 5, 1, 0));
        }
        for day in days.iter().rev() {
            backward.add(span(day * DAY, day * DAY + 5, 1, 0));
        }
        for step in 0..days.len() {
            let day = days[step * 7 % days.len()];
            mixed.add(span(day * DAY, day * DAY + 5, 1, 0));
        }
        assert_eq!(forward, backward);
        assert_eq!(forward, mixed);
        assert_eq!(forward.0.len(), MOST_SPANS);
        assert_eq!(forward.seen(Day(1000)).unwrap().count, days.len() as u64);
    }
}
