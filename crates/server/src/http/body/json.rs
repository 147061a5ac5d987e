//! Small JSON bodies.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use serde::de::DeserializeOwned;
use tauline_protocol::error::Code;

use super::compression::BodyCoding;
use super::media::{media_type, unsupported};
use super::{Limit, read as read_body};
use crate::refused::Refused;

/// Longest small JSON body, in bytes: sign-in messages have a few hundred, the rest fewer.
const SMALL_BODY: usize = 16 * 1024;

/// The limit for a small body.
pub(crate) fn limit(pause: Duration) -> Limit {
    Limit {
        bytes: SMALL_BODY,
        pause,
        whole: pause,
    }
}

/// Reads a small JSON body; `None` when it is empty, or `null`.
///
/// # Errors
/// As [`super::read`]; [`Code::UnsupportedMediaType`], or [`Code::MalformedBody`] for JSON that is not of
/// the shape.
pub(crate) async fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    pause: Duration,
) -> Result<Option<T>, Refused> {
    let bytes = bytes(headers, body, pause).await?;
    if bytes.is_empty() {
        Ok(None)
    } else {
        parse(&bytes)
    }
}

/// Reads a small JSON body's bytes, decompressed.
///
/// # Errors
/// As [`super::read`]; [`Code::UnsupportedMediaType`] for a body that is not called JSON.
pub(crate) async fn bytes(
    headers: &HeaderMap,
    body: Body,
    pause: Duration,
) -> Result<Bytes, Refused> {
    let bytes = read_body(headers, body, limit(pause)).await?;
    if bytes.is_empty() {
        return Ok(bytes);
    }
    match media_type(headers).as_deref() {
        // What says nothing of itself can only be JSON here.
        None | Some("application/json") => {}
        other => return Err(unsupported(other, "application/json")),
    }
    BodyCoding::of(headers)?.decompressed(bytes, SMALL_BODY)
}

/// Reads JSON of a shape.
///
/// # Errors
/// [`Code::MalformedBody`].
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first == b'[') {
        // serde would take a list for the fields in their order.
        return Err(Refused::new(
            Code::MalformedBody,
            "the body must be an object, not a list",
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        use serde_json::error::Category;
        let problem = match error.classify() {
            Category::Eof => "the JSON breaks off".to_owned(),
            // An enum reads any other shape as an error of syntax.
            Category::Syntax | Category::Io
                if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() =>
            {
                "the JSON is not of the shape that is asked for here".to_owned()
            }
            Category::Syntax | Category::Io => {
                format!(
                    "this is not JSON, at line {} column {}",
                    error.line(),
                    error.column()
                )
            }
            Category::Data => {
                let text = error.to_string();
                text.split(" at line ")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            }
        };
        Refused::new(
            Code::MalformedBody,
            format!("the body is not readable: {problem}"),
        )
    })
}
