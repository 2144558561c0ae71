//! Who may see what is about single lines.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};

use super::{Api, Refusal};

/// Whether the caller has shown the token. A wrong token is refused even where
/// none is needed, so that a mistake shows at once; without a configured token
/// nobody has shown it.
pub(super) fn shown(api: &Api, headers: &HeaderMap) -> Result<bool, Refusal> {
    let (Some(token), Some(offered)) = (api.current.token(), headers.get(AUTHORIZATION)) else {
        return Ok(false);
    };
    let offered = offered.to_str().ok().and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    if offered.is_some_and(|offered| token.matches(offered)) {
        Ok(true)
    } else {
        Err(unauthorized("the token is not the one in token_file"))
    }
}

/// Refuses whoever has not shown the token.
pub(super) fn required(api: &Api, headers: &HeaderMap) -> Result<(), Refusal> {
    if api.current.token().is_none() {
        return Err(Refusal(
            StatusCode::FORBIDDEN,
            "single lines are off: the configuration has no token_file".to_owned(),
        ));
    }
    if shown(api, headers)? {
        Ok(())
    } else {
        Err(unauthorized("expected the header `Authorization: Bearer TOKEN`"))
    }
}

fn unauthorized(why: &str) -> Refusal {
    Refusal(StatusCode::UNAUTHORIZED, why.to_owned())
}
