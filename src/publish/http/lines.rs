//! Single lines, for holders of the token or a client certificate: what is
//! claimed on one, why, and which one an address belongs to.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::answers::facts;
use super::guests::Guest;
use super::{Api, Refusal, access};
use crate::model::detection;
use crate::model::evidence::{LineEvidence, OpenLine};
use crate::model::line::LineId;
use crate::model::rules::{ClassRule, Role};
use crate::publish::view::Facts;
use crate::publish::wire::{
    API_VERSION, ClassEvidence, Detection, ErrorAnswer, FoundLineAnswer, GroupEvidence, GroupSeen,
    LineAnswer, WindowEvidence,
};

/// How long a worker may take to say what a line's open windows hold.
const LINE_PATIENCE: Duration = Duration::from_secs(2);

/// What a line is called that was named by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its pseudonym now.
    pub line: LineId,
    /// Its pseudonym until the last midnight, if the key changed then.
    pub before: Option<LineId>,
}

/// What is claimed on one line and why: the open windows as they stand and the
/// last closed ones. Needs the bearer token or a client certificate.
#[utoipa::path(get, path = "/api/v1/lines/{line}", tag = "lines",
    params(("line" = String, Path, description = "pseudonym of the line, 32 hexadecimal digits")),
    security(("token" = [])),
    responses(
        (status = 200, body = LineAnswer<'_>, description = "what is known of the line"),
        (status = 400, body = ErrorAnswer, description = "not the pseudonym of a line"),
        (status = 401, body = ErrorAnswer, description = "no token or a wrong one"),
        (status = 403, body = ErrorAnswer, description = "neither a token nor client certificates are configured, or the token came in the clear"),
        (status = 404, body = ErrorAnswer, description = "nothing is known of such a line"),
        (status = 429, body = ErrorAnswer, description = "too many wrong tokens or requests"),
        (status = 503, body = ErrorAnswer, description = "too busy, ask again"),
))]
pub(super) async fn line(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    Path(line): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    access::required(&api, &guest, &headers)?;
    let line: LineId =
        line.parse().map_err(|error: String| Refusal(StatusCode::BAD_REQUEST, error))?;
    let facts = facts(&api)?;
    let open = match tokio::time::timeout(LINE_PATIENCE, (api.ask_line)(line)).await {
        Ok(Ok(open)) => open,
        Ok(Err(_)) | Err(_) => {
            return Err(Refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "the worker that owns the line is busy, ask again".to_owned(),
            ));
        }
    };
    let held = api.current.line(line);
    let OpenLine { claims, evidence } = open;
    if claims.is_empty() && held.is_empty() && evidence.is_empty() {
        return Err(Refusal(
            StatusCode::NOT_FOUND,
            format!("nothing is claimed on line {line} now or was in the last two hours and days"),
        ));
    }
    let name = |detection: &detection::Detection| facts.regions.name(detection.region);
    let open: Vec<_> = claims.iter().map(|claim| (name(claim), claim)).collect();
    let held: Vec<_> = held.iter().map(|detection| (name(detection), detection)).collect();
    let answer = LineAnswer {
        v: API_VERSION,
        line,
        current: open.iter().map(|(region, open)| Detection::new(open, region)).collect(),
        detections: held.iter().map(|(region, held)| Detection::new(held, region)).collect(),
        evidence: evidence.iter().map(|window| explain(&facts, window, &claims)).collect(),
    };
    Ok(Json(answer).into_response())
}

/// What a window shows of each class, with what is missing for a claim.
fn explain(
    facts: &Facts,
    window: &LineEvidence,
    claims: &[detection::Detection],
) -> WindowEvidence {
    let claimed = |class: &str| {
        let mut of_window = claims
            .iter()
            .filter(|claim| (claim.window, claim.start) == (window.window, window.start));
        of_window.any(|claim| *claim.class == *class)
    };
    let classes = facts.rules.classes();
    let shown = classes.iter().enumerate().filter_map(|(number, rule)| {
        let mut groups: Vec<GroupEvidence> = rule
            .groups
            .iter()
            .map(|group| GroupEvidence {
                group: group.name.clone(),
                role: group.role,
                names: names(facts, &rule.class, &group.name),
                seen: None,
            })
            .collect();
        for touched in &window.touched {
            let Some(place) = facts.rules.place(touched.group) else { continue };
            if place.class != number {
                continue;
            }
            let seen = groups[place.group].seen.get_or_insert(GroupSeen {
                packets: 0,
                bytes: 0,
                first: touched.first,
                last: touched.last,
            });
            // Groups that are one now may have been touched as two.
            seen.packets = seen.packets.saturating_add(u64::from(touched.packets));
            seen.bytes = seen.bytes.saturating_add(touched.bytes);
            seen.first = seen.first.min(touched.first);
            seen.last = seen.last.max(touched.last);
        }
        let seen = groups.iter().filter(|group| group.seen.is_some()).count();
        if seen == 0 {
            return None;
        }
        let parent = rule.parent.map(|parent| &classes[parent]);
        let is_claimed = claimed(&rule.class);
        let why_not = (!is_claimed)
            .then(|| why_not(rule, &groups, parent.filter(|parent| !claimed(&parent.class))));
        groups.sort_by_key(|group| group.seen.is_none());
        Some(ClassEvidence {
            class: rule.class.clone(),
            name: rule.name.clone(),
            level: rule.level,
            parent: parent.map(|parent| parent.class.clone()),
            claimed: is_claimed,
            why_not,
            seen,
            required: rule.required(),
            of: rule.monitored(),
            groups,
        })
    });
    WindowEvidence { window: window.window, start: window.start, classes: shown.collect() }
}

/// What is missing for a claim, the first thing first. `parent` is the parent
/// if that is not claimed.
fn why_not(rule: &ClassRule, groups: &[GroupEvidence], parent: Option<&ClassRule>) -> String {
    let seen = groups.iter().filter(|group| group.seen.is_some());
    if seen.clone().count() < rule.required() {
        let (seen, required) = (seen.count(), rule.required());
        return format!("{seen} of {} groups seen, {required} required", rule.monitored());
    }
    if !seen.clone().any(|group| group.role == Role::Primary) {
        return "none of the groups seen is a primary one".to_owned();
    }
    match parent {
        Some(parent) => format!("its parent {} is not claimed in this window", parent.name),
        None => "the rules have changed since the window was last judged".to_owned(),
    }
}

/// The names that a monitored group stands for: its own, and those of groups
/// that are one with it.
fn names(facts: &Facts, class: &Arc<str>, group: &str) -> Vec<String> {
    let states = facts.groups.get(class).map(Vec::as_slice).unwrap_or_default();
    let signature = facts.signatures.iter().find(|signature| signature.class == *class);
    let merged = states
        .iter()
        .filter(|state| state.merged_into.as_deref() == Some(group))
        .map(|state| state.group.as_str());
    let firsts: Vec<&str> = std::iter::once(group).chain(merged).collect();
    let named = signature.iter().flat_map(|signature| &signature.groups).filter(|candidate| {
        candidate.names.first().is_some_and(|first| firsts.contains(&first.as_str()))
    });
    named.flat_map(|group| group.names.iter().cloned()).collect()
}

/// What to look for. Deliberately without `Debug`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FindLine {
    /// An IPv4 or IPv6 address of the line, or its IPv6 prefix.
    address: String,
}

/// Which line an address belongs to. The address comes in the body, is turned
/// into a pseudonym at once and is not kept. Needs the bearer token or a client
/// certificate.
#[utoipa::path(post, path = "/api/v1/lines", tag = "lines",
    request_body = FindLine,
    security(("token" = [])),
    responses(
        (status = 200, body = FoundLineAnswer, description = "the pseudonym"),
        (status = 400, body = ErrorAnswer, description = "not an object with an address"),
        (status = 401, body = ErrorAnswer, description = "no token or a wrong one"),
        (status = 403, body = ErrorAnswer, description = "neither a token nor client certificates are configured, or the token came in the clear"),
        (status = 404, body = ErrorAnswer, description = "no line has such an address"),
        (status = 429, body = ErrorAnswer, description = "too many wrong tokens or requests"),
        (status = 503, body = ErrorAnswer, description = "not ready"),
))]
pub(super) async fn find(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<FoundLineAnswer>, Refusal> {
    access::required(&api, &guest, &headers)?;
    facts(&api)?;
    let json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    // What is wrong with the body is not said: the words would repeat it.
    let asked: Option<FindLine> =
        body.ok().filter(|_| json).and_then(|body| serde_json::from_slice(&body).ok());
    let Some(FindLine { address }) = asked else {
        let wanted = "expected JSON (`Content-Type: application/json`) with an `address`";
        return Err(Refusal(StatusCode::BAD_REQUEST, wanted.to_owned()));
    };
    let Some(Named { line, before }) = (api.name_line)(address.trim()) else {
        return Err(Refusal(
            StatusCode::NOT_FOUND,
            "no line has this address: it is none, lies outside lines.prefixes or is left alone"
                .to_owned(),
        ));
    };
    Ok(Json(FoundLineAnswer { v: API_VERSION, line, before }))
}
