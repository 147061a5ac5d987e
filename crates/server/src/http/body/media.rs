//! What `Content-Type` says of a body.

use axum::http::{HeaderMap, header};
use tauline_protocol::error::Code;

use crate::http::negotiate::is_msgpack;
use crate::refused::Refused;

/// The form of a contribution's document, by `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentForm {
    /// `application/json`.
    Json,
    /// `application/msgpack`, in either encoding of points.
    Msgpack,
}

impl DocumentForm {
    /// The form that `Content-Type` names.
    ///
    /// # Errors
    /// [`Code::UnsupportedMediaType`].
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        match media_type(headers).as_deref() {
            Some("application/json") => Ok(Self::Json),
            Some(media) if is_msgpack(media) => Ok(Self::Msgpack),
            other => Err(unsupported(
                other,
                "application/json or application/msgpack",
            )),
        }
    }
}

/// The media type, in lower case and without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?;
    let text = value.to_str().unwrap_or("?");
    Some(
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

/// The refusal of a body of another type.
pub(super) fn unsupported(found: Option<&str>, taken: &str) -> Refused {
    let error = match found {
        Some(found) => format!("the Content-Type {found:?} is not taken here: send {taken}"),
        None => format!("the Content-Type is missing: send {taken}"),
    };
    Refused::new(Code::UnsupportedMediaType, error)
}
