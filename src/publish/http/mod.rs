//! The HTTP API: JSON answers under `/api/v1`, health, metrics, an OpenAPI
//! document, and the console that shows them to people. It reads [`Current`] and changes nothing.
//!
//! Everything but single lines and small counts is open, because it says
//! nothing about anybody; what is about a line needs the bearer token of
//! `token_file` or a client certificate, and is off without either.
//! [`connections`] keeps guests within bounds, [`access`] says what each may
//! see. `docs/api.md` is the reference.

mod access;
mod answers;
mod connections;
mod console;
mod exporters;
mod guests;
mod history;
mod lines;
mod openapi;
mod pace;
mod status;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod visits;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

pub use connections::{Doors, Times};
use guests::Guest;
pub use lines::Named;

use super::view::Current;
use super::wire::ErrorAnswer;
use crate::metrics::Metrics;
use crate::model::evidence::OpenLine;
use crate::model::line::LineId;
use crate::model::time::Timestamp;

/// Longest time a request may take. Answers come from memory.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// Largest request body. One request has one, with an address in it.
const BODY: usize = 4 << 10;
/// Where a query narrows what is answered.
const TAKE_QUERIES: [&str; 3] = ["/api/v1/counts", "/api/v1/history", "/api/v1/exporters"];

/// Asks the worker that owns a line what its open windows would claim now, and
/// why. The answer does not come when the worker is too busy.
pub type AskLine = Arc<dyn Fn(LineId) -> oneshot::Receiver<OpenLine> + Send + Sync>;
/// Gives the pseudonym of the line with this address, and keeps neither.
pub type NameLine = Arc<dyn Fn(&str) -> Option<Named> + Send + Sync>;

/// What the handlers work with.
#[derive(Clone)]
pub struct Api {
    /// What is shown.
    pub current: Arc<Current>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// The service's clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// How open windows are asked about a line.
    pub ask_line: AskLine,
    /// How the line of an address is called.
    pub name_line: NameLine,
    /// Seconds that the clock goes on in a real one.
    pub speed: u32,
    /// Who is let in.
    pub doors: Arc<Doors>,
}

/// Why a request is not answered as asked.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(ErrorAnswer { error: self.1 })).into_response()
    }
}

/// Serves until `shutdown` resolves; requests that have begun are answered.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let (doors, metrics) = (api.doors.clone(), api.metrics.clone());
    connections::serve(listener, router(api), doors, metrics, shutdown).await;
}

fn router(api: Api) -> Router {
    Router::new()
        .route("/", get(console::shell))
        .route("/classes/{class}", get(console::shell))
        .route("/exporters", get(console::shell))
        .route("/exporters/{exporter}", get(console::shell))
        .route("/signatures", get(console::shell))
        .route("/lines", get(console::shell))
        .route("/lines/{line}", get(console::shell))
        .route("/assets/{hash}/{*path}", get(console::asset))
        .route("/healthz", get(answers::health))
        .route("/readyz", get(answers::ready))
        .route("/metrics", get(answers::metrics))
        .route("/api/v1/classes", get(answers::classes))
        .route("/api/v1/classes/{class}", get(answers::class))
        .route("/api/v1/counts", get(answers::counts))
        .route("/api/v1/history", get(history::counts))
        .route("/api/v1/history/lines/{line}", get(history::line))
        .route("/api/v1/lines", post(lines::find))
        .route("/api/v1/lines/{line}", get(lines::line))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/exporters", get(exporters::exporters))
        .route("/api/v1/signatures", get(answers::signatures))
        .route("/api/v1/hitlist", get(answers::hitlist))
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/openapi.json", get(openapi::document))
        .fallback(unknown_path)
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn(refuse_unknown_query))
        .layer(middleware::map_response(say_what_holds_for_all))
        .layer(middleware::from_fn_with_state(api.clone(), refuse_too_many))
        .layer(middleware::from_fn_with_state(api.clone(), count))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME))
        .layer(RequestBodyLimitLayer::new(BODY))
        .with_state(api)
}

async fn count(State(api): State<Api>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    api.metrics.http_requests.with_label_values(&[response.status().as_str()]).inc();
    response
}

/// Refuses requests that come faster than anybody needs answers.
async fn refuse_too_many(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    request: Request,
    next: Next,
) -> Response {
    let now = Instant::now();
    if let Err(refusal) = api.doors.requests.ask(guest.address, now) {
        api.metrics.http_refused.with_label_values(&["requests"]).inc();
        return refusal.into_response();
    }
    api.doors.requests.take(guest.address, now);
    next.run(request).await
}

/// Refuses a query where none narrows anything: whoever writes one believes
/// that it does. `/metrics` is left alone, since scrapers add their own.
async fn refuse_unknown_query(request: Request, next: Next) -> Response {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let takes_none = path.starts_with("/api/") && !TAKE_QUERIES.contains(&path);
    if takes_none && !query.is_empty() {
        let what = format!("the query `{query}` at `{path}`; allowed: none here");
        return Refusal(StatusCode::BAD_REQUEST, what).into_response();
    }
    next.run(request).await
}

/// Adds what every answer says. Answers depend on who asks and when, so nothing
/// may store them, save for the files that say otherwise.
async fn say_what_holds_for_all(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in console::ON_ALL {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn unknown_path(uri: Uri) -> Refusal {
    let path = uri.path();
    Refusal(
        StatusCode::NOT_FOUND,
        format!("nothing is at `{path}`, /openapi.json lists what there is"),
    )
}

async fn other_method() -> Refusal {
    let why = "only GET is allowed, and POST at /api/v1/lines";
    Refusal(StatusCode::METHOD_NOT_ALLOWED, why.to_owned())
}
