//! From an exporter's report to metrics with the exporter as a label.
//!
//! A report holds totals since the exporter was first heard; a counter takes
//! what has been added since the last look.

use std::collections::BTreeMap;

use crate::decode::{ExporterReport, Format};
use crate::metrics::{ExporterMetrics, OTHER_EXPORTERS, RATES_LABELLED};

/// What the counters hold of one exporter's totals at one worker.
#[derive(Default)]
pub(super) struct Totals {
    /// By format: v5 and v7 count in the same unit.
    lost: Vec<(Format, u64)>,
    unknown_sampling: u64,
    datagrams: u64,
    rejected: u64,
    /// Flow records by rate and what told it.
    rates: Vec<((u32, &'static str), u64)>,
    /// Flow records of further rates.
    other_rates: u64,
}

impl Totals {
    /// Adds what has come since the last look.
    pub(super) fn count(
        &mut self,
        report: &ExporterReport,
        label: &str,
        metrics: &ExporterMetrics,
    ) {
        for sequence in &report.sequence {
            let known = self.lost.iter().position(|(format, _)| *format == sequence.format);
            let place = known.unwrap_or_else(|| {
                self.lost.push((sequence.format, 0));
                self.lost.len() - 1
            });
            // A counter cannot take back what a late datagram brings.
            let lost = sequence.lost - sequence.open;
            let added = added(&mut self.lost[place].1, lost);
            metrics.sequence_lost.with_label_values(&[label, sequence.unit]).inc_by(added);
        }
        let unknown = added(&mut self.unknown_sampling, report.unknown_sampling);
        metrics.sampling_unknown.with_label_values(&[label]).inc_by(unknown);
        let datagrams = added(&mut self.datagrams, report.datagrams);
        metrics.datagrams.with_label_values(&[label]).inc_by(datagrams);
        let rejected = added(&mut self.rejected, report.rejected);
        metrics.rejected.with_label_values(&[label]).inc_by(rejected);
        self.count_flows(report, label, unknown, metrics);
        if let (Some(skew), true) = (report.skew_ms, label != OTHER_EXPORTERS) {
            metrics.skew.with_label_values(&[label]).set(skew as f64 / 1_000.0);
        }
    }

    /// Adds flow records by their rate. The first rates have series of their own.
    fn count_flows(
        &mut self,
        report: &ExporterReport,
        label: &str,
        unknown: u64,
        metrics: &ExporterMetrics,
    ) {
        let flows = |rate: &str, source: &str, more: u64| {
            if more > 0 {
                metrics.flows.with_label_values(&[label, rate, source]).inc_by(more);
            }
        };
        flows("unknown", "", unknown);
        // Two fields may give one rate.
        let mut now = BTreeMap::<(u32, &'static str), u64>::new();
        for told in &report.sampling {
            *now.entry((told.rate, told.source)).or_default() += told.flows;
        }
        let mut other = report.flow_records.saturating_sub(report.unknown_sampling);
        for (rate, total) in now {
            let known = self.rates.iter().position(|(known, _)| *known == rate);
            let room = self.rates.len() < RATES_LABELLED;
            let place = known.or_else(|| {
                room.then(|| {
                    self.rates.push((rate, 0));
                    self.rates.len() - 1
                })
            });
            if let Some(place) = place {
                other = other.saturating_sub(total);
                let more = added(&mut self.rates[place].1, total);
                flows(&rate.0.to_string(), rate.1, more);
            }
        }
        flows("other", "", added(&mut self.other_rates, other));
    }
}

/// What all workers say of one exporter now.
#[derive(Default)]
pub(super) struct State {
    last_heard: u64,
    queued: u64,
    advice: usize,
}

impl State {
    /// Takes in what one worker says.
    pub(super) fn add(&mut self, report: &ExporterReport) {
        self.last_heard = self.last_heard.max(report.last_seen.as_secs());
        self.queued += report.queued;
        self.advice += report.advice.len();
    }

    /// Shows it. Those that share a label were not heard at one time.
    pub(super) fn show(&self, label: &str, metrics: &ExporterMetrics) {
        if label != OTHER_EXPORTERS {
            metrics.last_heard.with_label_values(&[label]).set(whole(self.last_heard));
        }
        metrics.queued.with_label_values(&[label]).set(whole(self.queued));
        metrics.advice.with_label_values(&[label]).set(whole(self.advice as u64));
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn added(counted: &mut u64, total: u64) -> u64 {
    let before = std::mem::replace(counted, total);
    total.checked_sub(before).unwrap_or(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Datagram, Decoded, Decoder, RateReport};
    use crate::metrics::Metrics;
    use crate::model::time::Timestamp;

    const LABEL: &str = "192.0.2.1#0";

    /// A report with these rates, last heard at this time.
    fn report(rates: &[(u32, u64)], unknown: u64, heard: u64) -> ExporterReport {
        let mut decoder = Decoder::default();
        let datagram = Datagram {
            source: [192, 0, 2, 1].into(),
            source_port: 1,
            received: Timestamp::from_secs(heard),
            payload: &[0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 3, 232, 0, 0, 0, 1, 0, 0, 0, 0],
        };
        decoder.decode(datagram, &mut Decoded::default());
        let mut report = decoder.exporters().remove(0);
        let rate = |(rate, flows): &(u32, u64)| RateReport {
            rate: *rate,
            source: "options",
            field: None,
            flows: *flows,
        };
        report.sampling = rates.iter().map(rate).collect();
        report.unknown_sampling = unknown;
        report.flow_records = rates.iter().map(|(_, flows)| flows).sum::<u64>() + unknown;
        report.skew_ms = Some(-1_500);
        report
    }

    #[test]
    fn a_total_that_begins_anew_is_counted_from_zero() {
        let mut counted = 0;
        assert_eq!(added(&mut counted, 5), 5);
        assert_eq!(added(&mut counted, 5), 0);
        assert_eq!(added(&mut counted, 8), 3);
        assert_eq!(added(&mut counted, 2), 2);
    }

    #[test]
    fn flows_are_counted_by_rate_and_the_sum_is_all_of_them() {
        let metrics = Metrics::new().unwrap().exporters;
        let flows = |rate, source| metrics.flows.with_label_values(&[LABEL, rate, source]).get();
        let six = [(10, 1), (20, 2), (30, 3), (40, 4), (50, 5), (60, 6)];
        let mut totals = Totals::default();
        totals.count(&report(&six[..1], 7, 100), LABEL, &metrics);
        totals.count(&report(&six, 8, 200), LABEL, &metrics);
        assert_eq!(flows("10", "options") + flows("20", "options"), 3);
        assert_eq!(flows("other", ""), 5 + 6, "beyond four rates");
        assert_eq!(flows("unknown", ""), 8);
        assert_eq!(metrics.sampling_unknown.with_label_values(&[LABEL]).get(), 8);
        assert_eq!(metrics.skew.with_label_values(&[LABEL]).get(), -1.5);
        // Forgotten and heard anew: its totals begin at zero, counters go on.
        Totals::default().count(&report(&six[..1], 0, 300), LABEL, &metrics);
        assert_eq!((flows("10", "options"), flows("unknown", "")), (2, 8));
    }

    #[test]
    fn an_exporter_known_to_two_workers_was_heard_when_the_later_one_heard_it() {
        let metrics = Metrics::new().unwrap().exporters;
        let mut state = State::default();
        state.add(&report(&[], 0, 200));
        state.add(&report(&[], 0, 100));
        state.show(LABEL, &metrics);
        assert_eq!(metrics.last_heard.with_label_values(&[LABEL]).get(), 200);
        state.show(OTHER_EXPORTERS, &metrics);
        assert_eq!(metrics.last_heard.with_label_values(&[OTHER_EXPORTERS]).get(), 0);
    }
}
