//! Sign-in requests and answers (`docs/spec/http-api.md#siwe`, `docs/spec/http-api.md#invite`).

use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::object::object;

/// The answer of `GET /login/nonce`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NonceAnswer {
    /// Alphanumeric, for one EIP-4361 message, used once.
    pub nonce: String,
    /// The domain that the message must name.
    pub domain: String,
    /// The URI that the message must name.
    pub uri: String,
    /// The chain that the message must name.
    pub chain_id: u64,
    /// When the nonce stops being good, in Unix seconds.
    pub expires_at: u64,
    /// The same as milliseconds from now.
    pub expires_in_ms: u64,
}

/// The body of `POST /login`: exactly one proof of an identity.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum LoginRequest {
    /// An EIP-4361 message and its EIP-191 signature.
    #[serde(deserialize_with = "object")]
    Siwe(SiweProof),
    /// What GitHub sent the browser back with.
    #[serde(deserialize_with = "object")]
    Github(OAuthCallback),
    /// A code that the operator gave out.
    Invite(String),
}

// A code and a signature let their reader in: neither belongs in a log.
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
#[serde(deny_unknown_fields)]
pub struct SiweProof {
    /// The message exactly as it was signed.
    pub message: String,
    /// r‖s‖v: 130 hex digits after `0x`.
    pub signature: String,
}

/// What an OAuth provider appends to the address that it sends a browser back to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthCallback {
    /// The authorization code.
    pub code: String,
    /// The state that the coordinator began with.
    pub state: String,
}

impl std::fmt::Debug for OAuthCallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OAuthCallback(…)")
    }
}

/// The answer of `POST /login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginAnswer {
    /// Goes into `Authorization: Bearer`. Opaque; kept only as a hash by the coordinator.
    pub token: String,
    /// Who the coordinator takes the caller for.
    pub identity: Identity,
    /// When the token stops being good, in Unix seconds.
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
