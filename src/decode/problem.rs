//! What was wrong with a datagram, and where.

use std::fmt;

use super::Format;
use super::cursor::Truncated;
use super::template::BadTemplate;

/// Problems reported for one datagram; further ones are only counted.
pub(crate) const MAX_PROBLEMS: usize = 32;

/// One thing wrong with a datagram.
///
/// Written as a path: `IPFIX: in set at byte 20: template 256: ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The format, if the datagram was recognised.
    pub format: Option<Format>,
    /// Byte offset of the set or sample it is in.
    pub set: Option<usize>,
    /// The template it concerns.
    pub template: Option<u16>,
    /// Byte offset of what is wrong.
    pub offset: usize,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(format) = self.format {
            write!(f, "{format}: ")?;
        }
        if let Some(set) = self.set {
            let part = if self.format == Some(Format::Sflow5) { "sample" } else { "set" };
            write!(f, "in {part} at byte {set}: ")?;
        }
        if let Some(template) = self.template {
            write!(f, "template {template}: ")?;
        }
        if self.set != Some(self.offset) {
            write!(f, "at byte {}: ", self.offset)?;
        }
        write!(f, "{}", self.kind)
    }
}

impl std::error::Error for Problem {}

/// Most that a version, a length or a number of records can be in a datagram.
const MOST: u64 = 65_535;

/// A number of a datagram. One that is too large to be what it should is a
/// piece of something else, perhaps an address, and is not repeated.
struct Said(u64);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > MOST { write!(f, "over {MOST}") } else { write!(f, "{}", self.0) }
    }
}

/// What can be wrong with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The first bytes are of no format that we read.
    #[error("version {} is not read, allowed: NetFlow 5, 7, 9, IPFIX (10) and sFlow 5", Said(u64::from(*.0)))]
    UnknownVersion(u32),
    /// The datagram has no bytes.
    #[error("the datagram is empty")]
    EmptyDatagram,
    /// Bytes end inside a field.
    #[error("{left} bytes left, {wanted} needed")]
    Truncated {
        /// How many the field needs.
        wanted: usize,
        /// How many there were.
        left: usize,
    },
    /// The header announces more records than there are.
    #[error("the header announces {} records, {present} are there", Said(*.announced as u64))]
    MissingRecords {
        /// By the header.
        announced: usize,
        /// By the bytes.
        present: usize,
    },
    /// The length in an IPFIX message header is below its own header.
    #[error("message length {0}, allowed: 16 to what the datagram holds")]
    MessageLength(usize),
    /// An IPFIX message says it is longer than the datagram.
    #[error("message length {announced}, but {present} bytes are there")]
    MessageCut {
        /// By the header.
        announced: usize,
        /// By the bytes.
        present: usize,
    },
    /// Something that is no message follows a message.
    #[error("{0} bytes follow that are no message")]
    TrailingBytes(usize),
    /// A set says it is shorter than its own header.
    #[error("set length {0}, allowed: 4 to what the datagram holds")]
    SetLength(usize),
    /// A set says it is longer than what is left of the datagram.
    #[error("set length {}, but {present} bytes are there", Said(*.announced as u64))]
    SetCut {
        /// By its header.
        announced: usize,
        /// By the bytes.
        present: usize,
    },
    /// A set id that means nothing.
    #[error("set id {0} is reserved")]
    ReservedSet(u16),
    /// A template id that belongs to sets of templates.
    #[error("template id {0}, allowed: 256 to 65535")]
    TemplateId(u16),
    /// A template that cannot be used.
    #[error("{0}")]
    BadTemplate(BadTemplate),
    /// All exporters together hold too many templates.
    #[error("no room for another template")]
    NoRoomForTemplate,
    /// Too many records for one call.
    #[error("more than {0} records to decode at once")]
    TooManyRecords(usize),
    /// A sampler's rate is another now.
    #[error("the sampling rate changed from 1:{from} to 1:{to}")]
    SamplingChanged {
        /// Before.
        from: u32,
        /// Now.
        to: u32,
    },
    /// An sFlow sample whose inner lengths do not come to its length.
    #[error("sample length {}, but its records take {taken} bytes", Said(*.announced as u64))]
    SampleLength {
        /// By its header.
        announced: usize,
        /// By its records.
        taken: usize,
    },
    /// An sFlow agent address of an unknown kind.
    #[error("address type {0}, allowed: 1 (IPv4) and 2 (IPv6)")]
    AddressType(u32),
}

impl From<Truncated> for ProblemKind {
    fn from(truncated: Truncated) -> Self {
        Self::Truncated { wanted: truncated.wanted, left: truncated.left }
    }
}
