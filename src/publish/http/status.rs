//! How the service is doing, in one small answer: what a console asks for
//! again and again to know whether anything else is worth asking for.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use prometheus::IntCounterVec;
use prometheus::core::Collector;

use super::guests::Guest;
use super::{Api, Refusal, access};
use crate::metrics::Metrics;
use crate::model::time::{Timestamp, Window};
use crate::publish::wire::{
    API_VERSION, ErrorAnswer, InputCounts, LinesAccess, Outcomes, StatusAnswer, WindowState,
    WindowTime, WindowTimes,
};

/// What time it is for the service, what it waits for, which windows are
/// complete, and what came in.
#[utoipa::path(get, path = "/api/v1/status", tag = "health", responses(
    (status = 200, body = StatusAnswer, description = "how it is doing"),
    (status = 401, body = ErrorAnswer, description = "the token is wrong"),
))]
pub(super) async fn status(
    State(api): State<Api>,
    Extension(guest): Extension<Guest>,
    headers: HeaderMap,
) -> Result<Json<StatusAnswer>, Refusal> {
    let lines = lines_access(&api, &guest, &headers)?;
    let current = &api.current;
    let ready = current.ready();
    let now = (api.now)();
    let facts = current.facts();
    Ok(Json(StatusAnswer {
        v: API_VERSION,
        version: env!("CARGO_PKG_VERSION"),
        now,
        speed: api.speed,
        began: current.began(),
        ready: ready.ready,
        waiting_for: ready.waiting_for.clone(),
        warnings: ready.warnings.clone(),
        k: current.k(),
        windows: WindowTimes {
            hour: window_time(&api, Window::Hour, now),
            day: window_time(&api, Window::Day, now),
        },
        hitlist_built: facts.map(|facts| facts.hitlist.built),
        exporters: current.exporters().len(),
        lines,
        input: input(&api.metrics),
    }))
}

fn lines_access(api: &Api, guest: &Guest, headers: &HeaderMap) -> Result<LinesAccess, Refusal> {
    if !guest.certified && !api.current.holds_lines() {
        return Ok(LinesAccess::Off);
    }
    if !guest.certified && !guest.private {
        return Ok(LinesAccess::InTheClear);
    }
    Ok(if access::shown(api, guest, headers)? { LinesAccess::Open } else { LinesAccess::Token })
}

fn window_time(api: &Api, window: Window, now: Timestamp) -> WindowTime {
    let lateness = api.current.lateness();
    let last = api.current.complete(window);
    WindowTime {
        last: last.map(|last| WindowState { window, start: last.start, partial: last.partial }),
        closes: window.end(window.start(now.minus(lateness))).plus(lateness),
    }
}

fn input(metrics: &Metrics) -> InputCounts {
    let queued = |gauge: &prometheus::IntGauge| u64::try_from(gauge.get()).unwrap_or(0);
    let outcomes = |counter: &IntCounterVec, (received, carried_over), queued: u64| {
        let of = |outcome: &str| counter.with_label_values(&[outcome]).get();
        Outcomes {
            received,
            carried_over,
            decoded: of("decoded"),
            unknown_template: of("unknown_template"),
            rejected: of("rejected"),
            queued,
        }
    };
    // Each listener has its own.
    let received = metrics.datagrams_received.collect();
    let received = received.iter().flat_map(|family| family.get_metric());
    let received: f64 = received.map(|metric| metric.get_counter().get_value()).sum();
    InputCounts {
        datagrams: outcomes(
            &metrics.datagrams,
            (whole(received), metrics.datagrams_carried_over.get()),
            queued(&metrics.datagrams_queued),
        ),
        records: outcomes(
            &metrics.records,
            (metrics.records_received.get(), metrics.records_carried_over.get()),
            queued(&metrics.records_queued),
        ),
    }
}

/// A count of whole things, which the library hands out as its own number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is whole, not negative and far below 2^53"
)]
fn whole(count: f64) -> u64 {
    count as u64
}
