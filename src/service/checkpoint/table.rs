//! The table of DNS answers in a checkpoint: which part of it, and what the
//! service adds.
//!
//! In front of the table's own bytes stands whether the day began knowing
//! nothing, as a byte, and which day, in four. Without it the first minute's
//! answers would be frozen by a restart.

use std::io::Read;

use super::{Folder, Kind};
use crate::config::DnstapFeed;
use crate::dns::Knowledge;
use crate::dns::checkpoint::Restored;
use crate::metrics::CheckpointMetrics;
use crate::model::time::{Day, Timestamp};
use crate::service::clock::Stopwatch;
use crate::service::sources::RESOLVER;

/// Appends what stands in front of the table.
pub(super) fn put_day(into: &mut Vec<u8>, learning: Option<Day>) {
    into.push(u8::from(learning.is_some()));
    into.extend(learning.unwrap_or_default().0.to_le_bytes());
}

fn read_day(payload: &mut dyn Read) -> Result<Option<Day>, String> {
    let mut bytes = [0; 5];
    payload.read_exact(&mut bytes).map_err(|error| error.to_string())?;
    let [flag, day @ ..] = bytes;
    match flag {
        0 => Ok(None),
        1 => Ok(Some(Day(u32::from_le_bytes(day)))),
        other => Err(format!("byte 0: found {other}, allowed: 0, 1")),
    }
}

/// A table with what was told live before the service ended, and the day, if
/// that began knowing nothing. `make` gives an empty table.
pub(in crate::service) fn restore(
    folder: &Folder,
    feeds: &[DnstapFeed],
    now: Timestamp,
    metrics: &CheckpointMetrics,
    make: &dyn Fn() -> Knowledge,
) -> (Knowledge, Option<Day>) {
    let work = Stopwatch::start();
    let live =
        |source: &str| source == RESOLVER || feeds.iter().any(|feed| feed.at.to_string() == source);
    let found = folder.read(Kind::Dns, crate::dns::checkpoint::FORMAT, metrics, |payload| {
        let learning = read_day(payload)?;
        let mut dns = make();
        let restored = dns.restore(payload, now, live).map_err(|error| error.to_string())?;
        Ok((dns, learning, restored))
    });
    let Some((dns, learning, restored)) = found else { return (make(), None) };
    let Restored { facts, traces, unwanted, refused } = restored;
    tracing::info!(
        facts,
        traces,
        seconds = work.elapsed().as_secs_f64(),
        "read back the answers that were told live before"
    );
    if unwanted + refused > 0 {
        tracing::warn!(
            unwanted,
            refused,
            "left out of them: told by feeds that are gone, or later than now, or beyond the limits"
        );
    }
    (dns, learning)
}
