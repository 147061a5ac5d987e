//! A request that is not carried out: the code that a client sees, and a sentence for its user.
//!
//! There is this one type for it, from the rules to the answer. Only the coordinator's task answers
//! with the rules' own [`Refusal`](tauline_queue_core::Refusal), which its handle puts into words.
//! `http/refusal.rs` and `routes/sequencer/error.rs` make bytes of it.

use std::time::Duration;

use tauline_protocol::error::{Code, ErrorBody, SignedRefusal};
use tauline_protocol::status::MovedTo;
use tauline_transcript::text_limits::cut;
use tauline_transcript::{Check, DocumentError, Invalid};

/// Longest sentence, in characters: a screen's. What is wrong with a document may quote it.
const MAX_SENTENCE: usize = 1500;

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
    /// To whoever may not join: the same, signed.
    pub(crate) signed: Option<Box<SignedRefusal>>,
    /// Where the ceremony went, if it was handed over.
    pub(crate) moved_to: Option<Box<MovedTo>>,
    /// What exactly is wrong with a contribution, for whoever has other words for it.
    pub(crate) detail: Option<Detail>,
}

/// What exactly is wrong with a contribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Detail {
    /// It is no document. The turn goes on.
    Malformed(DocumentError),
    /// A check failed. The stay is over (`docs/spec/http-api.md#submission`).
    Invalid(Box<Invalid>),
}

impl Refused {
    /// A refusal with this code and text.
    #[must_use]
    pub fn new(code: Code, error: impl Into<String>) -> Self {
        Self {
            code,
            error: cut(&error.into(), MAX_SENTENCE),
            plainly: None,
            retry_after: None,
            signed: None,
            moved_to: None,
            detail: None,
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

    /// A body that is no contribution (`docs/spec/http-api.md#unreadable`).
    pub(crate) fn malformed(error: DocumentError) -> Self {
        let text = format!("{error}; your turn is not over: send it again while the time lasts");
        Self {
            detail: Some(Detail::Malformed(error)),
            ..Self::new(Code::MalformedBody, text)
        }
    }

    /// A body that is no contribution, by somebody of whom one is there already.
    pub(crate) fn malformed_again(error: DocumentError) -> Self {
        let text = format!("{error}; the contribution that you sent before is not touched by it");
        Self {
            detail: Some(Detail::Malformed(error)),
            ..Self::new(Code::MalformedBody, text)
        }
    }

    /// A contribution that failed a check.
    pub(crate) fn invalid(invalid: Box<Invalid>) -> Self {
        let code = match &invalid.check {
            Check::Count { .. } => Code::ContributionCount,
            Check::Sizes { .. } => Code::ContributionSizes,
            Check::Decoding { .. } => Code::ContributionPoint,
            Check::Subgroup { .. } => Code::ContributionSubgroup,
            Check::PubkeyIdentity => Code::ContributionPubkeyIdentity,
            Check::Generator { .. } => Code::ContributionFirstPower,
            Check::ZeroPower => Code::ContributionZeroPower,
            Check::UpdateProof => Code::ContributionUpdateProof,
            Check::G1Powers => Code::ContributionG1Powers,
            Check::G2Powers => Code::ContributionG2Powers,
            Check::NoEntropy => Code::ContributionNoEntropy,
        };
        let text = invalid.to_string();
        Self {
            detail: Some(Detail::Invalid(invalid)),
            ..Self::new(code, text)
        }
    }

    /// The sentence for people whose client is not ours.
    pub(crate) fn plain_words(&self) -> &str {
        self.plainly.as_deref().unwrap_or(&self.error)
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            signed: self.signed.clone(),
            moved_to: self.moved_to.clone(),
            ..ErrorBody::new(self.code, &*self.error)
        }
    }

    /// The ceremony is another coordinator's now (`docs/spec/public-log.md#handover`).
    pub(crate) fn handed_over(moved_to: &MovedTo) -> Self {
        let whose = &moved_to.coordinator_address;
        let text = match &moved_to.url {
            Some(url) => format!(
                "the ceremony has moved to {url}, coordinator {whose}: go on there; your place is kept, sign in again"
            ),
            None => format!(
                "the ceremony has moved to coordinator {whose}: its operator tells where that is; your place is kept"
            ),
        };
        Self {
            moved_to: Some(Box::new(moved_to.clone())),
            ..Self::new(Code::HandedOver, text)
        }
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
