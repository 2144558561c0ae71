//! What HTTP reads while workers write: the classes in force, the counts of
//! the last complete windows, what was claimed on lines, and the exporters.
//!
//! Facts are immutable and swapped whole; only the tally is behind a lock, and
//! it is taken when windows close, never for a flow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::history::History;
use super::lines::Lines;
use super::tally::{Complete, Tally};
use super::token::Token;
use super::wire::{ExporterAnswer, GroupState, HitlistAnswer, ReadyAnswer, SignatureAnswer};
use super::withhold::withheld;
use crate::model::detection::Detection;
use crate::model::line::Regions;
use crate::model::rules::Rules;
use crate::model::time::{Timestamp, Window};

/// What holds since the last build or reload.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The classes and their N.
    pub rules: Arc<Rules>,
    /// The names of regions.
    pub regions: Arc<Regions>,
    /// Why a class that has no monitored group has none, by class.
    pub reasons: BTreeMap<Arc<str>, String>,
    /// The signatures in force.
    pub signatures: Arc<Vec<SignatureAnswer>>,
    /// What became of each class's groups, by class.
    pub groups: Arc<BTreeMap<Arc<str>, Vec<GroupState>>>,
    /// The hitlist in force.
    pub hitlist: HitlistAnswer,
}

/// The current view.
pub struct Current {
    facts: ArcSwapOption<Facts>,
    ready: ArcSwap<ReadyAnswer>,
    exporters: ArcSwap<Vec<ExporterAnswer>>,
    token: ArcSwapOption<Token>,
    certificates: AtomicBool,
    tally: Mutex<Tally>,
    complete: [ArcSwapOption<Complete>; 2],
    lines: Lines,
    lines_stale: AtomicBool,
    history: OnceLock<Arc<dyn History>>,
    k: u64,
    lateness: Duration,
    began: Timestamp,
}

impl Current {
    /// A view that holds nothing yet, of a service with `workers` back workers
    /// that began at `began`. Counts under `k` are withheld from callers
    /// without a token.
    pub fn new(workers: usize, lateness: Duration, began: Timestamp, k: u64) -> Self {
        Self {
            facts: ArcSwapOption::empty(),
            ready: ArcSwap::from_pointee(ReadyAnswer::waiting("the first hitlist")),
            exporters: ArcSwap::default(),
            token: ArcSwapOption::empty(),
            certificates: AtomicBool::new(false),
            tally: Mutex::new(Tally::new(workers, lateness, began)),
            complete: Default::default(),
            lines: Lines::default(),
            lines_stale: AtomicBool::new(false),
            history: OnceLock::new(),
            k,
            lateness,
            began,
        }
    }

    /// Where windows past are kept; nothing where none are.
    pub fn history(&self) -> Option<Arc<dyn History>> {
        self.history.get().cloned()
    }

    /// Says where windows past are kept, once.
    pub fn set_history(&self, history: Arc<dyn History>) {
        // Whoever says it again is not believed.
        let _ = self.history.set(history);
    }

    /// Counts under this are withheld.
    pub fn k(&self) -> u64 {
        self.k
    }

    /// How long after its end a window is closed.
    pub fn lateness(&self) -> Duration {
        self.lateness
    }

    /// When the service began.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// What holds now; nothing before the first hitlist is built.
    pub fn facts(&self) -> Option<Arc<Facts>> {
        self.facts.load_full()
    }

    /// Puts new facts in force.
    pub fn set_facts(&self, facts: Facts) {
        self.facts.store(Some(Arc::new(facts)));
    }

    /// Whether the service is ready, and what is wrong.
    pub fn ready(&self) -> Arc<ReadyAnswer> {
        self.ready.load_full()
    }

    /// Says whether the service is ready.
    pub fn set_ready(&self, ready: ReadyAnswer) {
        self.ready.store(Arc::new(ready));
    }

    /// The reports of all exporters.
    pub fn exporters(&self) -> Arc<Vec<ExporterAnswer>> {
        self.exporters.load_full()
    }

    /// Replaces the reports of all exporters.
    pub fn set_exporters(&self, reports: Vec<ExporterAnswer>) {
        self.exporters.store(Arc::new(reports));
    }

    /// The token that opens single lines and small counts, if there is one.
    pub fn token(&self) -> Option<Arc<Token>> {
        self.token.load_full()
    }

    /// Whether anything is held about single lines: somebody may ask.
    pub fn holds_lines(&self) -> bool {
        self.certificates.load(Ordering::Relaxed) || self.token.load().is_some()
    }

    /// Says whether client certificates open what the token does.
    pub fn set_certificates(&self, open: bool) {
        self.certificates.store(open, Ordering::Relaxed);
    }

    /// Sets or takes away the token. Without one, and without client
    /// certificates, nothing is held about single lines.
    pub fn set_token(&self, token: Option<Token>) {
        self.token.store(token.map(Arc::new));
    }

    /// Takes what back worker `worker` claimed, and that it has closed all
    /// windows up to `reached`; nothing while some are being closed. Gives the
    /// windows that are complete by that, and how many detections could not be
    /// held for the line API.
    pub fn record(
        &self,
        worker: usize,
        reached: impl Into<Option<Timestamp>>,
        detections: &[Detection],
    ) -> (Vec<Arc<Complete>>, usize) {
        let left_out = if self.holds_lines() { self.lines.record(detections) } else { 0 };
        // A panic while the lock was held cannot leave the tally half-changed
        // in a way that matters: counts of one window at most are short.
        let complete = self
            .tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .record(worker, reached, detections);
        let complete: Vec<_> = complete.into_iter().map(Arc::new).collect();
        for window in &complete {
            self.complete[place(window.window)].store(Some(window.clone()));
            self.lines_stale.store(true, Ordering::Release);
        }
        (complete, left_out)
    }

    /// The counts of the last complete window of this length.
    pub fn complete(&self, window: Window) -> Option<Arc<Complete>> {
        self.complete[place(window)].load_full()
    }

    /// The detections held for one line.
    pub fn line(&self, line: crate::model::line::LineId) -> Vec<Arc<Detection>> {
        self.lines.of(line)
    }

    /// Lets go of detections of windows long closed. Takes as long as there
    /// are lines, so a thread off the flow path calls it now and then.
    pub fn retire_lines(&self) {
        if !self.lines_stale.swap(false, Ordering::AcqRel) {
            return;
        }
        for window in Window::ALL {
            if let Some(complete) = self.complete(window) {
                self.lines.retire(window, complete.start);
            }
        }
    }
}

fn place(window: Window) -> usize {
    match window {
        Window::Hour => 0,
        Window::Day => 1,
    }
}

/// The rows of a complete window, each with whether it is withheld from
/// callers without a token.
pub fn rows(complete: &Complete, k: u64) -> Vec<(&super::tally::Row, u64, bool)> {
    let rows: Vec<_> = complete.lines.iter().collect();
    // Rows are sorted by class: the regions of one class stand together and
    // make up one total.
    rows.chunk_by(|(a, _), (b, _)| a.class == b.class)
        .flat_map(|class| {
            let counts: Vec<u64> = class.iter().map(|(_, count)| **count).collect();
            class
                .iter()
                .zip(withheld(&counts, k))
                .map(|((row, count), hidden)| (*row, **count, hidden))
                .collect::<Vec<_>>()
        })
        .collect()
}
