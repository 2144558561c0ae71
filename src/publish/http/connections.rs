//! Connections: accepting them, TLS, and how long each may take over what.
//!
//! Whoever can reach the port must not be able to hold the process by opening
//! connections and saying little. So there are places for so many guests; a
//! handshake, a request's head and an answer each have a time that does not
//! begin anew with every byte; and no connection outlives its time.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::guests::{CONNECTIONS, FROM_ONE, Guest, Places};
use super::pace::Pace;
use crate::metrics::Metrics;

/// Wrong tokens that an address may send at once, and how many a second more:
/// ten, then one every six seconds.
const TRIES: (f64, f64) = (10.0, 1.0 / 6.0);
/// Requests of an address at once, and how many a second more. A dashboard
/// asks some ten times a second.
const REQUESTS: (f64, f64) = (400.0, 200.0);
/// Largest head of a request, in bytes: line and headers.
const HEAD: usize = 16 << 10;
/// Most headers of a request.
const HEADERS: usize = 64;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A TLS handshake.
    pub handshake: Duration,
    /// From the connection, or the last answer, to the end of a request's head.
    pub head: Duration,
    /// A connection, before it is asked to end.
    pub connection: Duration,
    /// The answer that is being given then.
    pub last_answer: Duration,
}

impl Default for Times {
    /// As the service has them: what is honest takes a second.
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(15),
            connection: Duration::from_secs(120),
            last_answer: Duration::from_secs(10),
        }
    }
}

/// What stands between the API and whoever reaches its address.
pub struct Doors {
    tls: ArcSwapOption<ServerConfig>,
    times: Times,
    places: Places,
    pub(super) tries: Pace,
    pub(super) requests: Pace,
}

impl Doors {
    /// Doors with TLS, if there is any to be.
    pub fn new(tls: Option<Arc<ServerConfig>>, times: Times) -> Self {
        let (tries, requests) = ("too many wrong tokens", "too many requests");
        Self {
            tls: ArcSwapOption::new(tls),
            times,
            places: Places::new(CONNECTIONS, FROM_ONE),
            tries: Pace::new(TRIES.0, TRIES.1, tries),
            requests: Pace::new(REQUESTS.0, REQUESTS.1, requests),
        }
    }

    /// Puts other certificates in force, for connections from now on.
    pub fn set_tls(&self, tls: Option<Arc<ServerConfig>>) {
        self.tls.store(tls);
    }
}

/// Serves `router` until `shutdown` resolves; requests that have begun are
/// answered.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    doors: Arc<Doors>,
    metrics: Metrics,
    shutdown: impl Future<Output = ()>,
) {
    let refused = |why: &str| metrics.http_refused.with_label_values(&[why]).inc();
    let (closing, closed) = watch::channel(());
    let mut guests = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, address, permit) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &doors.places) => accepted,
        };
        while guests.try_join_next().is_some() {}
        let Some(place) = doors.places.take(permit, address.ip()) else {
            refused("connections");
            continue;
        };
        let (router, doors, metrics) = (router.clone(), doors.clone(), metrics.clone());
        let closed = closed.clone();
        guests.spawn(async move {
            let _place = place;
            let Some(tls) = doors.tls.load_full() else {
                let guest = Guest::new(address, false, false);
                return talk(stream, guest, router, doors.times, closed).await;
            };
            let shaken = TlsAcceptor::from(tls).accept(stream);
            match timeout(doors.times.handshake, shaken).await {
                Ok(Ok(stream)) => {
                    let shown = stream.get_ref().1.peer_certificates();
                    let certified = shown.is_some_and(|shown| !shown.is_empty());
                    let guest = Guest::new(address, true, certified);
                    talk(stream, guest, router, doors.times, closed).await;
                }
                Ok(Err(_)) | Err(_) => {
                    metrics.http_refused.with_label_values(&["handshake"]).inc();
                }
            }
        });
    }
    drop((listener, closing));
    while guests.join_next().await.is_some() {}
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Places,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        let Some(permit) = places.free().await else { continue };
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address, permit),
            // It went before it was accepted.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept http connections");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Answers a guest's requests, for as long as it may stay.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    guest: Guest,
    router: Router,
    times: Times,
    mut closed: watch::Receiver<()>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(guest);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(times.head)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = sleep(times.connection) => {}
        _ = closed.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    // Who does not take the answer goes without.
    let _ = timeout(times.last_answer, connection).await;
}
