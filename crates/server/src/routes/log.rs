//! `GET /log/…`: the public log, as C2SP `tlog-tiles` has it (`docs/spec/public-log.md#tiles`).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::Code;

use crate::http::app::App;
use crate::public_log::Served;
use crate::refused::Refused;

/// The path of the log.
pub(super) const PREFIX: &str = "/log/";

/// A checkpoint is good for as long as another is at most awaited.
const FOR_A_MOMENT: HeaderValue = HeaderValue::from_static("no-cache");
/// A tile never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub(super) async fn serve(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
) -> Result<Response, Refused> {
    match app.coordinator.serve_log(path.clone()).await? {
        Served::Checkpoint(text) => Ok((
            [
                (
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("text/plain; charset=utf-8"),
                ),
                (header::CACHE_CONTROL, FOR_A_MOMENT),
            ],
            text.to_string(),
        )
            .into_response()),
        Served::Tile(bytes) => Ok((
            [
                (
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/octet-stream"),
                ),
                (header::CACHE_CONTROL, FOR_EVER),
            ],
            bytes,
        )
            .into_response()),
        Served::Nothing => Err(Refused::new(
            Code::NotFound,
            format!(
                "there is nothing at {PREFIX}{path}: the log has `checkpoint`, `tile/L/N` and `tile/entries/N`, as far as the checkpoint goes"
            ),
        )),
    }
}
