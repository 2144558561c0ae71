//! What is known of one line: claims, and for the open windows what each rests
//! on, group by group.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::Detection;
use crate::model::line::LineId;
use crate::model::rules::{Level, Role};
use crate::model::time::{Timestamp, Window};

/// What was claimed on one line in the windows held, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineAnswer<'a> {
    /// Version of this object: 1.
    pub v: u8,
    /// The line.
    #[schema(value_type = String)]
    pub line: LineId,
    /// What the open windows would claim if they were closed now.
    pub current: Vec<Detection<'a>>,
    /// Detections of the last closed hours and days, newest window first.
    pub detections: Vec<Detection<'a>>,
    /// What the open windows rest on, also for classes that fall short.
    pub evidence: Vec<WindowEvidence>,
}

/// What a line showed in one open window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WindowEvidence {
    /// `1h` or `24h`.
    #[schema(value_type = String)]
    pub window: Window,
    /// Its start.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// Every class of which something was seen, parents first.
    pub classes: Vec<ClassEvidence>,
}

/// What a line showed of one class in one open window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClassEvidence {
    /// The class.
    #[schema(value_type = String)]
    pub class: Arc<str>,
    /// The name for people.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// Its level.
    pub level: Level,
    /// The class that must be claimed too.
    #[schema(value_type = Option<String>)]
    pub parent: Option<Arc<str>>,
    /// Whether it would be claimed now.
    pub claimed: bool,
    /// Why it would not, in words.
    pub why_not: Option<String>,
    /// Groups seen.
    pub seen: usize,
    /// Groups that must be seen.
    pub required: usize,
    /// Groups monitored (N).
    pub of: usize,
    /// Every monitored group, those seen first.
    pub groups: Vec<GroupEvidence>,
}

/// What a line showed of one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupEvidence {
    /// Its first name.
    #[schema(value_type = String)]
    pub group: Arc<str>,
    /// Who runs it.
    pub role: Role,
    /// The names it stands for, also those of groups that are one with it.
    pub names: Vec<String>,
    /// What was seen; `null` when nothing was.
    pub seen: Option<GroupSeen>,
}

/// Traffic of a line to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupSeen {
    /// Sampled packets.
    pub packets: u64,
    /// Sampled bytes.
    pub bytes: u64,
    /// When the first of the flows ended.
    #[schema(value_type = String, format = DateTime)]
    pub first: Timestamp,
    /// When the last of the flows ended.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
}

/// The pseudonym of a line that was named by its address.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundLineAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// Its pseudonym now.
    #[schema(value_type = String)]
    pub line: LineId,
    /// Its pseudonym until the last midnight, when the key changed then.
    #[schema(value_type = Option<String>)]
    pub before: Option<LineId>,
}
