//! Checkpoints of what workers own: the keeper calls them, each writes its
//! part, and the writer makes one file of all. When the service ends, what the
//! workers left is written at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::part::{Call, SLICE, Source};
use super::telling::Telling;
use super::writer::{Came, Outcome};
use super::{Kind, Message};
use crate::bytes::Progress;
use crate::metrics::CheckpointMetrics;
use crate::service::clock::{Clock, Stopwatch};

/// How soon one is begun again that a closing window has disturbed: others
/// close theirs just then, too.
const AGAIN: Duration = Duration::from_millis(100);

/// The keeper's part.
pub(in crate::service) struct Rounds {
    kind: Kind,
    call: Arc<Call>,
    parts: usize,
    to: Sender<Message>,
    outcomes: Receiver<Outcome>,
    every: Duration,
    attempt: u64,
    underway: bool,
    since: Stopwatch,
    rest: Duration,
    telling: Telling,
}

impl Rounds {
    pub(in crate::service) fn new(
        kind: Kind,
        (call, parts): (Arc<Call>, usize),
        (to, outcomes): (Sender<Message>, Receiver<Outcome>),
        every: Duration,
        (clock, metrics): (Clock, CheckpointMetrics),
    ) -> Self {
        Self {
            kind,
            call,
            parts,
            to,
            outcomes,
            every,
            attempt: 0,
            underway: false,
            since: Stopwatch::start(),
            rest: every,
            telling: Telling::new(kind, clock, metrics),
        }
    }

    /// What is to be said about readiness.
    pub(in crate::service) fn warning(&self) -> Option<String> {
        self.telling.warning()
    }

    /// Takes in what came of the last one and begins the next when it is due;
    /// `header` is what stands before the parts. Says whether the warning has
    /// changed.
    pub(in crate::service) fn step(&mut self, header: impl FnOnce() -> Vec<u8>) -> bool {
        let warned = self.telling.is_failing();
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.take_in(outcome);
        }
        let changed = self.call.changed.load(Ordering::Acquire);
        let urgent = self.call.urgent.load(Ordering::Acquire) && !self.telling.is_failing();
        let patience = if urgent { AGAIN } else { self.rest };
        let due = changed && self.since.elapsed() >= patience;
        let room = self.to.capacity().is_none_or(|all| self.to.len() + 3 <= all);
        if !self.underway && due && room {
            self.begin(header());
            self.call.attempt.store(self.attempt, Ordering::Release);
        }
        warned != self.telling.is_failing()
    }

    fn begin(&mut self, header: Vec<u8>) {
        self.attempt += 1;
        self.underway = true;
        // Before the workers begin: what changes from now on is for the next.
        self.call.changed.store(false, Ordering::Release);
        self.call.urgent.store(false, Ordering::Release);
        let (kind, attempt, parts) = (self.kind, self.attempt, self.parts);
        self.tell(Message::Begin { kind, attempt, format: kind.format(), parts });
        self.tell(Message::Bytes { kind, attempt, bytes: header });
    }

    /// Writes what the workers left, and waits until it is on the disk. Says
    /// whether it is.
    pub(in crate::service) fn finish<'s, S: Source + 's>(
        &mut self,
        header: Vec<u8>,
        left: impl Iterator<Item = &'s S>,
    ) -> bool {
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.take_in(outcome);
        }
        let changed = self.call.changed.load(Ordering::Acquire);
        if !changed && !self.underway && !self.telling.is_failing() {
            return true;
        }
        self.parts = 1;
        self.begin(header);
        let (kind, attempt) = (self.kind, self.attempt);
        let mut records = 0;
        for source in left {
            let mut writing = source.begin();
            loop {
                let mut bytes = Vec::with_capacity(SLICE + SLICE / 4);
                let progress = source.write(&mut writing, &mut bytes, SLICE);
                self.tell(Message::Bytes { kind, attempt, bytes });
                if progress != Progress::More {
                    break;
                }
            }
            records += S::records(&writing);
        }
        self.tell(Message::End { kind, attempt, records });
        while self.underway {
            match self.outcomes.recv() {
                Ok(outcome) => self.take_in(outcome),
                Err(_) => return false,
            }
        }
        !self.telling.is_failing()
    }

    /// What is in the folder is worth nothing any more.
    pub(in crate::service) fn forget(&self) {
        self.tell(Message::Forget(self.kind));
    }

    fn take_in(&mut self, (attempt, came): Outcome) {
        if matches!(came, Came::Gone) {
            self.call.changed.store(true, Ordering::Release);
        }
        if attempt != self.attempt {
            return;
        }
        self.underway = false;
        self.since = Stopwatch::start();
        self.rest = self.every;
        match came {
            Came::Written(written) => {
                self.telling.written(&written);
                let seconds = written.bytes / self.kind.bytes_a_second();
                self.rest = self.every.max(Duration::from_secs(seconds));
            }
            Came::Failed(reason) => {
                self.call.changed.store(true, Ordering::Release);
                self.telling.failed(reason);
            }
            Came::GivenUp | Came::Gone => {
                self.call.changed.store(true, Ordering::Release);
                self.rest = AGAIN;
            }
        }
    }

    fn tell(&self, message: Message) {
        // Only a writer that has panicked does not listen; that ends the
        // service.
        let _ = self.to.send(message);
    }
}
