//! What resolvers answered: names, aliases and addresses over time.
//!
//! Every source is read to one [`Answer`]: passive-DNS files
//! and captures by [`read()`], what resolvers tell live by [`dnstap`],
//! questions of our own by [`mod@resolve`]. Answers meet
//! in [`Knowledge`], a bounded table that is asked by day. This folder knows
//! nothing of devices and opens no file.

pub mod answer;
mod capture;
mod carry;
pub mod chain;
pub mod checkpoint;
pub mod dnstap;
pub mod fold;
pub mod knowledge;
mod lines;
pub(crate) mod message;
pub mod read;
pub mod report;
pub mod resolve;
pub mod seen;
mod sieve;
#[cfg(test)]
mod tests;
mod traces;
mod unpack;

pub use answer::{Answer, AnswerData, Coverage, Refused};
pub use carry::carry;
pub use fold::Gone;
pub use knowledge::{Knowledge, KnowledgeSize, NameId};
pub use read::{ReadError, Reading, read, read_into};
pub use report::{Ending, Format, ReadProblem, ReadReport};
pub use seen::{Seen, Span};
pub use sieve::Sieve;
