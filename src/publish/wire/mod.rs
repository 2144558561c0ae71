//! The shapes that leave the program as JSON, with a version.
//!
//! A field is added freely; a field is renamed, removed or given another
//! meaning only with a new version. Times are RFC 3339 in UTC.

mod answers;
mod class;
mod detection;
mod exporters;
mod history;
mod line;
mod status;

pub use answers::{
    ClassAnswer, ClassesAnswer, CountRow, CountsAnswer, ErrorAnswer, GroupAnswer, HitlistAnswer,
    HitlistClass, ReadyAnswer, SignatureAnswer, SignaturesAnswer, WindowCount, WindowCounts,
    WindowState,
};
pub use class::{ClassPageAnswer, GroupState};
pub use detection::Detection;
#[cfg(test)]
pub(crate) use detection::tests::detection as detection_for_tests;
pub use exporters::{ExporterAnswer, ExportersAnswer, ListenerAnswer, Pace};
pub use history::{
    AnyClassSeries, HistoryAnswer, HistoryLineAnswer, HistoryPoint, HistorySeries, LineClass,
    LineDayAnswer,
};
pub use line::{
    ClassEvidence, FoundLineAnswer, GroupEvidence, GroupSeen, LineAnswer, WindowEvidence,
};
pub use status::{InputCounts, LinesAccess, Outcomes, StatusAnswer, WindowTime, WindowTimes};

/// Version of every object the API answers with.
pub const API_VERSION: u8 = 1;
