//! How good signatures are, by the production chain on traffic whose truth is
//! known.
//!
//! [`paper`] has the rules of the paper, to be judged as its table judges them.

pub mod paper;
