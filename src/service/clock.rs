//! What time it is for the service: the system's clock, or one that runs
//! faster for demonstrations. The only reader of the system's clock.
//!
//! Event time is what windows are cut from, so a clock that runs 360 times as
//! fast closes an hour window every ten seconds, and everything else is as it
//! is for a user.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the service reads the clock"
)]

use std::fs::File;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::time::Timestamp;

/// Gives the time. Cloning gives a clock that shows the same.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The system's clock.
    Real,
    /// A clock that showed `from` when it was made and runs `factor` times as
    /// fast as the system's.
    SpedUp {
        /// What it showed at first.
        from: Timestamp,
        /// When it was made.
        made: Instant,
        /// Seconds it goes on in one real second.
        factor: NonZeroU32,
    },
    /// The system's clock as somebody set it: off by so many milliseconds, which
    /// a test moves.
    Moved(&'static AtomicI64),
}

impl Clock {
    /// A clock that shows `from` now and runs `factor` times as fast as the
    /// system's.
    pub fn sped_up(from: Timestamp, factor: NonZeroU32) -> Self {
        Self::SpedUp { from, made: Instant::now(), factor }
    }

    /// Seconds that it goes on in one real second.
    pub fn speed(&self) -> u32 {
        match self {
            Self::Real | Self::Moved(_) => 1,
            Self::SpedUp { factor, .. } => factor.get(),
        }
    }

    /// What it shows now. A system clock before 1970 shows 1970.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Real => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::EPOCH.plus(since)
            }
            Self::SpedUp { from, made, factor } => {
                from.plus(made.elapsed().saturating_mul(factor.get()))
            }
            Self::Moved(by) => {
                let by = by.load(Ordering::Relaxed);
                let (now, far) = (Self::Real.now(), Duration::from_millis(by.unsigned_abs()));
                if by < 0 { now.minus(far) } else { now.plus(far) }
            }
        }
    }

    /// How far it goes on while so much real time passes.
    pub fn passes(&self, real: Duration) -> Duration {
        match self {
            Self::Real | Self::Moved(_) => real,
            Self::SpedUp { factor, .. } => real.saturating_mul(factor.get()),
        }
    }
}

/// When a file was last written; 1970 if the system does not tell.
pub fn written(file: &File) -> Timestamp {
    let modified = file.metadata().and_then(|found| found.modified()).unwrap_or(UNIX_EPOCH);
    Timestamp::EPOCH.plus(modified.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Measures real time between two moments, whatever the clock shows: for what
/// the service does every so often, and for how long a build took.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Real time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Whether `interval` has gone by; starts again if it has.
    pub fn every(&mut self, interval: Duration) -> bool {
        let due = self.elapsed() >= interval;
        if due {
            *self = Self::start();
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sped_up_clock_starts_where_it_is_told_and_runs_ahead() {
        let from = Timestamp::from_secs(1_000_000);
        let clock = Clock::sped_up(from, NonZeroU32::new(3600).unwrap());
        let copy = clock;
        std::thread::sleep(Duration::from_millis(20));
        let shown = clock.now();
        assert!(shown.since(from) >= Duration::from_secs(72), "20 ms are 72 s");
        assert!(copy.now() >= shown);
    }

    #[test]
    fn the_real_clock_shows_this_century() {
        assert!(Clock::Real.now() > "2026-01-01T00:00:00Z".parse().unwrap());
    }
}
