//! A class claimed on a line for a window.

use std::sync::Arc;

use super::line::{LineId, RegionId};
use super::rules::Level;
use super::time::{Timestamp, Window};

/// The claim that a line has a device of a class, with what it rests on.
///
/// It is a domain type; `publish/wire.rs` turns it into the versioned JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Length of the window.
    pub window: Window,
    /// Start of the window.
    pub start: Timestamp,
    /// Pseudonym of the line.
    pub line: LineId,
    /// Region of the line.
    pub region: RegionId,
    /// The class.
    pub class: Arc<str>,
    /// Its level.
    pub level: Level,
    /// First names of the groups seen, sorted.
    pub groups: Vec<Arc<str>>,
    /// How many groups had to be seen.
    pub required: usize,
    /// How many groups are monitored (N).
    pub of: usize,
    /// Sampled packets to the class's groups in the window.
    pub packets: u64,
    /// Sampled bytes to the class's groups in the window.
    pub bytes: u64,
    /// Event time of the first sighting.
    pub first: Timestamp,
    /// Event time of the last sighting.
    pub last: Timestamp,
    /// Whether the traffic says that somebody uses the device.
    pub in_use: bool,
    /// Probability that the claim is right, 0 to 1 (`detect/confidence.rs`).
    pub confidence: f64,
}
