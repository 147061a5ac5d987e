//! `POST /lobby/try_contribute`: the one call that these clients make while they wait.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use tauline_protocol::sequencer::Code;

use super::error::SequencerError;
use crate::coordinator::Tried;
use crate::http::admission::MaybeSignedIn;
use crate::http::app::App;
use crate::http::body::{self, json};
use crate::openapi::refusals::{EVERY, refusals};
use crate::refused::Refused;
use crate::representation::Form;
use crate::routes::base::state;
use crate::signin::session::Session;

refusals!(
    PollRefusals: EVERY,
    [
        Code::InvalidSessionId,
        Code::UnknownSessionId,
        Code::RateLimited,
        Code::LobbyIsFull,
        Code::TryContributeTask,
        Code::Storage,
    ],
);

/// Joins, checks in or starts, whichever is due (`docs/spec/sequencer.md#try-contribute`).
///
/// The answer is the state to build on, or the word to wait, with the same status. It is held for a while where the
/// turn is near. A body is read and ignored. `Bearer` is spelt so.
#[utoipa::path(
    post,
    path = "/lobby/try_contribute",
    operation_id = "sequencerTryContribute",
    tag = "sequencer",
    security(("session" = [])),
    responses(
        (
            status = 200,
            description = "The state, or `TryContributeError::AnotherContributionInProgress`.",
            body = ref("#/components/schemas/Polled"),
            content_type = "application/json",
            headers(("cache-control")),
        ),
        PollRefusals,
    ),
)]
pub(super) async fn try_contribute(
    State(app): State<Arc<App>>,
    MaybeSignedIn(session): MaybeSignedIn,
    request: Request,
) -> Result<Response, SequencerError> {
    let (parts, body) = request.into_parts();
    // Nothing in a body matters, but as long as it is not read, nobody sees its sender go away.
    let pause = app.body_timeout;
    let read = body::read(&parts.headers, body, json::limit(pause)).await;
    let session = signed_in(&parts.headers, session).map_err(|it| SequencerError::of_poll(&it))?;
    // A client that holds more answers than any needs is answered at once.
    let held = read.ok().and_then(|_| session.hold().ok());
    let hold = match held {
        Some(_) => app.lobby.hold,
        None => Duration::ZERO,
    };
    let tried = app
        .coordinator
        .try_contribute(session.identity, app.lobby.interval, hold)
        .await
        .map_err(|refused| SequencerError::of_poll(&refused))?;
    drop(held);
    match tried {
        // Not an error, though it looks like one: the status is 200.
        Tried::Wait => {
            let code = Code::AnotherContributionInProgress;
            Ok(Json(code.body(code.text(&[]))).into_response())
        }
        Tried::Base(base) => state(&base, Form::Json, &parts.headers, &parts.extensions)
            .await
            .map_err(|it| SequencerError::of_poll(&it)),
    }
}

/// The session, if the header that names it is as strict as the sequencer had it: no other case of
/// the word `Bearer` (`docs/spec/sequencer.md#bearer`).
pub(super) fn signed_in(
    headers: &HeaderMap,
    session: Result<Session, Refused>,
) -> Result<Session, Refused> {
    let named = headers
        .get(axum::http::header::AUTHORIZATION)
        .is_some_and(|value| value.as_bytes().starts_with(b"Bearer "));
    match session {
        _ if !named => Err(Refused::new(
            tauline_protocol::error::Code::SessionMissing,
            "the scheme of Authorization is to be spelt `Bearer`",
        )),
        session => session,
    }
}
