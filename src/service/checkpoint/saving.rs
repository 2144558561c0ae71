//! The keeper's part of checkpoints: when one is due, handing the table over
//! in slices between its other work, and saying what came of it.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::table::put_day;
use super::telling::Telling;
use super::writer::{Came, Outcome};
use super::{Kind, Message};
use crate::dns::Knowledge;
use crate::dns::checkpoint::Progress;
use crate::metrics::CheckpointMetrics;
use crate::model::time::Day;
use crate::service::clock::{Clock, Stopwatch};

/// How long slices may be made before the keeper looks at its other work, and
/// how long it then waits for that: half of its time, while there is any.
const TURN: Duration = Duration::from_millis(10);
/// Bytes of a slice.
const SLICE: usize = 1 << 17;
/// A table that so often has changed too much while it was written is written
/// at once, and the keeper's other work waits.
const MOST_DISTURBED: u32 = 3;
/// How soon it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How far a checkpoint has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// None is being written.
    Idle,
    /// Slices are being handed over.
    Writing,
    /// All is handed over; the disk is waited for.
    Waiting,
}

/// Which part of the table is saved, and what goes with it.
pub(in crate::service) struct Saved<'k, L> {
    pub(in crate::service) dns: &'k mut Knowledge,
    /// The day, if it began knowing nothing.
    pub(in crate::service) learning: Option<Day>,
    /// Which sources are live.
    pub(in crate::service) live: L,
}

/// The keeper's part.
pub(in crate::service) struct Saving {
    to: Sender<Message>,
    outcomes: Receiver<Outcome>,
    every: Duration,
    state: State,
    attempt: u64,
    disturbed: u32,
    /// Whether something was told since the last one began.
    changed: bool,
    since: Stopwatch,
    rest: Duration,
    telling: Telling,
}

impl Saving {
    pub(in crate::service) fn new(
        to: Sender<Message>,
        outcomes: Receiver<Outcome>,
        every: Duration,
        clock: Clock,
        metrics: CheckpointMetrics,
    ) -> Self {
        Self {
            to,
            outcomes,
            every,
            state: State::Idle,
            attempt: 0,
            disturbed: 0,
            changed: false,
            since: Stopwatch::start(),
            rest: every,
            telling: Telling::new(Kind::Dns, clock, metrics),
        }
    }

    /// Something was told that is in no file.
    pub(in crate::service) fn note_change(&mut self) {
        self.changed = true;
    }

    /// How long the keeper may wait for something else to do.
    pub(in crate::service) fn patience(&self, otherwise: Duration) -> Duration {
        if self.state == State::Writing { TURN.min(otherwise) } else { otherwise }
    }

    /// What is to be said about readiness.
    pub(in crate::service) fn warning(&self) -> Option<String> {
        self.telling.warning()
    }

    /// Does what is due, for a short time. Says whether the warning has
    /// changed.
    pub(in crate::service) fn step(&mut self, saved: Saved<'_, impl Fn(&str) -> bool>) -> bool {
        let warned = self.telling.is_failing();
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.take_in(outcome, saved.dns);
        }
        let is_due = self.changed && self.since.elapsed() >= self.rest;
        if self.state == State::Idle && is_due && self.has_room() {
            if self.disturbed < MOST_DISTURBED {
                self.begin(saved);
            } else {
                tracing::info!("the table of DNS answers changes fast and is saved at once");
                self.save_now(saved);
            }
        } else if self.state == State::Writing {
            self.go_on(saved.dns);
        }
        warned != self.telling.is_failing()
    }

    /// Saves what is not saved yet, and waits until it is on the disk.
    pub(in crate::service) fn finish(mut self, saved: Saved<'_, impl Fn(&str) -> bool>) {
        match self.state {
            State::Idle => {
                while let Ok(outcome) = self.outcomes.try_recv() {
                    self.take_in(outcome, saved.dns);
                }
            }
            State::Writing => self.give_up(saved.dns),
            State::Waiting => self.wait(saved.dns),
        }
        if self.changed {
            self.save_now(saved);
        }
    }

    fn begin(&mut self, saved: Saved<'_, impl Fn(&str) -> bool>) {
        self.attempt += 1;
        self.changed = false;
        self.state = State::Writing;
        let mut first = Vec::new();
        put_day(&mut first, saved.learning);
        saved.dns.begin_checkpoint(saved.live, &mut first);
        let (kind, attempt) = (Kind::Dns, self.attempt);
        self.tell(Message::Begin { kind, attempt, format: kind.format(), parts: 1 });
        self.tell(Message::Bytes { kind, attempt, bytes: first });
    }

    /// Hands slices over for as long as there is time and room.
    fn go_on(&mut self, dns: &mut Knowledge) {
        let work = Stopwatch::start();
        while work.elapsed() < TURN && self.has_room() {
            match self.slice(dns) {
                Progress::More => {}
                Progress::Done => return,
                Progress::Disturbed => {
                    self.disturbed += 1;
                    self.give_up(dns);
                    return;
                }
            }
        }
    }

    /// Whether the writer, which may wait for a disk, takes two messages more:
    /// a slice and the end.
    fn has_room(&self) -> bool {
        self.to.capacity().is_none_or(|all| self.to.len() + 2 <= all)
    }

    fn slice(&mut self, dns: &mut Knowledge) -> Progress {
        let mut bytes = Vec::with_capacity(SLICE + SLICE / 4);
        let progress = dns.write_checkpoint(&mut bytes, SLICE);
        if progress != Progress::Disturbed {
            self.tell(Message::Bytes { kind: Kind::Dns, attempt: self.attempt, bytes });
        }
        if progress == Progress::Done {
            self.tell(Message::End { kind: Kind::Dns, attempt: self.attempt, records: 0 });
            self.state = State::Waiting;
        }
        progress
    }

    fn give_up(&mut self, dns: &mut Knowledge) {
        dns.drop_checkpoint();
        self.tell(Message::GiveUp { kind: Kind::Dns, attempt: self.attempt });
        (self.state, self.changed) = (State::Idle, true);
        (self.since, self.rest) = (Stopwatch::start(), AGAIN);
    }

    /// Saves everything before anything else is done.
    fn save_now(&mut self, saved: Saved<'_, impl Fn(&str) -> bool>) {
        let Saved { dns, learning, live } = saved;
        self.begin(Saved { dns, learning, live });
        while self.slice(dns) == Progress::More {}
        self.wait(dns);
    }

    /// Waits for what comes of the attempt.
    fn wait(&mut self, dns: &mut Knowledge) {
        while self.state == State::Waiting {
            match self.outcomes.recv() {
                Ok(outcome) => self.take_in(outcome, dns),
                Err(_) => self.state = State::Idle,
            }
        }
    }

    fn take_in(&mut self, (attempt, came): Outcome, dns: &mut Knowledge) {
        match came {
            Came::Written(written) => {
                self.telling.written(&written);
                self.disturbed = 0;
                let seconds = written.bytes / Kind::Dns.bytes_a_second();
                self.rest = self.every.max(Duration::from_secs(seconds));
            }
            Came::Failed(reason) => {
                self.telling.failed(reason);
                self.changed = true;
                self.rest = self.every;
            }
            // Whoever gives up knows it.
            Came::GivenUp => return,
            Came::Gone => {
                self.changed = true;
                return;
            }
        }
        if attempt == self.attempt && self.state != State::Idle {
            dns.drop_checkpoint();
            self.state = State::Idle;
        }
        self.since = Stopwatch::start();
    }

    fn tell(&self, message: Message) {
        // Only a writer that has panicked does not listen; that ends the
        // service.
        let _ = self.to.send(message);
    }
}
