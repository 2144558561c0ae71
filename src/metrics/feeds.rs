//! Metrics of single DNS feeds. The label is how the configuration names the
//! feed, which bounds it.

use prometheus::{IntCounterVec, IntGaugeVec};

use super::declarations::Declarations;
use super::table::TableMetrics;

/// Metrics with the feed as a label.
#[derive(Clone)]
pub struct FeedMetrics {
    /// DNS answers of all feeds and the resolver.
    all: IntCounterVec,
    /// DNS answers by feed.
    answers: IntCounterVec,
    /// Connections open now.
    pub connections: IntGaugeVec,
    /// Connections that have ended.
    pub closed: IntCounterVec,
    /// DNS messages told.
    pub messages: IntCounterVec,
    /// When the last answer came.
    pub last_answer: IntGaugeVec,
    /// When a file was last written.
    pub written: IntGaugeVec,
    /// Whether nothing has come for long.
    pub silent: IntGaugeVec,
    /// How full the table is that they fill.
    pub table: TableMetrics,
}

impl FeedMetrics {
    pub(super) fn new(d: &mut Declarations) -> Result<Self, prometheus::Error> {
        Ok(Self {
            all: d.counters(
                "hayrake_dns_answers_total",
                "answers",
                &["outcome"],
                "DNS answers read from feeds and the resolver: taken, refused (absurd, or beyond a bound), damaged",
            )?,
            answers: d.counters(
                "hayrake_dns_feed_answers_total",
                "answers",
                &["feed", "outcome"],
                "The same for each feed, files included, and for the resolver",
            )?,
            connections: d.gauges(
                "hayrake_dns_feed_connections",
                "connections",
                &["feed"],
                "Resolvers connected to a dnstap feed now",
            )?,
            closed: d.counters(
                "hayrake_dns_feed_closed_total",
                "connections",
                &["feed", "why"],
                "Connections to a dnstap feed that have ended: finished, broken_off (without STOP), framing (what was sent cannot be understood), timeout (no START in time), refused (too many at once)",
            )?,
            messages: d.counters(
                "hayrake_dns_feed_messages_total",
                "messages",
                &["feed", "type"],
                "dnstap messages received: of a type that is taken (wanted) or not (other)",
            )?,
            last_answer: d.gauges(
                "hayrake_dns_feed_last_answer_timestamp_seconds",
                "seconds",
                &["feed"],
                "When the last answer came from a dnstap feed or the resolver, Unix time by the service's clock; absent before the first",
            )?,
            written: d.gauges(
                "hayrake_dns_feed_written_timestamp_seconds",
                "seconds",
                &["feed"],
                "When the file of answers that was last read had been written, Unix time by the system's clock",
            )?,
            silent: d.gauges(
                "hayrake_dns_feed_silent",
                "0 or 1",
                &["feed"],
                "1 when a dnstap feed has told no answer for five minutes",
            )?,
            table: TableMetrics::new(d)?,
        })
    }

    /// Counts what became of answers: taken, refused, damaged.
    pub fn count(&self, feed: &str, outcome: &str, answers: u64) {
        self.all.with_label_values(&[outcome]).inc_by(answers);
        self.answers.with_label_values(&[feed, outcome]).inc_by(answers);
    }

    /// Shows what a live feed can lose as zero from the start.
    pub fn show_zeros(&self, feed: &str) {
        self.connections.with_label_values(&[feed]).set(0);
        self.silent.with_label_values(&[feed]).set(0);
        for why in ["finished", "broken_off", "framing", "timeout", "refused"] {
            self.closed.with_label_values(&[feed, why]);
        }
        for kind in ["wanted", "other"] {
            self.messages.with_label_values(&[feed, kind]);
        }
        for outcome in ["taken", "refused", "damaged"] {
            self.answers.with_label_values(&[feed, outcome]);
        }
    }
}
