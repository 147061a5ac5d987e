//! What is asked by those who watch the process, and by what starts and restarts it: `/healthz` and
//! `/readyz` for everybody, `/metrics` on a listener of its own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::{OpenApi, ServerBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::health::Health;
use crate::openapi::refusals::{EVERY, Refusal, refusals};

/// The text format of Prometheus.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// An answer is about one moment.
const NOW: HeaderValue = HeaderValue::from_static("no-store");

/// What everybody may ask.
pub(super) fn public<S>(health: Arc<Health>) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    both().with_state(health)
}

/// What those who watch may ask, before the data is open, too.
pub(crate) fn private(health: Arc<Health>) -> Router {
    both().merge(watched()).with_state(health).into()
}

/// What the document says of the address at which metrics are served.
pub(super) fn document_of_metrics() -> OpenApi {
    let server = ServerBuilder::new()
        .url("http://127.0.0.1:9300")
        .description(Some(
            "The address of `--metrics-listen`, where the operator has given one. `/healthz` and `/readyz` are there, too.",
        ))
        .build();
    let mut document = watched().into_openapi();
    for item in document.paths.paths.values_mut() {
        item.servers = Some(vec![server.clone()]);
    }
    document
}

fn watched() -> OpenApiRouter<Arc<Health>> {
    OpenApiRouter::new().routes(routes!(metrics))
}

fn both() -> OpenApiRouter<Arc<Health>> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
}

refusals!(HealthRefusals: EVERY);

/// Whether the process answers (`docs/spec/http-api.md#health`).
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "process",
    responses(
        (status = 200, description = "It does.", body = String, headers(("cache-control"))),
        HealthRefusals,
    ),
)]
async fn healthz() -> Response {
    ([(header::CACHE_CONTROL, NOW)], "ok\n").into_response()
}

refusals!(
    ReadyRefusals: EVERY,
    [Refusal::plain(
        503,
        "They cannot: the data is being opened, the server stops, the coordinator has failed, or the ceremony was handed over."
    )],
);

/// Whether participants can be served (`docs/spec/http-api.md#ready`).
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "process",
    responses(
        (status = 200, description = "They can.", body = String, headers(("cache-control"))),
        ReadyRefusals,
    ),
)]
async fn readyz(State(health): State<Arc<Health>>) -> Response {
    let (status, text) = match health.not_ready() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    };
    (status, [(header::CACHE_CONTROL, NOW)], text).into_response()
}

refusals!(MetricsRefusals: [Refusal::plain(500, "The page could not be made.")]);

/// What is measured, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "process",
    responses(
        (status = 200, description = "The metrics, in the text format.", body = String, headers(("cache-control"))),
        MetricsRefusals,
    ),
)]
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
