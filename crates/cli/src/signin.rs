//! Proofs of identity: an EIP-4361 message signed with the participant's key, an invitation, or an
//! account with which the participant signs in in a browser.

pub mod browser;

use std::fmt;

use k256::ecdsa::SigningKey;
use tauline_protocol::auth::AuthProvider;
use tauline_protocol::login::{LoginRequest, NonceAnswer, SiweProof};
use tauline_protocol::personal_message;
use tauline_transcript::signature;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use crate::client::{Client, ClientError, is_loopback_host};
use crate::keys;

/// The statement in the message, which a wallet would show beside the address and the domain.
const STATEMENT: &str = "Sign in to contribute to the powers of tau ceremony.";

/// What a participant signs in with.
pub enum Credential {
    /// The secp256k1 key of an Ethereum account.
    Ethereum(SigningKey),
    /// A single-use code from the operator.
    Invite(Zeroizing<String>),
    /// An account with which one signs in in a browser.
    Browser(InBrowser),
}

/// How to sign in in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InBrowser {
    /// The provider that the account is at.
    pub provider: AuthProvider,
    /// Whether to open the link as well as print it.
    pub opens: bool,
}

impl fmt::Display for InBrowser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.provider {
            AuthProvider::Github => "your GitHub account",
            AuthProvider::Ethereum => "your Ethereum account",
        })
    }
}

/// A proof for one sign-in, or the way to get one in a browser.
pub enum Proof {
    /// The body of `POST /login`.
    Login(LoginRequest),
    /// A browser signs in.
    Browser(InBrowser),
}

impl Credential {
    /// The key that signs the contribution (EIP-712), if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&SigningKey> {
        match self {
            Self::Ethereum(key) => Some(key),
            Self::Invite(_) | Self::Browser(_) => None,
        }
    }

    /// A proof for one sign-in.
    ///
    /// # Errors
    /// When the coordinator gives no nonce, or asks for a message to another domain than its own.
    pub async fn proof(&self, client: &Client) -> Result<Proof, ClientError> {
        match self {
            Self::Browser(how) => Ok(Proof::Browser(*how)),
            Self::Invite(code) => Ok(Proof::Login(LoginRequest::Invite(code.to_string()))),
            Self::Ethereum(key) => {
                let nonce = client.nonce().await?;
                let host = client.server().host_str().unwrap_or("");
                check_domain(&nonce.domain, host)?;
                let message = message(&nonce, &keys::address(key));
                let signature = format!("0x{}", personal_message::sign(&message, key));
                let proof = SiweProof { message, signature };
                Ok(Proof::Login(LoginRequest::Siwe(proof)))
            }
        }
    }
}

/// Refuses to sign a message to another domain than the server's: whoever runs this server could
/// use it to sign in there (EIP-4361, Security Considerations).
fn check_domain(domain: &str, host: &str) -> Result<(), ClientError> {
    let named = host_of(domain);
    if named.eq_ignore_ascii_case(host) || (is_loopback_host(named) && is_loopback_host(host)) {
        return Ok(());
    }
    Err(ClientError::Untrusted {
        why: format!(
            "it asks for a sign-in to {domain:?}, which is not the server that was asked ({host}). \
             Nothing was signed"
        ),
        help: format!("if {domain:?} is the ceremony's address, give that to --server"),
    })
}

/// The host of an authority, without the port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// An EIP-4361 message.
fn message(nonce: &NonceAnswer, address: &[u8; 20]) -> String {
    let NonceAnswer {
        domain,
        uri,
        chain_id,
        nonce: text,
        ..
    } = nonce;
    // By the coordinator's clock, since the participant's may be wrong.
    let issued_at = rfc3339(nonce.expires_at.saturating_sub(nonce.expires_in_ms / 1000));
    let expires_at = rfc3339(nonce.expires_at);
    let address = signature::eip55(address);
    format!(
        "{domain} wants you to sign in with your Ethereum account:\n{address}\n\n{STATEMENT}\n\n\
         URI: {uri}\nVersion: 1\nChain ID: {chain_id}\nNonce: {text}\nIssued At: {issued_at}\n\
         Expiration Time: {expires_at}"
    )
}

/// A time in Unix seconds in the format of EIP-4361. For a time out of range it is empty, and the
/// coordinator, which sent it, will refuse the message.
fn rfc3339(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_eip_4361() {
        let nonce = NonceAnswer {
            nonce: "abcd1234".to_owned(),
            domain: "ceremony.example.org".to_owned(),
            uri: "https://ceremony.example.org/".to_owned(),
            chain_id: 1,
            expires_at: 1_790_000_600,
            expires_in_ms: 600_000,
        };
        assert_eq!(
            message(&nonce, &[0; 20]),
            "ceremony.example.org wants you to sign in with your Ethereum account:\n\
             0x0000000000000000000000000000000000000000\n\
             \n\
             Sign in to contribute to the powers of tau ceremony.\n\
             \n\
             URI: https://ceremony.example.org/\n\
             Version: 1\n\
             Chain ID: 1\n\
             Nonce: abcd1234\n\
             Issued At: 2026-09-21T14:13:20Z\n\
             Expiration Time: 2026-09-21T14:23:20Z"
        );
    }

    #[test]
    fn nothing_is_signed_for_another_domain() {
        assert!(check_domain("a.org", "a.org").is_ok());
        assert!(check_domain("a.org:8443", "A.org").is_ok());
        assert!(check_domain("127.0.0.1:3000", "localhost").is_ok());
        assert!(check_domain("[::1]:3000", "[::1]").is_ok());
        let error = check_domain("bank.example", "a.org").unwrap_err();
        assert!(error.to_string().contains("Nothing was signed"));
        assert!(check_domain("a.org", "127.0.0.1").is_err());
        assert!(check_domain("127.0.0.1", "a.org").is_err());
    }
}
