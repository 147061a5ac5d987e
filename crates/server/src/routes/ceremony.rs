//! `GET /ceremony/status` and `/ceremony/events`: what anyone may know before joining, now or live.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::events::BUFFERING;
use crate::http::app::App;

/// The rule: `docs/spec/http-api.md#status`.
pub(super) async fn status(State(app): State<Arc<App>>) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], app.live.json()).into_response()
}

/// The rule: `docs/spec/http-api.md#ceremony-events`. Everybody gets the same bytes, so there is no event
/// to put together here.
pub(super) async fn events(State(app): State<Arc<App>>) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (BUFFERING, HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(app.live.watch())).into_response()
}
