//! A table as bytes, so that a service that is started again knows what it was
//! told live: written in slices while the table goes on changing, and read back
//! as a stream. Files, checksums and threads are the service's.
//!
//! The bytes are, little-endian and with numbers as LEB128 ("number") unless
//! their size is given:
//!
//! ```text
//! number of sources, then each: length, text
//! facts, each: tag, name, address or name, number of spans, spans
//!   span: source, 1 byte coverage, first (ms), last - first (ms), count, more days
//!   name: 0 and a new one (length, text), or 1 + its place among those given
//! 1 byte TRACES
//! traces, each: tag, address, 6 bytes name hash, owner, source, 4 bytes last (s),
//!   and unless the tag says so: last - first (s), count, more days
//!   owner: 0 and a new one (length, text), 1 and one that is not given a place,
//!   or 2 + its place; nothing when the tag says "many"
//! 1 byte END, number of facts, number of traces
//! ```
//!
//! Sources that are not wanted are left out on either side: what files told is
//! read from them again and would count twice.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use crate::bytes::{CheckpointError, Progress};
pub use read::Restored;
pub(super) use write::Underway;

/// The version of these bytes; a reader takes no other.
pub const FORMAT: u16 = 1;

/// The kind of a record, in the low bits of its tag.
const KIND: u8 = 0b11;
const END: u8 = 0;
const ADDRESS: u8 = 1;
const ALIAS: u8 = 2;
const TRACE: u8 = 3;
/// After the last fact. No fact and no trace has this tag.
const TRACES: u8 = 0xfc;
/// The address is IPv6.
const V6: u8 = 1 << 2;
/// The trace is of many owners.
const MANY: u8 = 1 << 3;
/// The trace is of a source with partial coverage.
const PARTIAL: u8 = 1 << 4;
/// The trace was seen at one second only.
const INSTANT: u8 = 1 << 5;
/// The trace was seen once.
const ONCE: u8 = 1 << 6;
/// The trace was seen on no day between its first and its last.
const NO_MORE_DAYS: u8 = 1 << 7;

/// Longest text of a source: a socket's path with what stands before it.
const LONGEST_SOURCE: usize = 8_192;
/// Longest name or owner (RFC 1035 §2.3.4).
const LONGEST_NAME: usize = 253;
