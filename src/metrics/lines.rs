//! Counts of lines, and how good the evidence behind them is, as of the last
//! complete windows.
//!
//! A count under k is held beside the others in a registry that only holders of
//! the token read, so both see one metric under one name.

use prometheus::{GaugeVec, IntGauge, IntGaugeVec};

use super::declarations::Declarations;
use crate::model::time::Window;

/// Gauges of which some rows are only for holders of the token.
#[derive(Clone)]
pub struct WithheldGauges {
    pub(super) open: GaugeVec,
    pub(super) withheld: GaugeVec,
}

impl WithheldGauges {
    /// Shows a value: to everybody, or to holders of the token only.
    pub fn set(&self, labels: &[&str], value: f64, withheld: bool) {
        let (here, gone) =
            if withheld { (&self.withheld, &self.open) } else { (&self.open, &self.withheld) };
        here.with_label_values(labels).set(value);
        // Absent already is as good as removed.
        let _ = gone.remove_label_values(labels);
    }

    /// Shows no value any more.
    pub fn remove(&self, labels: &[&str]) {
        let _ = self.open.remove_label_values(labels);
        let _ = self.withheld.remove_label_values(labels);
    }

    fn reset(&self) {
        self.open.reset();
        self.withheld.reset();
    }
}

/// Metrics of the last complete windows.
#[derive(Clone)]
pub struct LineMetrics {
    /// Lines with a detection.
    pub lines: WithheldGauges,
    /// Those on which somebody uses the device.
    pub in_use: WithheldGauges,
    /// Mean confidence of the detections of a class.
    pub confidence: WithheldGauges,
    /// Mean number of groups that were seen.
    pub groups: WithheldGauges,
    /// Mean number of sampled packets.
    pub packets: WithheldGauges,
    /// How many counts are withheld.
    pub withheld: IntGaugeVec,
    /// Counts under this are withheld.
    pub k: IntGauge,
    /// Start of the last complete window.
    pub window_start: IntGaugeVec,
    /// Whether the service saw only part of it.
    pub window_partial: IntGaugeVec,
}

const BY_REGION: &[&str] = &["class", "level", "window", "region"];
const BY_CLASS: &[&str] = &["class", "level", "window"];

impl LineMetrics {
    pub(super) fn new(d: &mut Declarations) -> Result<Self, prometheus::Error> {
        Ok(Self {
            lines: d.withheld(
                "hayrake_lines",
                "lines",
                BY_REGION,
                "Lines with a detection in the last complete window; without the token absent when withheld because it is under the configured k",
            )?,
            in_use: d.withheld(
                "hayrake_lines_in_use",
                "lines",
                BY_REGION,
                "Those of hayrake_lines on which somebody uses the device, rather than that it idles; withheld where it, or the number that idles, is under k",
            )?,
            confidence: d.withheld(
                "hayrake_detection_confidence_ratio",
                "ratio",
                BY_CLASS,
                "Mean confidence of the class's detections in the last complete window, over all regions: the probability that the device is there, given the sampling rate; absent without any and withheld under k lines",
            )?,
            groups: d.withheld(
                "hayrake_detection_groups",
                "groups",
                BY_CLASS,
                "Mean number of the class's groups that a line with a detection touched; hayrake_class_groups says how many it could have",
            )?,
            packets: d.withheld(
                "hayrake_detection_packets",
                "packets",
                BY_CLASS,
                "Mean number of sampled packets between a line with a detection and the class's groups",
            )?,
            withheld: d.gauges(
                "hayrake_lines_withheld",
                "series",
                &["window"],
                "Series of hayrake_lines that are shown to holders of the token only",
            )?,
            k: d.gauge(
                "hayrake_lines_withheld_below",
                "lines",
                "The configured k: counts of fewer lines are withheld without the token",
            )?,
            window_start: d.gauges(
                "hayrake_window_start_timestamp_seconds",
                "seconds",
                &["window"],
                "Start of the last complete window, Unix time",
            )?,
            window_partial: d.gauges(
                "hayrake_window_partial",
                "0 or 1",
                &["window"],
                "1 when the service began after the last complete window did, so that it saw only part of it and counts are low",
            )?,
        })
    }

    /// Shows no counts any more; those in force are shown anew by the caller.
    pub fn reset(&self) {
        for gauges in [&self.lines, &self.in_use, &self.confidence, &self.groups, &self.packets] {
            gauges.reset();
        }
    }

    /// Says how many counts of a window's length are withheld.
    pub fn set_withheld(&self, window: Window, series: usize) {
        let series = i64::try_from(series).unwrap_or(i64::MAX);
        self.withheld.with_label_values(&[window.as_str()]).set(series);
    }
}
