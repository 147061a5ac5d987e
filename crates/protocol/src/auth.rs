//! Sign-in as clients of Ethereum's ceremony know it: the documents of `/auth/…` and their codes
//! (`docs/spec/sequencer.md#codes-of-sign-in`, `docs/spec/http-api.md#auth-codes`).
//!
//! Fields stand in the alphabet's order, since some clients were written against the exact text.

use serde::{Deserialize, Serialize};

use crate::codes::codes_with_texts;

use crate::Identity;

/// The answer of `GET /auth/request_link`: where a browser begins to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthLinks {
    /// With an Ethereum account.
    pub eth_auth_url: String,
    /// With a GitHub account.
    pub github_auth_url: String,
}

/// The answer of a callback that has nowhere to send the browser on to.
///
/// Some clients have their user copy this from the browser: it is one line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthAnswer {
    /// Who signed in, and until when.
    pub id_token: IdToken,
    /// Goes into `Authorization: Bearer`.
    pub session_id: String,
}

// A session lets its reader in: it belongs in no log.
impl std::fmt::Debug for AuthAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthAnswer")
            .field("id_token", &self.id_token)
            .finish_non_exhaustive()
    }
}

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdToken {
    /// When the session ends, in Unix seconds.
    pub exp: u64,
    /// The GitHub login, or the address in lower case.
    pub nickname: String,
    /// How they signed in.
    pub provider: AuthProvider,
    /// Who the coordinator takes the caller for.
    pub sub: Identity,
}

/// Who vouches for an identity. Spelt as clients compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthProvider {
    /// An Ethereum account's own key, or a provider that asked for it.
    Ethereum,
    /// GitHub.
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
    /// The errors of sign-in, code for code and word for word as clients know them.
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
    /// The provider, or the Ethereum node, could not be asked.
    FetchUserDataError = "AuthErrorPayload::FetchUserDataError", 500, "could not fetch user data from auth server";
    /// What the provider answered names no account.
    CouldNotExtractUserData = "AuthErrorPayload::CouldNotExtractUserData", 500, "could not extract user data from auth server";
}
