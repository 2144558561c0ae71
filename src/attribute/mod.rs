//! The hitlist: what an endpoint stands for.
//!
//! [`build()`] compiles signatures and DNS knowledge into a [`Hitlist`], which
//! the flow path looks endpoints up in, and the rules that say how many groups
//! make a class; its report says what became of every group and why,
//! and [`explain()`] does so for one name or address.
//! [`refresh`] brings the endpoints up to date within a day. Both are pure:
//! the same input gives the same output, whatever the order of the answers.

mod build;
mod diff;
mod draft;
mod explain;
mod filter;
mod hitlist;
mod interest;
mod merge;
mod names;
mod report;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::net::IpAddr;

use crate::dns::Knowledge;
pub use crate::infrastructure::{Signals, VerdictSettings};
use crate::model::rules::Rules;
use crate::model::time::Day;
use crate::signature::SignatureSet;

pub use build::{build, refresh};
pub use diff::{BuildChange, ClassChange, diff};
pub use explain::{
    AddressMention, Explanation, GroupMention, NameMention, RootMention, SourceMention, Stretch,
    Subject, explain,
};
pub use hitlist::{Hitlist, HitlistEntry};
pub use interest::{Concern, Interest};
pub use report::{
    BuildReport, ClassReport, GroupReport, MOST_NAMES_LISTED, NameReport, VerdictCounts,
};

/// All that a build looks at.
pub struct BuildInput<'a> {
    /// What people wrote about devices.
    pub signatures: &'a SignatureSet,
    /// What resolvers answered.
    pub dns: &'a Knowledge,
    /// Only what was known by the end of this day is used.
    pub day: Day,
    /// Whether an address is one of the lines', and so no service.
    pub excluded: &'a dyn Fn(IpAddr) -> bool,
    /// What is known of addresses beside DNS answers.
    pub signals: Signals<'a>,
    /// How strict the verdicts are.
    pub settings: VerdictSettings,
}

/// What a build gives.
#[derive(Clone, Debug)]
pub struct Built {
    /// Endpoint to groups.
    pub hitlist: Hitlist,
    /// Groups to classes.
    pub rules: Rules,
    /// What became of every group.
    pub report: BuildReport,
}
