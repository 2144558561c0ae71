//! The open windows as bytes, so that evidence survives a restart: written in
//! slices while sightings go on coming in, and dealt to any number of engines
//! when it is read. Lines are their pseudonyms and groups their identities;
//! what an engine closed is in no checkpoint that it begins from then on, down to
//! the line of a window that it is closing.
//! Files, checksums and threads are the service's.
//!
//! Every slice can be read on its own, so those of several engines may stand in
//! any order. The bytes are, little-endian and with numbers as LEB128
//! ("number") unless their size is given:
//!
//! ```text
//! slices, each:
//!   1 byte WINDOW, 1 byte length, start (ms), number of groups, 8 bytes each,
//!     number of lines, each: 16 bytes, region, number of touches, each:
//!       place of the group, packets, those of a known rate, first (ms after the
//!       start), twice last - first and 1 more if in use, bytes, packets times
//!       their rate
//! 1 byte END, number of lines in all slices
//! ```
//!
//! Rules are not kept: a window that ended while the service was not there is
//! closed with those that the next start makes.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use crate::bytes::{CheckpointError, Progress};
pub use read::{Restored, restore};
pub use write::{Writing, put_end};

use crate::model::time::Window;

/// The version of these bytes; a reader takes no other.
pub const FORMAT: u16 = 2;

const END: u8 = 0;
const WINDOW: u8 = 1;

/// In the order of their numbers.
const WINDOWS: [Window; 2] = [Window::Hour, Window::Day];
