//! Every answer that is not a success, in its one shape (`docs/spec/http-api.md#error-shape`).

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::{Code, ErrorBody};
use tauline_transcript::text_limits::cut;
use tauline_transcript::{DocumentError, Invalid};

use crate::http::limits::TooMany;
use crate::refused::Refused;
use crate::submission::SubmitError;

/// An error on its way to a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    code: Code,
    error: String,
    /// See [`Refused::plainly`].
    plainly: Option<String>,
    retry_after: Option<Duration>,
    detail: Option<Detail>,
}

/// What exactly is wrong with a contribution, for other ways to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Detail {
    /// It is no document. The turn goes on.
    Malformed(DocumentError),
    /// A check failed. The stay is over (`docs/spec/http-api.md#submission`).
    Invalid(Box<Invalid>),
}

/// When to try again while the coordinator stops or starts: a restart takes a few seconds.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(5);

/// Longest error that a client is told, in characters: a screen's. Ours; what is wrong with a
/// document may quote it.
const LONGEST_ERROR: usize = 1500;

impl Failure {
    /// An error with a code of the table and a sentence that says what to do.
    #[must_use]
    pub fn new(code: Code, error: impl Into<String>) -> Self {
        let retry_after = (code == Code::Unavailable).then_some(UNAVAILABLE_RETRY);
        Self {
            code,
            error: cut(&error.into(), LONGEST_ERROR),
            plainly: None,
            retry_after,
            detail: None,
        }
    }

    /// A body that is no contribution (`docs/spec/http-api.md#unreadable`).
    #[must_use]
    pub fn malformed(error: DocumentError) -> Self {
        let text = format!("{error}; your turn is not over: send it again while the time lasts");
        Self {
            detail: Some(Detail::Malformed(error)),
            ..Self::new(Code::MalformedBody, text)
        }
    }

    /// A body that is no contribution, by somebody of whom one is there already.
    #[must_use]
    pub fn malformed_again(error: DocumentError) -> Self {
        let text = format!("{error}; the contribution that you sent before is not touched by it");
        Self {
            detail: Some(Detail::Malformed(error)),
            ..Self::new(Code::MalformedBody, text)
        }
    }

    pub(crate) fn detail(&self) -> Option<&Detail> {
        self.detail.as_ref()
    }

    /// The error's code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn error(&self) -> &str {
        &self.error
    }

    /// The header that says when to come back.
    pub(crate) fn retry_after(&self) -> Option<HeaderValue> {
        let seconds = whole_seconds(self.retry_after?).max(1);
        Some(HeaderValue::from(seconds))
    }

    /// The error in words for people whose client is not ours.
    pub(crate) fn plainly(&self) -> &str {
        self.plainly.as_deref().unwrap_or(&self.error)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let failure = Self::new(refused.code, refused.error);
        Self {
            plainly: refused.plainly,
            retry_after: refused.retry_after.or(failure.retry_after),
            ..failure
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let refused = error.refused();
        let detail = match error {
            SubmitError::Malformed(error) => return Self::malformed(error),
            SubmitError::Invalid(check) => Some(Detail::Invalid(check)),
            SubmitError::Refused(_) | SubmitError::CoordinatorFault(_) => None,
        };
        Self {
            detail,
            ..refused.into()
        }
    }
}

impl From<TooMany> for Failure {
    fn from(TooMany(wait): TooMany) -> Self {
        let seconds = whole_seconds(wait);
        Self {
            retry_after: Some(wait),
            ..Self::new(
                Code::RateLimited,
                format!(
                    "too many requests: come back in {seconds} s; your place is kept meanwhile"
                ),
            )
        }
    }
}

/// Seconds, rounded up: who comes back after them is not too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // What is refused to many at once is told by who refuses it, and seldom.
        let is_told = matches!(self.code, Code::Unavailable | Code::LoginBusy);
        if self.code.status() >= 500 && !is_told {
            tracing::warn!(code = self.code.as_str(), error = %self.error, "answered with a fault");
        }
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after();
        let mut response = (status, Json(ErrorBody::new(self.code, self.error))).into_response();
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
