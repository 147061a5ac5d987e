//! What replicas that follow ask the leader about the uploads that they verify (see [`crate::vetting`]). It is no part
//! of the public interface, and asked at the internal listener alone.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};

use crate::http::admission::session_of;
use crate::http::app::App;
use crate::vetting::{Verdict, Wanted};

/// Whether an upload is wanted. The headers have its sender's session.
pub(crate) const WANTED_PATH: &str = "/.replica/wanted";

/// What came of verifying one.
pub(crate) const VERDICT_PATH: &str = "/.replica/verdict";

/// What answers replicas.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route(WANTED_PATH, post(wanted))
        .route(VERDICT_PATH, post(verdict))
        .with_state(app)
}

/// Whether that answers at a path.
pub(crate) fn is_among_replicas(path: &str) -> bool {
    matches!(path, WANTED_PATH | VERDICT_PATH)
}

/// Nothing is counted here: the upload itself follows, and is.
async fn wanted(State(app): State<Arc<App>>, headers: HeaderMap) -> Json<Option<Wanted>> {
    Json(match session_of(&app, &headers).await {
        Ok(session) => app.uploads.wanted(session.identity).await,
        Err(_) => None,
    })
}

async fn verdict(State(app): State<Arc<App>>, Json(verdict): Json<Verdict>) -> StatusCode {
    app.uploads.vetted(verdict);
    StatusCode::NO_CONTENT
}
