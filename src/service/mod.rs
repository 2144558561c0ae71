//! The live service: the only maker of threads and channels.
//!
//! ```text
//! receivers --datagrams--> front workers --sightings--> back workers --detections--> sink
//! (a socket)  drop, count  (exporters)     wait         (lines)        drop oldest   (a file)
//!                               ^ snapshot, swapped whole ^
//! resolvers --dnstap, answers-->+-------- keeper ---------+--> view <-- HTTP
//!                  wait
//! ```
//!
//! Every queue is bounded, its length is a named constant, and what happens
//! when it is full is written at the arrow: a datagram is worthless when it is
//! late, a sighting has cost its work already, and evidence must not suffer
//! from a full disk.
//!
//! Read [`receivers`], [`fronts`], [`backs`] and [`sink`] in that order, then
//! [`keeper`], which alone changes what they read. The end comes the same way:
//! receivers stop, and each thread ends when those before it have let go of
//! its queue and it is empty, so nothing that was received is lost.

mod backs;
mod batch;
mod board;
mod build;
pub mod checkpoint;
pub mod clock;
mod cores;
mod counts;
mod depths;
mod dnstap;
mod ending;
mod followed;
mod fronts;
pub mod guard;
pub mod handover;
mod history;
mod jumps;
mod keeper;
pub mod key;
mod live;
mod loading;
mod queue;
mod readiness;
mod receivers;
mod resolver;
mod shares;
mod sink;
mod snapshot;
pub mod sources;
mod start;
mod totals;
mod watch;
mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use crossbeam_channel::Sender;
use thiserror::Error;
use tokio::sync::watch as tokio_watch;

use crate::config::DnstapSocket;
use crate::metrics::Metrics;
use crate::model::detection::Detection;
use crate::publish::view::Current;
use clock::Clock;
use ending::Ending;
use keeper::Command;
pub use sources::{decode_settings, prefixes, verdict_settings};
use web::Web;

/// Told of the detections of windows that close, on the thread of the worker
/// that closed them; it must not take long.
pub type Observer = Arc<dyn Fn(&[Detection]) + Send + Sync>;

/// How a service is run beside its configuration.
#[derive(Clone)]
pub struct Options {
    /// What time it is.
    pub clock: Clock,
    /// Where the configuration was read, to read it again when it changes.
    pub config_path: Option<PathBuf>,
    /// Told of detections, beside the configured sink.
    pub observer: Option<Observer>,
    /// What becomes of windows that are open in the end.
    pub windows: OpenWindows,
}

/// What becomes of windows that are open when the service ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenWindows {
    /// They go on after the next start. Where they cannot be kept they are
    /// closed early.
    #[default]
    Keep,
    /// They are closed early, because there is no next start.
    Close,
}

impl Default for Options {
    /// By the system's clock, unobserved, with a next start.
    fn default() -> Self {
        let windows = OpenWindows::Keep;
        Self { clock: Clock::Real, config_path: None, observer: None, windows }
    }
}

/// Why a service did not start. Each message is whole, so what the system said
/// is no `source`: whoever prints the chain of causes would say it twice.
#[derive(Debug, Error)]
pub enum StartError {
    /// A socket is not to be had.
    #[error(transparent)]
    Bind(#[from] crate::receive::udp::BindError),
    /// The HTTP address is not to be had.
    #[error("cannot serve http on {address}: {cause}")]
    Http {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A socket for dnstap is not to be had.
    #[error("cannot listen for dnstap on {at}: {cause}")]
    Dnstap {
        /// The socket asked for.
        at: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Another service uses the state folder.
    #[error(transparent)]
    State(#[from] checkpoint::FolderError),
    /// There is no key for pseudonyms.
    #[error(transparent)]
    Key(#[from] key::KeyError),
    /// The file of detections cannot be opened.
    #[error("cannot write detections to {target}: {cause}")]
    Sink {
        /// The file.
        target: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// What the configuration names cannot be used: every reason.
    #[error("{}", .0.join("\n"))]
    Sources(Vec<String>),
    /// The system gives no thread or no signal.
    #[error("cannot start a thread: {0}")]
    System(#[from] std::io::Error),
    /// Two metrics have one name.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}

/// A thread has ended that should not have.
#[derive(Debug, Error)]
#[error("the thread `{0}` has panicked")]
pub struct Failed(&'static str);

/// A running service.
pub struct Service {
    udp: Vec<SocketAddr>,
    dnstap: Vec<DnstapSocket>,
    current: Arc<Current>,
    metrics: Metrics,
    web: Web,
    asker: Asker,
    commands: Sender<Command>,
    stop: Arc<AtomicBool>,
    receivers: Vec<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    sink: JoinHandle<()>,
    history: Option<JoinHandle<()>>,
    keeper: JoinHandle<()>,
    writer: JoinHandle<()>,
    ending: Ending,
    failed: tokio_watch::Receiver<Option<&'static str>>,
}

/// How HTTP reaches the back workers; emptied when they are to end.
type Asker = Arc<ArcSwapOption<Vec<Sender<backs::Message>>>>;

impl Service {
    /// The addresses on which datagrams are taken in, with the ports that the
    /// system chose.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.udp
    }

    /// Where resolvers connect, with the ports that the system chose.
    pub fn dnstap_sockets(&self) -> &[DnstapSocket] {
        &self.dnstap
    }

    /// The address of the API.
    pub fn http_address(&self) -> SocketAddr {
        self.web.address()
    }

    /// What the API shows.
    pub fn current(&self) -> &Arc<Current> {
        &self.current
    }

    /// What `/metrics` shows.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Waits until the process is asked to end (SIGTERM, SIGINT) or a thread
    /// has failed.
    pub fn wait_for_end(&mut self) -> Result<(), Failed> {
        let ending = &mut self.ending;
        let failed = &mut self.failed;
        self.web.runtime.block_on(async {
            tokio::select! {
                () = ending.asked() => Ok(()),
                name = failed.wait_for(Option::is_some) => {
                    Err(Failed(name.ok().and_then(|name| *name).unwrap_or("unknown")))
                }
            }
        })
    }

    /// Ends in the order of the flow: nothing that was received is lost. Last,
    /// what resolvers and exporters told and the windows still open are saved
    /// for the next start; windows that cannot be are closed early and their
    /// detections written.
    pub fn shutdown(self) -> Result<(), Failed> {
        tracing::info!("ending: no more datagrams are taken in, queues are being emptied");
        self.stop.store(true, Ordering::Relaxed);
        self.asker.store(None);
        for thread in self.receivers.into_iter().chain(self.workers) {
            join(thread)?;
        }
        // The keeper gathers the last reports after all workers are done. It
        // has gone by itself when nobody is there to be told.
        let _ = self.commands.send(Command::Stop);
        join(self.keeper)?;
        join(self.sink)?;
        self.history.map_or(Ok(()), join)?;
        join(self.writer)?;
        self.web.stop();
        tracing::info!("ended");
        Ok(())
    }
}

fn join(thread: JoinHandle<()>) -> Result<(), Failed> {
    thread.join().map_err(|_| Failed("worker"))
}

/// Waits; the only place that does so without anything to wait for.
#[expect(clippy::disallowed_methods, reason = "a broken socket must not spin")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
