//! `GET /ceremony/status`: what anyone may know before joining.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tauline_protocol::status::CeremonyStatus;

use crate::http::app::App;
use crate::openapi::refusals::{EVERY, refusals};

refusals!(StatusRefusals: EVERY);

/// How the ceremony stands (`docs/spec/http-api.md#status`).
///
/// Mode, length of the line, contributions, the turn that runs, how long somebody who joins now will wait, sizes,
/// and the head of the log. It counts against nobody's rate.
#[utoipa::path(
    get,
    path = "/ceremony/status",
    operation_id = "ceremonyStatus",
    tag = "ceremony",
    responses(
        (status = 200, description = "The status, as of now.", body = CeremonyStatus, headers(("cache-control"))),
        StatusRefusals,
    ),
)]
pub(super) async fn status(State(app): State<Arc<App>>) -> Json<CeremonyStatus> {
    Json(app.coordinator.status())
}
