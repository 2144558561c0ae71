//! Back workers: sightings of some lines to detections.
//!
//! A worker owns the evidence of its lines, so no lock is needed. It closes
//! windows by the service's clock and hands detections to the view, the sink
//! and whoever observes. Closing takes seconds at an ISP's size, so it is done
//! in slices, each when all that has come is taken in: sightings do not wait
//! longer than one slice takes, and evidence does not wait for the disk.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, SendError, Sender};
use hashbrown::HashSet;
use tokio::sync::oneshot;

use super::Observer;
use super::checkpoint::{Part, identity};
use super::clock::{Clock, Stopwatch};
use super::counts;
use super::history::Teller;
use super::sink::{self, Queue};
use super::snapshot::{InForce, Snapshot};
use crate::detect::Engine;
use crate::metrics::Metrics;
use crate::model::detection::Detection;
use crate::model::evidence::OpenLine;
use crate::model::line::LineId;
use crate::model::sighting::Sighting;
use crate::model::time::{Timestamp, Window};
use crate::pipeline::Back;
use crate::publish::prometheus::show_lines;
use crate::publish::view::Current;

/// Batches of sightings that wait for one back worker. Few, because a batch
/// grows to 65,536 sightings while the queue is full: a million sightings or
/// 80 MB, ten seconds' worth at 10 million records a second.
pub(super) const QUEUE: usize = 16;
/// How soon a worker goes on with a checkpoint when no sightings come.
const SOON: Duration = Duration::from_millis(1);
/// A clock that goes back further than this was set back; less is late sightings.
const SET_BACK: Duration = Duration::from_secs(60);
/// How often windows are looked at when no sightings come.
const TICK: Duration = Duration::from_millis(50);
/// Lines judged in a slice, meant to take under a millisecond; `cargo bench
/// --bench turnover` prints how long sightings wait for it.
const SLICE: usize = 128;
/// Messages taken in a row before a slice is due, however many more there are:
/// a queue that is never empty must not keep a window from closing.
const IN_A_ROW: usize = 2 * QUEUE;
/// How long closing waits for a sink without room; then it is the sink that
/// has to let go of something.
const PATIENCE: Duration = Duration::from_secs(1);

/// What comes to a back worker.
pub(super) enum Message {
    /// Sightings of its lines.
    Sightings(Vec<Sighting>),
    /// What would the open windows claim on this line now, and why?
    Ask(LineId, oneshot::Sender<OpenLine>),
}

/// The worker that owns `line`. The pseudonym is a keyed hash, so its low bits
/// spread evenly.
pub(super) fn worker_of(line: LineId, workers: usize) -> usize {
    usize::try_from(line.0 % workers as u128).unwrap_or(0)
}

/// What a back worker works with.
pub(super) struct Worker {
    pub(super) number: usize,
    pub(super) back: Back,
    pub(super) input: Receiver<Message>,
    pub(super) in_force: InForce,
    pub(super) clock: Clock,
    pub(super) lateness: Duration,
    pub(super) current: Arc<Current>,
    pub(super) sink: Queue,
    /// Told of every claim, if there is a history.
    pub(super) history: Option<Teller>,
    pub(super) observer: Option<Observer>,
    pub(super) metrics: Metrics,
    /// Its part of a checkpoint.
    pub(super) part: Part<Engine>,
    /// Detections of open windows that were emitted before the service was
    /// killed.
    pub(super) emitted: HashSet<u128>,
    /// Who gets its windows in the end.
    pub(super) leave: Sender<Worker>,
    /// The end up to which the view knows that all is closed.
    pub(super) last_closed: Timestamp,
    /// The same of the history, which is told once.
    pub(super) told_closed: Timestamp,
    /// Since a slice could be closed.
    pub(super) waited: Stopwatch,
}

impl Worker {
    /// Works until every front worker has let go of the queue and it is empty,
    /// then leaves its windows.
    pub(super) fn run(mut self) {
        let mut known = self.in_force.load_full();
        let (mut held, mut in_a_row) = (0, 0);
        let (mut closing, mut writing) = (false, false);
        let mut latest = Timestamp::EPOCH;
        let worked = self.metrics.running.busy("back", self.number);
        // Windows may have ended while the service was not there. They are
        // ended before anything else, so that nothing late opens them again.
        let mut first = Some(Vec::new());
        loop {
            let may_close = self.may_close();
            let patience = match (closing && may_close, closing || writing) {
                (true, _) => Duration::ZERO,
                (false, true) => SOON,
                (false, false) => TICK,
            };
            let next = first.take().map_or_else(
                || self.input.recv_timeout(patience),
                |none| Ok(Message::Sightings(none)),
            );
            let work = Stopwatch::start();
            let sightings = match next {
                Ok(Message::Sightings(sightings)) => sightings,
                Ok(Message::Ask(line, answer)) => {
                    // Whoever asked may have given up.
                    let _ = answer.send(self.back.engine().open_line(line));
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let now = self.clock.now();
            if now.plus(self.lateness.max(SET_BACK)) < latest {
                // Else everything would be late until it is as late again.
                self.back.set_back(now);
                self.last_closed = Timestamp::EPOCH;
            }
            latest = now;
            self.adopt(&mut known);
            self.back.take(&sightings, now);
            if !sightings.is_empty() {
                self.part.note_change();
            }
            in_a_row += 1;
            if may_close && (self.input.is_empty() || in_a_row >= IN_A_ROW) {
                in_a_row = 0;
                closing = self.close(now);
            }
            held = counts::set_evidence(&self.metrics, held, self.back.engine().touches());
            // What it has emitted and is not written yet must not be missing in a
            // checkpoint that is begun now.
            let may_write = !self.part.is_called() || self.is_settled();
            writing = may_write && self.part.step(self.back.engine());
            worked.inc_by(work.elapsed().as_secs_f64());
        }
        let leave = self.leave.clone();
        if let Err(SendError(worker)) = leave.send(self) {
            worker.close_early();
        }
    }

    /// Whether a slice may be closed now: those who write have room for it, and no
    /// checkpoint waits for what was emitted before. A sink that makes no
    /// progress is not waited for.
    fn may_close(&mut self) -> bool {
        let has_room = self.sink.has_room() && self.history.as_ref().is_none_or(Teller::has_room);
        if has_room && (!self.part.is_called() || self.is_settled()) {
            self.waited = Stopwatch::start();
        }
        self.waited.elapsed() < SOON || self.waited.elapsed() >= PATIENCE
    }

    /// Whether all that it has emitted is written, or will not be any more.
    fn is_settled(&self) -> bool {
        self.sink.is_settled() && self.history.as_ref().is_none_or(Teller::is_settled)
    }

    /// Closes a slice of what has ended by `now`; says whether there is more.
    fn close(&mut self, now: Timestamp) -> bool {
        let mut detections = Vec::new();
        let was_closing = self.back.engine().is_closing();
        let more = self.back.close(SLICE, &mut detections);
        let is_closing = self.back.engine().is_closing();
        let closed = Window::Hour.start(now.minus(self.lateness));
        // The view shows a window when all of it has come.
        let has_reached = !is_closing && closed > self.last_closed;
        if has_reached || !detections.is_empty() {
            self.record((!is_closing).then_some(now), &detections);
        }
        if was_closing && !is_closing {
            self.part.hurry();
        } else if !detections.is_empty() {
            self.part.note_change();
        }
        self.publish(detections);
        if has_reached {
            self.last_closed = closed;
        }
        if has_reached && closed > self.told_closed {
            self.told_closed = closed;
            self.history.iter().for_each(|history| history.closed(self.number, closed));
        }
        more
    }

    /// Its evidence.
    pub(super) fn engine(&self) -> &Engine {
        self.back.engine()
    }

    /// Closes the windows that are still open.
    pub(super) fn close_early(mut self) {
        self.back.end();
        let (mut all, mut more) = (0, true);
        while more {
            let mut detections = Vec::new();
            more = self.back.close(SLICE, &mut detections);
            all += detections.len();
            self.publish(detections);
        }
        if all > 0 {
            tracing::info!(detections = all, "shutting down: windows still open were closed early");
        }
    }

    fn adopt(&mut self, known: &mut Arc<Snapshot>) {
        let in_force = self.in_force.load();
        if Arc::ptr_eq(known, &in_force) {
            return;
        }
        if !Arc::ptr_eq(&known.view.rules, &in_force.view.rules) {
            self.back.adopt(in_force.view.rules.clone(), in_force.from);
        }
        *known = Arc::clone(&in_force);
    }

    fn record(&self, reached: Option<Timestamp>, detections: &[Detection]) {
        let (complete, left_out) = self.current.record(self.number, reached, detections);
        if left_out > 0 {
            self.metrics.limits.with_label_values(&["lines_held"]).inc_by(left_out as u64);
        }
        if let Some(facts) = self.current.facts() {
            for window in complete {
                show_lines(&self.metrics, &facts, &window, self.current.k());
            }
        }
    }

    fn publish(&mut self, mut detections: Vec<Detection>) {
        // The history knows by itself what it was told before.
        if let Some(history) = &self.history {
            history.tell(&detections, &self.in_force.load().view.regions);
        }
        if !self.emitted.is_empty() {
            detections.retain(|detection| !self.emitted.remove(&identity(detection)));
        }
        counts::add_back(&self.metrics, self.back.take_counts(), &detections);
        if detections.is_empty() {
            return;
        }
        if let Some(observer) = &self.observer {
            observer(&detections);
        }
        sink::put(&self.sink, detections, &self.in_force.load().view.regions);
    }
}
