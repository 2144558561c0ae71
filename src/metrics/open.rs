//! What `/metrics` shows to whoever has not shown a token, and what it adds for
//! whoever has.
//!
//! A sum over all classes and regions says little by itself. Beside the counts
//! that are shown it says what those add up to that are withheld, and on a
//! network with one camera it is that camera. So sums of detections are shown
//! in whole steps of ten times k: down to the step where they say how much
//! there is, up to it where they say what was lost, since no loss may be
//! hidden. Sums of traffic (datagrams, records, flows, sightings) stay exact:
//! they count packets that were sampled, not homes.

use prometheus::proto::{Counter, Gauge, Metric, MetricFamily};

/// Steps in k's. The difference to what is shown is known to this width only,
/// while a count that is withheld is under one k.
const STEP: u64 = 10;

/// Shown as no more than there is.
const DOWN: [&str; 2] = ["hayrake_detections_total", "hayrake_sink_written_total"];
/// The same for gauges.
const DOWN_GAUGE: &str = "hayrake_evidence_touches";
/// Shown as no less than there is.
const UP: [&str; 2] = ["hayrake_sink_errors_total", "hayrake_queue_dropped_total"];
/// The queue whose losses are of packets.
const TRAFFIC: &str = "datagrams";

/// Rounds what counts detections.
pub(super) fn round(families: &mut [MetricFamily], k: u64) {
    if k <= 1 {
        return;
    }
    let step = (STEP * k) as f64;
    let down = |value: f64| (value / step).floor() * step;
    let up = |value: f64| (value / step).ceil() * step;
    for family in families {
        let name = family.name().to_owned();
        for row in family.mut_metric() {
            if DOWN.contains(&&*name) {
                set_counter(row, down);
            } else if UP.contains(&&*name) && !counts_traffic(row) {
                set_counter(row, up);
            } else if name == DOWN_GAUGE {
                let mut gauge = Gauge::default();
                gauge.set_value(down(row.get_gauge().get_value()));
                row.set_gauge(gauge);
            }
        }
    }
}

/// Adds rows that are for holders of the token to the families they belong to.
pub(super) fn unite(families: &mut Vec<MetricFamily>, confidential: Vec<MetricFamily>) {
    for mut withheld in confidential {
        match families.iter_mut().find(|family| family.name() == withheld.name()) {
            Some(family) => family.mut_metric().extend(withheld.take_metric()),
            None => families.push(withheld),
        }
    }
}

fn counts_traffic(row: &Metric) -> bool {
    row.get_label().iter().any(|label| label.value() == TRAFFIC)
}

fn set_counter(row: &mut Metric, rounded: impl Fn(f64) -> f64) {
    let mut counter = Counter::default();
    counter.set_value(rounded(row.get_counter().get_value()));
    row.set_counter(counter);
}
