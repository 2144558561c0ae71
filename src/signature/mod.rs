//! What people wrote about devices: signature files.
//!
//! A folder of YAML files, one class a file, becomes a [`SignatureSet`] or a
//! list of everything that is wrong with it, each [`Finding`] with its file
//! and line. Nothing here knows flows, addresses or DNS answers: which groups
//! can be monitored now is decided where the hitlist is built.
//!
//! On the way from text to set: `document` makes a tree with lines,
//! `fields` reads values out of it, `class` and `tables` check one file,
//! [`compile`](fn@compile) checks them together, `review` says what is worth a
//! look (`overlap`: classes that tell the same, `tenants`: names of clouds'
//! customers), `folder` finds the files. On the way back `write` makes the text of a
//! file of a class, and `page` a page for people about all of them.

mod class;
mod compile;
mod definition;
mod describe;
mod diff;
pub(crate) mod document;
pub(crate) mod fields;
mod finding;
mod folder;
mod overlap;
mod page;
mod review;
mod tables;
mod tenants;
#[cfg(test)]
mod tests;
mod write;

pub use compile::{Examined, SourceFile, compile, examine};
pub use definition::{ClassDefinition, GroupDefinition, Owners, SignatureSet};
pub use describe::{Description, HEADING, Now, Row, rows};
pub use diff::{Change, diff};
pub use finding::{Finding, Severity};
pub use folder::{check_dir, check_shipped, load, shipped};
pub use page::page;
pub use review::Freshness;
pub use write::{class_name, write};
