//! From what the stages counted to metrics, once a batch.
//!
//! The stages count in plain fields and know no metrics; the names of their
//! counters become labels here.

use crate::decode::checkpoint::Restored;
use crate::decode::{DecodeCounts, Queued};
use crate::detect::EngineCounts;
use crate::metrics::Metrics;
use crate::model::detection::Detection;
use crate::pipeline::FrontOutput;

/// What one front worker has added to gauges and derived counters that all
/// front workers share.
#[derive(Default)]
pub(super) struct FrontShare {
    queued: Queued,
    /// Records counted as received, ...
    received: u64,
    /// ... and how many the decoder says it received, waiting ones included.
    decoder_received: u64,
}

impl FrontShare {
    /// The share of a worker whose decoder begins with what waits since before the
    /// start: that was received by the service before, and [`add_restored`] has
    /// shown it.
    pub(super) fn carrying(queued: Queued) -> Self {
        Self { queued, received: queued.records, decoder_received: 0 }
    }

    /// Adds what a batch brought; `queued` is what waits in the decoder now.
    pub(super) fn add(&mut self, metrics: &Metrics, out: &FrontOutput, queued: Queued) {
        let counts = &out.decoded;
        add_outcomes(metrics, counts);
        self.add_received(metrics, counts, queued);
        self.set_queued(metrics, queued);
        add_others(metrics, counts);
        add(&metrics.problems, "decode", out.problems.len() as u64 + counts.problems_dropped);
        let oriented = &out.oriented;
        add(&metrics.flows, "from_line", oriented.from_line);
        add(&metrics.flows, "to_line", oriented.to_line);
        add(&metrics.flows, "both_lines", oriented.both_lines);
        add(&metrics.flows, "opted_out", oriented.opted_out);
        add(&metrics.flows, "no_line", oriented.no_line);
        add(&metrics.flows, "no_address", oriented.no_address);
        add(&metrics.sightings, "made", out.sightings.len() as u64);
    }

    /// Records received, such that received = all outcomes + queued.
    ///
    /// A set that waits counts as one record until its own can be counted. When
    /// it turns out to hold none (options), that one stays counted, as decoded:
    /// a counter that went back would read as a restart.
    fn add_received(&mut self, metrics: &Metrics, counts: &DecodeCounts, queued: Queued) {
        self.decoder_received += counts.records_received;
        let now = self.decoder_received + queued.records;
        if let Some(more) = now.checked_sub(self.received) {
            metrics.records_received.inc_by(more);
        } else {
            let without_records = self.received - now;
            add(&metrics.records, "decoded", without_records);
            self.decoder_received += without_records;
        }
        self.received = self.decoder_received + queued.records;
    }

    fn set_queued(&mut self, metrics: &Metrics, queued: Queued) {
        let before = std::mem::replace(&mut self.queued, queued);
        metrics.datagrams_queued.add(difference(queued.datagrams, before.datagrams));
        metrics.records_queued.add(difference(queued.records, before.records));
        metrics.queued_bytes.add(difference(queued.bytes, before.bytes));
    }
}

/// What waited for a template when the service before ended: what waits on, in so
/// many decoders, and what became of the rest. It was received there and not here.
pub(super) fn add_restored(
    metrics: &Metrics,
    restored: &Restored,
    waiting: impl Iterator<Item = Queued>,
) {
    for queued in waiting {
        FrontShare::default().set_queued(metrics, queued);
    }
    metrics.datagrams_carried_over.inc_by(restored.datagrams);
    metrics.records_carried_over.inc_by(restored.sets);
    add_outcomes(metrics, &restored.counts);
    add_others(metrics, &restored.counts);
}

fn add_outcomes(metrics: &Metrics, counts: &DecodeCounts) {
    add(&metrics.datagrams, "decoded", counts.datagrams_decoded);
    add(&metrics.datagrams, "unknown_template", counts.datagrams_unknown_template);
    add(&metrics.datagrams, "rejected", counts.datagrams_rejected);
    add(&metrics.records, "decoded", counts.records_decoded);
    add(&metrics.records, "unknown_template", counts.records_unknown_template);
    add(&metrics.records, "rejected", counts.records_rejected);
}

/// What is no part of the identities.
fn add_others(metrics: &Metrics, counts: &DecodeCounts) {
    for (name, count) in counts.iter() {
        match kind(name) {
            Kind::Outcome => {}
            Kind::Limit => add(&metrics.limits, name, count),
            Kind::Event => add(&metrics.decoded, name, count),
        }
    }
}

/// Datagrams of exporters that are not allowed: rejected, with the record they
/// stand for, so that both identities hold.
pub(super) fn add_refused(metrics: &Metrics, datagrams: u64) {
    add(&metrics.datagrams, "rejected", datagrams);
    add(&metrics.records, "rejected", datagrams);
    metrics.records_received.inc_by(datagrams);
    add(&metrics.decoded, "exporter_not_allowed", datagrams);
}

/// Adds what a back worker counted.
pub(super) fn add_back(metrics: &Metrics, counts: EngineCounts, detections: &[Detection]) {
    add(&metrics.sightings, "in_hour", counts.hour_sightings);
    add(&metrics.sightings, "in_day", counts.day_sightings);
    add(&metrics.sightings, "late_for_hour", counts.late_hour);
    add(&metrics.sightings, "late_for_day", counts.late_day);
    add(&metrics.sightings, "group_gone", counts.dropped_touches);
    add(&metrics.limits, "evidence", counts.refused);
    for detection in detections {
        let labels = [detection.level.as_str(), detection.window.as_str()];
        metrics.detections.with_label_values(&labels).inc();
    }
}

/// Brings the gauge of evidence from what a worker held to what it holds now,
/// and returns that.
pub(super) fn set_evidence(metrics: &Metrics, before: usize, now: usize) -> usize {
    if before != now {
        metrics.evidence.add(difference(now as u64, before as u64));
    }
    now
}

enum Kind {
    /// Part of the loss identity, under its own name.
    Outcome,
    /// A bound on memory or work.
    Limit,
    /// Anything else worth knowing.
    Event,
}

fn kind(counter: &str) -> Kind {
    if counter.starts_with("datagrams_") || counter.starts_with("records_") {
        return Kind::Outcome;
    }
    let limit = ["_evicted", "_refused", "_dropped"].iter().any(|end| counter.ends_with(end));
    if limit { Kind::Limit } else { Kind::Event }
}

fn add(counter: &prometheus::IntCounterVec, label: &str, count: u64) {
    if count > 0 {
        counter.with_label_values(&[label]).inc_by(count);
    }
}

fn difference(now: u64, before: u64) -> i64 {
    now.cast_signed().wrapping_sub(before.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(received: u64, decoded: u64) -> FrontOutput {
        let mut out = FrontOutput::default();
        out.decoded.records_received = received;
        out.decoded.records_decoded = decoded;
        out
    }

    fn waiting(records: u64) -> Queued {
        Queued { datagrams: records, records, bytes: 100 * records }
    }

    #[test]
    fn records_received_are_outcomes_plus_queued_and_never_fall() {
        let metrics = Metrics::new().unwrap();
        let mut share = FrontShare::default();
        let identity = |expected: u64| {
            let decoded = metrics.records.with_label_values(&["decoded"]).get();
            let queued = metrics.records_queued.get().cast_unsigned();
            assert_eq!(metrics.records_received.get(), expected);
            assert_eq!(decoded + queued, expected);
        };
        share.add(&metrics, &out(10, 10), waiting(2));
        identity(12);
        // One of the two waiting sets had five records.
        share.add(&metrics, &out(5, 5), waiting(1));
        identity(16);
        // The other one had options only.
        share.add(&metrics, &out(0, 0), waiting(0));
        identity(16);
        share.add(&metrics, &out(1, 1), waiting(0));
        identity(17);
    }

    #[test]
    fn what_was_received_before_the_start_is_not_received_again() {
        let metrics = Metrics::new().unwrap();
        let mut counts = DecodeCounts::default();
        (counts.sets_unopened, counts.records_unknown_template) = (1, 1);
        counts.datagrams_unknown_template = 1;
        let restored = Restored { sets: 3, datagrams: 3, counts, ..Restored::default() };
        add_restored(&metrics, &restored, [waiting(2)].into_iter());
        let mut share = FrontShare::carrying(waiting(2));
        let identity = |received: u64| {
            assert_eq!(metrics.records_received.get(), received);
            let outcome = |outcome: &str| metrics.records.with_label_values(&[outcome]).get();
            let queued = metrics.records_queued.get().cast_unsigned();
            let ended = outcome("decoded") + outcome("unknown_template") + queued;
            assert_eq!(received + metrics.records_carried_over.get(), ended);
        };
        identity(0);
        // Of the two that wait one has five records, and the other has none.
        share.add(&metrics, &out(5, 5), waiting(1));
        identity(4);
        share.add(&metrics, &out(0, 0), waiting(0));
        identity(4);
        share.add(&metrics, &out(1, 1), waiting(1));
        identity(6);
        assert_eq!(metrics.datagrams_carried_over.get(), 3);
        assert_eq!(metrics.decoded.with_label_values(&["sets_unopened"]).get(), 1);
    }

    #[test]
    fn a_refused_exporter_keeps_both_identities() {
        let metrics = Metrics::new().unwrap();
        add_refused(&metrics, 3);
        assert_eq!(metrics.records_received.get(), 3);
        assert_eq!(metrics.records.with_label_values(&["rejected"]).get(), 3);
        assert_eq!(metrics.datagrams.with_label_values(&["rejected"]).get(), 3);
    }
}
