//! Who may see what is about single lines.
//!
//! Either of two things opens it: the bearer token of `token_file`, or a TLS
//! client certificate that one of `client_ca` has signed. Neither counts on a
//! connection that others on the network can read.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};

use tokio::time::Instant;

use super::guests::Guest;
use super::{Api, Refusal};

/// Whether the caller may see what is about single lines. A wrong token is
/// refused even where none is needed, so that a mistake shows at once; without
/// a configured token nobody has shown it.
pub(super) fn shown(api: &Api, guest: &Guest, headers: &HeaderMap) -> Result<bool, Refusal> {
    if guest.certified {
        return Ok(true);
    }
    let (Some(token), Some(offered)) = (api.current.token(), headers.get(AUTHORIZATION)) else {
        return Ok(false);
    };
    if !guest.private {
        return Err(Refusal(
            StatusCode::FORBIDDEN,
            "others on the network can read a token sent like this: ask over TLS (http.tls) or from the machine itself".to_owned(),
        ));
    }
    let now = Instant::now();
    api.doors.tries.ask(guest.address, now)?;
    let offered = offered.to_str().ok().and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    if offered.is_some_and(|offered| token.matches(offered)) {
        Ok(true)
    } else {
        api.doors.tries.take(guest.address, now);
        api.metrics.http_refused.with_label_values(&["token"]).inc();
        Err(unauthorized("the token is not the one in token_file"))
    }
}

/// Refuses whoever may not see single lines.
pub(super) fn required(api: &Api, guest: &Guest, headers: &HeaderMap) -> Result<(), Refusal> {
    if guest.certified {
        return Ok(());
    }
    if !api.current.holds_lines() {
        return Err(Refusal(
            StatusCode::FORBIDDEN,
            "single lines are off: the configuration has no token_file and no client_ca".to_owned(),
        ));
    }
    if shown(api, guest, headers)? {
        return Ok(());
    }
    Err(unauthorized("expected the header `Authorization: Bearer TOKEN` or a client certificate"))
}

fn unauthorized(why: &str) -> Refusal {
    Refusal(StatusCode::UNAUTHORIZED, why.to_owned())
}
