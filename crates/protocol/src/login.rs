//! Sign-in requests and answers (`docs/spec/http-api.md#siwe`, `docs/spec/http-api.md#invite`).

use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::object::object;

/// The answer of `GET /login/nonce`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(crate::schemas::nonce)))]
#[serde(rename_all = "camelCase")]
pub struct NonceAnswer {
    /// The nonce, which is alphanumeric and good for one EIP-4361 message.
    pub nonce: String,
    /// The domain that the message must name.
    pub domain: String,
    /// The URI that the message must name.
    pub uri: String,
    /// The chain that the message must name.
    pub chain_id: u64,
    /// When the nonce expires, in Unix seconds.
    pub expires_at: u64,
    /// The same as milliseconds from now.
    pub expires_in_ms: u64,
}

/// The body of `POST /login`: one proof of an identity.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(examples(
        crate::schemas::login_siwe,
        crate::schemas::login_github,
        crate::schemas::login_invite
    ))
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum LoginRequest {
    /// An EIP-4361 message and its EIP-191 signature.
    #[serde(deserialize_with = "object")]
    Siwe(SiweProof),
    /// The parameters with which GitHub redirected the browser.
    #[serde(deserialize_with = "object")]
    Github(OAuthCallback),
    /// A code that the operator gave out.
    Invite(String),
}

// Codes and signatures must not get into a log: whoever reads them could sign in.
impl std::fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Siwe(_) => f.write_str("Siwe(…)"),
            Self::Github(_) => f.write_str("Github(…)"),
            Self::Invite(_) => f.write_str("Invite(…)"),
        }
    }
}

/// An EIP-4361 message and its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SiweProof {
    /// The message exactly as it was signed.
    pub message: String,
    /// The signature r‖s‖v: 130 hex digits after `0x`.
    pub signature: String,
}

/// The parameters that an OAuth provider appends to the address to which it redirects a browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OAuthCallback {
    /// The authorization code.
    pub code: String,
    /// The state with which the coordinator began the sign-in.
    pub state: String,
}

impl std::fmt::Debug for OAuthCallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OAuthCallback(…)")
    }
}

/// The answer of `POST /login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(crate::schemas::login_answer)))]
#[serde(rename_all = "camelCase")]
pub struct LoginAnswer {
    /// The session's token, for `Authorization: Bearer`. The coordinator keeps only its hash.
    pub token: String,
    /// The identity that has signed in.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Identity))]
    pub identity: Identity,
    /// When the session ends, in Unix seconds.
    pub expires_at: u64,
    /// The same as milliseconds from now.
    pub expires_in_ms: u64,
}

impl std::fmt::Debug for LoginAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginAnswer")
            .field("identity", &self.identity)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
