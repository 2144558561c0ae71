//! The Internet provider that the demonstration makes up.

use std::num::NonZeroU32;

use crate::model::time::Timestamp;
use crate::simulate::Settings;

/// When the simulated traffic begins: 17 h, the evening peak ahead, UTC.
pub(super) const START: Timestamp = Timestamp::from_secs(1_767_632_400);
/// One packet in this many is sampled.
const SAMPLING: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Mean packets an hour of a line's other traffic: a fifth of what `simulate`
/// has, so that a debug build keeps up too.
const OTHER_PACKETS: f64 = 600.0;

/// Of `lines` lines, for `seconds` real seconds at `factor` times their speed.
pub(super) fn settings(
    lines: u32,
    seed: u64,
    seconds: u32,
    factor: NonZeroU32,
) -> anyhow::Result<Settings> {
    let simulated = u64::from(seconds) * u64::from(factor.get());
    Ok(Settings {
        lines,
        // The hour under way at the end is drawn whole.
        hours: u32::try_from(simulated / 3_600 + 1)?,
        sampling: SAMPLING,
        seed,
        start: START,
        other_packets: OTHER_PACKETS,
    })
}
