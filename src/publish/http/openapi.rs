//! The OpenAPI document, made from the handlers and the wire types.

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{answers, exporters, history, lines, status};
use crate::publish::wire::{
    ClassPageAnswer, ClassesAnswer, CountsAnswer, Detection, ErrorAnswer, ExportersAnswer,
    FoundLineAnswer, HistoryAnswer, HistoryLineAnswer, HitlistAnswer, LineAnswer, ReadyAnswer,
    SignaturesAnswer, StatusAnswer,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hayrake",
        description = "IoT classes per subscriber line from sampled router exports. Counts of lines under k are withheld from callers without a token."
    ),
    paths(
        answers::health,
        answers::ready,
        answers::metrics,
        answers::classes,
        answers::class,
        answers::counts,
        history::counts,
        history::line,
        lines::find,
        lines::line,
        status::status,
        exporters::exporters,
        answers::signatures,
        answers::hitlist,
    ),
    components(schemas(
        ClassPageAnswer,
        ClassesAnswer,
        CountsAnswer,
        Detection<'_>,
        ErrorAnswer,
        ExportersAnswer,
        FoundLineAnswer,
        HistoryAnswer,
        HistoryLineAnswer,
        HitlistAnswer,
        LineAnswer<'_>,
        ReadyAnswer,
        SignaturesAnswer,
        StatusAnswer,
    )),
    modifiers(&Token)
)]
struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The document.
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
