//! Taking dnstap from running resolvers: the sockets, and one task for each
//! connection.
//!
//! Resolvers connect to us and talk for as long as they run. When the keeper
//! is busy, its queue is full and a task waits before it reads on; resolvers
//! then drop and count what they cannot send, and never wait themselves.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::StartError;
use super::clock::Clock;
use super::loading::belief;
use crate::config::{DnstapFeed, DnstapSocket};
use crate::dns::dnstap::{CHUNK, FrameError, Tap};
use crate::dns::{Answer, Format, ReadReport, Reading};
use crate::metrics::{FeedMetrics, Metrics};

/// Most connections to one feed.
const CONNECTIONS: usize = 64;
/// How long a sender may take from connecting to START, and to take a reply.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Batches that wait for the keeper. A batch is what one read brought.
const QUEUE: usize = 256;
/// Connections and ends of a feed that are logged; the metrics tell all.
const LOGGED: usize = 1_000;
/// A TCP peer that is silent for so long is asked whether it still lives.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// After a failure to accept, which is mostly for want of descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Mode of a unix socket: the service's user and group.
const MODE: u32 = 0o660;

/// What one read of one feed brought.
pub(super) struct Told {
    /// Place of the feed in the configuration.
    pub(super) feed: usize,
    pub(super) answers: Vec<Answer>,
}

/// Sockets that are bound and not yet served.
pub(super) struct Sockets {
    bound: Vec<(DnstapFeed, Bound)>,
}

enum Bound {
    Unix(std::os::unix::net::UnixListener, SocketFile),
    Tcp(std::net::TcpListener),
}

/// The file of a unix socket, which goes with the service.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have removed it already.
        let _ = fs::remove_file(&self.0);
    }
}

impl Sockets {
    /// Binds all feeds.
    pub(super) fn bind(feeds: &[DnstapFeed]) -> Result<Self, StartError> {
        let bound = feeds.iter().map(|feed| match bind(&feed.at) {
            Ok(bound) => Ok((feed.clone(), bound)),
            Err(cause) => Err(StartError::Dnstap { at: feed.at.to_string(), cause }),
        });
        Ok(Self { bound: bound.collect::<Result<_, _>>()? })
    }

    /// Where resolvers connect, with the ports that the system chose.
    pub(super) fn addresses(&self) -> Vec<DnstapSocket> {
        let address = |(feed, bound): &(DnstapFeed, Bound)| match bound {
            Bound::Unix(..) => feed.at.clone(),
            Bound::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| feed.at.clone(), DnstapSocket::Tcp)
            }
        };
        self.bound.iter().map(address).collect()
    }

    /// Takes connections on `runtime` for as long as that runs. What they tell
    /// comes out of the queue returned.
    pub(super) fn serve(
        self,
        runtime: &Runtime,
        clock: Clock,
        metrics: &Metrics,
    ) -> io::Result<mpsc::Receiver<Told>> {
        let (answers, told) = mpsc::channel(QUEUE);
        let _runtime = runtime.enter();
        for (place, (feed, bound)) in self.bound.into_iter().enumerate() {
            let name = feed.at.to_string();
            metrics.feeds.show_zeros(&name);
            let served = Arc::new(Served {
                place,
                name,
                feed,
                clock,
                metrics: metrics.feeds.clone(),
                answers: answers.clone(),
                room: Arc::new(Semaphore::new(CONNECTIONS)),
                log: Semaphore::new(LOGGED),
            });
            match bound {
                Bound::Unix(listener, file) => {
                    let listener = UnixListener::from_std(listener)?;
                    runtime.spawn(async move {
                        // Held for as long as the socket is served.
                        let _file = file;
                        loop {
                            let accepted = listener.accept().await;
                            served.clone().admit(accepted.map(|(stream, _)| stream)).await;
                        }
                    });
                }
                Bound::Tcp(listener) => {
                    let listener = TcpListener::from_std(listener)?;
                    runtime.spawn(async move {
                        loop {
                            let accepted = listener.accept().await;
                            let accepted = accepted.map(|(stream, _)| keep_alive(stream));
                            served.clone().admit(accepted).await;
                        }
                    });
                }
            }
        }
        Ok(told)
    }
}

fn bind(at: &DnstapSocket) -> io::Result<Bound> {
    match at {
        DnstapSocket::Unix(path) => {
            remove_stale(path)?;
            let listener = std::os::unix::net::UnixListener::bind(path)?;
            let file = SocketFile(path.clone());
            fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
            listener.set_nonblocking(true)?;
            Ok(Bound::Unix(listener, file))
        }
        DnstapSocket::Tcp(address) => {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Bound::Tcp(listener))
        }
    }
}

/// Removes the socket of a service that has died. One that is served, and a
/// file that is no socket, stay and are the reason why binding fails.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket {
        match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path)?;
            }
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    Ok(())
}

/// A resolver's machine that is switched off says nothing; without this its
/// connection would stay for ever.
fn keep_alive(stream: tokio::net::TcpStream) -> tokio::net::TcpStream {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
        tracing::warn!(%error, "a dnstap connection that dies will not be noticed");
    }
    stream
}

/// One feed while it is served.
struct Served {
    place: usize,
    name: String,
    feed: DnstapFeed,
    clock: Clock,
    metrics: FeedMetrics,
    answers: mpsc::Sender<Told>,
    room: Arc<Semaphore>,
    log: Semaphore,
}

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("in order")]
    Finished,
    #[error("without STOP")]
    BrokenOff,
    #[error("it cannot be understood: {0}")]
    Framing(#[from] FrameError),
    #[error("it did not say START or take a reply in time")]
    Timeout,
}

impl End {
    fn label(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::BrokenOff => "broken_off",
            Self::Framing(_) => "framing",
            Self::Timeout => "timeout",
        }
    }
}

impl Served {
    /// Starts a task for a connection, if there is room for one more.
    async fn admit<S>(self: Arc<Self>, accepted: io::Result<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                self.log(|name| tracing::warn!(feed = name, %error, "dnstap cannot be accepted"));
                return sleep(ACCEPT_AGAIN).await;
            }
        };
        let Ok(room) = self.room.clone().try_acquire_owned() else {
            self.metrics.closed.with_label_values(&[&self.name, "refused"]).inc();
            return self.log(|name| {
                tracing::warn!(feed = name, most = CONNECTIONS, "too many resolvers at once");
            });
        };
        tokio::spawn(async move {
            let connections = self.metrics.connections.with_label_values(&[&self.name]);
            connections.inc();
            self.log(|name| tracing::info!(feed = name, "a resolver has connected"));
            let end = self.listen(stream).await;
            connections.dec();
            self.metrics.closed.with_label_values(&[&self.name, end.label()]).inc();
            self.log(|name| {
                tracing::info!(feed = name, "a resolver's connection has ended: {end}")
            });
            drop(room);
        });
    }

    /// Logs, unless so much was logged that nobody reads it.
    fn log(&self, log: impl FnOnce(&str)) {
        if let Ok(one) = self.log.try_acquire() {
            one.forget();
            log(&self.name);
        }
    }

    /// Takes what one resolver tells until it ends.
    async fn listen<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) -> End {
        let mut tap = Tap::default();
        let mut chunk = vec![0; CHUNK];
        let handshake = sleep(HANDSHAKE);
        tokio::pin!(handshake);
        loop {
            let read = if tap.is_started() {
                stream.read(&mut chunk).await
            } else {
                tokio::select! {
                    read = stream.read(&mut chunk) => read,
                    () = &mut handshake => return End::Timeout,
                }
            };
            let Ok(length @ 1..) = read else { return End::BrokenOff };
            let now = self.clock.now();
            let reading = Reading {
                types: self.feed.types,
                ..Reading::new(self.feed.coverage, belief(&self.clock))
            };
            let mut report = ReadReport::new(Format::Dnstap);
            let mut answers = Vec::new();
            let taken =
                tap.take(&chunk[..length], Some(now), &reading, &mut report, &mut |answer| {
                    answers.push(answer);
                });
            self.count(&report);
            if !answers.is_empty()
                && self.answers.send(Told { feed: self.place, answers }).await.is_err()
            {
                // The keeper has gone: the service ends.
                return End::Finished;
            }
            let due = match taken {
                Ok(due) => due,
                Err(error) => return error.into(),
            };
            if !due.reply.is_empty() {
                match timeout(HANDSHAKE, stream.write_all(&due.reply)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return End::BrokenOff,
                    Err(_) => return End::Timeout,
                }
            }
            if due.ended {
                return End::Finished;
            }
        }
    }

    /// Counts messages, and answers that were lost; those that were taken are
    /// counted by the keeper.
    fn count(&self, report: &ReadReport) {
        let messages = |kind: &str| self.metrics.messages.with_label_values(&[&self.name, kind]);
        messages("wanted").inc_by(report.units);
        messages("other").inc_by(report.other_types);
        self.metrics.count(&self.name, "refused", report.refusals());
        self.metrics.count(&self.name, "damaged", report.damaged);
        if let Some(first) = report.problems.first() {
            self.log(|name| {
                tracing::warn!(feed = name, place = first.place, "dnstap message: {}", first.what);
            });
        }
    }
}
