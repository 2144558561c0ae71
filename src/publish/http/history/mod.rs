//! Questions about windows past. Answers come from a disk, so they are given on
//! threads that may wait, few at a time, and are bounded before they are made.

#[cfg(test)]
pub(super) mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::guests::Guest;
use super::{Api, Refusal, access};
use crate::model::line::LineId;
use crate::model::time::{Timestamp, Window};
use crate::publish::history::{
    CountsQuestion, History, HistoryError, Known, LinesQuestion, Shape, Span, shape, span,
};
use crate::publish::wire::{API_VERSION, ErrorAnswer, HistoryAnswer, HistoryLineAnswer};

/// Most points in an answer: ten thousand windows of one class in ten regions,
/// or a week of hours of all classes in four. About 15 MB.
const MOST_POINTS: u64 = 100_000;
/// Questions answered at once. Others are told to ask again.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// What may be asked about windows past.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    /// One class, as its signature file is called; all of them without it.
    class: Option<String>,
    /// `1h` (the default) or `24h`.
    #[param(value_type = Option<String>)]
    window: Option<Window>,
    /// One region. Without it counts are of all regions together.
    region: Option<String>,
    /// `region` gives a series for each region.
    by: Option<By>,
    /// Windows that start from here on, RFC 3339. Without it the last 24 hours,
    /// or 30 days, before `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Windows that start before this, RFC 3339. Without it the end of what
    /// there is.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// What counts are split by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    /// Each region.
    Region,
}

/// Lines per class in closed windows: trends. A window in which the service was
/// down is absent.
#[utoipa::path(get, path = "/api/v1/history", tag = "history", params(HistoryQuery), responses(
    (status = 200, body = HistoryAnswer, description = "the counts asked for"),
    (status = 400, body = ErrorAnswer, description = "the query is not understood, or would give too much"),
    (status = 401, body = ErrorAnswer, description = "the token is wrong"),
    (status = 404, body = ErrorAnswer, description = "no history is kept"),
    (status = 503, body = ErrorAnswer, description = "the history cannot be read now, or too many ask"),
))]
pub(super) async fn counts(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    headers: HeaderMap,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<HistoryAnswer>, Refusal> {
    let Query(query) = query.map_err(|rejection| not_understood(&rejection))?;
    let k = api.current.k();
    let hidden_under = if access::shown(&api, &guest, &headers)? { 0 } else { k };
    // Regions that are configured and in which no line was so far.
    let configured: Vec<Arc<str>> = api
        .current
        .facts()
        .map(|facts| facts.regions.iter().map(|(_, region)| region.clone()).collect())
        .unwrap_or_default();
    on_disk(&api, move |history| answer(history, &query, (k, hidden_under), configured))
        .await
        .map(Json)
}

fn answer(
    history: &dyn History,
    query: &HistoryQuery,
    (k, hidden_under): (u64, u64),
    configured: Vec<Arc<str>>,
) -> Result<HistoryAnswer, Refusal> {
    let window = query.window.unwrap_or(Window::Hour);
    let known = history.known(window).map_err(|error| unreadable(&error))?;
    let class = query.class.as_deref().map(|class| known_class(&known, class)).transpose()?;
    let regions = regions(&known, query, configured)?;
    let span = span(window, (query.from, query.to), known.windows);
    if span.from >= span.to && (query.from.is_some() || query.to.is_some()) {
        let what = format!("from {} to {}; allowed: from before to", span.from, span.to);
        return Err(Refusal(StatusCode::BAD_REQUEST, what));
    }
    bounded(window, span, &known, class.is_some(), regions.as_ref().map_or(1, Vec::len))?;
    let by = Shape { window, k: hidden_under, regions };
    let mut series = Vec::new();
    let question = CountsQuestion { window, span, class };
    history
        .counts(&question, &mut |point| {
            shape(&point, &by, &mut series);
            ControlFlow::Continue(())
        })
        .map_err(|error| unreadable(&error))?;
    let mut answer = HistoryAnswer {
        v: API_VERSION,
        window,
        from: span.from,
        to: span.to,
        k,
        series: Vec::new(),
        any_class: Vec::new(),
    };
    series.into_iter().for_each(|series| answer.add(series));
    Ok(answer)
}

fn known_class(known: &Known, asked: &str) -> Result<Arc<str>, Refusal> {
    known.class(asked).ok_or_else(|| {
        Refusal(
            StatusCode::BAD_REQUEST,
            format!("class `{asked}` is in no window of the history; allowed: those at /api/v1/classes, once a window has closed in which they could be detected"),
        )
    })
}

/// The regions to show, or none for all of them together.
fn regions(
    known: &Known,
    query: &HistoryQuery,
    configured: Vec<Arc<str>>,
) -> Result<Option<Vec<Arc<str>>>, Refusal> {
    let mut regions = known.regions.clone();
    // Where all prefixes have a region nobody is without one.
    let nameless = configured.iter().all(|region| region.is_empty());
    regions.extend(configured.into_iter().filter(|region| nameless || !region.is_empty()));
    regions.sort_unstable();
    regions.dedup();
    match (&query.region, query.by) {
        (None, None) => Ok(None),
        (None, Some(By::Region)) => Ok(Some(regions)),
        (Some(_), Some(By::Region)) => Err(Refusal(
            StatusCode::BAD_REQUEST,
            "both `region` and `by=region`; allowed: one of them".to_owned(),
        )),
        (Some(asked), None) => {
            let found = regions.into_iter().find(|region| **region == **asked);
            found.map(|region| Some(vec![region])).ok_or_else(|| {
                let what = format!("region `{asked}` is unknown, allowed: those of `by=region`");
                Refusal(StatusCode::BAD_REQUEST, what)
            })
        }
    }
}

/// Refuses what would be too much before it is gathered.
fn bounded(
    window: Window,
    span: Span,
    known: &Known,
    one_class: bool,
    regions: usize,
) -> Result<(), Refusal> {
    let Some((first, last)) = known.windows else { return Ok(()) };
    let held = window.end(last).min(span.to).since(first.max(span.from));
    let windows = held.as_secs() / window.length().as_secs() + 1;
    let classes = if one_class { 1 } else { known.classes.len() as u64 + 1 };
    let points = windows.saturating_mul(classes).saturating_mul(regions as u64);
    if points <= MOST_POINTS {
        return Ok(());
    }
    Err(Refusal(
        StatusCode::BAD_REQUEST,
        format!(
            "up to {points} counts, allowed: {MOST_POINTS}; ask for one class, one region, window=24h or a shorter time, or use `hayrake export`"
        ),
    ))
}

/// On which days a line showed which classes. Needs the bearer token or a client
/// certificate.
#[utoipa::path(get, path = "/api/v1/history/lines/{line}", tag = "history",
    params(("line" = String, Path, description = "pseudonym of the line, 32 hexadecimal digits")),
    security(("token" = [])),
    responses(
        (status = 200, body = HistoryLineAnswer, description = "its days"),
        (status = 400, body = ErrorAnswer, description = "not the pseudonym of a line"),
        (status = 401, body = ErrorAnswer, description = "no token or a wrong one"),
        (status = 403, body = ErrorAnswer, description = "neither a token nor client certificates are configured, or the token came in the clear"),
        (status = 404, body = ErrorAnswer, description = "nothing is kept of such a line, or no history at all"),
        (status = 503, body = ErrorAnswer, description = "the history cannot be read now, or too many ask"),
))]
pub(super) async fn line(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    Path(line): Path<String>,
    headers: HeaderMap,
) -> Result<Json<HistoryLineAnswer>, Refusal> {
    access::required(&api, &guest, &headers)?;
    let line: LineId =
        line.parse().map_err(|error: String| Refusal(StatusCode::BAD_REQUEST, error))?;
    on_disk(&api, move |history| of_line(history, line)).await.map(Json)
}

fn of_line(history: &dyn History, line: LineId) -> Result<HistoryLineAnswer, Refusal> {
    let known = history.known(Window::Day).map_err(|error| unreadable(&error))?;
    let mut answer = HistoryLineAnswer { v: API_VERSION, line, days: Vec::new() };
    if let Some(days) = known.days {
        let question = LinesQuestion { days, line: Some(line), class: None };
        history
            .lines(&question, &mut |found| {
                answer.add(found);
                ControlFlow::Continue(())
            })
            .map_err(|error| unreadable(&error))?;
    }
    if answer.days.is_empty() {
        let what = format!("nothing is kept of line {line} in closed windows");
        return Err(Refusal(StatusCode::NOT_FOUND, what));
    }
    Ok(answer)
}

/// Asks the history on a thread that may wait for a disk.
async fn on_disk<T: Send + 'static>(
    api: &Api,
    ask: impl FnOnce(&dyn History) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let Some(history) = api.current.history() else {
        let what = "no history is kept: `history` is off in the configuration (`enabled: false`)";
        return Err(Refusal(StatusCode::NOT_FOUND, what.to_owned()));
    };
    let Ok(turn) = AT_ONCE.try_acquire() else {
        let what = "too many ask about history at once, ask again";
        return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, what.to_owned()));
    };
    let asked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        ask(&*history)
    });
    asked.await.unwrap_or_else(|_| {
        let what = "the question could not be answered".to_owned();
        Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, what))
    })
}

fn unreadable(error: &HistoryError) -> Refusal {
    let what = format!("the history cannot be read now: {error}");
    Refusal(StatusCode::SERVICE_UNAVAILABLE, what)
}

fn not_understood(rejection: &QueryRejection) -> Refusal {
    Refusal(
        StatusCode::BAD_REQUEST,
        format!(
            "{}; allowed: class, window (1h, 24h), region, by (region), from and to (RFC 3339, such as 2026-11-21T10:00:00Z)",
            rejection.body_text()
        ),
    )
}
