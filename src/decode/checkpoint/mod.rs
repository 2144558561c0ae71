//! What a decoder remembers as bytes, so that a service that is started again
//! decodes the first datagram and loses none that came before: templates as they
//! were told, samplers, what options said of the exporter, and the data sets that
//! still wait for a template. Written exporter by exporter while the decoder
//! goes on, and dealt to any number of decoders when it is read. Files,
//! checksums and threads are the service's.
//!
//! The bytes are records in any order, numbers as LEB128 ("number") unless their
//! size is given:
//!
//! ```text
//! exporters, each: 1 byte EXPORTER or EXPORTER_V6, address, domain,
//!     last datagram (ms), start of the exporter (ms), 1 byte flags
//!   samplers, and number of ports, each: protocol, port, samplers
//!     samplers: how many, each: kind, id, rate, field
//!   number of templates, each: protocol, port, id, kind,
//!     number of fields, each: id, length, 1 byte flags, enterprise if they say so,
//!     sent (ms), used (ms)
//! sets that wait, some at a time: 1 byte SEALED, number of sets, number of their
//!     datagrams, length, bytes
//! 1 byte END, number of records
//! ```
//!
//! Sets that wait are flow records as they came, with the addresses of subscribers
//! in them, and none of these may be in a file. So they are handed to the caller,
//! who seals them with a key that is none of the decoder's business, and gives them
//! back opened, or says that they cannot be: then they are counted as sets whose
//! template never came, and all else is used. `waiting` says what is in a seal.
//!
//! A set that waits is in nothing else that is kept. If its template comes between
//! a checkpoint and the service's violent death, it is read a second time after
//! the next start; its packets may then count twice. A window's groups are a set,
//! so that claims nothing more, and losing it would be worse.
//!
//! Sequence numbers are not kept. What exporters sent while the service was not
//! there is not lost between them and us, and a gap that nobody could hear
//! would hide the gaps that can be mended; for how long that was is in the log.

mod read;
#[cfg(test)]
mod tests;
mod waiting;
mod write;

pub use crate::bytes::{CheckpointError, Progress};
pub use read::{Restored, restore};
pub use write::{Writing, put_end};

use super::Protocol;
use super::sampling::RateField;
use super::template::Kind;

/// The version of these bytes; a reader takes no other.
pub const FORMAT: u16 = 2;

const END: u8 = 0;
const EXPORTER: u8 = 1;
const EXPORTER_V6: u8 = 2;
const SEALED: u8 = 3;

/// Flag of an exporter: its flows carry sampler ids.
const IDS_IN_FLOWS: u8 = 1;
/// Flag of a field: it is part of the scope.
const SCOPE: u8 = 1;
/// Flag of a field: it is an enterprise's own.
const ENTERPRISE: u8 = 2;

/// Kinds of sampler keys.
const BY_ID: u8 = 0;
const BY_SCOPE: u8 = 1;

/// In the order of their numbers.
const PROTOCOLS: [Protocol; 2] = [Protocol::Netflow9, Protocol::Ipfix];
/// In the order of their numbers.
const KINDS: [Kind; 2] = [Kind::Data, Kind::Options];
/// In the order of their numbers.
const FIELDS: [RateField; 7] = [
    RateField::Interval,
    RateField::RandomInterval,
    RateField::PacketInterval,
    RateField::Population,
    RateField::Probability,
    RateField::Header,
    RateField::Configured,
];
