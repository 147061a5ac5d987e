//! `GET /log/…`: the public log, as C2SP `tlog-tiles` has it (`docs/spec/public-log.md#tiles`).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::Code;

use crate::http::app::App;
use crate::http::rest::Rest;
use crate::openapi::refusals::{EVERY, refusals};
use crate::public_log::Served;
use crate::refused::Refused;

/// The path of the log.
pub(super) const PREFIX: &str = "/log/";

/// A checkpoint is good for as long as another is at most awaited.
const FOR_A_MOMENT: HeaderValue = HeaderValue::from_static("no-cache");
/// A tile never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

refusals!(LogRefusals: EVERY, [Code::NotFound, Code::Unavailable]);

/// A file of the public log, as C2SP `tlog-tiles` has it (`docs/spec/public-log.md#tiles`).
///
/// `checkpoint`, which is signed anew as the log grows; `tile/LEVEL/INDEX` with hashes, and `tile/entries/INDEX`
/// with what happened, which never change. Slashes stand in the path as they are. It counts against nobody's
/// rate.
#[utoipa::path(
    get,
    path = "/log/{*path}",
    operation_id = "logFile",
    tag = "log",
    params(
        ("path" = String, Path, description = "The file: `checkpoint`, `tile/0/000`, `tile/0/000.p/7`, `tile/entries/x001/234`, …", example = "checkpoint"),
    ),
    responses(
        (
            status = 200,
            description = "The checkpoint, a signed note; or the bytes of a tile.",
            content((String = "text/plain"), (ref("#/components/schemas/Bytes") = "application/octet-stream")),
            headers(("cache-control")),
        ),
        LogRefusals,
    ),
)]
pub(super) async fn serve(
    State(app): State<Arc<App>>,
    Rest(path): Rest,
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
