//! `GET /ceremony/transcript` (ours): the transcript as it is now, in parts where wanted.
//!
//! A download that broke off is taken up with `Range` and `If-Range` (RFC 9110, section 14.2) even
//! when contributions have come in since: the file it began with is kept for a while.

use std::io::SeekFrom;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tauline_protocol::error::Code;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::snapshot::TranscriptFile;

use super::App;
use super::failure::Failure;

/// Bytes read from the file at a time.
const PIECE: u64 = 64 * 1024;

pub(super) async fn download(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let range = text(header::RANGE);
    let if_range = text(header::IF_RANGE);
    let older = if_range
        .filter(|_| range.is_some())
        .and_then(|etag| app.transcripts.by_etag(etag));
    let file = match older {
        Some(file) => file,
        None => app
            .transcripts
            .current()
            .await
            .map_err(|error| unreadable(&error))?,
    };
    if text(header::IF_NONE_MATCH).is_some_and(|etags| lists(etags, &file.etag)) {
        return Ok((
            StatusCode::NOT_MODIFIED,
            [(header::ETAG, file.etag.clone())],
        )
            .into_response());
    }
    // A part of another file is of no use to who has the rest of this one.
    let same = if_range.is_none_or(|etag| etag == file.etag);
    match range
        .filter(|_| same)
        .map(|range| Part::parse(range, file.len))
    {
        None | Some(Asked::Whole) => whole_or_part(&file, None).await,
        Some(Asked::Part(part)) => whole_or_part(&file, Some(part)).await,
        Some(Asked::PastTheEnd) => {
            let failure = Failure::new(
                Code::RangeNotSatisfiable,
                format!(
                    "the transcript has {} bytes: ask for a part of it",
                    file.len
                ),
            );
            let range = format!("bytes */{}", file.len);
            Ok(([(header::CONTENT_RANGE, range)], failure).into_response())
        }
    }
}

async fn whole_or_part(file: &TranscriptFile, part: Option<Part>) -> Result<Response, Failure> {
    let sent = part.unwrap_or(Part {
        first: 0,
        len: file.len,
    });
    let mut reader = file.open().map_err(|error| unreadable(&error))?;
    reader
        .seek(SeekFrom::Start(sent.first))
        .await
        .map_err(|error| unreadable(&error))?;
    let mut response = pieces(reader, sent.len).into_response();
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
    set(header::ETAG, file.etag.clone());
    if let Some(Part { first, len }) = part {
        set(
            header::CONTENT_RANGE,
            format!("bytes {first}-{}/{}", first + len - 1, file.len),
        );
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

fn pieces(file: File, len: u64) -> Body {
    Body::from_stream(stream::try_unfold(file.take(len), |mut file| async move {
        let mut piece = vec![0; usize::try_from(file.limit().min(PIECE)).unwrap_or(0)];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), file)))
    }))
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    tracing::error!(%error, "the transcript cannot be read");
    Failure::new(
        Code::Internal,
        "the coordinator cannot read the transcript: try again later",
    )
}

fn lists(etags: &str, etag: &str) -> bool {
    etags
        .split(',')
        .map(str::trim)
        .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == etag)
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

    #[test]
    fn an_etag_is_found_in_its_list() {
        for (list, found) in [
            (r#""a""#, true),
            (r#""b", "a""#, true),
            (r#"W/"a""#, true),
            ("*", true),
            (r#""b""#, false),
        ] {
            assert_eq!(lists(list, r#""a""#), found, "{list}");
        }
    }
}
