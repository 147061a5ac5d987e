//! What is asked by those who watch the process, and by what starts and restarts it: `/healthz` and
//! `/readyz` for everybody, `/metrics` on a listener of its own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::health::Health;
use crate::http::app::App;

/// The text format of Prometheus.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// An answer is about one moment.
const NOW: HeaderValue = HeaderValue::from_static("no-store");

/// What everybody may ask.
pub(super) fn public(health: Arc<Health>) -> Router<Arc<App>> {
    both().with_state(health)
}

/// What those who watch may ask, before the data is open, too.
pub(crate) fn private(health: Arc<Health>) -> Router {
    both().route("/metrics", get(metrics)).with_state(health)
}

fn both() -> Router<Arc<Health>> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
}

/// The process answers (`docs/spec/http-api.md#health`).
async fn healthz() -> Response {
    ([(header::CACHE_CONTROL, NOW)], "ok\n").into_response()
}

/// The rule: `docs/spec/http-api.md#ready`.
async fn readyz(State(health): State<Arc<Health>>) -> Response {
    let (status, text) = match health.not_ready() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    };
    (status, [(header::CACHE_CONTROL, NOW)], text).into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    // It asks the disk.
    match tokio::task::spawn_blocking(move || health.page()).await {
        Ok(page) => {
            let headers = [
                (header::CONTENT_TYPE, METRICS),
                (header::CACHE_CONTROL, NOW),
            ];
            (headers, page).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the page of metrics could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
