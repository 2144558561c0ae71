//! The thread between back workers and the history of windows past.
//!
//! Workers tell it every claim, also those that were claimed before the service
//! was killed: the history knows them. Until it has them a checkpoint does not
//! forget the windows that they came from, so each is in it once whenever the
//! service ends. A history that cannot be written holds up nothing: what comes is
//! kept for a while and tried again, then the oldest gives way, is counted, and
//! stands as lost beside the counts of its window.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::clock::{Clock, Stopwatch};
use super::pause;
use super::queue::{self, Settling, queue};
use super::readiness::{SAY_AGAIN, Warning};
use crate::config;
use crate::metrics::Metrics;
use crate::model::detection::Detection;
use crate::model::line::Regions;
use crate::model::rules::Rules;
use crate::model::time::{Timestamp, Window};
use crate::publish::history::sqlite::Sqlite;
use crate::publish::history::{Claim, Detectable, History, News, Retention};
use crate::publish::view::Current;

/// Claims told at once.
const BATCH: usize = 1_024;
/// Such batches that wait: a million claims, about 130 MB.
const QUEUE: usize = 1_024;
/// Claims written in one transaction, and held while they cannot be.
const AT_ONCE: usize = 65_536;
/// How long to wait for something to write.
const TICK: Duration = Duration::from_secs(1);
/// How soon to try again at first, and at the longest.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Rule sets remembered: those in force at the ends of windows that are open.
const RULES: usize = 4;

/// What workers tell.
pub(super) enum Told {
    /// These were claimed.
    Claims(Vec<Claim>),
    /// This worker has told all of windows that end by then.
    Closed(usize, Timestamp),
}

/// Claims that gave way, by window.
type Lost = Arc<Mutex<BTreeMap<(Timestamp, Window), u64>>>;

/// The workers' end.
#[derive(Clone)]
pub(super) struct Teller(queue::Queue<Told>);

impl Teller {
    /// Tells what was claimed.
    pub(super) fn tell(&self, detections: &[Detection], regions: &Regions) {
        for batch in detections.chunks(BATCH) {
            let claim = |detection: &Detection| Claim {
                window: detection.window,
                start: detection.start,
                line: detection.line,
                region: regions.name(detection.region),
                class: detection.class.clone(),
                level: detection.level,
                in_use: detection.in_use,
                confidence: detection.confidence,
                seen: detection.groups.len(),
                of: detection.of,
            };
            self.0.put(Told::Claims(batch.iter().map(claim).collect()));
        }
    }

    /// Says that `worker` has told all of windows that end by then.
    pub(super) fn closed(&self, worker: usize, by: Timestamp) {
        self.0.put(Told::Closed(worker, by));
    }

    /// Whether more can be told without waiting.
    pub(super) fn has_room(&self) -> bool {
        self.0.has_room()
    }

    /// Whether nothing told is waiting to be written.
    pub(super) fn is_settled(&self) -> bool {
        self.0.is_settled()
    }
}

/// The thread.
pub(super) struct Keeping {
    history: Arc<Sqlite>,
    pub(super) input: Receiver<Told>,
    settling: Settling,
    lost: Lost,
    current: Arc<Current>,
    clock: Clock,
    began: Timestamp,
    every: Duration,
    /// By worker: windows that end by then are told.
    reached: Vec<Timestamp>,
    /// Set when the service ends.
    stop: Arc<AtomicBool>,
    pub(super) warning: Warning,
    metrics: Metrics,
}

/// A history in the state folder, as the configuration has it.
pub(super) fn open(
    config: &config::Config,
    (workers, began, clock): (usize, Timestamp, Clock),
    current: &Arc<Current>,
    stop: &Arc<AtomicBool>,
    metrics: &Metrics,
) -> (Teller, Keeping) {
    let retention = Retention { counts: config.history.counts, lines: config.history.lines };
    let set_aside = metrics.history.set_aside.clone();
    let history = Arc::new(Sqlite::new(&config.state, retention, move |damage| {
        set_aside.inc();
        tracing::error!(
            "the history is damaged, is set aside as .damaged and begun anew: {damage}"
        );
    }));
    current.set_history(history.clone());
    let lost = Lost::default();
    let (of_window, dropped) =
        (lost.clone(), metrics.queue_dropped.with_label_values(&["history"]));
    let gave_way = move |told| {
        if let Told::Claims(claims) = told {
            dropped.inc_by(claims.len() as u64);
            note_lost(&of_window, &claims);
        }
    };
    let (queue, input, settling) = queue("claims for the history", QUEUE, gave_way);
    let keeping = Keeping {
        history,
        input,
        settling,
        lost,
        current: current.clone(),
        clock,
        began,
        every: config.checkpoint,
        reached: vec![Timestamp::EPOCH; workers],
        stop: stop.clone(),
        warning: Warning::default(),
        metrics: metrics.clone(),
    };
    (Teller(queue), keeping)
}

fn note_lost(lost: &Lost, claims: &[Claim]) {
    let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
    for claim in claims {
        *lost.entry((claim.start, claim.window)).or_default() += 1;
    }
}

/// What is written next.
#[derive(Default)]
struct Next {
    claims: Vec<Claim>,
    /// Entries of the queue in it.
    entries: usize,
    closed: Timestamp,
}

impl Keeping {
    /// Writes until every worker has let go of the queue and it is empty.
    pub(super) fn run(mut self) {
        let mut next = Next::default();
        let mut telling = Telling::new(self.warning.clone(), self.metrics.clone());
        let mut rules = Vec::new();
        let mut written = Timestamp::EPOCH;
        let mut since: Option<Stopwatch> = None;
        let mut more = false;
        let mut last = false;
        while !last {
            last = self.receive(&mut next, if more { Duration::ZERO } else { TICK });
            self.learn(&mut rules);
            next.closed = self.reached.iter().min().copied().unwrap_or_default();
            let due = next.entries > 0 || since.is_none_or(|since| since.elapsed() >= self.every);
            if !(last || due && telling.is_time()) {
                if more {
                    more = self.forget(&mut telling);
                }
                continue;
            }
            since = Some(Stopwatch::start());
            if self.write(&mut next, &rules, &mut telling) && next.closed > written {
                written = next.closed;
                more = self.forget(&mut telling);
            }
            self.settling.set_failing(telling.is_failing());
            self.metrics.history.bytes.set(i64::try_from(self.history.bytes()).unwrap_or(i64::MAX));
        }
        if !next.claims.is_empty() {
            let lost = next.claims.len();
            self.metrics.queue_dropped.with_label_values(&["history"]).inc_by(lost as u64);
            tracing::error!(lost, "the last claims could not be written to the history");
        }
    }

    /// Takes in what comes, waiting so long for the first. Says whether that was
    /// the last.
    fn receive(&mut self, next: &mut Next, patience: Duration) -> bool {
        // Once the service ends, whatever is left comes soon.
        let has_room =
            |next: &Next| next.claims.len() < AT_ONCE || self.stop.load(Ordering::Relaxed);
        if !has_room(next) {
            pause(TICK);
            return false;
        }
        let mut told = self.input.recv_timeout(patience);
        loop {
            match told {
                Ok(Told::Claims(mut claims)) => next.claims.append(&mut claims),
                Ok(Told::Closed(worker, by)) => {
                    if let Some(reached) = self.reached.get_mut(worker) {
                        *reached = by.max(*reached);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
            next.entries += 1;
            if next.claims.len() >= AT_ONCE {
                return false;
            }
            told = self.input.recv_timeout(Duration::ZERO);
        }
    }

    /// Remembers which classes can be detected from when on.
    fn learn(&self, rules: &mut Vec<(Arc<Rules>, Detectable)>) {
        let Some(facts) = self.current.facts() else { return };
        if rules.last().is_some_and(|(known, _)| Arc::ptr_eq(known, &facts.rules)) {
            return;
        }
        let from = if rules.is_empty() { Timestamp::EPOCH } else { self.clock.now() };
        let monitored = facts.rules.classes().iter().filter(|rule| rule.monitored() > 0);
        let classes = monitored.map(|rule| (rule.class.clone(), rule.level)).collect();
        rules.push((facts.rules.clone(), Detectable { from, classes }));
        // Rules change often while a day begins that knows nothing: of those
        // adopted in one hour only the last is asked for.
        if let [.., (_, before), (_, newest)] = &rules[..]
            && Window::Hour.start(before.from) == Window::Hour.start(newest.from)
            && before.from > Timestamp::EPOCH
        {
            rules.remove(rules.len() - 2);
        }
        if rules.len() > RULES {
            rules.remove(0);
        }
    }

    /// Writes what is next; says whether it is in the history.
    fn write(
        &self,
        next: &mut Next,
        rules: &[(Arc<Rules>, Detectable)],
        telling: &mut Telling,
    ) -> bool {
        let lost = std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner));
        let news = News {
            claims: std::mem::take(&mut next.claims),
            lost: lost.iter().map(|((start, window), claims)| (*window, *start, *claims)).collect(),
            there: Some((self.began, self.clock.now())),
            closed: (next.closed > Timestamp::EPOCH).then_some(next.closed),
            detectable: rules.iter().map(|(_, detectable)| detectable.clone()).collect(),
        };
        match self.history.write(&news) {
            Ok(()) => {
                self.settling.settle(std::mem::take(&mut next.entries));
                telling.written(self.clock.now());
                true
            }
            Err(error) => {
                next.claims = news.claims;
                let mut held = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
                for (window, claims) in lost {
                    *held.entry(window).or_default() += claims;
                }
                telling.failed(error.to_string());
                false
            }
        }
    }

    /// Forgets a piece of what is old; says whether there is more.
    fn forget(&self, telling: &mut Telling) -> bool {
        match self.history.forget(self.clock.now()) {
            Ok(more) => more,
            Err(error) => {
                telling.failed(error.to_string());
                false
            }
        }
    }
}

/// What is said of it: in metrics, in the log, and in the answer about readiness.
struct Telling {
    warning: Warning,
    metrics: Metrics,
    failing: Option<Failing>,
}

struct Failing {
    reason: String,
    said: Stopwatch,
    since: Stopwatch,
    again: Duration,
}

impl Telling {
    fn new(warning: Warning, metrics: Metrics) -> Self {
        Self { warning, metrics, failing: None }
    }

    fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// Whether it is time to try.
    fn is_time(&self) -> bool {
        self.failing.as_ref().is_none_or(|failing| failing.since.elapsed() >= failing.again)
    }

    fn written(&mut self, now: Timestamp) {
        self.metrics.history.written.inc();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        self.metrics.history.last_success.set(now);
        if self.failing.take().is_some() {
            self.warning.take_back();
            tracing::info!("the history is written again");
        }
    }

    fn failed(&mut self, reason: String) {
        self.metrics.history.failures.inc();
        let again = self.failing.as_ref().map_or(AGAIN.0, |failing| AGAIN.1.min(failing.again * 2));
        let known = self.failing.take().filter(|failing| failing.reason == reason);
        let said = match known {
            Some(mut known) => {
                if known.said.every(SAY_AGAIN) {
                    tracing::error!("the history cannot be written: {reason}");
                }
                known.said
            }
            None => {
                tracing::error!("the history cannot be written: {reason}");
                Stopwatch::start()
            }
        };
        self.warning.say(format!("counts of windows are not added to the history: {reason}"));
        self.failing = Some(Failing { reason, said, since: Stopwatch::start(), again });
    }
}
