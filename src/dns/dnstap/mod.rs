//! dnstap: what a running resolver copies of its DNS messages, live over a
//! socket or written to a file.
//!
//! Bytes become frames ([`frames`]), frames become DNS responses ([`message`]),
//! and those become answers here. A frame that cannot be understood is counted
//! and skipped; a stream is lost only when its framing is, for then nobody
//! knows where the next frame begins.

use std::io::{self, Read};

pub mod frames;
pub mod message;
#[cfg(test)]
mod tests;

use super::answer::Answer;
use super::capture::take_message;
use super::read::Reading;
use super::report::{Ending, Format, ReadReport};
use crate::model::time::Timestamp;
use frames::{ControlKind, Event, Stream};
pub use message::{MessageType, MessageTypes};

/// How much is read at once.
pub const CHUNK: usize = 1 << 16;

/// Longest DNS message in bytes: its length over TCP is 16 bits (RFC 1035
/// §4.2.2).
const LONGEST_MESSAGE: usize = 65_535;

/// Why the rest of a stream cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`frames::LONGEST_CONTROL`].
    #[error("a control frame of {0} bytes, allowed: {most}", most = frames::LONGEST_CONTROL)]
    ControlTooLong(u32),
    /// Longer than [`frames::LONGEST_DATA`].
    #[error("a frame of {0} bytes, allowed: {most}", most = frames::LONGEST_DATA)]
    DataTooLong(u32),
    /// A control frame whose fields do not fit in it.
    #[error("a control frame whose lengths contradict each other")]
    ControlDamaged,
    /// A kind of control frame that does not exist.
    #[error("control frame {0}, allowed: 1 to 5")]
    ControlUnknown(u32),
    /// A control frame that makes no sense here.
    #[error("control frame {0:?} out of place")]
    OutOfPlace(ControlKind),
    /// Frames without START.
    #[error("a frame before START")]
    DataBeforeStart,
    /// Frames that hold something else.
    #[error("other content than `protobuf:dnstap.Dnstap`")]
    OtherContent,
}

/// What a sender is due after some of its bytes were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// What it waits to hear; often nothing.
    pub reply: Vec<u8>,
    /// Whether it has ended in order.
    pub ended: bool,
}

/// One stream, from bytes to answers.
#[derive(Debug, Default)]
pub struct Tap {
    stream: Stream,
    /// Frames so far, which is the place of a problem.
    frames: u64,
}

impl Tap {
    /// Takes the next bytes. Answers go to `sink`, counts and problems to
    /// `report`. A response that does not tell its time is dated `received`;
    /// without that it is damaged.
    pub fn take(
        &mut self,
        bytes: &[u8],
        received: Option<Timestamp>,
        reading: &Reading,
        report: &mut ReadReport,
        sink: &mut dyn FnMut(Answer),
    ) -> Result<Due, FrameError> {
        self.stream.push(bytes);
        let mut due = Due::default();
        while let Some(event) = self.stream.next_event()? {
            match event {
                Event::Data(frame) => {
                    self.frames += 1;
                    take_frame(frame, received, self.frames, reading, report, sink);
                }
                Event::Reply(reply) => due.reply.extend(reply),
                Event::End => {
                    due.ended = true;
                    break;
                }
            }
        }
        Ok(due)
    }

    /// Whether the sender has said what it will send.
    pub fn is_started(&self) -> bool {
        self.stream.is_started()
    }
}

/// Takes the message in one frame.
fn take_frame(
    frame: &[u8],
    received: Option<Timestamp>,
    place: u64,
    reading: &Reading,
    report: &mut ReadReport,
    sink: &mut dyn FnMut(Answer),
) {
    let response = match message::read_frame(frame, reading.types) {
        Ok(Some(response)) => response,
        Ok(None) => {
            report.other_types += 1;
            return;
        }
        Err(what) => {
            report.units += 1;
            return report.damage(place, what);
        }
    };
    let length = response.message.len();
    if length > LONGEST_MESSAGE {
        report.units += 1;
        let what = format!("a DNS message of {length} bytes, allowed: {LONGEST_MESSAGE}");
        return report.damage(place, what);
    }
    let Some(at) = response.at.or(received) else {
        report.units += 1;
        return report.damage(place, "a response without its time");
    };
    let before = report.units;
    take_message(&response.message, at, place, reading, report, sink);
    if report.units == before {
        report.units += 1;
        report.damage(place, "a question where a response should be");
    }
}

/// Reads a file of frames, or several strung together.
pub(super) fn read_frames(
    mut input: impl Read,
    reading: &Reading,
    sink: &mut dyn FnMut(Answer),
) -> io::Result<ReadReport> {
    let mut report = ReadReport::new(Format::Dnstap);
    let mut tap = Tap::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut bytes = &chunk[..length];
        loop {
            match tap.take(bytes, None, reading, &mut report, sink) {
                Ok(due) if due.ended => tap.stream.reopen(),
                Ok(_) => break,
                Err(error) => {
                    report.damage(tap.frames + 1, error.to_string());
                    report.ending = Ending::CutOff;
                    return Ok(report);
                }
            }
            bytes = &[];
        }
    }
    if !tap.stream.is_complete() {
        report.ending = Ending::CutOff;
    }
    Ok(report)
}
