//! `GET /info/status` and `/info/current_state`.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tauline_protocol::error::Code;
use tauline_protocol::sequencer::{self, SequencerStatus};

use super::error::rate_limited;
use crate::http::admission::Client;
use crate::http::app::App;
use crate::openapi::refusals::{EVERY, Refusal, refusals};
use crate::routes::transcript;

refusals!(StatusRefusals: EVERY);

/// How long the line is, and how many have contributed (`docs/spec/sequencer.md#info-status`).
///
/// Never refused for its rate.
#[utoipa::path(
    get,
    path = "/info/status",
    operation_id = "sequencerStatus",
    tag = "sequencer",
    responses(
        (status = 200, description = "The status.", body = SequencerStatus, headers(("cache-control"))),
        StatusRefusals,
    ),
)]
pub(super) async fn status(State(app): State<Arc<App>>) -> Json<SequencerStatus> {
    let status = app.coordinator.status();
    Json(SequencerStatus {
        lobby_size: status.queue_length,
        num_contributions: status.contributions,
        sequencer_address: status.coordinator_address,
    })
}

refusals!(
    CurrentStateRefusals: EVERY,
    [Code::RangeNotSatisfiable],
    [sequencer::Code::RateLimited],
    [Refusal::plain(500, "The transcript cannot be read.")],
);

/// The transcript, as `/ceremony/transcript` has it (`docs/spec/sequencer.md#current-state`,
/// `docs/spec/sequencer.md#transcript-with-headers`).
///
/// `TryContributeError::RateLimited` is also said where too many downloads run at once.
#[utoipa::path(
    get,
    path = "/info/current_state",
    operation_id = "sequencerCurrentState",
    tag = "sequencer",
    params(
        ("range" = Option<String>, Header, description = "One part, `bytes=FIRST-LAST`, as RFC 9110 has it.", example = "bytes=0-1023"),
        ("if-range" = Option<String>, Header, description = "The `etag` of the document that the part is to be of."),
        ("if-none-match" = Option<String>, Header, description = "The `etag` of what the client has."),
    ),
    responses(
        (
            status = 200,
            description = "The whole document.",
            body = ref("#/components/schemas/Transcript"),
            content_type = "application/json",
            headers(("etag"), ("cache-control"), ("vary"), ("content-encoding"), ("content-length"), ("accept-ranges")),
        ),
        (
            status = 206,
            description = "The part that was asked for.",
            body = ref("#/components/schemas/Bytes"),
            content_type = "application/json",
            headers(("etag"), ("cache-control"), ("content-length"), ("content-range"), ("accept-ranges")),
        ),
        (status = 304, description = "The client has it.", headers(("etag"))),
        CurrentStateRefusals,
    ),
)]
pub(super) async fn current_state(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Response {
    match transcript::respond(&app, client, &headers).await {
        // As many downloads run as may; and none of these clients knows 429.
        Ok(Err(refused)) if refused.code == Code::RateLimited => rate_limited(),
        Ok(answer) => answer.into_response(),
        Err(error) => {
            tracing::error!(%error, "the transcript cannot be read");
            let text = "could not open transcript file";
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}
