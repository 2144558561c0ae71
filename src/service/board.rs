//! Reports of exporters, gathered from all front workers: for the API as they
//! are, for metrics as counters.
//!
//! A report holds totals since the exporter was first heard. When a worker has
//! forgotten an exporter and hears it anew, its totals begin at zero again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};

use super::fronts::Reports;
use super::totals::{State, Totals};
use crate::decode::{Advice, AdviceKind, ExporterReport};
use crate::metrics::{EXPORTERS_LABELLED, Metrics, OTHER_EXPORTERS};
use crate::model::time::Timestamp;
use crate::publish::view::Current;
use crate::publish::wire::{ExporterAnswer, Pace};

/// What the counters hold of one exporter's totals, and what the log says of it.
#[derive(Default)]
struct Counted {
    totals: Totals,
    /// Advice that was logged: numbers in it grow from look to look, and it is
    /// still the same.
    advised: BTreeSet<AdviceKind>,
    /// Datagrams and flow records when its pace was last taken.
    before: Option<(Timestamp, u64, u64)>,
    pace: Pace,
}

/// Over what time a pace is taken.
const PACE: Duration = Duration::from_secs(10);

/// Advice that is logged at one look, so that made-up exporters do not fill the
/// log; the rest has its turn at the next ones, and all is in the API.
const ADVICE_LOGGED: usize = 10;

/// Gathers reports.
#[derive(Default)]
pub(super) struct Board {
    labelled: HashSet<String>,
    /// By worker and exporter: behind two source addresses there may be one
    /// sFlow agent, known to two workers. Only those reported last time are
    /// here, so it is bounded by what decoders hold.
    counted: HashMap<(usize, String), Counted>,
}

impl Board {
    /// Looks at the reports of all workers.
    pub(super) fn gather(
        &mut self,
        now: Timestamp,
        workers: &[Reports],
        current: &Current,
        metrics: &Metrics,
    ) {
        let mut before = std::mem::take(&mut self.counted);
        let mut shown: Vec<ExporterAnswer> = Vec::new();
        let mut room = ADVICE_LOGGED;
        let mut states = BTreeMap::<String, State>::new();
        let rewritten = rewritten(workers);
        for (worker, reports) in workers.iter().enumerate() {
            for report in reports.load().iter() {
                let key = (worker, report.exporter.clone());
                let mut counted = before.remove(&key).unwrap_or_default();
                let label = self.label(&report.exporter);
                counted.totals.count(report, &label, &metrics.exporters);
                let mut report = report.clone();
                report.advice.extend(rewritten.clone());
                states.entry(label).or_default().add(&report);
                advise(&report, &mut counted, &mut room);
                let pace = counted.pace(now, &report);
                self.counted.insert(key, counted);
                shown.push(ExporterAnswer { report, pace, silent_seconds: 0 });
            }
        }
        metrics.exporters.known.set(i64::try_from(shown.len()).unwrap_or(i64::MAX));
        for (label, state) in states {
            state.show(&label, &metrics.exporters);
        }
        current.set_exporters(shown);
    }

    fn label(&mut self, exporter: &str) -> String {
        if self.labelled.contains(exporter) {
            return exporter.to_owned();
        }
        if self.labelled.len() < EXPORTERS_LABELLED {
            self.labelled.insert(exporter.to_owned());
            return exporter.to_owned();
        }
        OTHER_EXPORTERS.to_owned()
    }
}

/// Logs what an operator should mend, each thing once, and no more than there
/// is room for.
fn advise(report: &ExporterReport, counted: &mut Counted, room: &mut usize) {
    for advice in &report.advice {
        if *room > 0 && counted.advised.insert(advice.kind) {
            *room -= 1;
            tracing::warn!("{}: {advice}", report.exporter);
        }
    }
}

impl Counted {
    /// How fast the exporter sends, taken anew when [`PACE`] is over.
    fn pace(&mut self, now: Timestamp, report: &ExporterReport) -> Pace {
        let totals = (now, report.datagrams, report.flow_records);
        let (then, datagrams, records) = *self.before.get_or_insert(totals);
        let passed = now.signed_since(then);
        if passed < 0 {
            // The clock was set back.
            self.before = Some(totals);
        } else if now.since(then) >= PACE {
            let seconds = now.since(then).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a pace, shown to people")]
            let pace = |total: u64, before: u64| {
                let added = total.checked_sub(before).unwrap_or(total);
                Some((added as f64 / seconds * 10.0).round() / 10.0)
            };
            self.pace = Pace {
                datagrams_per_second: pace(report.datagrams, datagrams),
                records_per_second: pace(report.flow_records, records),
            };
            self.before = Some(totals);
        }
        self.pace
    }
}

/// Advice when all exporters have one address that a container's bridge has by
/// default (172.17.0.1 to 172.31.0.1): it makes that of everybody's.
fn rewritten(workers: &[Reports]) -> Option<Advice> {
    let reports: Vec<_> = workers.iter().map(|reports| reports.load()).collect();
    let mut addresses = reports.iter().flat_map(|of| of.iter()).map(|report| report.address);
    let first = addresses.next()?;
    let IpAddr::V4(bridge) = first else { return None };
    let is_bridge = matches!(bridge.octets(), [172, 17..=31, 0, 1]);
    (is_bridge && addresses.all(|other| other == first))
        .then(|| Advice::rewritten(&first.to_string()))
}

/// The addresses as one word for a log line.
pub(super) fn joined(addresses: &[impl ToString]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arc_swap::ArcSwap;

    use super::*;
    use crate::decode::{Datagram, Decoded, Decoder};

    /// What a worker reports that was sent v9 packets 0 and 1 and then many
    /// after a gap of `lost`.
    fn reports(lost: u32) -> Reports {
        reports_of([0, 1].into_iter().chain(2 + lost..100))
    }

    /// What a worker reports that was sent v9 packets with these numbers.
    fn reports_of(sequence: impl Iterator<Item = u32>) -> Reports {
        let mut decoder = Decoder::default();
        let mut out = Decoded::default();
        for sequence in sequence {
            let mut payload = vec![0, 9, 0, 0];
            payload.extend([0; 4]);
            payload.extend(1_000u32.to_be_bytes());
            payload.extend(sequence.to_be_bytes());
            payload.extend([0; 4]);
            let datagram = Datagram {
                source: [192, 0, 2, 1].into(),
                source_port: 1,
                received: Timestamp::from_secs(1_000),
                payload: &payload,
            };
            decoder.decode(datagram, &mut out);
        }
        Arc::new(ArcSwap::from_pointee(decoder.exporters()))
    }

    #[test]
    fn a_gap_is_counted_once_for_each_worker_that_saw_one() {
        let metrics = Metrics::new().unwrap();
        let current = Current::new(1, Duration::ZERO, Timestamp::EPOCH, 5);
        let lost =
            || metrics.exporters.sequence_lost.with_label_values(&["192.0.2.1#0", "packets"]).get();
        let mut board = Board::default();
        let workers = [reports(8), reports(3)];
        board.gather(Timestamp::EPOCH, &workers, &current, &metrics);
        board.gather(Timestamp::EPOCH, &workers, &current, &metrics);
        assert_eq!(lost(), 11);
        assert_eq!(current.exporters().len(), 2);
        // Both have forgotten it; heard anew, it has lost two more.
        board.gather(Timestamp::EPOCH, &[], &current, &metrics);
        board.gather(Timestamp::EPOCH, &[reports(2)], &current, &metrics);
        assert_eq!(lost(), 13);
    }

    #[test]
    fn packets_that_come_late_are_not_counted_as_lost() {
        let metrics = Metrics::new().unwrap();
        let current = Current::new(1, Duration::ZERO, Timestamp::EPOCH, 5);
        let lost =
            || metrics.exporters.sequence_lost.with_label_values(&["192.0.2.1#0", "packets"]).get();
        let mut board = Board::default();
        // Packet 5 is lost for good; packets 60 and 61 change places, between
        // which the board looks.
        let begin = || (0..60).filter(|sequence| *sequence != 5);
        board.gather(Timestamp::EPOCH, &[reports_of(begin())], &current, &metrics);
        assert_eq!(lost(), 1);
        board.gather(Timestamp::EPOCH, &[reports_of(begin().chain([61]))], &current, &metrics);
        assert_eq!(lost(), 1);
        board.gather(Timestamp::EPOCH, &[reports_of(begin().chain([61, 60]))], &current, &metrics);
        assert_eq!(lost(), 1);
    }

    #[test]
    fn exporters_behind_a_bridge_are_told_of_it() {
        let all = |addresses: &[[u8; 4]]| {
            let of = |address: &[u8; 4]| {
                let mut report = reports(1).load()[0].clone();
                report.address = (*address).into();
                Arc::new(ArcSwap::from_pointee(vec![report])) as Reports
            };
            rewritten(&addresses.iter().map(of).collect::<Vec<_>>())
        };
        let advice = all(&[[172, 17, 0, 1], [172, 17, 0, 1]]).unwrap();
        assert_eq!(advice.kind, AdviceKind::RewrittenAddress);
        assert!(advice.to_string().contains("172.17.0.1"), "{advice}");
        assert_eq!(all(&[[172, 17, 0, 1], [192, 0, 2, 1]]), None);
        assert_eq!((all(&[[192, 0, 2, 1]]), all(&[])), (None, None));
    }

    #[test]
    fn the_pace_is_taken_over_ten_seconds_and_survives_a_clock_set_back() {
        let mut counted = Counted::default();
        let mut report = reports(1).load()[0].clone();
        let mut pace = |seconds: u64, datagrams: u64| {
            report.datagrams = datagrams;
            counted.pace(Timestamp::from_secs(seconds), &report).datagrams_per_second
        };
        assert_eq!((pace(100, 50), pace(109, 90)), (None, None));
        assert_eq!(pace(110, 100), Some(5.0));
        assert_eq!(pace(50, 110), Some(5.0), "the clock went back");
        assert_eq!(pace(60, 130), Some(2.0));
        assert_eq!(pace(70, 20), Some(2.0), "heard anew");
    }

    #[test]
    fn advice_is_logged_once_though_its_numbers_grow() {
        let mut counted = Counted::default();
        let mut room = 0;
        advise(&reports(1).load()[0], &mut counted, &mut room);
        assert_eq!(counted.advised.len(), 0, "it waits for room");
        room = ADVICE_LOGGED;
        for lost in 1..4 {
            let reports = reports(lost).load_full();
            assert_eq!(reports[0].advice.len(), 1, "{:?}", reports[0].advice);
            advise(&reports[0], &mut counted, &mut room);
        }
        assert_eq!((counted.advised.len(), room), (1, ADVICE_LOGGED - 1));
    }

    #[test]
    fn exporters_beyond_the_bound_share_a_label() {
        let mut board = Board::default();
        for exporter in 0..EXPORTERS_LABELLED {
            assert_ne!(board.label(&exporter.to_string()), OTHER_EXPORTERS);
        }
        assert_eq!(board.label("one more"), OTHER_EXPORTERS);
        assert_eq!(board.label("0"), "0");
    }
}
