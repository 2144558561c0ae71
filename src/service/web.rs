//! The asynchronous edge: HTTP and signals, on a runtime of their own so that
//! nothing that waits there touches the flow path.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use crossbeam_channel::Sender;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::keeper::Command;
use crate::publish::http::{Api, serve};

/// Threads of the runtime. Answers come from memory.
const THREADS: usize = 2;
/// How long requests may still take when the service ends.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// The running edge.
pub(super) struct Web {
    pub(super) runtime: Runtime,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
}

impl Web {
    /// Serves the API on `http`.
    pub(super) fn start(http: SocketAddr, api: Api) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("web")
            .enable_all()
            .build()?;
        let listener = TcpListener::bind(http)?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let listener = {
            let _runtime = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(async move {
            // An end of the sender that is dropped means stop, too.
            let stopped = async move { drop(stopped.await) };
            serve(listener, api, stopped).await;
        });
        Ok(Self { runtime, address, stop })
    }

    /// The address bound.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Turns SIGHUP into a reload, for as long as the service runs.
    pub(super) fn reload_on_hangup(
        &self,
        commands: Sender<Command>,
        on_hangup: impl Fn() + Send + 'static,
    ) -> io::Result<()> {
        let _runtime = self.runtime.enter();
        let mut hangup = signal(SignalKind::hangup())?;
        self.runtime.spawn(async move {
            while hangup.recv().await.is_some() {
                on_hangup();
                // A full queue holds a reload already.
                let _ = commands.try_send(Command::Reload);
            }
        });
        Ok(())
    }

    /// Stops taking requests and answers those that have begun.
    pub(super) fn stop(self) {
        // Nobody listens when the server has ended by itself.
        let _ = self.stop.send(());
        self.runtime.shutdown_timeout(LAST_ANSWERS);
    }
}
