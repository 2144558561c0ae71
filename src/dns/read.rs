//! Reads a source whatever its format, which is told by its content.

use std::io::{self, BufReader, Read};

use super::answer::{Answer, Coverage};
use super::capture::read_capture;
use super::dnstap::{MessageTypes, read_frames};
use super::knowledge::Knowledge;
use super::lines::read_lines;
use super::report::ReadReport;
use crate::model::time::Timestamp;
use crate::receive::pcap::is_capture;

/// Largest capture in bytes; captures are read whole.
pub const LARGEST_CAPTURE: u64 = 1 << 30;

/// How a source is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the source sees.
    pub coverage: Coverage,
    /// Answers seen later than this are absurd.
    pub now: Timestamp,
    /// Which messages count, where the source is dnstap.
    pub types: MessageTypes,
}

impl Reading {
    /// Taken as usual.
    pub const fn new(coverage: Coverage, now: Timestamp) -> Self {
        Self { coverage, now, types: MessageTypes::RESOLVER }
    }
}

/// Why a source could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source itself failed.
    #[error("reading DNS answers failed: {0}")]
    Io(#[from] io::Error),
    /// Packed, which a later version reads.
    #[error("the file is packed with {0}, allowed: JSON lines or a capture, unpacked")]
    Packed(&'static str),
    /// Nothing that is known.
    #[error(
        "no line is a DNS answer, allowed: JSON lines in COF or DNSDB version 2, dnstap, or a pcap or pcapng capture"
    )]
    UnknownFormat,
    /// Larger than [`LARGEST_CAPTURE`].
    #[error("the capture is larger than {LARGEST_CAPTURE} bytes")]
    TooLarge,
}

/// Reads every answer of `input` into `sink`. Damaged lines and messages are
/// counted and skipped.
pub fn read(
    mut input: impl Read,
    reading: &Reading,
    sink: &mut dyn FnMut(Answer),
) -> Result<ReadReport, ReadError> {
    let mut head = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut head)?;
    let whole = head.as_slice().chain(input);
    match head[..] {
        _ if is_capture(&head) => {
            let mut bytes = Vec::new();
            whole.take(LARGEST_CAPTURE + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > LARGEST_CAPTURE {
                return Err(ReadError::TooLarge);
            }
            Ok(read_capture(&bytes, reading, sink))
        }
        // The escape before START; no line of text begins with it.
        [0, 0, 0, 0] => Ok(read_frames(whole, reading, sink)?),
        [0x1f, 0x8b, ..] => Err(ReadError::Packed("gzip")),
        [0x28, 0xb5, 0x2f, 0xfd] => Err(ReadError::Packed("zstd")),
        [0xfd, 0x37, 0x7a, 0x58] => Err(ReadError::Packed("xz")),
        _ => read_lines(BufReader::with_capacity(1 << 16, whole), reading, sink),
    }
}

/// Reads every answer of `input` into `dns`, as told by `source`. Answers that
/// the table refuses are counted with those that are absurd.
pub fn read_into(
    dns: &mut Knowledge,
    source: &str,
    input: impl Read,
    reading: &Reading,
) -> Result<ReadReport, ReadError> {
    let mut refused = Vec::new();
    let mut report = read(input, reading, &mut |answer| {
        if let Err(why) = dns.insert(answer, source) {
            match refused.iter_mut().find(|(known, _)| *known == why) {
                Some((_, count)) => *count += 1,
                None => refused.push((why, 1)),
            }
        }
    })?;
    for (why, count) in refused {
        *report.refused.entry(why).or_default() += count;
        report.answers -= count;
    }
    Ok(report)
}
