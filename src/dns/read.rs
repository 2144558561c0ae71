//! Reads a source whatever its format, which is told by its content.

use std::io::{self, BufRead, BufReader, Read};

use super::answer::{Answer, Coverage};
use super::capture::read_capture;
use super::dnstap::{MessageTypes, read_frames};
use super::knowledge::Knowledge;
use super::lines::{is_array, read_array, read_lines};
use super::report::{Ending, ReadReport};
use super::unpack::{Packing, unpack};
use crate::model::time::Timestamp;
use crate::receive::pcap::is_capture;

/// Largest capture in bytes; captures are read whole.
pub const LARGEST_CAPTURE: u64 = 1 << 30;
/// What a source may be.
pub const ALLOWED: &str = "COF or DNSDB version 2 as JSON, Zeek's dns.log as a table or as JSON, a passivedns log, a tshark host list, dnstap, or a pcap or pcapng capture; plain or packed with gzip, zstd or xz";
/// Bytes looked at to tell a format.
const HEAD: u64 = 64;

/// How a source is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the source sees.
    pub coverage: Coverage,
    /// Answers seen later than this are absurd.
    pub now: Timestamp,
    /// When answers were seen for which the source gives no time: when it was
    /// written.
    pub dated: Timestamp,
    /// Which messages count, where the source is dnstap.
    pub types: MessageTypes,
}

impl Reading {
    /// Taken as usual.
    pub const fn new(coverage: Coverage, now: Timestamp) -> Self {
        Self { coverage, now, dated: now, types: MessageTypes::RESOLVER }
    }
}

/// Why a source could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source itself failed.
    #[error("reading DNS answers failed: {0}")]
    Io(#[from] io::Error),
    /// Packed in a way that is not unpacked.
    #[error("the file is packed with {0}, allowed: gzip, zstd and xz")]
    Packed(&'static str),
    /// Unpacking gave something packed.
    #[error("the file is packed twice, allowed: once")]
    PackedTwice,
    /// Nothing that is known.
    #[error("no line is a DNS answer, allowed: {ALLOWED}")]
    UnknownFormat,
    /// Larger than [`LARGEST_CAPTURE`].
    #[error("the capture is larger than {LARGEST_CAPTURE} bytes")]
    TooLarge,
}

/// Reads every answer of `input` into `sink`. Damaged lines and messages are
/// counted and skipped.
pub fn read(
    input: impl Read,
    reading: &Reading,
    sink: &mut dyn FnMut(Answer),
) -> Result<ReadReport, ReadError> {
    let (head, input) = unpacked(input)?;
    read_plain(&head, input, reading, sink)
}

/// The first bytes of `input`, and all of it again: unpacked, if it is packed
/// with gzip, zstd or xz.
pub(crate) fn unpacked<'a>(
    input: impl Read + 'a,
) -> Result<(Vec<u8>, Box<dyn BufRead + 'a>), ReadError> {
    let (head, input) = peek(input)?;
    let Some(packing) = Packing::tell(&head) else {
        return Ok((head, Box::new(input)));
    };
    let (head, input) = peek(unpack(packing, input)?)?;
    if Packing::tell(&head).is_some() {
        return Err(ReadError::PackedTwice);
    }
    Ok((head, Box::new(input)))
}

/// The first bytes of `input`, and all of it again.
fn peek<'a>(mut input: impl Read + 'a) -> io::Result<(Vec<u8>, impl BufRead + 'a)> {
    let mut head = Vec::new();
    input.by_ref().take(HEAD).read_to_end(&mut head)?;
    let whole = io::Cursor::new(head.clone()).chain(BufReader::with_capacity(1 << 16, input));
    Ok((head, whole))
}

fn read_plain(
    head: &[u8],
    mut input: impl BufRead,
    reading: &Reading,
    sink: &mut dyn FnMut(Answer),
) -> Result<ReadReport, ReadError> {
    if is_capture(head) {
        let mut bytes = Vec::new();
        let stopped = input.by_ref().take(LARGEST_CAPTURE + 1).read_to_end(&mut bytes).err();
        if bytes.len() as u64 > LARGEST_CAPTURE {
            return Err(ReadError::TooLarge);
        }
        let mut report = read_capture(&bytes, reading, sink);
        if let Some(error) = stopped {
            report.ending = Ending::Failed(error.to_string());
        }
        return Ok(report);
    }
    // The escape before START; no line of text begins with it.
    if head.starts_with(&[0, 0, 0, 0]) {
        return Ok(read_frames(input, reading, sink)?);
    }
    if is_array(head) {
        return read_array(input, reading, sink);
    }
    read_lines(input, reading, sink)
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
