//! What was claimed on each line in the last windows, for the API.
//!
//! Kept only where the API may be asked for single lines (a token is
//! configured): otherwise nothing about a line stays in memory after its
//! detections are written. Writers and readers meet in a concurrent map; the
//! number of detections held is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;

use crate::model::detection::Detection;
use crate::model::line::LineId;
use crate::model::time::{Timestamp, Window};

/// Detections held at most: about 300 bytes each, so 600 MB.
const HELD: usize = 2_000_000;
/// Complete windows of each length for which a line's detections are held.
const WINDOWS_HELD: u32 = 2;

/// Parts of the map, each behind its own lock: so many that growing one, or
/// going through it to let go of what is old, keeps nobody waiting for long.
const SHARDS: usize = 1_024;

/// Detections by line.
pub struct Lines {
    by_line: DashMap<LineId, Vec<Arc<Detection>>>,
    held: AtomicUsize,
}

impl Default for Lines {
    fn default() -> Self {
        Self { by_line: DashMap::with_shard_amount(SHARDS), held: AtomicUsize::new(0) }
    }
}

impl Lines {
    /// Holds the detections; returns how many were left out because the bound
    /// was reached.
    pub fn record(&self, detections: &[Detection]) -> usize {
        let mut left_out = 0;
        for detection in detections {
            if self.held.load(Ordering::Relaxed) >= HELD {
                left_out += 1;
                continue;
            }
            self.held.fetch_add(1, Ordering::Relaxed);
            self.by_line.entry(detection.line).or_default().push(Arc::new(detection.clone()));
        }
        left_out
    }

    /// The detections of `line`, newest window first, then by class.
    pub fn of(&self, line: LineId) -> Vec<Arc<Detection>> {
        let mut held: Vec<_> =
            self.by_line.get(&line).map(|held| held.value().clone()).unwrap_or_default();
        held.sort_by(|a, b| (b.start, a.window, &a.class).cmp(&(a.start, b.window, &b.class)));
        held
    }

    /// Lets go of what is older than the last windows of a length, the newest
    /// of which starts at `last_start`.
    pub fn retire(&self, window: Window, last_start: Timestamp) {
        let oldest = last_start.minus(window.length() * (WINDOWS_HELD - 1));
        let mut gone = 0;
        self.by_line.retain(|_, held| {
            let before = held.len();
            held.retain(|detection| detection.window != window || detection.start >= oldest);
            gone += before - held.len();
            !held.is_empty()
        });
        self.held.fetch_sub(gone, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::wire::detection_for_tests as detection;

    #[test]
    fn a_line_keeps_its_last_windows_only() {
        let lines = Lines::default();
        let mut detections = vec![detection(); 4];
        for (hour, detection) in (0u64..).zip(&mut detections) {
            detection.start = Timestamp::from_secs(hour * 3600);
        }
        assert_eq!(lines.record(&detections), 0);
        lines.retire(Window::Hour, Timestamp::from_secs(3 * 3600));
        let starts: Vec<_> = lines.of(LineId(0xabc)).iter().map(|d| d.start.as_secs()).collect();
        assert_eq!(starts, [3 * 3600, 2 * 3600]);
        lines.retire(Window::Hour, Timestamp::from_secs(30 * 3600));
        assert!(lines.of(LineId(0xabc)).is_empty());
        assert_eq!(lines.held.load(Ordering::Relaxed), 0);
        assert!(lines.by_line.is_empty(), "no empty line stays");
    }
}
