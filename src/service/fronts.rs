//! Front workers: datagrams of some exporters to sightings.
//!
//! A worker owns its templates and samplers and reads the snapshot in force.
//! What an exporter sends beyond one core, other workers help to read
//! (`shares`).
//! Sightings go to the back worker that owns the line. They gather while it is
//! busy, above all when it closes a window, and in the end this worker waits:
//! unlike a datagram, a sighting has cost its work already.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, TrySendError, select};

use super::backs::{Message, worker_of};
use super::batch::Batch;
use super::checkpoint::Part;
use super::clock::Stopwatch;
use super::counts::{self, FrontShare};
use super::shares::{Piece, Shares};
use super::snapshot::{InForce, Snapshot};
use crate::decode::{Apart, ExporterReport, Learnt, Problem};
use crate::metrics::Metrics;
use crate::model::sighting::Sighting;
use crate::pipeline::{Front, FrontOutput, View};

/// How soon a worker goes on with a checkpoint when no datagrams come.
const SOON: Duration = Duration::from_millis(1);
/// How long a worker waits for datagrams before it looks after its reports.
const TICK: Duration = Duration::from_millis(200);
/// How often a worker reports on its exporters while datagrams come.
const REPORT: Duration = Duration::from_secs(1);
/// Sightings that gather for a back worker whose queue is full before this one
/// waits: 5 MB, or a second at 6 million records a second.
const GATHERED: usize = 65_536;
/// Problems a worker logs in a second; the rest is counted only.
const PROBLEMS_LOGGED: usize = 10;

/// Where a worker leaves the reports of its exporters.
pub(super) type Reports = Arc<ArcSwap<Vec<ExporterReport>>>;

/// What a front worker works with.
pub(super) struct Worker {
    pub(super) number: usize,
    pub(super) front: Front,
    pub(super) input: Receiver<Batch>,
    /// What it shares with the other front workers.
    pub(super) shares: Shares,
    pub(super) backs: Vec<Sender<Message>>,
    pub(super) in_force: InForce,
    pub(super) reports: Reports,
    pub(super) metrics: Metrics,
    /// Its part of a checkpoint.
    pub(super) part: Part<Front>,
    /// Who gets what it knows in the end.
    pub(super) leave: Sender<Front>,
}

impl Worker {
    /// Works until every receiver has let go of the queue and it is empty, then
    /// leaves what exporters told it.
    pub(super) fn run(mut self) {
        let mut known = self.in_force.load_full();
        let mut share = FrontShare::carrying(self.front.decoder().queued());
        let (mut out, mut apart) = (FrontOutput::default(), Apart::default());
        let mut sightings: Vec<Vec<Sighting>> = self.backs.iter().map(|_| Vec::new()).collect();
        let mut problems =
            ProblemLog { refusal: None, second: Stopwatch::start(), logged: 0, unlogged: 0 };
        let mut since_report = Stopwatch::start();
        let worked = self.metrics.running.busy("front", self.number);
        let mut unreported = false;
        let mut told = self.front.decoder().told();
        let mut busy = false;
        loop {
            let patience = if busy { SOON } else { TICK };
            let next = self.shares.waiting(|| {
                select! {
                    recv(self.input) -> batch => batch.map_or(Next::End, Next::Batch),
                    recv(self.shares.offered) -> piece => piece.map_or(Next::Nothing, Next::Piece),
                    default(patience) => Next::Nothing,
                }
            });
            let work = Stopwatch::start();
            // An idle worker must not keep a view alive that nobody uses.
            self.adopt(&mut known);
            match next {
                Next::Batch(batch) => {
                    self.step(batch, &known, &mut apart, &mut out, &mut problems);
                    unreported = true;
                }
                Next::Piece(piece) => self.read(&piece, &known.view, &mut out),
                Next::Nothing => {}
                Next::End => break,
            }
            self.account(&mut share, &mut out, &mut sightings);
            for learnt in self.shares.learnt() {
                self.front.decoder_mut().learn(&learnt);
                unreported = true;
            }
            if told != self.front.decoder().told() {
                told = self.front.decoder().told();
                self.part.note_change();
            }
            busy = self.part.step(&self.front);
            if unreported && since_report.every(REPORT) {
                self.reports.store(Arc::new(self.front.decoder().exporters_in_brief()));
                unreported = false;
            }
            worked.inc_by(work.elapsed().as_secs_f64());
        }
        // The others may still need help.
        self.shares.end();
        while let Ok(piece) = self.shares.offered.recv() {
            self.read(&piece, &known.view, &mut out);
            self.account(&mut share, &mut out, &mut sightings);
        }
        for learnt in self.shares.last_learnt() {
            self.front.decoder_mut().learn(&learnt);
        }
        for (worker, gathered) in self.backs.iter().zip(&mut sightings) {
            wait_for_room(worker, gathered);
        }
        self.reports.store(Arc::new(self.front.decoder().exporters_in_brief()));
        // Nobody is there any more when the service did not start.
        let _ = self.leave.send(self.front);
    }

    fn adopt(&mut self, known: &mut Arc<Snapshot>) {
        let in_force = self.in_force.load();
        if !Arc::ptr_eq(known, &in_force) {
            self.front.decoder_mut().reconfigure(in_force.decode.clone());
            if self.front.keys().last() != in_force.keys.last() {
                // What waits is sealed under the former key.
                self.part.note_change();
            }
            self.front.rekey(in_force.keys.clone());
            *known = Arc::clone(&in_force);
        }
    }

    fn step(
        &mut self,
        batch: Batch,
        snapshot: &Snapshot,
        apart: &mut Apart,
        out: &mut FrontOutput,
        log: &mut ProblemLog,
    ) {
        let mut refused = 0;
        for (datagram, base) in batch.datagrams() {
            if !snapshot.allows(datagram.source) {
                refused += 1;
                log.refuse(datagram.source);
                continue;
            }
            let before = out.problems.len();
            self.front.step_apart((datagram, base), apart, &snapshot.view, out);
            log.add(datagram.source, &out.problems[before..]);
        }
        if refused > 0 {
            counts::add_refused(&self.metrics, refused);
        }
        let front = &mut self.front;
        if self.shares.is_worth_it(!self.input.is_empty()) {
            let (batch, apart) = (Arc::new(batch), Arc::new(std::mem::take(apart)));
            self.shares.spread(&batch, &apart, |piece| {
                read(front, piece, &snapshot.view, out);
            });
        } else {
            front.finish(apart, batch.payloads(), &snapshot.view, out);
        }
    }

    fn read(&mut self, piece: &Piece, view: &View, out: &mut FrontOutput) {
        read(&mut self.front, piece, view, out);
    }

    /// Counts what was put out and hands its sightings on.
    fn account(
        &mut self,
        share: &mut FrontShare,
        out: &mut FrontOutput,
        gathered: &mut [Vec<Sighting>],
    ) {
        self.hand_on(&out.sightings, gathered);
        share.add(&self.metrics, out, self.front.decoder().queued());
        out.clear();
    }

    /// Sorts sightings by the worker that owns the line and hands on what its
    /// queue has room for; the rest gathers.
    fn hand_on(&self, sightings: &[Sighting], gathered: &mut [Vec<Sighting>]) {
        for sighting in sightings {
            gathered[worker_of(sighting.line, self.backs.len())].push(*sighting);
        }
        for (worker, gathered) in self.backs.iter().zip(gathered) {
            if gathered.len() >= GATHERED {
                wait_for_room(worker, gathered);
            } else if !gathered.is_empty() {
                let message = Message::Sightings(std::mem::take(gathered));
                if let Err(TrySendError::Full(Message::Sightings(back))) = worker.try_send(message)
                {
                    *gathered = back;
                }
            }
        }
    }
}

/// What a worker does next.
enum Next {
    Batch(Batch),
    /// Flow sets that another worker noted, or this one.
    Piece(Piece),
    Nothing,
    /// No receiver is there any more.
    End,
}

/// Reads what was noted and says what it told to who noted it.
fn read(front: &mut Front, piece: &Piece, view: &View, out: &mut FrontOutput) {
    let mut learnt = Learnt::default();
    let sets = piece.sets.clone();
    front.read((&piece.apart, sets), piece.batch.payloads(), view, out, &mut learnt);
    // Who noted it is there until all pieces have come back.
    let _ = piece.back.send(learnt);
}

fn wait_for_room(worker: &Sender<Message>, gathered: &mut Vec<Sighting>) {
    // Back workers end after the front workers. One that is gone has panicked,
    // and the service is ending because of it.
    let _ = worker.send(Message::Sightings(std::mem::take(gathered)));
}

/// Time between two log lines about exporters that may not send.
const REFUSALS_APART: Duration = Duration::from_secs(60);

/// Keeps a burst of bad datagrams from becoming a burst of log lines.
struct ProblemLog {
    /// Since a refused exporter was last named; `None` when none was yet.
    refusal: Option<Stopwatch>,
    second: Stopwatch,
    logged: usize,
    unlogged: usize,
}

impl ProblemLog {
    /// Names an exporter that may not send, at most once a minute: it is in no
    /// report, and a forgotten line of configuration would be hard to find.
    fn refuse(&mut self, exporter: IpAddr) {
        if self.refusal.as_mut().is_none_or(|last| last.every(REFUSALS_APART)) {
            self.refusal.get_or_insert_with(Stopwatch::start);
            tracing::warn!(%exporter, "not in exporters.allow, its datagrams are rejected");
        }
    }

    fn add(&mut self, exporter: IpAddr, problems: &[Problem]) {
        if problems.is_empty() {
            return;
        }
        if self.second.every(Duration::from_secs(1)) {
            if self.unlogged > 0 {
                tracing::warn!(problems = self.unlogged, "more problems in datagrams, not shown");
            }
            (self.logged, self.unlogged) = (0, 0);
        }
        for problem in problems {
            if self.logged < PROBLEMS_LOGGED {
                self.logged += 1;
                tracing::warn!(%exporter, "{problem}");
            } else {
                self.unlogged += 1;
            }
        }
    }
}
