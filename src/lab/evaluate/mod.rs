//! How good signatures are, by the production chain on traffic whose truth is
//! known.
//!
//! [`view`] builds what the chain reads as the live service does, [`chain`] runs
//! it and notes when it claims what. [`paper`] has the rules of the paper, judged
//! as its table judges them.

pub mod chain;
pub mod paper;
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
