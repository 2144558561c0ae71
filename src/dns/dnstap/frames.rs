//! Frame Streams, the framing of dnstap (farsightsec/fstrm, `fstrm/control.h`):
//! frames behind four bytes of length, big-endian. A length of zero escapes a
//! control frame: its own length, its kind, and fields of which only the
//! content type exists.
//!
//! In a file and on a one-way connection the sender says START, frames, STOP.
//! On a two-way connection it first says READY and waits for our ACCEPT, and
//! after STOP it waits for our FINISH. [`Stream`] is told bytes as they come
//! and understands both; it holds one frame at most.

use super::FrameError;

/// What the frames must hold.
pub const CONTENT_TYPE: &[u8] = b"protobuf:dnstap.Dnstap";
/// Longest control frame in bytes (`FSTRM_CONTROL_FRAME_LENGTH_MAX`).
pub const LONGEST_CONTROL: usize = 512;
/// Longest data frame in bytes. Two DNS messages of 64 KiB and what is said
/// about them fit many times.
pub const LONGEST_DATA: usize = 1 << 20;

/// Number of the content type among the fields of a control frame.
const FIELD_CONTENT_TYPE: u32 = 1;

/// What a control frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// The receiver agrees to a content type.
    Accept,
    /// Frames follow.
    Start,
    /// No more frames follow.
    Stop,
    /// The sender offers content types.
    Ready,
    /// The receiver has everything.
    Finish,
}

/// Kinds by their number.
const KINDS: [(u32, ControlKind); 5] = [
    (1, ControlKind::Accept),
    (2, ControlKind::Start),
    (3, ControlKind::Stop),
    (4, ControlKind::Ready),
    (5, ControlKind::Finish),
];

/// A control frame with its escape, as it goes over the wire; the content type
/// is ours.
pub fn control_frame(kind: ControlKind) -> Vec<u8> {
    let number = KINDS.iter().find(|(_, known)| *known == kind).map_or(0, |(number, _)| *number);
    let mut body = number.to_be_bytes().to_vec();
    if matches!(kind, ControlKind::Accept | ControlKind::Start | ControlKind::Ready) {
        body.extend(FIELD_CONTENT_TYPE.to_be_bytes());
        body.extend(framed(CONTENT_TYPE));
    }
    [&[0; 4], &*framed(&body)].concat()
}

/// `bytes` behind their length.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

/// A control frame, and whether it fits us: it names our content type or none.
struct Control {
    kind: ControlKind,
    fits: bool,
}

impl Control {
    fn read(body: &[u8]) -> Result<Self, FrameError> {
        let (number, mut rest) = word(body).ok_or(FrameError::ControlDamaged)?;
        let (_, kind) = KINDS
            .into_iter()
            .find(|(known, _)| *known == number)
            .ok_or(FrameError::ControlUnknown(number))?;
        let (mut named, mut ours) = (false, false);
        while !rest.is_empty() {
            let (field, length) = word(rest).ok_or(FrameError::ControlDamaged)?;
            let (length, value) = word(length).ok_or(FrameError::ControlDamaged)?;
            let length = usize::try_from(length).map_err(|_| FrameError::ControlDamaged)?;
            let (value, after) =
                value.split_at_checked(length).ok_or(FrameError::ControlDamaged)?;
            if field == FIELD_CONTENT_TYPE {
                named = true;
                ours |= value == CONTENT_TYPE;
            }
            rest = after;
        }
        Ok(Self { kind, fits: ours || !named })
    }
}

/// The first four bytes as a number, and what follows.
fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*first), rest))
}

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was said.
    Opening,
    /// READY was answered.
    Accepted,
    /// Frames come; whether the sender waits for FINISH.
    Started { two_way: bool },
    /// STOP has come.
    Stopped,
}

/// What a stream brings.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'s> {
    /// A data frame.
    Data(&'s [u8]),
    /// What the sender waits to hear, whole.
    Reply(Vec<u8>),
    /// The sender has ended in order.
    End,
}

/// The receiver's side of one stream.
#[derive(Debug)]
pub struct Stream {
    held: Vec<u8>,
    /// Bytes at the start of `held` that are done with.
    done: usize,
    stage: Stage,
}

impl Default for Stream {
    fn default() -> Self {
        Self { held: Vec::new(), done: 0, stage: Stage::Opening }
    }
}

impl Stream {
    /// Adds bytes as they came. All events should be taken out before more is
    /// added; then never more is held than one frame and these bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.drain(..self.done);
        self.done = 0;
        self.held.extend_from_slice(bytes);
    }

    /// The next event, if it is there whole. After an error nothing that
    /// follows can be understood.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, FrameError> {
        loop {
            if self.stage == Stage::Stopped {
                return Ok(Some(Event::End));
            }
            let held = &self.held[self.done..];
            let Some((length, rest)) = word(held) else { return Ok(None) };
            if length > 0 {
                let length = within(length, LONGEST_DATA, FrameError::DataTooLong)?;
                if !matches!(self.stage, Stage::Started { .. }) {
                    return Err(FrameError::DataBeforeStart);
                }
                if rest.len() < length {
                    return Ok(None);
                }
                let from = self.done + 4;
                self.done = from + length;
                return Ok(Some(Event::Data(&self.held[from..from + length])));
            }
            let Some((length, rest)) = word(rest) else { return Ok(None) };
            let length = within(length, LONGEST_CONTROL, FrameError::ControlTooLong)?;
            let Some(body) = rest.get(..length) else { return Ok(None) };
            let control = Control::read(body)?;
            self.done += 8 + length;
            if let Some(reply) = self.follow(&control)? {
                return Ok(Some(Event::Reply(reply)));
            }
        }
    }

    /// Takes the step that a control frame asks for; gives what to reply.
    fn follow(&mut self, control: &Control) -> Result<Option<Vec<u8>>, FrameError> {
        if !control.fits {
            return Err(FrameError::OtherContent);
        }
        let (stage, reply) = match (self.stage, control.kind) {
            (Stage::Opening, ControlKind::Ready) => (Stage::Accepted, Some(ControlKind::Accept)),
            (Stage::Opening, ControlKind::Start) => (Stage::Started { two_way: false }, None),
            (Stage::Accepted, ControlKind::Start) => (Stage::Started { two_way: true }, None),
            (Stage::Started { two_way }, ControlKind::Stop) => {
                (Stage::Stopped, two_way.then_some(ControlKind::Finish))
            }
            (_, kind) => return Err(FrameError::OutOfPlace(kind)),
        };
        self.stage = stage;
        Ok(reply.map(control_frame))
    }

    /// Begins anew behind a STOP: files are sometimes strung together.
    pub fn reopen(&mut self) {
        self.stage = Stage::Opening;
    }

    /// Whether frames may come: START has been said and STOP has not.
    pub fn is_started(&self) -> bool {
        matches!(self.stage, Stage::Started { .. })
    }

    /// Whether nothing is missing if no more bytes come.
    pub fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Opening | Stage::Stopped) && self.rest() == 0
    }

    /// Bytes that wait for the rest of their frame.
    pub fn rest(&self) -> usize {
        self.held.len() - self.done
    }
}

fn within(
    length: u32,
    most: usize,
    error: impl FnOnce(u32) -> FrameError,
) -> Result<usize, FrameError> {
    usize::try_from(length).ok().filter(|length| *length <= most).ok_or_else(|| error(length))
}
