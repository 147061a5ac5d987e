//! `GET /ceremony/status`: what anyone may know before joining.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tauline_protocol::status::CeremonyStatus;

use crate::http::app::App;

/// The rule: `docs/spec/http-api.md#status`.
pub(super) async fn status(State(app): State<Arc<App>>) -> Json<CeremonyStatus> {
    Json(app.coordinator.status())
}
