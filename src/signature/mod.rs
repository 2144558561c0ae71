//! What people wrote about devices: signature files.
//!
//! A folder of YAML files, one class a file, becomes a [`SignatureSet`] or a
//! list of everything that is wrong with it, each [`Finding`] with its file
//! and line. Nothing here knows flows, addresses or DNS answers: which groups
//! can be monitored now is decided where the hitlist is built.

mod definition;
mod finding;

pub use definition::{ClassDefinition, GroupDefinition, Owners, SignatureSet};
pub use finding::{Finding, Severity};
