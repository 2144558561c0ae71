//! What the HTTP API answers with, version 1.
//!
//! A count of lines is `null` with `"withheld": true` when it is under the
//! configured k and the caller has shown no token.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::API_VERSION;
use crate::attribute::{BuildReport, ClassReport};
use crate::model::rules::{Level, Role};
use crate::model::time::{Timestamp, Window};
use crate::signature::{ClassDefinition, GroupDefinition};

/// Every class and whether it can be detected now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassesAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// The UTC day for which verdicts and N are frozen.
    pub day: String,
    /// Every class, parents before their children.
    pub classes: Vec<ClassAnswer>,
}

/// One class.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassAnswer {
    /// The class, as its signature file is called.
    #[schema(value_type = String)]
    pub class: Arc<str>,
    /// The name for people.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// What it says: platform, manufacturer or product.
    pub level: Level,
    /// The class that must be detected on the same line and window.
    #[schema(value_type = Option<String>)]
    pub parent: Option<Arc<str>>,
    /// Who makes the devices; empty when the signature has gone meanwhile.
    #[schema(value_type = String)]
    pub vendor: Arc<str>,
    /// When the facts of its signature were last checked.
    pub checked: String,
    /// Groups that its signature names.
    pub named: usize,
    /// Groups monitored now (N).
    pub of: usize,
    /// Groups that must be seen; `null` when none is monitored.
    pub required: Option<usize>,
    /// Sampled packets per hour at 1:550 that mean somebody uses it; `null`
    /// where the class does not tell, so that nobody is ever seen to.
    pub in_use_packets: Option<u32>,
    /// Whether the class can be detected now.
    pub detectable: bool,
    /// Why it cannot.
    pub reason: Option<String>,
    /// Lines in the last complete hour and day.
    pub lines: WindowCounts,
}

/// Lines in the last complete windows, in all regions; `null` until one is
/// complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WindowCounts {
    /// The last complete hour.
    #[serde(rename = "1h")]
    pub hour: Option<WindowCount>,
    /// The last complete UTC day.
    #[serde(rename = "24h")]
    pub day: Option<WindowCount>,
}

/// Lines in one window, in all regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WindowCount {
    /// Start of the window.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// Lines with a detection.
    pub lines: Option<u64>,
    /// Whether the number is kept back because it is under k.
    pub withheld: bool,
    /// Whether the service began after the window did, so that it saw only
    /// part of it.
    pub partial: bool,
}

/// Lines per class, level, window and region.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountsAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// Counts under this are withheld without a token.
    pub k: u64,
    /// The windows that are counted: the last complete one of each length.
    pub windows: Vec<WindowState>,
    /// One row a class, window and region with at least one line.
    pub counts: Vec<CountRow>,
}

/// A complete window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WindowState {
    /// `1h` or `24h`.
    #[schema(value_type = String)]
    pub window: Window,
    /// Its start.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// Whether the service began after the window did, so that it saw only
    /// part of it.
    pub partial: bool,
}

/// Lines of one class in one region in the last complete window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CountRow {
    /// The class.
    #[schema(value_type = String)]
    pub class: Arc<str>,
    /// Its level.
    pub level: Level,
    /// `1h` or `24h`.
    #[schema(value_type = String)]
    pub window: Window,
    /// Start of the window.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// The region; empty for lines whose prefix has none.
    #[schema(value_type = String)]
    pub region: Arc<str>,
    /// Lines with a detection.
    pub lines: Option<u64>,
    /// Whether the number is kept back.
    pub withheld: bool,
}

/// The signatures in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignaturesAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// Parents before their children.
    #[schema(value_type = Vec<SignatureAnswer>)]
    pub signatures: Arc<Vec<SignatureAnswer>>,
}

/// One signature.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignatureAnswer {
    /// The class, as its file is called.
    #[schema(value_type = String)]
    pub class: Arc<str>,
    /// The name for people.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// What it says.
    pub level: Level,
    /// Who makes the device.
    #[schema(value_type = String)]
    pub vendor: Arc<str>,
    /// The class that must be detected too.
    #[schema(value_type = Option<String>)]
    pub parent: Option<Arc<str>>,
    /// The share D, as an exact decimal.
    pub threshold: String,
    /// Sampled packets per hour at 1:550 that mean somebody uses it.
    pub in_use_packets: Option<u32>,
    /// The groups.
    pub groups: Vec<GroupAnswer>,
    /// Where the facts come from.
    pub sources: Vec<String>,
    /// When they were last checked.
    pub checked: String,
}

impl SignatureAnswer {
    /// The wire shape of a signature.
    pub fn new(definition: &ClassDefinition) -> Self {
        let group = |group: &GroupDefinition| GroupAnswer {
            names: group.names.iter().map(ToString::to_string).collect(),
            role: group.role,
            ports: group.ports.iter().map(ToString::to_string).collect(),
        };
        Self {
            class: definition.class.clone(),
            name: definition.name.clone(),
            level: definition.level,
            vendor: definition.vendor.clone(),
            parent: definition.parent.clone(),
            threshold: definition.threshold.to_string(),
            in_use_packets: definition.in_use_packets,
            groups: definition.groups.iter().map(group).collect(),
            sources: definition.sources.clone(),
            checked: definition.checked.to_string(),
        }
    }
}

/// One group of a signature.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupAnswer {
    /// Names that count once.
    pub names: Vec<String>,
    /// Who runs them.
    pub role: Role,
    /// Ports; empty means any.
    pub ports: Vec<String>,
}

/// The hitlist in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HitlistAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// The UTC day for which verdicts and N are frozen.
    pub day: String,
    /// When it was built or last refreshed.
    #[schema(value_type = String, format = DateTime)]
    pub built: Timestamp,
    /// Seconds since then, by the service's clock.
    pub age_seconds: u64,
    /// Endpoints in it.
    pub endpoints: usize,
    /// Groups of all signatures by verdict.
    pub verdicts: BTreeMap<String, usize>,
    /// N of every class.
    pub classes: Vec<HitlistClass>,
}

impl HitlistAnswer {
    /// The wire shape of what a build reports; built at `built`.
    pub fn new(report: &BuildReport, built: Timestamp) -> Self {
        let verdicts = [
            ("dedicated", report.groups.dedicated),
            ("shared", report.groups.shared),
            ("undecided", report.groups.undecided),
            ("unresolvable", report.groups.unresolvable),
        ];
        let class = |class: &ClassReport| HitlistClass {
            class: class.class.clone(),
            of: class.monitored,
            named: class.total,
        };
        Self {
            v: API_VERSION,
            day: report.day.to_string(),
            built,
            age_seconds: 0,
            endpoints: report.endpoints,
            verdicts: verdicts.map(|(name, count)| (name.to_owned(), count)).into(),
            classes: report.classes.iter().map(class).collect(),
        }
    }
}

/// How one class stands in the hitlist.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HitlistClass {
    /// The class.
    #[schema(value_type = String)]
    pub class: Arc<str>,
    /// Groups monitored now (N).
    pub of: usize,
    /// Groups its signature names.
    pub named: usize,
}

/// Whether the service is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReadyAnswer {
    /// Whether flows are taken in and classes can be claimed.
    pub ready: bool,
    /// What is missing; empty when ready.
    pub waiting_for: Vec<String>,
    /// What an operator should look at though the service runs, such as a
    /// reload that was refused.
    pub warnings: Vec<String>,
}

/// Why a request was not answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorAnswer {
    /// What was found and what is allowed.
    pub error: String,
}

impl ReadyAnswer {
    /// Not ready, waiting for `what`.
    pub fn waiting(what: &str) -> Self {
        Self { ready: false, waiting_for: vec![what.to_owned()], warnings: Vec::new() }
    }
}
