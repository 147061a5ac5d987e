//! How a sign-in in a browser ends: JSON, or an address with the outcome in its query.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tauline_protocol::auth::{AuthAnswer, AuthCode};
use tauline_protocol::error::{Code, ErrorBody};
use url::Url;

use crate::refused::Refused;
use crate::signin::redirect::Redirects;
use crate::signin::state::StateError;
use crate::signin::web;

/// What is said of a state that is not the sign-in's.
pub(super) const STATE: [Code; 1] = [Code::LoginInvalidState];

/// What is said of a state that cannot be read.
pub(super) const STATE_UNREADABLE: &str =
    "The `state` is no base64, or not the JSON that it should be.";

/// What went wrong, in the words of Ethereum's ceremony where it had some.
#[derive(Debug)]
pub(super) enum Problem {
    /// A code of theirs, with their text or a better one.
    Known(AuthCode, Option<String>),
    /// A refusal with a code of ours.
    Ours(Refused),
    /// The two that have a `message` and no code.
    State(&'static str),
}

/// The body of the two errors without a code.
#[derive(Serialize)]
struct Message {
    message: &'static str,
}

impl Problem {
    /// The same with our own words, for our own page: it is a person who reads them, and may take
    /// another account.
    pub(super) fn explained(refused: Refused) -> Self {
        let text = refused.error.clone();
        match Self::from(refused) {
            Self::Known(code, _) => Self::Known(code, Some(text)),
            other => other,
        }
    }

    /// The status of a code of theirs.
    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Known(code, _) => StatusCode::from_u16(code.status()).ok(),
            Self::Ours(_) | Self::State(_) => None,
        }
    }

    /// Code and text, as they stand in a body or behind a redirect.
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Known(code, text) => (
                code.as_str(),
                text.as_deref().unwrap_or_else(|| code.error()),
            ),
            Self::Ours(refused) => (refused.code.as_str(), &refused.error),
            Self::State(message) => (Code::LoginInvalidState.as_str(), message),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let known = match refused.code {
            Code::LoginInvalidCode => AuthCode::InvalidAuthCode,
            Code::LoginNotEligible => AuthCode::UserCreatedAfterDeadline,
            Code::LoginProviderUnreachable => AuthCode::FetchUserDataError,
            Code::LoginProviderMisbehaved => AuthCode::CouldNotExtractUserData,
            Code::AlreadyContributed => AuthCode::UserAlreadyContributed,
            // Nobody is told that they contributed who did not.
            Code::UsedUp => {
                return Self::Known(AuthCode::UserAlreadyContributed, Some(refused.error));
            }
            Code::SessionsFull => AuthCode::LobbyIsFull,
            _ => return Self::Ours(refused),
        };
        Self::Known(known, None)
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Encoding => Self::State("invalid base64 data in state parameter"),
            StateError::Content => Self::State("invalid json in state parameter"),
            StateError::Foreign => web::foreign_state().into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match &self {
            Self::Known(..) => {
                let (code, error) = self.words();
                let body = ErrorBody::with_code(code, error);
                let status = self.status().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, Json(body)).into_response()
            }
            Self::State(message) => {
                (StatusCode::BAD_REQUEST, Json(Message { message })).into_response()
            }
            Self::Ours(refused) => refused.clone().into_response(),
        }
    }
}

/// Sends a browser on, without telling the next site where it comes from: the address before may
/// have held a code.
pub(super) fn sent_on(url: &Url) -> Response {
    // The URL standard leaves only ASCII in a serialised URL.
    let location = HeaderValue::try_from(url.as_str());
    sent_to(location.unwrap_or(HeaderValue::from_static("/")))
}

fn sent_to(location: HeaderValue) -> Response {
    const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
    let headers = [
        (header::LOCATION, location),
        (header::REFERRER_POLICY, NO_REFERRER),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Sends a browser on with its session (`docs/spec/http-api.md#session-answer`).
pub(super) fn signed_in(redirects: &Redirects, redirect: &str, answer: &AuthAnswer) -> Response {
    let token = &answer.id_token;
    let with = redirects.with(
        redirect,
        &[
            ("session_id", &answer.session_id),
            ("sub", token.sub.as_str()),
            ("nickname", &token.nickname),
            ("provider", token.provider.as_str()),
            ("exp", &token.exp.to_string()),
        ],
    );
    with.map_or_else(|| Json(answer).into_response(), |url| sent_on(&url))
}

/// Sends a browser on with the reason why it has none.
///
/// A program has its own words for the codes of Ethereum's ceremony. On our own page it is a person who
/// reads ours.
pub(super) fn refused(redirects: &Redirects, redirect: &str, refused: Refused) -> Response {
    match refusal(redirects, redirect, refused) {
        Some(url) => sent_on(&url),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Where a browser is sent that gets no session. None for an address that is none: it was read before
/// it went into a state.
pub(super) fn refusal(redirects: &Redirects, redirect: &str, refused: Refused) -> Option<Url> {
    let is_own_page = redirects.is_own_page(&Url::parse(redirect).ok()?);
    let problem = match is_own_page {
        true => Problem::explained(refused),
        false => Problem::from(refused),
    };
    let (code, error) = problem.words();
    redirects.with(redirect, &[("code", code), ("error", error)])
}

/// A person's refusal on our own page for wallets, and where to go to tell the program that waits.
pub(super) fn explained(refused: Refused, location: Option<Url>) -> Response {
    #[derive(Serialize)]
    struct Explained<'a> {
        code: &'a str,
        error: &'a str,
        location: &'a str,
    }
    let problem = Problem::explained(refused);
    let (Some(location), Some(status)) = (location, problem.status()) else {
        return problem.into_response();
    };
    let (code, error) = problem.words();
    let body = Explained {
        code,
        error,
        location: location.as_str(),
    };
    (status, Json(body)).into_response()
}

/// Sends a browser to our own page for wallets.
pub(super) fn wallet_page(state: &str) -> Response {
    // A state is base64 for addresses: there is nothing to encode. By its path alone, the page is that
    // of the name by which the browser knows this host.
    let location = HeaderValue::try_from(format!("/sign-in#state={state}"));
    sent_to(location.unwrap_or(HeaderValue::from_static("/sign-in")))
}
