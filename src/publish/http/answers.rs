//! One function an address. Each reads the view, shapes an answer and returns.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::guests::Guest;
use super::{Api, Refusal, access};
use crate::model::rules::{ClassRule, Level};
use crate::model::time::Window;
use crate::publish::tally::Complete;
use crate::publish::view::{Facts, rows};
use crate::publish::wire::{
    API_VERSION, ClassAnswer, ClassPageAnswer, ClassesAnswer, CountRow, CountsAnswer, ErrorAnswer,
    HitlistAnswer, ReadyAnswer, SignatureAnswer, SignaturesAnswer, WindowCount, WindowCounts,
    WindowState,
};

/// What holds now, or why nothing does yet.
pub(super) fn facts(api: &Api) -> Result<Arc<Facts>, Refusal> {
    api.current.facts().ok_or_else(|| {
        let waiting = api.current.ready().waiting_for.join(", ");
        Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("not ready, waiting for: {waiting}"))
    })
}

/// The process runs.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "it runs")))]
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Whether flows are taken in and classes can be claimed.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, body = ReadyAnswer, description = "ready"),
    (status = 503, body = ReadyAnswer, description = "not ready, with what it waits for"),
))]
pub(super) async fn ready(State(api): State<Api>) -> impl IntoResponse {
    let ready = api.current.ready();
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ReadyAnswer::clone(&ready)))
}

/// All metrics in the Prometheus text format. Without the token counts under k
/// are absent and sums of detections rounded.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "Prometheus text format", content_type = "text/plain"),
    (status = 401, body = ErrorAnswer, description = "the token is wrong"),
))]
pub(super) async fn metrics(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let shown = access::shown(&api, &guest, &headers)?;
    let (metrics, ready) = (&api.metrics, api.current.ready());
    // These are as of the moment they are asked for.
    metrics.running.clock.set(i64::try_from((api.now)().as_secs()).unwrap_or(i64::MAX));
    metrics.running.ready.set(ready.ready.into());
    let warnings = ready.warnings.len();
    metrics.running.warnings.set(i64::try_from(warnings).unwrap_or(i64::MAX));
    let text = if shown { metrics.text() } else { metrics.open_text(api.current.k()) };
    let text =
        text.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

/// Every class: what it says, what it takes, whether it can be detected now
/// and on how many lines it was in the last complete hour and day.
#[utoipa::path(get, path = "/api/v1/classes", tag = "classes", responses(
    (status = 200, body = ClassesAnswer, description = "every class"),
    (status = 503, body = ErrorAnswer, description = "the first hitlist is not built yet"),
))]
pub(super) async fn classes(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    headers: HeaderMap,
) -> Result<Json<ClassesAnswer>, Refusal> {
    let k = if access::shown(&api, &guest, &headers)? { 0 } else { api.current.k() };
    let facts = facts(&api)?;
    let [hour, day] = Window::ALL.map(|window| api.current.complete(window));
    let classes = facts.rules.classes().iter();
    Ok(Json(ClassesAnswer {
        v: API_VERSION,
        day: facts.hitlist.day.clone(),
        classes: classes.map(|rule| shape(&facts, rule, [&hour, &day], k)).collect(),
    }))
}

/// One class as both addresses show it.
fn shape(
    facts: &Facts,
    rule: &ClassRule,
    [hour, day]: [&Option<Arc<Complete>>; 2],
    k: u64,
) -> ClassAnswer {
    let detectable = rule.monitored() > 0;
    let signature = signature(facts, &rule.class);
    ClassAnswer {
        class: rule.class.clone(),
        name: rule.name.clone(),
        level: rule.level,
        parent: rule.parent.map(|parent| facts.rules.classes()[parent].class.clone()),
        vendor: signature.map_or_else(|| "".into(), |signature| signature.vendor.clone()),
        checked: signature.map(|signature| signature.checked.clone()).unwrap_or_default(),
        named: signature.map_or(0, |signature| signature.groups.len()),
        of: rule.monitored(),
        required: detectable.then(|| rule.required()),
        in_use_packets: rule.in_use_packets,
        detectable,
        reason: (!detectable).then(|| {
            let unknown = || "none of its groups is dedicated and resolvable now".to_owned();
            facts.reasons.get(&rule.class).cloned().unwrap_or_else(unknown)
        }),
        lines: WindowCounts {
            hour: hour.as_ref().map(|complete| total(complete, rule, k)),
            day: day.as_ref().map(|complete| total(complete, rule, k)),
        },
    }
}

fn signature<'f>(facts: &'f Facts, class: &str) -> Option<&'f SignatureAnswer> {
    facts.signatures.iter().find(|signature| *signature.class == *class)
}

/// One class: its signature, and what became of each of its groups today.
#[utoipa::path(get, path = "/api/v1/classes/{class}", tag = "classes",
    params(("class" = String, Path, description = "the class, as its signature file is called")),
    responses(
        (status = 200, body = ClassPageAnswer, description = "the class"),
        (status = 401, body = ErrorAnswer, description = "the token is wrong"),
        (status = 404, body = ErrorAnswer, description = "no such class"),
        (status = 503, body = ErrorAnswer, description = "the first hitlist is not built yet"),
))]
pub(super) async fn class(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    Path(class): Path<String>,
    headers: HeaderMap,
) -> Result<Json<ClassPageAnswer>, Refusal> {
    let k = if access::shown(&api, &guest, &headers)? { 0 } else { api.current.k() };
    let facts = facts(&api)?;
    let classes = facts.rules.classes();
    let Some(place) = classes.iter().position(|rule| *rule.class == *class) else {
        let why = format!("class `{class}` is unknown, allowed: those at /api/v1/classes");
        return Err(Refusal(StatusCode::NOT_FOUND, why));
    };
    let [hour, day] = Window::ALL.map(|window| api.current.complete(window));
    let children = classes.iter().filter(|rule| rule.parent == Some(place));
    Ok(Json(ClassPageAnswer {
        v: API_VERSION,
        day: facts.hitlist.day.clone(),
        class: shape(&facts, &classes[place], [&hour, &day], k),
        children: children.map(|rule| rule.class.clone()).collect(),
        signature: signature(&facts, &class).cloned(),
        groups: facts.groups.get(&*class).cloned().unwrap_or_default(),
    }))
}

fn total(complete: &Complete, rule: &ClassRule, k: u64) -> WindowCount {
    let counts = complete.lines.iter().filter(|(row, _)| row.class == rule.class);
    let lines: u64 = counts.map(|(_, count)| count).sum();
    let withheld = lines > 0 && lines < k;
    WindowCount {
        start: complete.start,
        lines: (!withheld).then_some(lines),
        withheld,
        partial: complete.partial,
    }
}

/// Most regions that are named to whoever asks for one that is unknown.
const MOST_REGIONS_SAID: usize = 20;

/// What `/counts` may be narrowed to.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CountsQuery {
    /// One class, as its signature file is called.
    class: Option<String>,
    /// `platform`, `manufacturer` or `product`.
    level: Option<Level>,
    /// `1h` or `24h`.
    #[param(value_type = Option<String>)]
    window: Option<Window>,
    /// One region.
    region: Option<String>,
}

/// Lines per class, level, window and region in the last complete windows.
#[utoipa::path(get, path = "/api/v1/counts", tag = "classes", params(CountsQuery), responses(
    (status = 200, body = CountsAnswer, description = "the counts asked for"),
    (status = 400, body = ErrorAnswer, description = "the query is not understood"),
    (status = 401, body = ErrorAnswer, description = "the token is wrong"),
    (status = 503, body = ErrorAnswer, description = "the first hitlist is not built yet"),
))]
pub(super) async fn counts(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    headers: HeaderMap,
    query: Result<Query<CountsQuery>, QueryRejection>,
) -> Result<Json<CountsAnswer>, Refusal> {
    let Query(query) = query.map_err(|rejection| not_understood(&rejection))?;
    let k = if access::shown(&api, &guest, &headers)? { 0 } else { api.current.k() };
    let facts = facts(&api)?;
    known_class(&facts, query.class.as_deref())?;
    known_region(&facts, query.region.as_deref())?;
    let (mut windows, mut counts) = (Vec::new(), Vec::new());
    for window in Window::ALL {
        let Some(complete) = api.current.complete(window) else { continue };
        let (start, partial) = (complete.start, complete.partial);
        windows.push(WindowState { window, start, partial });
        // What is withheld is decided over all rows, not those asked for.
        for (row, count, withheld) in rows(&complete, k) {
            let region = facts.regions.name(row.region);
            let asked = query.class.as_ref().is_none_or(|class| **class == *row.class)
                && query.level.is_none_or(|level| level == row.level)
                && query.window.is_none_or(|asked| asked == window)
                && query.region.as_ref().is_none_or(|asked| **asked == *region);
            if asked {
                counts.push(CountRow {
                    class: row.class.clone(),
                    level: row.level,
                    window,
                    start: complete.start,
                    region,
                    lines: (!withheld).then_some(count),
                    withheld,
                });
            }
        }
    }
    Ok(Json(CountsAnswer { v: API_VERSION, k: api.current.k(), windows, counts }))
}

fn known_class(facts: &Facts, asked: Option<&str>) -> Result<(), Refusal> {
    let Some(asked) = asked else { return Ok(()) };
    if facts.rules.classes().iter().any(|rule| *rule.class == *asked) {
        return Ok(());
    }
    Err(Refusal(
        StatusCode::BAD_REQUEST,
        format!("class `{asked}` is unknown, allowed: those at /api/v1/classes"),
    ))
}

fn known_region(facts: &Facts, asked: Option<&str>) -> Result<(), Refusal> {
    let Some(asked) = asked else { return Ok(()) };
    if facts.regions.iter().any(|(_, region)| **region == *asked) {
        return Ok(());
    }
    let known: Vec<_> = facts.regions.iter().map(|(_, region)| format!("`{region}`")).collect();
    let (first, more) = known.split_at(known.len().min(MOST_REGIONS_SAID));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    Err(Refusal(
        StatusCode::BAD_REQUEST,
        format!("region `{asked}` is unknown, allowed: {}{more}", first.join(", ")),
    ))
}

fn not_understood(rejection: &QueryRejection) -> Refusal {
    Refusal(
        StatusCode::BAD_REQUEST,
        format!(
            "{}; allowed: class, level (platform, manufacturer, product), window (1h, 24h), region",
            rejection.body_text()
        ),
    )
}

/// The signatures in force.
#[utoipa::path(get, path = "/api/v1/signatures", tag = "classes", responses(
    (status = 200, body = SignaturesAnswer, description = "the signatures in force"),
    (status = 503, body = ErrorAnswer, description = "the first hitlist is not built yet"),
))]
pub(super) async fn signatures(State(api): State<Api>) -> Result<Json<SignaturesAnswer>, Refusal> {
    let signatures = facts(&api)?.signatures.clone();
    Ok(Json(SignaturesAnswer { v: API_VERSION, signatures }))
}

/// The hitlist in force: size, age, verdicts and N of every class.
#[utoipa::path(get, path = "/api/v1/hitlist", tag = "classes", responses(
    (status = 200, body = HitlistAnswer, description = "the hitlist in force"),
    (status = 503, body = ErrorAnswer, description = "the first hitlist is not built yet"),
))]
pub(super) async fn hitlist(State(api): State<Api>) -> Result<Json<HitlistAnswer>, Refusal> {
    let mut answer = facts(&api)?.hitlist.clone();
    answer.age_seconds = (api.now)().since(answer.built).as_secs();
    Ok(Json(answer))
}
