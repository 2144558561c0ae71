//! How good signatures are, by the production chain on traffic whose truth is
//! known.
//!
//! A set is either captures of devices ([`captures`], thinned by [`sample`]) or a
//! simulated ISP; [`truth`] says which classes a captured device has. [`view`]
//! builds what the chain reads as the live service does, [`chain`] runs it and
//! notes when it claims what, [`score`] compares that with the truth, with the
//! intervals of [`interval`], and [`report`] and [`svg`] show it. [`paper`] has the
//! rules of the paper, judged as its table judges them.

pub mod captures;
pub mod chain;
pub mod interval;
pub mod paper;
pub mod report;
pub mod run;
pub mod sample;
pub mod score;
pub mod svg;
pub mod truth;
pub mod view;

use crate::simulate::SimulateError;

/// Why nothing can be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// Signatures that were made for the purpose are refused.
    #[error("{0}")]
    Signatures(String),
    /// DNS answers are refused.
    #[error("an answer of the simulated resolvers: {0}")]
    Answers(String),
    /// The simulation cannot be made.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
}
