//! Flow times: every encoding to milliseconds of our clock.
//!
//! Exporters write flow times in six ways (RFC 7011 §6.1, RFC 3954 §8, the
//! IANA registry), relative to three origins: 1970, the exporter's start and
//! the export time. Values are looked at, not trusted: a zero is no time, an
//! NTP timestamp is told from a plain count, and uptime differences are taken
//! modulo 2^32 with sign, so that neither the 49.7-day wrap nor flows from
//! before the exporter's start go astray (docs/exporters.md 12, 15, 16).

use std::time::Duration;

use crate::model::time::Timestamp;

use super::fields::TimeEncoding;

/// Seconds from 1900 (NTP, RFC 5905 §6) to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;
/// Flow times before 1971 are an unset clock, not a time.
const EARLIEST: i64 = 365 * 86_400 * 1_000;

/// What one message says about time, and what we know of its exporter's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// When we received the datagram, milliseconds since 1970.
    received: i64,
    /// The export time in the header, milliseconds since 1970.
    export: i64,
    /// The exporter's uptime at the export time, milliseconds modulo 2^32.
    uptime: Option<u32>,
    /// Added to every record time, because the exporter's clock is off.
    shift: i64,
    /// A flow end later than this is not believed.
    latest: i64,
}

/// A time as a record holds it.
pub(crate) type Written = (TimeEncoding, u64);

/// Start and end of a flow, and whether the record's own times were not
/// believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) implausible: bool,
}

impl Clock {
    /// The clock of a message with the header time `export` and, where the
    /// header has one, the uptime at that time.
    pub(crate) fn new(
        received: Timestamp,
        export: Timestamp,
        uptime: Option<u32>,
        max_skew: Duration,
    ) -> Self {
        let skew = received.signed_since(export);
        let bound = i64::try_from(max_skew.as_millis()).unwrap_or(i64::MAX);
        let received = signed(received);
        Self {
            received,
            export: signed(export),
            uptime,
            shift: if skew.saturating_abs() > bound { skew } else { 0 },
            latest: received.saturating_add(bound),
        }
    }

    /// The export time in the header and the uptime at that time: with when it
    /// was received, all that makes this clock.
    pub(crate) fn told(&self) -> (Timestamp, Option<u32>) {
        (unsigned(self.export), self.uptime)
    }

    /// The exporter's clock minus ours, in milliseconds.
    pub(crate) fn skew_ms(&self) -> i64 {
        self.export.saturating_sub(self.received)
    }

    /// Whether record times are moved because the exporter's clock is off.
    pub(crate) fn is_shifted(&self) -> bool {
        self.shift != 0
    }

    /// Takes the uptime from the exporter's start time (field 160), where the
    /// header gives none: the two formats then compute alike.
    pub(crate) fn with_start_of_exporter(mut self, init: u64) -> Self {
        if self.uptime.is_none() && init != 0 {
            let init = i64::try_from(init).unwrap_or(i64::MAX);
            let uptime = self.export.saturating_sub(init) & 0xffff_ffff;
            self.uptime = u32::try_from(uptime).ok();
        }
        self
    }

    /// When a flow began and ended, by our clock.
    pub(crate) fn times(&self, start: Written, end: Written) -> Times {
        let Some(end) = self.end(start, end) else {
            return self.received(false);
        };
        if !self.believes(end) {
            return self.received(true);
        }
        let start = self.read(start).map_or(end, |start| start.saturating_add(self.shift));
        // A start after the end or before 1971 tells nothing.
        let start = if start > end || start < EARLIEST { end } else { start };
        Times { start: unsigned(start), end: unsigned(end), implausible: false }
    }

    /// Whether [`Self::times`] would not believe these.
    #[inline]
    pub(crate) fn doubts(&self, start: Written, end: Written) -> bool {
        self.end(start, end).is_some_and(|end| !self.believes(end))
    }

    /// When the flow ended, or began where only that is said.
    #[inline]
    fn end(&self, start: Written, end: Written) -> Option<i64> {
        let end = self.read(end).or_else(|| self.read(start))?;
        Some(end.saturating_add(self.shift))
    }

    #[inline]
    fn believes(&self, end: i64) -> bool {
        (EARLIEST..=self.latest).contains(&end)
    }

    fn received(&self, implausible: bool) -> Times {
        let at = unsigned(self.received);
        Times { start: at, end: at, implausible }
    }

    /// Milliseconds since 1970 by the exporter's clock; `None` when the field
    /// holds no time.
    #[inline]
    fn read(&self, (encoding, value): Written) -> Option<i64> {
        let millis = match encoding {
            TimeEncoding::Absent => return None,
            TimeEncoding::DeltaMicros => {
                let back = i64::try_from(value / 1_000).ok()?;
                return Some(self.export.saturating_sub(back));
            }
            _ if value == 0 => return None,
            TimeEncoding::Uptime => match u32::try_from(value) {
                Ok(at) => {
                    let ago = self.uptime?.wrapping_sub(at).cast_signed();
                    return Some(self.export.saturating_sub(i64::from(ago)));
                }
                Err(_) => value,
            },
            TimeEncoding::Seconds => value.saturating_mul(1_000),
            TimeEncoding::Millis => value,
            TimeEncoding::Micros => ntp(value).unwrap_or(value / 1_000),
            TimeEncoding::Nanos => ntp(value).unwrap_or(value / 1_000_000),
        };
        Some(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

/// Milliseconds since 1970 of an NTP timestamp (seconds since 1900 and a
/// binary fraction); `None` when the value can only be a plain count.
fn ntp(value: u64) -> Option<u64> {
    let seconds = (value >> 32).checked_sub(NTP_TO_UNIX)?;
    let millis = ((value & 0xffff_ffff) * 1_000) >> 32;
    Some(seconds * 1_000 + millis)
}

fn signed(at: Timestamp) -> i64 {
    at.signed_since(Timestamp::EPOCH)
}

fn unsigned(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_255_200_000;
    const SKEW: Duration = Duration::from_secs(600);

    fn clock(uptime: Option<u32>) -> Clock {
        Clock::new(Timestamp::from_millis(NOW), Timestamp::from_millis(NOW), uptime, SKEW)
    }

    fn end(clock: &Clock, encoding: TimeEncoding, value: u64) -> Option<u64> {
        let times = clock.times((TimeEncoding::Absent, 0), (encoding, value));
        (!times.implausible).then_some(times.end.as_millis())
    }

    #[test]
    fn every_encoding_reads_the_same_instant() {
        let at = NOW - 2_000;
        let clock = clock(Some(50_000));
        let ntp = ((at / 1_000 + NTP_TO_UNIX) << 32) | (((at % 1_000) << 32) / 1_000);
        for (encoding, value) in [
            (TimeEncoding::Uptime, 48_000),
            (TimeEncoding::Uptime, at),
            (TimeEncoding::Seconds, at / 1_000),
            (TimeEncoding::Millis, at),
            (TimeEncoding::Micros, at * 1_000),
            (TimeEncoding::Micros, ntp),
            (TimeEncoding::Nanos, at * 1_000_000),
            (TimeEncoding::Nanos, ntp),
            (TimeEncoding::DeltaMicros, 2_000_000),
        ] {
            assert_eq!(end(&clock, encoding, value), Some(at), "{encoding:?} {value}");
        }
    }

    #[test]
    fn an_uptime_that_wrapped_is_still_just_ago() {
        assert_eq!(end(&clock(Some(1_000)), TimeEncoding::Uptime, 0xffff_ffff), Some(NOW - 1_001));
    }

    #[test]
    fn an_uptime_without_an_origin_falls_back_to_the_receive_time() {
        assert_eq!(end(&clock(None), TimeEncoding::Uptime, 48_000), Some(NOW));
        let known = clock(None).with_start_of_exporter(NOW - 50_000);
        assert_eq!(end(&known, TimeEncoding::Uptime, 48_000), Some(NOW - 2_000));
    }

    #[test]
    fn times_of_the_future_or_of_1970_are_not_believed() {
        let clock = clock(None);
        assert_eq!(end(&clock, TimeEncoding::Millis, NOW + 600_001), None);
        assert_eq!(end(&clock, TimeEncoding::Millis, NOW + 600_000), Some(NOW + 600_000));
        assert_eq!(end(&clock, TimeEncoding::Seconds, 5), None);
        assert_eq!(end(&clock, TimeEncoding::Nanos, u64::MAX), None);
        assert_eq!(end(&clock, TimeEncoding::Millis, 0), Some(NOW), "zero is no time");
    }

    #[test]
    fn a_clock_that_is_hours_off_shifts_every_time() {
        let hours = 3 * 3_600_000;
        let ahead = Timestamp::from_millis(NOW + hours);
        let clock = Clock::new(Timestamp::from_millis(NOW), ahead, Some(9_000), SKEW);
        assert_eq!(clock.skew_ms(), 10_800_000);
        assert_eq!(end(&clock, TimeEncoding::Uptime, 8_000), Some(NOW - 1_000));
        assert_eq!(end(&clock, TimeEncoding::Millis, NOW + hours - 500), Some(NOW - 500));
    }
}
