//! One class with all that is known of it: its signature, and what became of
//! each of its groups today.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::{ClassAnswer, SignatureAnswer};
use crate::attribute::GroupReport;
use crate::model::rules::Role;

/// One class.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassPageAnswer {
    /// Version of this object: 1.
    pub v: u8,
    /// The UTC day for which verdicts and N are frozen.
    pub day: String,
    /// What `/api/v1/classes` says of it.
    pub class: ClassAnswer,
    /// Classes that need this one.
    #[schema(value_type = Vec<String>)]
    pub children: Vec<Arc<str>>,
    /// Its signature; `null` when it has gone meanwhile.
    pub signature: Option<SignatureAnswer>,
    /// What became of each group, in the order of the signature.
    pub groups: Vec<GroupState>,
}

/// What became of one group today.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupState {
    /// Its first name.
    pub group: String,
    /// Who runs it.
    pub role: Role,
    /// `dedicated`, `shared`, `undecided` or `unresolvable`.
    pub verdict: &'static str,
    /// Whether it is part of N, alone or merged.
    pub counted: bool,
    /// The group that it is one with, because they share an address.
    pub merged_into: Option<String>,
    /// Its addresses when the day began.
    pub endpoints: usize,
    /// Why it is not counted, in words.
    pub why_not: Option<String>,
}

impl GroupState {
    /// The wire shape of what a build says of a group.
    pub fn new(report: &GroupReport) -> Self {
        Self {
            group: report.group.clone(),
            role: report.role,
            verdict: report.verdict,
            counted: report.counted,
            merged_into: report.merged_into.clone(),
            endpoints: report.endpoints,
            why_not: report.why_not.clone(),
        }
    }
}
