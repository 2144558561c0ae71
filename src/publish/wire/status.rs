//! How the service is doing, small enough to be asked for often.

use serde::Serialize;
use utoipa::ToSchema;

use super::WindowState;
use crate::model::time::Timestamp;

/// How the service is doing.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// Version of the program.
    pub version: &'static str,
    /// What time it is for the service.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// Seconds its clock goes on in a real one: 1, but in a demonstration.
    pub speed: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub began: Timestamp,
    /// Whether flows are taken in and classes can be claimed.
    pub ready: bool,
    /// What is missing; empty when ready.
    pub waiting_for: Vec<String>,
    /// What an operator should look at though the service runs.
    pub warnings: Vec<String>,
    /// Counts under this are withheld without a token.
    pub k: u64,
    /// The windows that close next and those that closed last.
    pub windows: WindowTimes,
    /// The hitlist in force was made or brought up to date then; `null` before
    /// the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub hitlist_built: Option<Timestamp>,
    /// Exporters heard.
    pub exporters: usize,
    /// How the caller can see single lines.
    pub lines: LinesAccess,
    /// What came in, and what became of it.
    pub input: InputCounts,
}

/// The windows of both lengths.
#[derive(Debug, Serialize, ToSchema)]
pub struct WindowTimes {
    /// Hours.
    #[serde(rename = "1h")]
    pub hour: WindowTime,
    /// UTC days.
    #[serde(rename = "24h")]
    pub day: WindowTime,
}

/// The windows of one length.
#[derive(Debug, Serialize, ToSchema)]
pub struct WindowTime {
    /// The last complete one; `null` until there is one.
    pub last: Option<WindowState>,
    /// When the next one closes: its end and the lateness bound after it.
    #[schema(value_type = String, format = DateTime)]
    pub closes: Timestamp,
}

/// How the caller can see single lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinesAccess {
    /// Not at all: neither a token nor client certificates are configured.
    Off,
    /// Not from here: others could read a token on the way.
    InTheClear,
    /// With the token.
    Token,
    /// The caller has shown what it takes.
    Open,
}

/// What came in since the start, and what became of it: received = decoded +
/// unknown template + rejected + queued.
#[derive(Debug, Serialize, ToSchema)]
pub struct InputCounts {
    /// Datagrams.
    pub datagrams: Outcomes,
    /// Records.
    pub records: Outcomes,
}

/// What became of what was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outcomes {
    /// All that was received since the start.
    pub received: u64,
    /// Received before the start, and waiting for a template then.
    pub carried_over: u64,
    /// Read.
    pub decoded: u64,
    /// Given up, since no template came for it.
    pub unknown_template: u64,
    /// Refused.
    pub rejected: u64,
    /// Waiting for a template.
    pub queued: u64,
}
