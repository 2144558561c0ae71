//! Where signatures come from, and how good they are.
//!
//! Ground truth is a capture of one device at a time. The lab reads what such
//! devices did ([`mod@capture`], of the devices that a [`manifest`] names) into
//! [`traffic`], and its later steps say what each of their names
//! is worth, write signature files of them and let the production chain judge
//! these. A second source is what makers themselves say their devices talk to
//! ([`mud`]).
//!
//! Everything here is a pure function on bytes and values: files are opened by
//! the command line, dates and seeds come in as arguments. There is no second
//! matcher and no second chain.

pub mod capture;
pub mod derive;
pub mod domains;
pub mod evaluate;
pub mod manifest;
pub mod mud;
pub mod served;
mod table;
pub mod traffic;
