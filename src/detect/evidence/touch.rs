//! One line's touches of one group in a window, in 32 bytes.
//!
//! Sums saturate instead of wrapping; a saturated sum does not depend on the
//! order of its parts.

use crate::model::sighting::Sighting;

/// End of a chain, and the place of a group that has none yet.
pub(super) const NONE: u16 = u16::MAX;
/// The bit of [`Touch::last`] that says "in use". A day has fewer than 2^27
/// milliseconds.
const IN_USE: u32 = 1 << 31;

/// One line's touches of one group in the window.
#[derive(Clone, Copy, Debug)]
pub(in crate::detect) struct Touch {
    /// Sampled packets.
    pub(in crate::detect) packets: u32,
    /// Those of them whose sampling rate is known.
    pub(in crate::detect) known_packets: u32,
    /// First sighting, milliseconds after the window's start.
    pub(in crate::detect) first: u32,
    /// Last sighting, milliseconds after the window's start, and [`IN_USE`].
    last: u32,
    bytes: Wide,
    scaled_packets: Wide,
    /// Place of the group in the window's list.
    pub(super) group: u16,
    /// Next touch of the same line, or [`NONE`].
    pub(super) next: u16,
}

impl Touch {
    /// What a sighting says that lies so many milliseconds after the start.
    pub(super) fn seen(sighting: &Sighting, group: u16, offset: u32) -> Self {
        let rate = sighting.sampling.rate().map_or(0, |rate| u64::from(rate.get()));
        let packets = u32::try_from(sighting.packets).unwrap_or(u32::MAX);
        Self {
            packets,
            known_packets: if rate > 0 { packets } else { 0 },
            first: offset,
            last: offset,
            bytes: Wide::of(sighting.bytes),
            scaled_packets: Wide::of(sighting.packets.saturating_mul(rate)),
            group,
            next: NONE,
        }
    }

    /// What a checkpoint says; whose it is, is said beside it.
    pub(in crate::detect) fn restored(
        (packets, known_packets): (u32, u32),
        (first, last): (u32, u32),
        in_use: bool,
        bytes: u64,
        scaled_packets: u64,
    ) -> Self {
        let (bytes, scaled_packets) = (Wide::of(bytes), Wide::of(scaled_packets));
        let last = if in_use { last | IN_USE } else { last };
        Self { packets, known_packets, first, last, bytes, scaled_packets, group: NONE, next: NONE }
    }

    /// Adds what was seen besides.
    pub(super) fn add(&mut self, seen: &Self) {
        self.packets = self.packets.saturating_add(seen.packets);
        self.known_packets = self.known_packets.saturating_add(seen.known_packets);
        self.bytes = Wide::of(self.bytes().saturating_add(seen.bytes()));
        self.scaled_packets = Wide::of(self.scaled_packets().saturating_add(seen.scaled_packets()));
        self.first = self.first.min(seen.first);
        let in_use = (self.last | seen.last) & IN_USE;
        self.last = self.last().max(seen.last()) | in_use;
    }

    /// Last sighting, milliseconds after the window's start.
    pub(in crate::detect) fn last(&self) -> u32 {
        self.last & !IN_USE
    }

    /// Whether its class was in use in an hour of this day.
    pub(in crate::detect) fn in_use(&self) -> bool {
        self.last & IN_USE != 0
    }

    pub(super) fn set_in_use(&mut self) {
        self.last |= IN_USE;
    }

    /// Sampled bytes.
    pub(in crate::detect) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Sum of packets times their sampling rate: packets in the network, as
    /// far as the rate is known.
    pub(in crate::detect) fn scaled_packets(&self) -> u64 {
        self.scaled_packets.get()
    }
}

/// A sum of 48 bits: 281 terabytes, which is one line at 26 Gbit/s for a day.
#[derive(Clone, Copy, Debug)]
struct Wide([u16; 3]);

impl Wide {
    const MAX: u64 = (1 << 48) - 1;

    /// As much of `value` as fits.
    #[expect(clippy::cast_possible_truncation, reason = "each is 16 of 48 bits")]
    fn of(value: u64) -> Self {
        let value = value.min(Self::MAX);
        Self([value as u16, (value >> 16) as u16, (value >> 32) as u16])
    }

    fn get(self) -> u64 {
        let [low, middle, high] = self.0;
        u64::from(low) | u64::from(middle) << 16 | u64::from(high) << 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_takes_32_bytes() {
        assert_eq!(size_of::<Touch>(), 32);
    }

    #[test]
    fn sums_saturate_and_keep_what_is_beside_them() {
        let mut touch = Touch::restored((u32::MAX, 1), (5, 9), true, Wide::MAX - 1, 7);
        touch.add(&Touch::restored((3, 2), (4, 8), false, u64::MAX, u64::MAX));
        assert_eq!((touch.packets, touch.known_packets), (u32::MAX, 3));
        assert_eq!((touch.first, touch.last(), touch.in_use()), (4, 9, true));
        assert_eq!((touch.bytes(), touch.scaled_packets()), (Wide::MAX, Wide::MAX));
    }
}
