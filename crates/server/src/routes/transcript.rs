//! `GET /ceremony/transcript` (ours): the transcript as it is now, compressed or in parts.
//!
//! A download that broke off is taken up with `Range` and `If-Range` (RFC 9110, section 14.2) even
//! when contributions have come in since: what it began with is kept for a while. Parts are parts of
//! the plain document: whoever asks for one gets it uncompressed.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::Code;
use tauline_store::StoreError;

use crate::http::admission::Client;
use crate::http::app::App;
use crate::http::etag::is_known;
use crate::http::limits::Download;
use crate::http::negotiate;
use crate::measures::Limit;
use crate::openapi::refusals::{COUNTED, EVERY, refusals};
use crate::refused::Refused;
use crate::representation::{Coding, Form};
use crate::snapshot::Document;

refusals!(TranscriptRefusals: EVERY, COUNTED, [Code::RangeNotSatisfiable]);

/// The transcript as it is now (`docs/spec/http-api.md#transcript`).
///
/// Compressed as `Accept-Encoding` asks, or a part of the plain document. An interrupted download goes on with
/// `Range` and `If-Range` even when contributions came in between: what it began with is kept for a while.
#[utoipa::path(
    get,
    path = "/ceremony/transcript",
    operation_id = "ceremonyTranscript",
    tag = "ceremony",
    params(
        ("range" = Option<String>, Header, description = "One part, `bytes=FIRST-LAST`, as RFC 9110 has it. Whatever else stands here is passed over.", example = "bytes=0-1023"),
        ("if-range" = Option<String>, Header, description = "The `etag` of the document that the part is to be of. Of another, all is sent."),
        ("if-none-match" = Option<String>, Header, description = "The `etag` of what the client has."),
    ),
    responses(
        (
            status = 200,
            description = "The whole document.",
            body = ref("#/components/schemas/Transcript"),
            content_type = "application/json",
            headers(("etag"), ("cache-control"), ("vary"), ("content-encoding"), ("content-length"), ("accept-ranges")),
        ),
        (
            status = 206,
            description = "The part that was asked for, of the plain document.",
            body = ref("#/components/schemas/Bytes"),
            content_type = "application/json",
            headers(("etag"), ("cache-control"), ("content-length"), ("content-range"), ("accept-ranges")),
        ),
        (status = 304, description = "The client has it.", headers(("etag"))),
        TranscriptRefusals,
    ),
)]
pub(super) async fn download(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    respond(&app, client, &headers)
        .await
        .unwrap_or_else(|error| Err(unreadable(&error)))
}

/// The answer to a request with these headers, or what went wrong in reading.
pub(super) async fn respond(
    app: &App,
    client: Client,
    headers: &HeaderMap,
) -> Result<Result<Response, Refused>, StoreError> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let range = text(header::RANGE);
    let if_range = text(header::IF_RANGE);
    let older = match if_range.filter(|_| range.is_some()) {
        Some(etag) => app.transcripts.by_etag(etag).await?,
        None => None,
    };
    let transcript = match older {
        Some(transcript) => transcript,
        None => {
            let contributions = app.coordinator.status().contributions;
            app.transcripts.current(contributions).await?
        }
    };
    let coding = match range {
        Some(_) => Coding::Identity,
        None => negotiate::coding(headers, Form::Json),
    };
    let etag = transcript.etag(coding);
    if is_known(headers, &etag) {
        let unchanged = (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]);
        return Ok(Ok(unchanged.into_response()));
    }
    let document = app.transcripts.document(&transcript, coding).await?;
    // A part of another document is of no use to a client that has the rest of this one.
    let same = if_range.is_none_or(|wanted| wanted == etag);
    let part = match range
        .filter(|_| same)
        .map(|range| Part::parse(range, document.len()))
    {
        None | Some(Asked::Whole) => None,
        Some(Asked::Part(part)) => Some(part),
        Some(Asked::PastTheEnd) => {
            let len = document.len();
            let refused = Refused::new(
                Code::RangeNotSatisfiable,
                format!("the transcript has {len} bytes: ask for a part of it"),
            );
            let range = format!("bytes */{len}");
            return Ok(Ok(
                ([(header::CONTENT_RANGE, range)], refused).into_response()
            ));
        }
    };
    let download = match app.limits.download(client.address, client.place) {
        Ok(download) => download,
        Err(early) => {
            app.measures.limited(Limit::Download);
            return Ok(Err(early.into()));
        }
    };
    Ok(Ok(whole_or_part(&document, coding, etag, part, download)))
}

fn whole_or_part(
    document: &Document,
    coding: Coding,
    etag: String,
    part: Option<Part>,
    download: Download,
) -> Response {
    let sent = part.unwrap_or(Part {
        first: 0,
        len: document.len(),
    });
    let body = Body::from_stream(document.pieces(sent.first, sent.len, move || download.piece()));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let mut set = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, "application/json".to_owned());
    set(header::CONTENT_LENGTH, sent.len.to_string());
    set(header::ACCEPT_RANGES, "bytes".to_owned());
    set(header::CACHE_CONTROL, "no-cache".to_owned());
    set(header::VARY, "accept-encoding".to_owned());
    set(header::ETAG, etag);
    if let Some(name) = coding.name() {
        set(header::CONTENT_ENCODING, name.to_owned());
    }
    if let Some(Part { first, len }) = part {
        let whole = document.len();
        let range = format!("bytes {first}-{}/{whole}", first + len - 1);
        set(header::CONTENT_RANGE, range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

fn unreadable(error: &dyn std::fmt::Display) -> Refused {
    tracing::error!(%error, "the transcript cannot be read");
    Refused::new(
        Code::Internal,
        "the coordinator cannot read the transcript: try again later",
    )
}

/// A part of a file that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    first: u64,
    len: u64,
}

/// What `Range` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The whole file: what is not understood is passed over, and several parts at once too.
    Whole,
    Part(Part),
    PastTheEnd,
}

impl Part {
    fn parse(range: &str, len: u64) -> Asked {
        let Some((first, last)) = range
            .trim()
            .strip_prefix("bytes=")
            .and_then(|set| set.split_once('-'))
        else {
            return Asked::Whole;
        };
        let number = |text: &str| {
            if text.bytes().all(|byte| byte.is_ascii_digit()) {
                text.parse::<u64>().ok()
            } else {
                None
            }
        };
        let (first, end) = match (first.trim(), last.trim()) {
            ("", last) => match number(last) {
                Some(count) => (len.saturating_sub(count), len),
                None => return Asked::Whole,
            },
            (first, "") => match number(first) {
                Some(first) => (first, len),
                None => return Asked::Whole,
            },
            (first, last) => match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => {
                    (first, last.saturating_add(1).min(len))
                }
                _ => return Asked::Whole,
            },
        };
        if first < end {
            Asked::Part(Self {
                first,
                len: end - first,
            })
        } else {
            Asked::PastTheEnd
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_has_them() {
        let part = |first, len| Asked::Part(Part { first, len });
        for (range, asked) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=10-19", part(10, 10)),
            ("bytes=90-", part(90, 10)),
            ("bytes=90-1000", part(90, 10)),
            ("bytes=-10", part(90, 10)),
            ("bytes=-1000", part(0, 100)),
            ("bytes=100-", Asked::PastTheEnd),
            ("bytes=100-200", Asked::PastTheEnd),
            ("bytes=-0", Asked::PastTheEnd),
            ("bytes=5-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            (
                "bytes=18446744073709551615-18446744073709551615",
                Asked::PastTheEnd,
            ),
            ("bytes=0-18446744073709551616", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(Part::parse(range, 100), asked, "{range}");
        }
    }
}
