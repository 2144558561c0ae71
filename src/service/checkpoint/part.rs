//! A worker's part of a checkpoint: slices between its other work.
//!
//! The keeper calls all workers of a kind at once, by a number that each looks
//! at. Each then hands slices of what it owns to the writer and ends its part.
//! Nobody waits: while the disk has no room, a worker goes on with its work and
//! what it has not written yet waits in its own memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_channel::{Sender, TrySendError};

use super::{Kind, Message};
use crate::bytes::Progress;
use crate::detect::{self, Engine};

/// Bytes of a slice: half a millisecond.
pub(super) const SLICE: usize = 1 << 17;
/// Messages that others have room for when a worker hands over slices: the
/// keeper's table of answers and its beginnings.
const LEFT_FREE: usize = 6;

/// What the workers of a kind are called by.
#[derive(Debug, Default)]
pub(in crate::service) struct Call {
    /// The attempt under way; 0 before the first.
    pub(super) attempt: AtomicU64,
    /// Something is in no checkpoint.
    pub(super) changed: AtomicBool,
    /// A window was closed: what the last checkpoint has of it was emitted.
    pub(super) urgent: AtomicBool,
}

/// What can be written in slices while it changes.
pub(in crate::service) trait Source {
    /// How far it has come.
    type Writing;

    fn begin(&self) -> Self::Writing;

    /// Appends about so many bytes.
    fn write(&self, writing: &mut Self::Writing, into: &mut Vec<u8>, enough: usize) -> Progress;

    /// Records written so far.
    fn records(writing: &Self::Writing) -> u64;
}

impl Source for Engine {
    type Writing = detect::checkpoint::Writing;

    fn begin(&self) -> Self::Writing {
        self.begin_checkpoint()
    }

    fn write(&self, writing: &mut Self::Writing, into: &mut Vec<u8>, enough: usize) -> Progress {
        self.write_checkpoint(writing, into, enough)
    }

    fn records(writing: &Self::Writing) -> u64 {
        writing.written()
    }
}

/// The part of one worker.
pub(in crate::service) struct Part<S: Source> {
    kind: Kind,
    call: Arc<Call>,
    to: Sender<Message>,
    attempt: u64,
    writing: Option<S::Writing>,
    waiting: VecDeque<Message>,
}

impl<S: Source> Part<S> {
    pub(in crate::service) fn new(kind: Kind, call: Arc<Call>, to: Sender<Message>) -> Self {
        Self { kind, call, to, attempt: 0, writing: None, waiting: VecDeque::new() }
    }

    /// Something is new that is in no checkpoint.
    pub(in crate::service) fn note_change(&self) {
        self.call.changed.store(true, Ordering::Release);
    }

    /// What was emitted is still in the last checkpoint.
    pub(in crate::service) fn hurry(&self) {
        self.note_change();
        self.call.urgent.store(true, Ordering::Release);
    }

    /// Whether it was called to begin and has not.
    pub(in crate::service) fn is_called(&self) -> bool {
        self.call.attempt.load(Ordering::Acquire) != self.attempt
    }

    /// Goes on for one slice. Says whether there is more to do.
    pub(in crate::service) fn step(&mut self, source: &S) -> bool {
        let wanted = self.call.attempt.load(Ordering::Acquire);
        if wanted != self.attempt {
            self.attempt = wanted;
            self.waiting.clear();
            self.writing = Some(source.begin());
        }
        if !self.hand_over() {
            return true;
        }
        let Some(mut writing) = self.writing.take() else { return false };
        let (kind, attempt) = (self.kind, self.attempt);
        let mut bytes = Vec::with_capacity(SLICE + SLICE / 4);
        let progress = source.write(&mut writing, &mut bytes, SLICE);
        match progress {
            Progress::Disturbed => self.waiting.push_back(Message::GiveUp { kind, attempt }),
            Progress::More | Progress::Done => {
                self.waiting.push_back(Message::Bytes { kind, attempt, bytes });
            }
        }
        match progress {
            Progress::More => self.writing = Some(writing),
            Progress::Done => {
                let records = S::records(&writing);
                self.waiting.push_back(Message::End { kind, attempt, records });
            }
            Progress::Disturbed => {}
        }
        self.hand_over();
        true
    }

    /// Hands over what waits, as far as there is room; says whether that was
    /// all.
    fn hand_over(&mut self) -> bool {
        while let Some(message) = self.waiting.pop_front() {
            if self.to.capacity().is_some_and(|all| self.to.len() + LEFT_FREE > all) {
                self.waiting.push_front(message);
                return false;
            }
            match self.to.try_send(message) {
                Ok(()) => {}
                Err(TrySendError::Full(message)) => {
                    self.waiting.push_front(message);
                    return false;
                }
                // Only a writer that has panicked does not listen; that ends
                // the service.
                Err(TrySendError::Disconnected(_)) => self.waiting.clear(),
            }
        }
        true
    }
}
