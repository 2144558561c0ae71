//! Starting: bind, read, build, then make queues and threads from the end of
//! the flow to its beginning, so that nothing is sent before somebody listens.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_channel::{bounded, unbounded};
use tokio::sync::{oneshot, watch};

use super::board::joined;
use super::build::Product;
use super::checkpoint::{
    self, Call, Folder, FolderError, Keeping, Kept, Kind, Part, Rounds, Saving, Writer,
    restore_decoders,
};
use super::clock::Stopwatch;
use super::cores::{sockets_each, worker_numbers};
use super::depths::Depths;
use super::dnstap::Sockets;
use super::ending::Ending;
use super::followed::watched;
use super::handover::Handover;
use super::keeper::{self, Keeper, Pending, ready};
use super::live::{Live, Pace};
use super::loading::{Loaded, belief, learn, load};
use super::receivers::{self, Receiver};
use super::resolver::Resolver;
use super::shares::Shares;
use super::snapshot::InForce;
use super::sources::decode_settings;
use super::watch::Watch;
use super::web::Web;
use super::{Asker, Options, Service, StartError, backs, fronts, history, key, sink};
use crate::attribute::Interest;
use crate::config::{Config, DetectionSink, Tls, open_to_others};
use crate::detect::Settings;
use crate::dns::Knowledge;
use crate::metrics::Metrics;
use crate::model::evidence::OpenLine;
use crate::model::line::{LineId, Regions};
use crate::model::time::Timestamp;
use crate::orient::reveal::line_named;
use crate::pipeline::{Back, Front};
use crate::publish::http::{Api, Doors, Named, Times};
use crate::publish::view::Current;
use crate::receive::udp::{Listener, bind_all};

impl Service {
    /// Starts everything; returns when the first hitlist is in force and
    /// datagrams are taken in. The API answers from before the first build on,
    /// and says that it is not ready.
    pub fn start(config: Config, options: Options) -> Result<Self, StartError> {
        let metrics = Metrics::new()?;
        let folder = hold(&config.state)?;
        let listeners = bind_all(&config.listen, sockets_each(config.workers), config.udp_gro)?;
        let sockets = Sockets::bind(&config.dns.dnstap)?;
        let (fronts, backs) = worker_numbers(config.workers);
        let began = options.clock.now();
        let current = Arc::new(Current::new(backs, config.lateness, began, config.k));
        metrics.lines.k.set(i64::try_from(config.k).unwrap_or(i64::MAX));
        let asker: Asker = Arc::new(ArcSwapOption::empty());
        let naming: Arc<OnceLock<InForce>> = Arc::default();
        let clock = options.clock;
        let tls = config.tls.as_ref().map(Tls::load).transpose();
        let tls = tls.map_err(|wrong| StartError::Sources(vec![wrong]))?;
        let doors = Arc::new(Doors::new(tls, Times::default()));
        let api = Api {
            doors: doors.clone(),
            current: current.clone(),
            metrics: metrics.clone(),
            now: Arc::new(move || clock.now()),
            ask_line: Arc::new({
                let asker = asker.clone();
                move |line| ask(&asker, line)
            }),
            name_line: Arc::new({
                let naming = naming.clone();
                move |address| name(naming.get()?, address, clock.now())
            }),
            speed: clock.speed(),
        };
        let web = Web::start(config.http, api)
            .map_err(|cause| StartError::Http { address: config.http, cause })?;
        // Before reading begins, which may take a minute: a SIGHUP that nobody
        // waits for ends the process.
        let (commands, commanded) = bounded(keeper::QUEUE);
        let reopen = Arc::new(AtomicBool::new(false));
        let reopened = reopen.clone();
        web.reload_on_hangup(commands.clone(), move || reopened.store(true, Ordering::Relaxed))?;
        let keys = key::line_keys(&config.lines.key_file, began)?;
        let (queue, detections) = sink::open(&config.detections, reopen, &metrics)
            .map_err(|cause| StartError::Sink { target: target(&config.detections), cause })?;
        let watch = Watch::new(watched(options.config_path.as_deref(), &config));
        let mut learning = None;
        let begin = |make: &dyn Fn() -> Knowledge| {
            let Some(folder) = &folder else { return make() };
            let told = &metrics.checkpoints;
            let (feeds, now) = (&config.dns.dnstap, belief(&clock));
            let (table, day) = checkpoint::restore(folder, feeds, now, told, make);
            learning = day;
            table
        };
        let Loaded { mut sources, token } =
            load(&config, &Regions::default(), &clock, &metrics, begin)
                .map_err(StartError::Sources)?;
        current.set_token(token);
        current.set_certificates(config.opens_to_certificates());
        if let Some(warning) = open_to_others(config.http, config.tls.is_some()) {
            tracing::warn!("{warning}");
        }
        let signatures = Arc::new(ArcSwap::new(sources.signatures.clone()));
        let resolver = config.dns.resolve.clone().map(|resolve| Resolver {
            resolve,
            signatures: signatures.clone(),
            clock,
        });
        if let Some(resolver) = &resolver {
            let answers = web.runtime.block_on(resolver.first_round());
            learn(&mut sources, &answers, &clock, &metrics);
        }
        let mut product = Product::build(&mut sources, &clock, &metrics);
        product.learning |= learning == Some(product.day);
        let settings = Settings { lateness: config.lateness, ..Settings::default() };
        let told = &metrics.checkpoints;
        let decoding = decode_settings(&config);
        let decoders =
            restore_decoders(folder.as_ref(), &metrics, (fronts, &decoding), &keys, clock.now());
        let engines = (backs, settings, product.rules());
        let Kept { engines, emitted, regions } = checkpoint::restore_evidence(
            folder.as_ref(),
            told,
            engines,
            &keys,
            &sources.regions,
            &config.detections,
        );
        sources.regions = Arc::new(regions);
        let in_force: InForce =
            Arc::new(ArcSwap::from_pointee(product.snapshot(&config, &sources, &keys)));
        product.show(&sources, &current, &metrics);
        // Nothing else sets it.
        let _ = naming.set(in_force.clone());

        let (failure, failed) = watch::channel(None);
        let threads = Threads { failure };
        let mut workers = Vec::new();
        let (mut back_queues, mut back_ends) = (Vec::new(), Vec::new());
        let batches = detections.batches.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let (teller, chronicle) = config
            .history
            .enabled
            .then(|| history::open(&config, (backs, began, clock), &current, &stop, &metrics))
            .unzip();
        let (to, written) = bounded(checkpoint::QUEUE);
        let [of_exporters, of_evidence] = [Arc::<Call>::default(), Arc::default()];
        let (leave, left_backs) = unbounded();
        for (number, (engine, emitted)) in engines.into_iter().zip(emitted).enumerate() {
            let (sender, input) = bounded(backs::QUEUE);
            back_ends.push(input.clone());
            back_queues.push(sender);
            let worker = backs::Worker {
                number,
                back: Back::with(engine),
                input,
                in_force: in_force.clone(),
                clock,
                lateness: config.lateness,
                current: current.clone(),
                sink: queue.clone(),
                history: teller.clone(),
                observer: options.observer.clone(),
                metrics: metrics.clone(),
                part: Part::new(Kind::Evidence, of_evidence.clone(), to.clone()),
                emitted,
                leave: leave.clone(),
                last_closed: Timestamp::EPOCH,
                told_closed: Timestamp::EPOCH,
                waited: Stopwatch::start(),
            };
            workers.push(threads.start("back", move || worker.run())?);
        }
        drop((queue, teller));
        asker.store(Some(Arc::new(back_queues.clone())));
        let (mut front_queues, mut front_ends, mut reports) = (Vec::new(), Vec::new(), Vec::new());
        let (leave, left_fronts) = unbounded();
        let fronts_with = decoders.into_iter().zip(Shares::of(fronts));
        for (number, (decoder, shares)) in fronts_with.enumerate() {
            let (sender, input) = bounded(receivers::QUEUE);
            front_ends.push(input.clone());
            front_queues.push(sender);
            let report: fronts::Reports = Arc::default();
            reports.push(report.clone());
            let worker = fronts::Worker {
                number,
                front: Front::new(decoder, keys.clone()),
                input,
                shares,
                backs: back_queues.clone(),
                in_force: in_force.clone(),
                reports: report,
                metrics: metrics.clone(),
                part: Part::new(Kind::Exporters, of_exporters.clone(), to.clone()),
                leave: leave.clone(),
            };
            workers.push(threads.start("front", move || worker.run())?);
        }
        drop((back_queues, leave));
        let (file, unwritten) = (detections.file.clone(), detections.warning.clone());
        let sink = threads.start("sink", move || detections.run())?;
        let claims = chronicle.as_ref().map(|chronicle| chronicle.input.clone());
        let warning = chronicle.as_ref().map(|chronicle| chronicle.warning.clone());
        let history = chronicle
            .map(|chronicle| threads.start("history", move || chronicle.run()))
            .transpose()?;

        let mut udp: Vec<_> = listeners.iter().map(Listener::local_address).collect();
        udp.dedup();
        let (detectable, classes) = product.detectable();
        let dnstap = sockets.addresses();
        let told = sockets.serve(&web.runtime, clock, &metrics)?;
        let live = Live::new(told, &config.dns.dnstap, &clock);
        current.set_ready(ready(&product, &[], &live, &config));
        let ((dns, told_dns), (memory, told_memory), (evidence, told_evidence)) =
            (unbounded(), unbounded(), unbounded());
        let outcomes = [dns, memory, evidence];
        let writer = Writer { path: config.state.clone(), folder, input: written, outcomes };
        let writer = threads.start("checkpoint", move || writer.run())?;
        let every = config.checkpoint;
        let round = |kind, call, parts, came| {
            let telling = (clock, metrics.checkpoints.clone());
            Rounds::new(kind, (call, parts), (to.clone(), came), every, telling)
        };
        let keeping = Keeping {
            exporters: round(Kind::Exporters, of_exporters, fronts, told_memory),
            evidence: round(Kind::Evidence, of_evidence, backs, told_evidence),
            fronts: left_fronts,
            backs: left_backs,
            detections: file,
            windows: options.windows,
        };
        let told = metrics.checkpoints.clone();
        let keeper = Keeper {
            jumps: super::jumps::Jumps::new(clock),
            saving: Saving::new(to, told_dns, every, clock, told),
            keeping,
            others: [warning.unwrap_or_default(), unwritten],
            told_of_others: [None, None],
            depths: Depths {
                datagrams: front_ends,
                sightings: back_ends,
                detections: batches,
                history: claims,
            },
            config_path: options.config_path,
            live,
            pace: Pace::default(),
            interest: Interest::new(&sources.signatures),
            signatures,
            in_force: Handover::through(in_force),
            current: current.clone(),
            metrics: metrics.clone(),
            commands: commanded,
            keys,
            doors,
            config,
            clock,
            sources,
            product,
            reports,
            watch,
            refused: Vec::new(),
            pending: Pending::default(),
        };
        let keeper = threads.start("keeper", move || keeper.run())?;
        if let Some(resolver) = resolver {
            web.runtime.spawn(resolver.run(commands.clone()));
        }

        let receivers = listeners
            .into_iter()
            .map(|listener| {
                receivers::tell_buffer(&listener, &metrics);
                let receiver = Receiver {
                    listener,
                    workers: front_queues.clone(),
                    room: receivers::ROOM,
                    clock,
                    metrics: metrics.clone(),
                    stop: stop.clone(),
                };
                threads.start("receiver", move || receiver.run())
            })
            .collect::<Result<Vec<_>, _>>()?;
        let ending = Ending::listen(&web.runtime)?;
        tracing::info!(
            udp = joined(&udp),
            http = %web.address(),
            dnstap = joined(&dnstap),
            fronts,
            backs,
            classes,
            detectable,
            "ready"
        );
        Ok(Self {
            udp,
            dnstap,
            current,
            metrics,
            web,
            asker,
            commands,
            stop,
            receivers,
            workers,
            sink,
            history,
            keeper,
            writer,
            ending,
            failed,
        })
    }
}

/// Takes hold of the state folder, if it can be used. Two services in one would
/// overwrite what the other knows; without one a service runs on.
fn hold(path: &Path) -> Result<Option<Folder>, StartError> {
    match Folder::open(path) {
        Ok(folder) => Ok(Some(folder)),
        Err(in_use @ FolderError::InUse(_)) => Err(in_use.into()),
        Err(unusable) => {
            tracing::error!("what is learnt will not survive a restart: {unusable}");
            Ok(None)
        }
    }
}

fn target(sink: &DetectionSink) -> String {
    match sink {
        DetectionSink::Stdout => "standard output".to_owned(),
        DetectionSink::File(path) => path.display().to_string(),
    }
}

/// The pseudonym of the line with this address. The address goes no further.
fn name(in_force: &InForce, address: &str, now: Timestamp) -> Option<Named> {
    let in_force = in_force.load();
    let named = |key| line_named(address, key, &in_force.view.prefixes);
    let line = named(in_force.keys.at(now))?;
    Some(Named { line, before: in_force.keys.before(now).and_then(named) })
}

fn ask(asker: &Asker, line: LineId) -> oneshot::Receiver<OpenLine> {
    let (answer, asked) = oneshot::channel();
    if let Some(backs) = &*asker.load() {
        let worker = &backs[backs::worker_of(line, backs.len())];
        // A full queue drops the question, and who asked is told so by the
        // answer's end being gone.
        let _ = worker.try_send(backs::Message::Ask(line, answer));
    }
    asked
}

/// Starts threads and tells when one of them panics.
struct Threads {
    failure: watch::Sender<Option<&'static str>>,
}

impl Threads {
    fn start(
        &self,
        name: &'static str,
        run: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<JoinHandle<()>> {
        let alarm = Alarm { name, failure: self.failure.clone() };
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _alarm = alarm;
            run();
        })
    }
}

/// Tells, when it is dropped, whether its thread is panicking.
struct Alarm {
    name: &'static str,
    failure: watch::Sender<Option<&'static str>>,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            self.failure.send_replace(Some(self.name));
        }
    }
}
