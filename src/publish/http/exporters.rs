//! The doctor: `/api/v1/exporters`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use prometheus::core::Collector;
use serde::Deserialize;

use super::{Api, Refusal};
use crate::metrics::Metrics;
use crate::publish::wire::{
    API_VERSION, ErrorAnswer, ExporterAnswer, ExportersAnswer, ListenerAnswer,
};

/// What `/exporters` may be narrowed to.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportersQuery {
    /// One exporter and domain (`192.0.2.1#0`, the `#` written `%23`), or all
    /// domains of one address (`192.0.2.1`).
    exporter: Option<String>,
    /// `full`, or `summary` without `templates`.
    detail: Option<Detail>,
}

/// How much is told of each exporter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Detail {
    /// Everything.
    #[default]
    Full,
    /// No templates: for a list of thousands.
    Summary,
}

/// Who sends: rates, templates, sampling and the field that told it, gaps,
/// clock skew, what waits for a template, and what to mend.
#[utoipa::path(get, path = "/api/v1/exporters", tag = "input", params(ExportersQuery), responses(
    (status = 200, body = ExportersAnswer, description = "every exporter heard, or those asked for"),
    (status = 400, body = ErrorAnswer, description = "the query is not understood"),
    (status = 404, body = ErrorAnswer, description = "no such exporter was heard"),
))]
pub(super) async fn exporters(
    State(api): State<Api>,
    query: Result<Query<ExportersQuery>, QueryRejection>,
) -> Result<Json<ExportersAnswer>, Refusal> {
    let Query(query) = query.map_err(|rejection| {
        let what = rejection.body_text();
        let allowed = "exporter (ADDRESS or ADDRESS%23DOMAIN), detail (full, summary)";
        Refusal(StatusCode::BAD_REQUEST, format!("{what}; allowed: {allowed}"))
    })?;
    let now = (api.now)();
    let known = api.current.exporters();
    let asked = |exporter: &ExporterAnswer| {
        let report = &exporter.report;
        query.exporter.as_deref().is_none_or(|asked| {
            asked == report.exporter
                || asked.parse::<IpAddr>().is_ok_and(|asked| asked.to_canonical() == report.address)
        })
    };
    let exporters: Vec<_> = known
        .iter()
        .filter(|exporter| asked(exporter))
        .map(|exporter| {
            let mut shown = exporter.clone();
            if query.detail == Some(Detail::Summary) {
                shown.report.templates.clear();
            }
            shown.silent_seconds = now.since(exporter.report.last_seen).as_secs();
            shown
        })
        .collect();
    if let (Some(asked), true) = (&query.exporter, exporters.is_empty()) {
        let what = format!("no exporter `{asked}` was heard; allowed: those at /api/v1/exporters");
        return Err(Refusal(StatusCode::NOT_FOUND, what));
    }
    Ok(Json(ExportersAnswer {
        v: API_VERSION,
        now,
        listeners: listeners(&api.metrics),
        queue_dropped: api.metrics.queue_dropped.with_label_values(&["datagrams"]).get(),
        not_allowed: api.metrics.decoded.with_label_values(&["exporter_not_allowed"]).get(),
        heard: known.len(),
        exporters,
    }))
}

/// The listeners, as their metrics tell of them.
fn listeners(metrics: &Metrics) -> Vec<ListenerAnswer> {
    let mut names = BTreeSet::new();
    for family in metrics.datagrams_received.collect() {
        for metric in family.get_metric() {
            for label in metric.get_label() {
                names.insert(label.value().to_owned());
            }
        }
    }
    let listener = |listener: String| {
        let label = [listener.as_str()];
        ListenerAnswer {
            datagrams: metrics.datagrams_received.with_label_values(&label).get(),
            kernel_drops: metrics.kernel_drops.with_label_values(&label).get(),
            errors: metrics.receive_errors.with_label_values(&label).get(),
            buffer_bytes: metrics.socket_buffer.with_label_values(&label).get(),
            listener,
        }
    };
    names.into_iter().map(listener).collect()
}
