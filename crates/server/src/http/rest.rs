//! The rest of a path, after what its route names.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use tauline_protocol::error::Code;

use crate::refused::Refused;

/// The rest of a path, decoded. Where that is no text, there is nothing.
pub(crate) struct Rest(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Rest {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let rest = Path::<String>::from_request_parts(parts, state).await;
        rest.map(|Path(rest)| Self(rest)).map_err(|_| {
            let error = format!("there is nothing at {}", parts.uri.path());
            Refused::new(Code::NotFound, error)
        })
    }
}
