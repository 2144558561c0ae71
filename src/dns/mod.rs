//! What resolvers answered: names, aliases and addresses over time.
//!
//! Every source is read to one [`Answer`]: passive-DNS files
//! and captures by [`read`], questions of our own by [`resolve`]. Answers meet
//! in [`Knowledge`], a bounded table that is asked by day. This folder knows
//! nothing of devices and opens no file.

pub mod answer;
pub mod chain;
pub mod knowledge;
pub mod seen;

pub use answer::{Answer, AnswerData, Coverage, Refused};
pub use knowledge::{Knowledge, KnowledgeSize, NameId};
pub use seen::{Seen, Span};
