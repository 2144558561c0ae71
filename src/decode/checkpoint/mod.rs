//! What a decoder remembers as bytes, so that a service that is started again
//! decodes the first datagram: templates as they were told, samplers, and what
//! options said of the exporter. Written exporter by exporter while the decoder
//! goes on, and dealt to any number of decoders when it is read. Files,
//! checksums and threads are the service's.
//!
//! The bytes are, numbers as LEB128 ("number") unless their size is given:
//!
//! ```text
//! exporters, each: 1 byte EXPORTER or EXPORTER_V6, address, domain,
//!     last datagram (ms), start of the exporter (ms), 1 byte flags
//!   samplers, and number of ports, each: protocol, port, samplers
//!     samplers: how many, each: kind, id, rate, field
//!   number of templates, each: protocol, port, id, kind,
//!     number of fields, each: id, length, 1 byte flags, enterprise if they say so,
//!     sent (ms), used (ms)
//! 1 byte END, number of exporters
//! ```
//!
//! Sequence numbers are not kept. What exporters sent while the service was not
//! there is not lost between them and us, and a gap that nobody could hear
//! would hide the gaps that can be mended; for how long that was is in the log.
//! Data sets that wait for a template are not kept either.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use crate::bytes::{CheckpointError, Progress};
pub use read::{Restored, restore};
pub use write::{Writing, put_end};

use super::Protocol;
use super::sampling::RateField;
use super::template::Kind;

/// The version of these bytes; a reader takes no other.
pub const FORMAT: u16 = 1;

const END: u8 = 0;
const EXPORTER: u8 = 1;
const EXPORTER_V6: u8 = 2;

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
