//! Errors, as the sequencer told them (`docs/spec/sequencer.md#errors`).
//!
//! Where that one had a word for what happened, it is used to the letter. Where it had none, or one
//! that would be untrue, the nearest code is taken and the text goes on with what is true: clients
//! decide by codes, people read texts.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::{self, ErrorBody};
use tauline_protocol::sequencer::Code;
use tauline_transcript::{Check, DocumentError, Element, Invalid, PointError};

use crate::http::refusal::Fault;
use crate::refused::{Detail, Refused};

/// An error in the sequencer's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SequencerError {
    /// Exactly `code` and `error`, as JSON.
    Said {
        status: u16,
        code: &'static str,
        error: String,
    },
    /// Plain text: the sequencer's framework said these, and clients expect no JSON of them.
    Text { status: u16, text: String },
}

impl From<Code> for SequencerError {
    fn from(code: Code) -> Self {
        Self::said(code, code.text(&[]))
    }
}

impl SequencerError {
    fn said(code: Code, error: String) -> Self {
        Self::Said {
            status: code.status(),
            code: code.as_str(),
            error,
        }
    }

    /// The contract's text, and what it does not say.
    fn because(code: Code, why: &str) -> Self {
        Self::said(code, format!("{}: {why}", code.text(&[])))
    }

    fn text(status: u16, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Text { status, text }
    }

    /// A body of which its sender says that it is too long.
    pub(super) fn too_long() -> Self {
        Self::text(413, "length limit exceeded")
    }

    /// A body that turned out too long.
    pub(super) fn grew_too_long() -> Self {
        Self::text(
            413,
            "Failed to buffer the request body: length limit exceeded",
        )
    }

    /// A body that is called something else than JSON.
    pub(super) fn not_json() -> Self {
        Self::text(
            415,
            "Expected request with `Content-Type: application/json`",
        )
    }

    /// Why a poll gets nothing. `refused` is also what became of the session.
    pub(super) fn of_poll(refused: &Refused) -> Self {
        let why = refused.plain_words();
        match refused.code {
            error::Code::SessionMissing => Code::InvalidSessionId.into(),
            error::Code::SessionUnknown => Code::UnknownSessionId.into(),
            error::Code::RateLimited => Code::RateLimited.into(),
            error::Code::AlreadyContributed | error::Code::UsedUp => {
                Self::because(Code::UnknownSessionId, why)
            }
            error::Code::Draining | error::Code::Halted | error::Code::HandedOver => {
                Self::because(Code::LobbyIsFull, why)
            }
            error::Code::Internal => Self::said(Code::Storage, why.to_owned()),
            _ => Self::said(
                Code::TryContributeTask,
                Code::TryContributeTask.text(&[("cause", &why)]),
            ),
        }
    }

    /// Why a contribution gets no receipt, or a turn cannot be given up.
    pub(super) fn of_contribution(refused: &Refused) -> Self {
        let why = refused.plain_words();
        match &refused.detail {
            Some(Detail::Invalid(check)) => return Self::of_check(check),
            Some(Detail::Malformed(error)) => return Self::of_document(error),
            None => {}
        }
        match refused.code {
            error::Code::SessionMissing => Code::InvalidSessionId.into(),
            error::Code::RateLimited => Code::RateLimited.into(),
            error::Code::SessionUnknown
            | error::Code::NotQueued
            | error::Code::NotYourTurn
            | error::Code::NotStarted
            | error::Code::StayEnded
            | error::Code::UsedUp
            | error::Code::AlreadyContributed
            | error::Code::AlreadyVerifying => Code::NotUsersTurn.into(),
            // The nearest that was: the sequencer had forgotten whoever contributed.
            error::Code::EarlierOneCounted => Self::because(Code::NotUsersTurn, why),
            error::Code::BodyTooLarge => Self::grew_too_long(),
            error::Code::UnsupportedMediaType => Self::not_json(),
            code @ (error::Code::MalformedBody | error::Code::BodyTimeout) => Self::Said {
                status: 400,
                code: code.as_str(),
                error: format!("Failed to buffer the request body: {why}"),
            },
            error::Code::Internal => Self::said(Code::Storage, why.to_owned()),
            _ => Self::said(
                Code::ContributeTask,
                Code::ContributeTask.text(&[("cause", &why)]),
            ),
        }
    }

    /// A body that is no document: the turn goes on. A 400 has to be JSON, since the client in C++
    /// reads every 400 as JSON (`docs/spec/sequencer.md#unreadable`).
    fn of_document(error: &DocumentError) -> Self {
        match error {
            DocumentError::JsonShape(text) => Self::text(
                422,
                format!("Failed to deserialize the JSON body into the target type: {text}"),
            ),
            DocumentError::Json(text) => Self::Said {
                status: 400,
                code: error::Code::MalformedBody.as_str(),
                error: format!("Failed to parse the request body as JSON: {text}"),
            },
            other => Self::Said {
                status: 400,
                code: error::Code::MalformedBody.as_str(),
                error: other.to_string(),
            },
        }
    }

    /// The check that failed (`docs/spec/ceremony.md#checks`).
    fn of_check(invalid: &Invalid) -> Self {
        let i = invalid.sub_ceremony.map_or(0, |it| it.index);
        let j = invalid.index.unwrap_or_default();
        // The sequencer reported a bad public key as the power 0.
        let j_of = |element| match element {
            Element::PotPubkey => 0,
            _ => j,
        };
        let power = |element: Element, cause: &str| {
            let code = match element {
                Element::G1Power | Element::RunningProduct => Code::InvalidG1Power,
                Element::G2Power | Element::PotPubkey => Code::InvalidG2Power,
            };
            let j = j_of(element);
            (code, code.text(&[("i", &i), ("j", &j), ("cause", &cause)]))
        };
        let plain = |code: Code| (code, code.text(&[("i", &i)]));
        let (code, error) = match &invalid.check {
            Check::Count { expected, got } => {
                let code = Code::UnexpectedNumContributions;
                (code, code.text(&[("expected", expected), ("got", got)]))
            }
            Check::Sizes {
                element,
                expected,
                got,
            } => {
                let code = match element {
                    Element::G1Power | Element::RunningProduct => Code::UnexpectedNumG1Powers,
                    Element::G2Power | Element::PotPubkey => Code::UnexpectedNumG2Powers,
                };
                let values: [(&str, &dyn std::fmt::Display); 3] =
                    [("i", &i), ("expected", expected), ("got", got)];
                (code, code.text(&values))
            }
            Check::Decoding { element, error } => power(*element, cause(error)),
            Check::Subgroup { element } => power(*element, cause(&PointError::NotInSubgroup)),
            Check::PubkeyIdentity => plain(Code::ZeroPubkey),
            Check::Generator {
                element: Element::G1Power,
            } => plain(Code::InvalidG1FirstValue),
            Check::Generator { .. } => plain(Code::InvalidG2FirstValue),
            Check::ZeroPower => plain(Code::ZeroG1),
            Check::UpdateProof => plain(Code::PubKeyPairingFailed),
            Check::G1Powers => plain(Code::G1PairingFailed),
            Check::G2Powers => plain(Code::G2PairingFailed),
            Check::NoEntropy => plain(Code::ContributionNoEntropy),
        };
        Self::said(code, error)
    }
}

/// What is wrong with a point, in the sequencer's words. Its decoder never saw bytes of a wrong
/// length, and neither does this: JSON in which hex is wrong is not of the document's shape
/// (`docs/spec/sequencer.md#point-texts`).
fn cause(error: &PointError) -> &'static str {
    match error {
        PointError::NotCompressed => "Point is not compressed",
        PointError::Infinity => "Point at infinity must have zero x coordinate",
        PointError::NotCanonical { coordinate } if coordinate.ends_with("c1") => {
            "Error in extension field component 1: Number is too large for the prime field"
        }
        PointError::NotCanonical { .. } => {
            "Error in extension field component 0: Number is too large for the prime field"
        }
        PointError::NotOnCurve => "not a valid x coordinate",
        PointError::NotInSubgroup => "curve point is not in prime order subgroup",
        _ => "Error while uncompressing point",
    }
}

impl IntoResponse for SequencerError {
    fn into_response(self) -> Response {
        let (status, response) = match self {
            Self::Said {
                status,
                code,
                error,
            } => {
                let fault = (status >= 500).then(|| Fault {
                    code,
                    error: error.clone(),
                });
                let code = code.to_owned();
                let mut response = Json(ErrorBody::with_code(code, error)).into_response();
                if let Some(fault) = fault {
                    response.extensions_mut().insert(fault);
                }
                (status, response)
            }
            Self::Text { status, text } => (status, text.into_response()),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, response).into_response()
    }
}

impl From<Refused> for SequencerError {
    fn from(refused: Refused) -> Self {
        Self::of_contribution(&refused)
    }
}

/// Far more requests than any client sends. Never 429, which none of them knows.
pub(in crate::routes) fn rate_limited() -> Response {
    SequencerError::from(Code::RateLimited).into_response()
}
