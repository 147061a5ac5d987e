//! Signing in for clients of the Ethereum ceremony: the documents of `/auth/…` and their error
//! codes (`docs/spec/sequencer.md#codes-of-sign-in`, `docs/spec/http-api.md#auth-codes`).
//!
//! Fields are in alphabetical order, since some clients depend on the exact text.

use serde::{Deserialize, Serialize};

use crate::codes::codes_with_texts;

use crate::Identity;

/// The answer of `GET /auth/request_link`: the links at which a browser begins to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(crate::schemas::auth_links)))]
pub struct AuthLinks {
    /// The link to sign in with an Ethereum account.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub eth_auth_url: String,
    /// The link to sign in with a GitHub account.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub github_auth_url: String,
}

/// The answer of a callback if there is no address to redirect the browser to.
///
/// It is one line, since some clients have the user copy it from the browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(crate::schemas::auth_answer)))]
pub struct AuthAnswer {
    /// Who signed in, and until when.
    pub id_token: IdToken,
    /// The session's token, for `Authorization: Bearer`.
    pub session_id: String,
}

// The token must not get into a log: whoever reads it could use the session.
impl std::fmt::Debug for AuthAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthAnswer")
            .field("id_token", &self.id_token)
            .finish_non_exhaustive()
    }
}

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdToken {
    /// When the session ends, in Unix seconds.
    pub exp: u64,
    /// The GitHub login, or the address in lower case.
    pub nickname: String,
    /// The provider with which they signed in.
    pub provider: AuthProvider,
    /// The identity that has signed in.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Identity))]
    pub sub: Identity,
}

/// What an identity was proven with. It is spelt as clients compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AuthProvider {
    /// An Ethereum account's key, which signed a message here or at a provider.
    Ethereum,
    /// An account at GitHub.
    Github,
}

impl AuthProvider {
    /// The word as it stands in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ethereum => "Ethereum",
            Self::Github => "Github",
        }
    }
}

codes_with_texts! {
    /// The errors of signing in, with the exact codes and texts that clients know.
    AuthCode

    /// The text that goes with the code.
    fn error

    /// As many people are signed in as the operator allows.
    LobbyIsFull = "AuthErrorPayload::LobbyIsFull", 503, "lobby is full";
    /// The identity has contributed, or was used up otherwise.
    UserAlreadyContributed = "AuthErrorPayload::UserAlreadyContributed", 400, "user already contributed";
    /// The provider does not take the authorization code.
    InvalidAuthCode = "AuthErrorPayload::InvalidAuthCode", 400, "invalid authorization code";
    /// The account is too young, or has sent too few transactions.
    UserCreatedAfterDeadline = "AuthErrorPayload::UserCreatedAfterDeadline", 401, "user created after deadline";
    /// The provider or the Ethereum node could not be asked.
    FetchUserDataError = "AuthErrorPayload::FetchUserDataError", 500, "could not fetch user data from auth server";
    /// The provider's answer names no account.
    CouldNotExtractUserData = "AuthErrorPayload::CouldNotExtractUserData", 500, "could not extract user data from auth server";
}
