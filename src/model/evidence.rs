//! What the open windows hold of one line, for whoever may ask about it.

use super::detection::Detection;
use super::group::GroupId;
use super::time::{Timestamp, Window};

/// What is known of one line so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenLine {
    /// What the open windows would claim if they were closed now.
    pub claims: Vec<Detection>,
    /// What they rest on, and what was seen beside it.
    pub evidence: Vec<LineEvidence>,
}

/// What one line touched in one open window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineEvidence {
    /// Length of the window.
    pub window: Window,
    /// Its start.
    pub start: Timestamp,
    /// The groups touched, monitored or not.
    pub touched: Vec<TouchedGroup>,
}

/// One group that a line touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TouchedGroup {
    /// The group.
    pub group: GroupId,
    /// Sampled packets.
    pub packets: u32,
    /// Sampled bytes.
    pub bytes: u64,
    /// First sighting.
    pub first: Timestamp,
    /// Last sighting.
    pub last: Timestamp,
}
