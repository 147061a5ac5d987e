//! Signing in: proofs of identity, and the sessions they earn (`http-queue-api.md`, Signing in).

pub mod invite;
pub mod nonce;
pub mod origin;
pub mod session;
pub mod siwe;

use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_protocol::login::{LoginAnswer, LoginRequest, NonceAnswer};

use crate::coordinator::{Coordinator, Refused};

use self::invite::Invites;
use self::nonce::Nonces;
use self::origin::Origin;
use self::session::Sessions;

/// The ways to sign in that this coordinator offers, and what they need.
pub struct SignIn {
    /// What Ethereum sign-ins are bound to; `None` when they are not offered.
    pub siwe: Option<Siwe>,
    /// The invitations; `None` when they are not offered.
    pub invites: Option<Invites>,
    /// The sessions.
    pub sessions: Sessions,
    /// For its clock.
    pub coordinator: Coordinator,
}

/// What Ethereum sign-ins are checked against.
pub struct Siwe {
    /// Where participants reach this coordinator.
    pub origin: Origin,
    /// The chain that messages must name.
    pub chain_id: u64,
    /// The nonces given out.
    pub nonces: Nonces,
}

impl SignIn {
    /// What an EIP-4361 message must say.
    ///
    /// # Errors
    /// [`Code::LoginMethodNotOffered`].
    pub fn nonce(&self) -> Result<NonceAnswer, Refused> {
        let siwe = self
            .siwe
            .as_ref()
            .ok_or_else(|| self.not_offered("by Ethereum key"))?;
        let now = self.coordinator.clock().now();
        let (nonce, expires) = siwe.nonces.issue(now);
        Ok(NonceAnswer {
            nonce,
            domain: siwe.origin.domain().to_owned(),
            uri: siwe.origin.uri(),
            chain_id: siwe.chain_id,
            expires_at: expires.as_secs(),
            expires_in_ms: millis(expires.since(now)),
        })
    }

    /// Checks a proof and opens a session.
    ///
    /// # Errors
    /// A method that is not offered, or what is wrong with the proof.
    pub async fn login(&self, request: &LoginRequest) -> Result<LoginAnswer, Refused> {
        let identity = self.identify(request)?;
        let (token, session) = self.sessions.open(identity).await?;
        tracing::info!(identity = %session.identity, "signed in");
        let now = self.coordinator.clock().now();
        Ok(LoginAnswer {
            token,
            identity: session.identity,
            expires_at: session.expires_at.as_secs(),
            expires_in_ms: millis(session.expires_at.since(now)),
        })
    }

    fn identify(&self, request: &LoginRequest) -> Result<Identity, Refused> {
        match request {
            LoginRequest::Siwe(proof) => {
                let siwe = self
                    .siwe
                    .as_ref()
                    .ok_or_else(|| self.not_offered("by Ethereum key"))?;
                let expected = siwe::Expected {
                    origin: &siwe.origin,
                    chain_id: siwe.chain_id,
                    nonces: &siwe.nonces,
                    now: self.coordinator.clock().now(),
                };
                siwe::verify(proof, &expected)
            }
            LoginRequest::Invite(code) => {
                let invites = self
                    .invites
                    .as_ref()
                    .ok_or_else(|| self.not_offered("by invitation"))?;
                invites.identity(code).ok_or_else(|| Refused {
                    code: Code::LoginUnknownInvite,
                    error: "this invitation is not known here: check the code and the server"
                        .to_owned(),
                })
            }
        }
    }

    /// The refusal of a way to sign in that is not offered: it names those that are.
    #[must_use]
    pub fn not_offered(&self, method: &str) -> Refused {
        let mut offered = Vec::new();
        if self.siwe.is_some() {
            offered.push("siwe (by Ethereum key)");
        }
        if self.invites.is_some() {
            offered.push("invite (by invitation)");
        }
        Refused {
            code: Code::LoginMethodNotOffered,
            error: format!(
                "this coordinator takes no sign-in {method}; it takes {}",
                offered.join(" and ")
            ),
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
