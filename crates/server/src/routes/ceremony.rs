//! `GET /ceremony/status` and `/ceremony/events`: what anyone may know before joining, now or live.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use tauline_protocol::status::CeremonyStatus;

use super::events::BUFFERING;
use crate::http::app::App;
use crate::openapi::refusals::{EVERY, refusals};

refusals!(StatusRefusals: EVERY);

/// How the ceremony stands (`docs/spec/http-api.md#status`).
///
/// Mode, length of the line, contributions, the turn that runs, how long somebody who joins now will wait, sizes,
/// the head of the log, and the latest turns. It counts against nobody's rate.
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
pub(super) async fn status(State(app): State<Arc<App>>) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], app.live.json()).into_response()
}

refusals!(EventsRefusals: EVERY);

/// How the ceremony stands, as it changes (`docs/spec/http-api.md#ceremony-events`).
///
/// A stream of server-sent events. The data of an event `status` is the status; the first has the latest turns in
/// `recent`, each later one those that are new. An event `beat` says nothing but that the stream lives. It counts
/// against nobody's rate; the connection counts.
#[utoipa::path(
    get,
    path = "/ceremony/events",
    operation_id = "ceremonyEvents",
    tag = "ceremony",
    responses(
        (
            status = 200,
            description = "The stream.",
            body = ref("#/components/schemas/StatusEvents"),
            content_type = "text/event-stream",
            headers(("cache-control"), ("x-accel-buffering")),
        ),
        EventsRefusals,
    ),
)]
pub(super) async fn events(State(app): State<Arc<App>>) -> Response {
    // Everybody gets the same bytes, so there is no event to put together here.
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (BUFFERING, HeaderValue::from_static("no")),
    ];
    let watcher = app.measures.watchers.one();
    let told = app.live.watch().inspect(move |_| {
        // It counts for as long as the stream lives.
        let _ = &watcher;
    });
    (headers, Body::from_stream(told)).into_response()
}
