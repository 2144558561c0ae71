//! Event time: milliseconds since the Unix epoch, UTC, and the windows cut
//! from it.
//!
//! Every time in the program is a [`Timestamp`] that somebody passed in: the
//! flow's own end, the exporter's clock or the service's clock. Windows are
//! aligned to UTC and independent of one another (paper §4.3.2).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds in a second.
const SECOND: u64 = 1_000;
/// Milliseconds in an hour.
const HOUR: u64 = 3_600 * SECOND;
/// Milliseconds in a UTC day (Unix time has no leap seconds).
const DAY: u64 = 24 * HOUR;
/// 9999-12-30T21:59:59.999Z, the last whole second that the time library
/// writes in every time zone.
const LAST: u64 = 253_402_207_199_999;

/// An instant in milliseconds since 1970-01-01T00:00:00Z, never later than
/// the year 9999, so that every timestamp can be written as RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// The last instant that can be written.
    pub const MAX: Self = Self(LAST);

    /// An instant from milliseconds since the epoch, clamped to [`Self::MAX`].
    pub const fn from_millis(millis: u64) -> Self {
        if millis > LAST { Self(LAST) } else { Self(millis) }
    }

    /// An instant from whole seconds since the epoch, clamped to [`Self::MAX`].
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(SECOND))
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / SECOND
    }

    /// The UTC day this instant lies in.
    pub fn day(self) -> Day {
        // The year 9999 is day 2,932,896: it fits.
        Day(u32::try_from(self.0 / DAY).unwrap_or(u32::MAX))
    }

    /// This instant moved later, clamped to [`Self::MAX`].
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis(by)))
    }

    /// This instant moved earlier, clamped to the epoch.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// This instant moved by a signed number of milliseconds, clamped.
    #[must_use]
    pub fn shifted(self, by_millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add_signed(by_millis))
    }

    /// How long after `earlier` this instant is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// `self - other` in milliseconds, signed.
    pub fn signed_since(self, other: Self) -> i64 {
        // Both are at most LAST, which is far below i64::MAX.
        self.0.cast_signed() - other.0.cast_signed()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant =
            jiff::Timestamp::from_millisecond(self.0.cast_signed()).map_err(|_| fmt::Error)?;
        write!(f, "{instant}")
    }
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| {
            format!("`{text}` is not a time, expected RFC 3339 such as 2026-11-21T10:00:00Z")
        })?;
        u64::try_from(instant.as_millisecond())
            .map(Self::from_millis)
            .map_err(|_| format!("`{text}` is before 1970"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A UTC day, counted from 1970-01-01 (day 0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    /// The first instant of this day.
    pub fn start(self) -> Timestamp {
        Timestamp::from_millis(u64::from(self.0) * DAY)
    }

    /// The first instant of the next day.
    pub fn end(self) -> Timestamp {
        Timestamp::from_millis((u64::from(self.0) + 1) * DAY)
    }

    /// The day after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.start().to_string();
        f.write_str(text.split('T').next().unwrap_or(&text))
    }
}

/// The length of the time bins in which evidence is gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Window {
    /// One hour, starting on the hour.
    #[serde(rename = "1h")]
    Hour,
    /// One UTC day.
    #[serde(rename = "24h")]
    Day,
}

impl Window {
    /// Both windows, shortest first.
    pub const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// The start of the window that `at` lies in.
    pub fn start(self, at: Timestamp) -> Timestamp {
        Timestamp(at.0 - at.0 % self.millis())
    }

    /// The first instant after the window that starts at `start`.
    pub fn end(self, start: Timestamp) -> Timestamp {
        Timestamp::from_millis(start.0.saturating_add(self.millis()))
    }

    /// The window's length.
    pub fn length(self) -> Duration {
        Duration::from_millis(self.millis())
    }

    /// `1h` or `24h`, as in detections, metrics and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
        }
    }

    const fn millis(self) -> u64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1h" => Ok(Self::Hour),
            "24h" => Ok(Self::Day),
            other => Err(format!("window `{other}` is unknown, allowed: 1h, 24h")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_starts_on_its_utc_boundary() {
        let at: Timestamp = "2026-11-21T10:59:59.999Z".parse().unwrap();
        assert_eq!(Window::Hour.start(at).to_string(), "2026-11-21T10:00:00Z");
        assert_eq!(Window::Day.start(at).to_string(), "2026-11-21T00:00:00Z");
        assert_eq!(Window::Day.end(Window::Day.start(at)), at.day().end());
    }

    #[test]
    fn the_latest_instant_can_be_written_and_read_back() {
        let text = Timestamp::from_millis(u64::MAX).to_string();
        assert_eq!(text.parse::<Timestamp>().unwrap(), Timestamp::MAX);
    }

    #[test]
    fn a_day_prints_as_a_date() {
        let at: Timestamp = "2026-11-21T10:59:59Z".parse().unwrap();
        assert_eq!(at.day().to_string(), "2026-11-21");
    }
}
