//! Which side of a flow is a subscriber line, and what the line is called.
//!
//! This is the only place where a subscriber's address exists. It comes in
//! with the flow record and goes out as a keyed pseudonym; the type that holds
//! it in between, [`LineAddress`], cannot be printed, compared or taken apart
//! outside this folder. [`Reveal`] is the one exception, for an operator who
//! checks his own captures with `replay --reveal`.
//!
//! [`prefixes`] says what is a line, [`isp`] which side of a flow it is,
//! [`pseudonym`] what it is called, and [`sealing`] closes bytes that have
//! addresses in them for everybody who has not the line key.

mod direct;
pub mod isp;
pub mod prefixes;
pub mod pseudonym;
pub mod reveal;
pub mod sealing;

pub use isp::{Orientation, Oriented, orient};
pub use prefixes::{LinePrefix, Prefixes};
pub use pseudonym::{LineAddress, LineKey, LineKeys};
pub use reveal::Reveal;
