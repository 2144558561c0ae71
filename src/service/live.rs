//! What the keeper knows of live feeds: who has gone silent, and when the
//! endpoints must follow what was told.

use std::time::Duration;

use tokio::sync::mpsc;

use super::clock::{Clock, Stopwatch};
use super::dnstap::Told;
use super::sources::RESOLVER;
use crate::attribute::Concern;
use crate::config::DnstapFeed;
use crate::metrics::FeedMetrics;
use crate::model::time::Timestamp;

/// Batches taken at once, so that the keeper gets to its other work.
const AT_ONCE: usize = 1_000;
/// A feed without an answer for so long is said to be silent.
const SILENT: Duration = Duration::from_secs(5 * 60);
/// How soon endpoints follow an answer that changes them.
const SOON: Duration = Duration::from_millis(500);
/// How soon they follow one that only makes them valid for longer. Holds are
/// a minute at least.
const LATER: Duration = Duration::from_secs(20);
/// Following may take this part of the keeper's time: one in ten.
const SHARE: u32 = 10;

/// The live feeds.
pub(super) struct Live {
    inbox: mpsc::Receiver<Told>,
    feeds: Vec<Feed>,
}

/// One live feed.
struct Feed {
    name: String,
    /// When it last told an answer; the start of the service before the first.
    last: Timestamp,
    silent: bool,
}

impl Live {
    pub(super) fn new(inbox: mpsc::Receiver<Told>, feeds: &[DnstapFeed], clock: &Clock) -> Self {
        let last = clock.now();
        let feed = |feed: &DnstapFeed| Feed { name: feed.at.to_string(), last, silent: false };
        Self { inbox, feeds: feeds.iter().map(feed).collect() }
    }

    /// What has been told since the last look.
    pub(super) fn told(&mut self, clock: &Clock, metrics: &FeedMetrics) -> Vec<Told> {
        let mut batches = Vec::new();
        while let (true, Ok(told)) = (batches.len() < AT_ONCE, self.inbox.try_recv()) {
            let feed = &mut self.feeds[told.feed];
            feed.last = clock.now();
            let seconds = i64::try_from(feed.last.as_secs()).unwrap_or(i64::MAX);
            metrics.last_answer.with_label_values(&[&feed.name]).set(seconds);
            batches.push(told);
        }
        batches
    }

    /// The name of a feed, as in its configuration.
    pub(super) fn name(&self, feed: usize) -> &str {
        &self.feeds[feed].name
    }

    /// Whether a source of this name tells its answers live, so that they are
    /// in no file: one of the feeds, or our own resolver.
    pub(super) fn tells(&self, name: &str) -> bool {
        name == RESOLVER || self.feeds.iter().any(|feed| feed.name == name)
    }

    /// Looks who has gone silent; whether anything about it has changed.
    pub(super) fn watch(&mut self, now: Timestamp, metrics: &FeedMetrics) -> bool {
        let mut changed = false;
        for feed in &mut self.feeds {
            let silent = now.since(feed.last) > SILENT;
            if silent != feed.silent {
                feed.silent = silent;
                changed = true;
                metrics.silent.with_label_values(&[&feed.name]).set(i64::from(silent));
                if silent {
                    tracing::warn!(feed = feed.name, "no DNS answer for {} s", SILENT.as_secs());
                } else {
                    tracing::info!(feed = feed.name, "DNS answers come again");
                }
            }
        }
        changed
    }

    /// A sentence for each feed that is silent.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        self.feeds
            .iter()
            .filter(|feed| feed.silent)
            .map(|feed| format!("DNS feed {} has told no answer since {}", feed.name, feed.last))
    }
}

/// When the endpoints are to follow what was told.
pub(super) struct Pace {
    since: Stopwatch,
    /// What following took the last time.
    cost: Duration,
    soon: bool,
    later: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { since: Stopwatch::start(), cost: Duration::ZERO, soon: false, later: false }
    }
}

impl Pace {
    /// Notes an answer, and whether nothing like it was known before.
    pub(super) fn note(&mut self, concern: Concern, new: bool) {
        match concern {
            Concern::None => {}
            Concern::Own if !new => self.later = true,
            // How often a foreign name was seen counts, so not only new ones.
            Concern::Own | Concern::Foreign => self.soon = true,
        }
    }

    /// Whether it is time to follow.
    pub(super) fn is_due(&self) -> bool {
        self.is_due_after(self.since.elapsed())
    }

    fn is_due_after(&self, waited: Duration) -> bool {
        let rest = self.cost.saturating_mul(SHARE);
        self.soon && waited >= SOON.max(rest) || self.later && waited >= LATER.max(rest)
    }

    /// The endpoints have followed, which took as long as `work` shows.
    pub(super) fn followed(&mut self, work: Stopwatch) {
        *self = Self { cost: work.elapsed(), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_followed_soon_and_the_rest_later_or_never() {
        let cases = [
            (Concern::None, true, 3_600, false),
            (Concern::Own, true, 0, false),
            (Concern::Own, true, 1, true),
            (Concern::Foreign, false, 1, true),
            (Concern::Own, false, 1, false),
            (Concern::Own, false, 21, true),
        ];
        for (concern, new, seconds, due) in cases {
            let mut pace = Pace::default();
            pace.note(concern, new);
            assert_eq!(
                pace.is_due_after(Duration::from_secs(seconds)),
                due,
                "{concern:?} {new} after {seconds} s"
            );
        }
    }

    #[test]
    fn following_that_takes_long_is_done_seldom() {
        for (seconds, due) in [(19, false), (20, true)] {
            let mut pace = Pace { cost: Duration::from_secs(2), ..Pace::default() };
            pace.note(Concern::Own, true);
            assert_eq!(pace.is_due_after(Duration::from_secs(seconds)), due, "after {seconds} s");
        }
    }
}
