//! `GET /info/status` and `/info/current_state`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use tauline_protocol::sequencer::SequencerStatus;

use crate::routes::App;
use crate::routes::failure::Failure;
use crate::routes::transcript;

pub(super) async fn status(State(app): State<Arc<App>>) -> Json<SequencerStatus> {
    let status = app.coordinator.status();
    Json(SequencerStatus {
        lobby_size: status.queue_length,
        num_contributions: status.contributions,
        sequencer_address: status.coordinator_address,
    })
}

/// The same transcript, with the same headers, as `/ceremony/transcript`.
pub(super) async fn current_state(
    app: State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    transcript::download(app, headers).await
}
