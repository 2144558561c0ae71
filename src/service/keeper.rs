//! The keeper: the one thread that replaces what all others read.
//!
//! It reads changed files, builds the hitlist at midnight of the service's
//! clock and when DNS answers come, and swaps the snapshot whole. What cannot
//! be used is refused whole: the old stays in force, and the log, the metric
//! and `/readyz` say why.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::board::Board;
use super::build::Product;
use super::checkpoint::{Keeping, Saved, Saving};
use super::clock::{Clock, Stopwatch};
use super::depths::Depths;
use super::dnstap::Told;
use super::followed::{needing_restart, watched};
use super::fronts::Reports;
use super::handover::Handover;
use super::jumps::Jumps;
use super::key;
use super::live::{Live, Pace};
use super::loading::{Loaded, learn, load};
use super::readiness::Warning;
pub(super) use super::readiness::ready;
use super::resolver::Followed;
use super::snapshot::Snapshot;
use super::sources::Sources;
use super::watch::{LOOK, Watch};
use crate::attribute::Interest;
use crate::config::{self, Config, Tls};
use crate::dns::{Answer, carry};
use crate::metrics::Metrics;
use crate::orient::LineKeys;
use crate::publish::http::Doors;
use crate::publish::view::Current;

/// How often the keeper looks at the clock.
const TICK: Duration = Duration::from_millis(200);
/// How often reports and queue lengths are gathered.
const GATHER: Duration = Duration::from_secs(1);
/// Commands that wait; a second reload asked for meanwhile does no more.
pub(super) const QUEUE: usize = 8;

/// What the keeper is told.
pub(super) enum Command {
    /// Read everything again and build anew.
    Reload,
    /// The resolver has answers.
    Answers(Vec<Answer>),
    /// End.
    Stop,
}

/// What a reload is about.
pub(super) enum Pending {
    /// These files have changed.
    Files(BTreeSet<PathBuf>),
    /// Everything, because somebody asked for it.
    All,
}

impl Default for Pending {
    fn default() -> Self {
        Self::Files(BTreeSet::new())
    }
}

impl Pending {
    /// This and, for as long as it was not taken in, what came before it.
    fn add(&mut self, changed: Option<Vec<PathBuf>>) {
        match (&mut *self, changed) {
            (Self::Files(files), Some(changed)) => files.extend(changed),
            (Self::All, _) => {}
            (_, None) => *self = Self::All,
        }
    }
}

/// What the keeper works with.
pub(super) struct Keeper {
    pub(super) config: Config,
    pub(super) config_path: Option<PathBuf>,
    pub(super) clock: Clock,
    pub(super) sources: Sources,
    pub(super) signatures: Followed,
    pub(super) live: Live,
    pub(super) pace: Pace,
    pub(super) interest: Interest,
    pub(super) product: Product,
    pub(super) in_force: Handover<Snapshot>,
    pub(super) current: Arc<Current>,
    pub(super) doors: Arc<Doors>,
    pub(super) metrics: Metrics,
    pub(super) reports: Vec<Reports>,
    pub(super) depths: Depths,
    pub(super) commands: Receiver<Command>,
    pub(super) keys: LineKeys,
    pub(super) watch: Watch,
    pub(super) saving: Saving,
    pub(super) keeping: Keeping,
    /// Of the history and of the sink.
    pub(super) others: [Warning; 2],
    /// What they last had to say.
    pub(super) told_of_others: [Option<String>; 2],
    pub(super) jumps: Jumps,
    /// Why the last reload was refused; empty when it was taken.
    pub(super) refused: Vec<String>,
    /// What has changed and is not taken in yet, since reloads were refused.
    pub(super) pending: Pending,
}

impl Keeper {
    /// Keeps until it is told to stop.
    pub(super) fn run(mut self) {
        let mut board = Board::default();
        let mut looked = Stopwatch::start();
        let mut gathered = Stopwatch::start();
        loop {
            match self.commands.recv_timeout(self.saving.patience(TICK)) {
                Ok(Command::Reload) => self.reload(None),
                Ok(Command::Answers(answers)) => self.learn(&answers),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.in_force.bury();
            self.hear();
            if self.clock.now().day() != self.product.day {
                self.rebuild();
            } else if self.pace.is_due() {
                self.follow();
            }
            self.save();
            if looked.every(LOOK) {
                let changed = self.watch.changed();
                if !changed.is_empty() {
                    self.reload(Some(changed));
                }
            }
            if gathered.every(GATHER) {
                board.gather(self.clock.now(), &self.reports, &self.current, &self.metrics);
                self.depths.show(&self.metrics);
                self.current.retire_lines();
                let silent = self.live.watch(self.clock.now(), &self.metrics.feeds);
                if self.jumps.look(&self.metrics) | silent {
                    self.tell_readiness();
                }
            }
        }
        board.gather(self.clock.now(), &self.reports, &self.current, &self.metrics);
        self.depths.show(&self.metrics);
        self.hear();
        let Self { saving, keeping, mut sources, product, live, clock, keys, .. } = self;
        keeping.finish(clock.now(), &keys, &sources.regions);
        saving.finish(saved(&mut sources, &product, &live));
    }

    /// Goes on with what is written for the next start.
    fn save(&mut self) {
        let Self { saving, keeping, sources, product, live, clock, keys, .. } = self;
        let told = keeping.step(clock.now(), keys, &sources.regions);
        let told = saving.step(saved(sources, product, live)) | told;
        let of_others = self.others.each_ref().map(Warning::text);
        if told || of_others != self.told_of_others {
            self.told_of_others = of_others;
            self.tell_readiness();
        }
    }

    /// Reads everything again: because these files have changed, or because
    /// somebody asked for it.
    fn reload(&mut self, changed: Option<Vec<PathBuf>>) {
        self.pending.add(changed);
        let outcome = match self.try_reload() {
            Ok(()) => {
                let files = match std::mem::take(&mut self.pending) {
                    Pending::Files(files) => Some(files.len()),
                    Pending::All => None,
                };
                let (detectable, classes) = self.product.detectable();
                tracing::info!(files, detectable, classes, "reloaded");
                self.refused.clear();
                "accepted"
            }
            Err(wrong) => {
                for reason in &wrong {
                    tracing::error!("reload refused: {reason}");
                }
                self.refused = wrong;
                "refused"
            }
        };
        self.tell_readiness();
        self.metrics.reloads.with_label_values(&[outcome]).inc();
    }

    fn try_reload(&mut self) -> Result<(), Vec<String>> {
        let config = match &self.config_path {
            Some(path) => config::load(path)
                .map_err(|findings| findings.iter().map(ToString::to_string).collect::<Vec<_>>())?,
            None => self.config.clone(),
        };
        // Made before the files are read: what changes meanwhile is seen later.
        // It stays when they are refused, so that the mended ones are seen.
        self.watch = Watch::new(watched(self.config_path.as_deref(), &config));
        let tls = config.tls.as_ref().map(Tls::load).transpose().map_err(|wrong| vec![wrong])?;
        let keys = key::follow(&config.lines.key_file, &self.keys, self.clock.now())
            .map_err(|wrong| vec![wrong.to_string()])?;
        let regions = &self.sources.regions;
        let loaded = load(&config, regions, &self.clock, &self.metrics, |make| make())?;
        let Loaded { mut sources, token } = loaded;
        self.take_over(&mut sources);
        for setting in needing_restart(&self.config, &config) {
            tracing::warn!("`{setting}` has changed; it takes effect after a restart");
        }
        self.current.set_token(token);
        self.current.set_certificates(config.opens_to_certificates());
        self.doors.set_tls(tls);
        self.take_keys(keys);
        let keeps_rules = |path: &PathBuf| {
            let feeds = &config.dns.feeds;
            *path == config.lines.key_file || feeds.iter().any(|feed| feed.path == *path)
        };
        let dns_only = match &self.pending {
            Pending::Files(files) => files.iter().all(keeps_rules),
            Pending::All => false,
        };
        self.signatures.store(sources.signatures.clone());
        self.interest = Interest::new(&sources.signatures);
        (self.config, self.sources) = (config, sources);
        if dns_only {
            self.follow()
        } else {
            self.rebuild()
        }
        Ok(())
    }

    /// Takes over the keys of pseudonyms, and says when they change.
    fn take_keys(&mut self, keys: LineKeys) {
        if keys.change() != self.keys.change() || keys.last() != self.keys.last() {
            let from = keys.change().filter(|day| *day > self.clock.now().day());
            let from = from.map(tracing::field::display);
            tracing::info!(from, "pseudonyms of lines change");
        }
        self.keys = keys;
    }

    /// What was told live is in no file: it comes from the table before.
    fn take_over(&self, sources: &mut Sources) {
        let live = |source: &str| self.live.tells(source);
        let refused = carry(&self.sources.knowledge, &mut sources.knowledge, live);
        if refused > 0 {
            tracing::warn!(refused, "answers told live do not fit beside those of the files");
        }
    }

    /// Takes in what the resolver has found.
    fn learn(&mut self, answers: &[Answer]) {
        learn(&mut self.sources, answers, &self.clock, &self.metrics);
        self.saving.note_change();
        self.follow();
    }

    /// Takes in what live feeds have told. The endpoints follow later, for many
    /// answers at once.
    fn hear(&mut self) {
        let Self { live, sources, product, metrics, saving, .. } = self;
        let dns = &mut sources.knowledge;
        for Told { feed, answers } in live.told(&self.clock, &metrics.feeds) {
            let name = live.name(feed);
            let (mut taken, mut refused) = (0, 0);
            for answer in answers {
                let facts = dns.size().facts;
                if dns.insert(answer.clone(), name).is_err() {
                    refused += 1;
                    continue;
                }
                taken += 1;
                let new = dns.size().facts > facts;
                let concern = self.interest.concern(&answer, dns, product.hitlist(), product.day);
                self.pace.note(concern, new);
            }
            if taken > 0 {
                saving.note_change();
            }
            metrics.feeds.count(name, "taken", taken);
            metrics.feeds.count(name, "refused", refused);
        }
    }

    /// Brings what is in force up to the answers that are known: the endpoints
    /// for the rules of the day or, on a day that began knowing nothing, the
    /// rules as well.
    fn follow(&mut self) {
        let work = Stopwatch::start();
        if self.product.learning {
            self.rebuild();
        } else {
            self.product.refresh(&mut self.sources, &self.clock, &self.metrics);
            self.install();
            self.product.show_endpoints(&self.current, &self.metrics);
        }
        self.pace.followed(work);
    }

    /// Logs what the build that is now in force changed.
    fn tell_change(&mut self, former: &Product) {
        let change = self.product.follow(former, &self.metrics);
        if former.learning {
            // Everything is new then.
            return;
        }
        let (added, removed) = (change.endpoints_added, change.endpoints_removed);
        let classes = change.classes.len();
        tracing::info!(added, removed, classes, "endpoints and classes changed");
        for class in &change.classes {
            if class.is_lost() {
                tracing::warn!(event = "class_lost", class = &*class.class, "{class}");
            } else {
                tracing::info!(class = &*class.class, "{class}");
            }
        }
    }

    /// New rules for the day that it is.
    fn rebuild(&mut self) {
        let (day, learning) = (self.product.day, self.product.learning);
        let before = self.product.detectable().0;
        let built = Product::build(&mut self.sources, &self.clock, &self.metrics);
        let former = std::mem::replace(&mut self.product, built);
        self.tell_change(&former);
        let (detectable, classes) = self.product.detectable();
        if self.product.day != day {
            tracing::info!(day = %self.product.day, detectable, classes, "a new day: verdicts made anew");
            self.keys =
                key::settle(&self.config.lines.key_file, self.keys.clone(), self.clock.now());
        } else {
            self.product.learning |= learning;
            if learning && detectable != before {
                tracing::info!(
                    detectable,
                    classes,
                    "more is known of a day that began without answers"
                );
            }
        }
        self.install();
        self.product.show(&self.sources, &self.current, &self.metrics);
        self.tell_readiness();
    }

    fn install(&mut self) {
        self.in_force.replace(Arc::new(self.product.snapshot(
            &self.config,
            &self.sources,
            &self.keys,
        )));
    }

    fn tell_readiness(&self) {
        let mut answer = ready(&self.product, &self.refused, &self.live, &self.config);
        answer.warnings.extend(self.saving.warning());
        answer.warnings.extend(self.keeping.warnings());
        answer.warnings.extend(self.told_of_others.iter().flatten().cloned());
        answer.warnings.extend(self.jumps.warning());
        self.current.set_ready(answer);
    }
}

/// What is written for the next start.
fn saved<'k>(
    sources: &'k mut Sources,
    product: &Product,
    live: &'k Live,
) -> Saved<'k, impl Fn(&str) -> bool + use<'k>> {
    Saved {
        dns: &mut sources.knowledge,
        learning: product.learning.then_some(product.day),
        live: |source: &str| live.tells(source),
    }
}
