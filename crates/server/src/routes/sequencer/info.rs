//! `GET /info/status` and `/info/current_state`.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tauline_protocol::sequencer::SequencerStatus;

use crate::http::admission::Client;
use crate::http::app::App;
use crate::routes::transcript;

/// The rule: `docs/spec/sequencer.md#info-status`.
pub(super) async fn status(State(app): State<Arc<App>>) -> Json<SequencerStatus> {
    let status = app.coordinator.status();
    Json(SequencerStatus {
        lobby_size: status.queue_length,
        num_contributions: status.contributions,
        sequencer_address: status.coordinator_address,
    })
}

/// The same transcript, with the same headers, as `/ceremony/transcript`
/// (`docs/spec/sequencer.md#current-state`, `docs/spec/sequencer.md#transcript-with-headers`).
pub(super) async fn current_state(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Response {
    match transcript::respond(&app, client, &headers).await {
        Ok(answer) => answer.into_response(),
        Err(error) => {
            tracing::error!(%error, "the transcript cannot be read");
            let text = "could not open transcript file";
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}
