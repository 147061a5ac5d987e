//! A refusal as an answer over HTTP, in its one shape (`docs/spec/http-api.md#error-shape`).

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::Code;

use super::limits::TooMany;
use crate::refused::Refused;

/// When to try again while the coordinator stops or starts: a restart takes a few seconds.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(5);

impl From<TooMany> for Refused {
    fn from(TooMany(wait): TooMany) -> Self {
        let seconds = whole_seconds(wait);
        let error =
            format!("too many requests: come back in {seconds} s; your place is kept meanwhile");
        Self::new(Code::RateLimited, error).retry_after(wait)
    }
}

/// The header that says when to come back.
pub(crate) fn retry_after(refused: &Refused) -> Option<HeaderValue> {
    let unavailable = (refused.code == Code::Unavailable).then_some(UNAVAILABLE_RETRY);
    let wait = refused.retry_after.or(unavailable)?;
    Some(HeaderValue::from(whole_seconds(wait).max(1)))
}

/// Seconds, rounded up: who comes back after them is not too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Goes with an answer that is a fault, for who tells the log of it.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) error: String,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        // What is refused to many at once is told by who refuses it, and seldom.
        let is_told = matches!(self.code, Code::Unavailable | Code::LoginBusy);
        let fault = (self.code.status() >= 500 && !is_told).then(|| Fault {
            code: self.code.as_str(),
            error: self.error.clone(),
        });
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = retry_after(&self);
        let mut response = (status, Json(self.body())).into_response();
        if let Some(fault) = fault {
            response.extensions_mut().insert(fault);
        }
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = retry_after {
            headers.insert(header::RETRY_AFTER, wait);
        }
        response
    }
}
