//! Whether the system's clock jumps: somebody set it, or the machine slept.
//!
//! Windows are cut from time, so a jump closes them early or goes through them
//! twice. That cannot be mended here, but the service goes on detecting, and it
//! is said: in the log, as a metric, and for an hour in the answer about
//! readiness.

use std::time::Duration;

use super::clock::{Clock, Stopwatch};
use crate::metrics::Metrics;
use crate::model::time::Timestamp;

/// A clock that is so far from where it should be has jumped. NTP slews what is
/// less than an eighth of a second, and steps are seconds at least.
const NOTABLE: Duration = Duration::from_secs(10);
/// How long a jump is shown.
const SHOWN: Duration = Duration::from_secs(3_600);

/// Watches a clock.
pub(super) struct Jumps {
    clock: Clock,
    last: Timestamp,
    since: Stopwatch,
    said: Option<(String, Stopwatch)>,
}

impl Jumps {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, last: clock.now(), since: Stopwatch::start(), said: None }
    }

    /// Looks at the clock; whether what is to be said has changed.
    pub(super) fn look(&mut self, metrics: &Metrics) -> bool {
        let now = self.clock.now();
        let passed = self.clock.passes(self.since.elapsed());
        let jump = jump(self.last, now, passed, self.clock.passes(NOTABLE));
        (self.last, self.since) = (now, Stopwatch::start());
        let Some(millis) = jump else {
            let over = self.said.as_ref().is_some_and(|(_, since)| since.elapsed() > SHOWN);
            if over {
                self.said = None;
            }
            return over;
        };
        let (direction, what) = if millis > 0 {
            ("forward", "windows were closed early")
        } else {
            ("back", "windows are gone through again, and their detections may come twice")
        };
        metrics.clock_jumps.with_label_values(&[direction]).inc();
        let seconds = millis.unsigned_abs() / 1_000;
        let text = format!("the clock jumped {seconds} s {direction} to {now}: {what}");
        tracing::error!("{text}");
        self.said = Some((text, Stopwatch::start()));
        true
    }

    /// What is to be said about readiness.
    pub(super) fn warning(&self) -> Option<String> {
        self.said.as_ref().map(|(text, _)| text.clone())
    }
}

/// How far a clock that showed `then` and shows `now` is from where it should be
/// when `passed` has gone by, in milliseconds; nothing if it is less than `notable`.
fn jump(then: Timestamp, now: Timestamp, passed: Duration, notable: Duration) -> Option<i64> {
    let should = then.plus(passed);
    let off = now.signed_since(should);
    (u128::from(off.unsigned_abs()) >= notable.as_millis()).then_some(off)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn a_jump_is_counted_said_and_shown() {
        let by: &'static AtomicI64 = Box::leak(Box::new(AtomicI64::new(0)));
        let metrics = Metrics::new().unwrap();
        let jumps = |way: &str| metrics.clock_jumps.with_label_values(&[way]).get();
        let mut watched = Jumps::new(Clock::Moved(by));
        assert!(!watched.look(&metrics) && watched.warning().is_none());
        by.store(2_000, Ordering::Relaxed);
        assert!(!watched.look(&metrics), "a step of two seconds concerns nobody");
        by.store(86_400_000, Ordering::Relaxed);
        assert!(watched.look(&metrics));
        assert!(watched.warning().unwrap().contains("s forward to"));
        by.store(0, Ordering::Relaxed);
        assert!(watched.look(&metrics));
        assert!(watched.warning().unwrap().contains("s back to"));
        assert!(!watched.look(&metrics), "said once");
        assert_eq!((jumps("forward"), jumps("back")), (1, 1));
    }
}
