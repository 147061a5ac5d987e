//! The API of the Ethereum ceremony's sequencer, for the clients that were written for it
//! (`docs/spec/sequencer.md#routes`; which client needs what is in `docs/clients.md`).
//!
//! It is another door to the same line. A poll is [`Coordinator::try_contribute`], an upload is that of
//! `contribution/complete`, sessions and identities are the same. What is different is how things
//! are said: [`error`] has the codes and texts, and a body never has a field more than theirs.
//!
//! [`Coordinator::try_contribute`]: crate::coordinator::Coordinator::try_contribute

mod contribute;
mod error;
mod info;
mod lobby;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::admission::{Policy, Rate};
use crate::http::app::App;
use crate::refused::Refused;

pub(super) use contribute::abort;

/// The routes of this API (`docs/spec/sequencer.md#routes`).
const ROUTES: [&str; 8] = [
    "/auth/request_link",
    "/auth/callback/github",
    "/auth/callback/eth",
    "/lobby/try_contribute",
    "/contribute",
    "/contribute/abort",
    "/info/status",
    "/info/current_state",
];

/// First parts of paths under which there is nothing else than this API.
const FOLDERS: [&str; 4] = ["auth", "lobby", "contribute", "info"];

/// The part of them that is here; `/auth/…` is with the other ways to sign in.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(lobby::try_contribute))
        .routes(routes!(contribute::contribute))
        .routes(routes!(contribute::abort_turn))
        .routes(routes!(info::status))
        .routes(routes!(info::current_state))
}

/// Whether a path is of this API, whose clients know nothing of 429.
pub(super) fn is_of(path: &str) -> bool {
    ROUTES.contains(&path.strip_suffix('/').unwrap_or(path))
}

/// How requests to this API are counted. Some clients ask for the status before each poll, every few seconds, and
/// end when it is refused; and none knows 429.
pub(super) const POLICY: Policy = Policy {
    covers: is_of,
    rate: |_, request| match request.uri().path() {
        "/info/status" => Rate::Free,
        _ => Rate::Lobby,
    },
    too_many: |_, _, _| error::rate_limited(),
};

/// What is said at a path of this API where nothing could be done about the request.
pub(super) fn refusal(path: &str, refused: &Refused) -> Response {
    match path.starts_with("/contribute") {
        true => error::SequencerError::of_contribution(refused).into_response(),
        false => error::SequencerError::of_poll(refused).into_response(),
    }
}

/// What is said where this API has nothing: to a path with a slash too many, where to go; to
/// others, what the sequencer said. `None` for paths that are none of its
/// (`docs/spec/sequencer.md#trailing-slash`).
pub(super) fn nothing_here(uri: &Uri) -> Option<Response> {
    let path = uri.path();
    let folder = path.split('/').nth(1)?;
    if !FOLDERS.contains(&folder) {
        return None;
    }
    let Some(route) = path
        .strip_suffix('/')
        .filter(|route| ROUTES.contains(route))
    else {
        return Some((StatusCode::NOT_FOUND, Html("<h1>Error 404</h1>")).into_response());
    };
    let location = match uri.query() {
        Some(query) => format!("{route}?{query}"),
        None => route.to_owned(),
    };
    // A query is visible ASCII, or the request would not have been one.
    let location = HeaderValue::from_str(&location).ok()?;
    Some(
        (
            StatusCode::PERMANENT_REDIRECT,
            [(header::LOCATION, location)],
        )
            .into_response(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(uri: &str) -> Option<(u16, String)> {
        let response = nothing_here(&uri.parse().unwrap())?;
        let location = response.headers().get("location");
        let location = location.map_or("", |value| value.to_str().unwrap());
        Some((response.status().as_u16(), location.to_owned()))
    }

    #[test]
    fn a_slash_too_many_is_redirected_with_the_query() {
        for (uri, location) in [
            ("/contribute/", "/contribute"),
            ("/lobby/try_contribute/", "/lobby/try_contribute"),
            (
                "/auth/request_link/?redirect_to=http%3A%2F%2F127.0.0.1%2F",
                "/auth/request_link?redirect_to=http%3A%2F%2F127.0.0.1%2F",
            ),
        ] {
            assert_eq!(answer(uri), Some((308, location.to_owned())), "{uri}");
        }
    }

    #[test]
    fn nothing_is_redirected_to_elsewhere() {
        for uri in [
            "/contribute//",
            "/lobby//example.org/",
            "/info/",
            "/lobby/nothing",
        ] {
            assert_eq!(answer(uri), Some((404, String::new())), "{uri}");
        }
        for uri in ["//example.org/", "/", "/queue/join/", "/informer"] {
            assert_eq!(answer(uri), None, "{uri}");
        }
    }
}
