//! A request that is not carried out: the code that a client sees, and a sentence for its user.

use std::time::Duration;

use tauline_protocol::error::{Code, ErrorBody};

/// A request that was not carried out: an answer, not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// The code in the error's body.
    pub code: Code,
    /// A sentence that says what to do.
    pub error: String,
    /// The same for people whose client is not ours, where it has to be said in other words: such a
    /// client knows neither check-ins nor starts, and cannot join again.
    pub plainly: Option<String>,
    /// When to come back, where that is known.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// A refusal with this code and text.
    #[must_use]
    pub fn new(code: Code, error: impl Into<String>) -> Self {
        Self {
            code,
            error: error.into(),
            plainly: None,
            retry_after: None,
        }
    }

    /// The same with the time after which to come back.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

    /// The same with words for people whose client is not ours.
    #[must_use]
    pub(crate) fn plainly(self, words: impl Into<String>) -> Self {
        Self {
            plainly: Some(words.into()),
            ..self
        }
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        ErrorBody::new(self.code, &*self.error)
    }

    /// The coordinator is not there to answer.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            Code::Unavailable,
            "the coordinator is stopping or starting: try again in a few seconds; your place is kept",
        )
    }

    /// The coordinator failed to look something up.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            Code::Internal,
            "the coordinator failed to look this up: try again; your place is kept",
        )
    }
}
