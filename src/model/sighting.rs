//! A line touched a group: all that travels past the front.

use super::group::GroupId;
use super::line::{LineId, RegionId};
use super::sampling::Sampling;
use super::time::Timestamp;

/// One flow between a line and an endpoint of a group.
///
/// About one flow record in a hundred becomes a sighting. Evidence is a set of
/// groups, so the same flow seen by two exporters changes no detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Pseudonym of the line.
    pub line: LineId,
    /// Region of the line.
    pub region: RegionId,
    /// The group whose endpoint was touched.
    pub group: GroupId,
    /// Packets as exported; zero when the record's counters are totals.
    pub packets: u64,
    /// Bytes as exported; zero when the record's counters are totals.
    pub bytes: u64,
    /// What one exported packet stands for.
    pub sampling: Sampling,
    /// Whether the flow shows an established TCP connection.
    pub established: bool,
    /// Event time: when the flow ended.
    pub at: Timestamp,
}
