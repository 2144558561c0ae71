//! The shapes that leave the program as JSON, with a version.
//!
//! A field is added freely; a field is renamed, removed or given another
//! meaning only with a new version. Times are RFC 3339 in UTC.

mod answers;
mod detection;
mod exporters;
mod history;

pub use answers::{
    ClassAnswer, ClassesAnswer, CountRow, CountsAnswer, ErrorAnswer, GroupAnswer, HitlistAnswer,
    HitlistClass, LineAnswer, ReadyAnswer, SignatureAnswer, SignaturesAnswer, WindowCount,
    WindowCounts, WindowState,
};
pub use detection::Detection;
#[cfg(test)]
pub(crate) use detection::tests::detection as detection_for_tests;
pub use exporters::{ExporterAnswer, ExportersAnswer, ListenerAnswer, Pace};
pub use history::{
    AnyClassSeries, HistoryAnswer, HistoryLineAnswer, HistoryPoint, HistorySeries, LineClass,
    LineDayAnswer,
};

/// Version of every object the API answers with.
pub const API_VERSION: u8 = 1;
