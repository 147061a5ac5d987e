//! Signing in: proofs of identity, and the sessions they earn
//! (`docs/spec/ceremony.md#sign-in-methods`).
//!
//! | module | holds |
//! |---|---|
//! | [`session`] | what a sign-in earns |
//! | [`invite`] | codes that the operator gave out |
//! | [`siwe`], [`eip4361`] | messages signed by Ethereum accounts, and their grammar |
//! | [`account`], [`ethereum`], [`rpc`] | Ethereum accounts, which of them may take part, and who knows |
//! | [`github`], [`oidc`] | accounts that others vouch for, by [`oauth`] |
//! | [`web`] | signing in in a browser, from the link to the session |
//! | [`state`], [`browser`], [`redirect`] | what binds a sign-in to its browser, and where it may lead |
//! | [`nonce`], [`key`] | what makes a proof good once, and what it is recognised by |
//! | [`origin`] | what a proof must be meant for |
//! | [`outgoing`], [`secret`] | asking others; what is never shown |

pub mod account;
pub mod browser;
pub mod eip4361;
pub mod ethereum;
pub mod github;
pub mod invite;
pub mod key;
pub mod nonce;
pub mod oauth;
pub mod oidc;
pub mod origin;
pub mod outgoing;
pub mod redirect;
pub mod rpc;
pub mod secret;
pub mod session;
pub mod siwe;
pub mod state;
pub mod web;

use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_protocol::login::{LoginAnswer, LoginRequest, NonceAnswer, SiweProof};
use tauline_store::UsedNonce;

use crate::coordinator::Coordinator;
use crate::refused::Refused;
use crate::status::millis;

use self::browser::Browser;
use self::ethereum::Accounts;
use self::github::GitHub;
use self::invite::Invites;
use self::nonce::{Nonces, Taken};
use self::oidc::Oidc;
use self::origin::Origin;
use self::redirect::Redirects;
use self::session::Sessions;
use self::state::States;

/// The ways to sign in that this coordinator offers, and what they need.
pub struct SignIn {
    /// Where participants reach this coordinator.
    pub origin: Origin,
    /// Ethereum accounts.
    pub accounts: Accounts,
    /// Whether Ethereum accounts sign in by a message.
    pub siwe: bool,
    /// The invitations; `None` when they are not offered.
    pub invites: Option<Invites>,
    /// GitHub; `None` when it is not offered.
    pub github: Option<GitHub>,
    /// A provider for Ethereum accounts; `None` when there is none.
    pub oidc: Option<Oidc>,
    /// The single-use nonces of messages and of sign-ins in a browser.
    pub nonces: Nonces,
    /// The states of sign-ins in a browser.
    pub states: States,
    /// Where browsers may be sent with a session.
    pub redirects: Redirects,
    /// The sessions.
    pub sessions: Sessions,
    /// For its clock, and who has taken part.
    pub coordinator: Coordinator,
}

impl SignIn {
    /// What an EIP-4361 message must say.
    ///
    /// # Errors
    /// [`Code::LoginMethodNotOffered`].
    pub fn nonce(&self) -> Result<NonceAnswer, Refused> {
        if !self.siwe {
            return Err(self.not_offered("by Ethereum key"));
        }
        let now = self.coordinator.clock().wall();
        let (nonce, expires) = self.nonces.issue(now);
        Ok(NonceAnswer {
            nonce,
            domain: self.origin.domain().to_owned(),
            uri: self.origin.uri(),
            chain_id: self.accounts.chain_id,
            expires_at: expires.as_secs(),
            expires_in_ms: millis(expires.since(now)),
        })
    }

    /// Checks a proof and opens a session. The browser is the one that sent the request, if it was
    /// seen before.
    ///
    /// # Errors
    /// A method that is not offered, or what is wrong with the proof.
    pub async fn login(
        &self,
        request: &LoginRequest,
        browser: Option<&Browser>,
    ) -> Result<LoginAnswer, Refused> {
        let (identity, used) = self.identify(request, browser).await?;
        let (token, session) = self.sessions.open(identity, used).await?;
        tracing::info!(identity = %session.identity, "signed in");
        let now = self.coordinator.clock().wall();
        Ok(LoginAnswer {
            token,
            identity: session.identity,
            expires_at: session.expires_at.as_secs(),
            expires_in_ms: millis(session.expires_at.since(now)),
        })
    }

    /// Who it is, and the nonce that was used up, if there is one.
    async fn identify(
        &self,
        request: &LoginRequest,
        browser: Option<&Browser>,
    ) -> Result<(Identity, Option<UsedNonce>), Refused> {
        match request {
            LoginRequest::Siwe(proof) => {
                let signed = self.signed(proof, None).await?;
                // Of two requests with one message the first wins.
                let used = self.take(&signed.nonce, siwe::unknown_nonce)?.keep();
                Ok((Identity::eth(signed.address), Some(used)))
            }
            LoginRequest::Github(callback) => {
                let (identity, used) = self.github_callback(callback, browser).await?;
                Ok((identity, Some(used)))
            }
            LoginRequest::Invite(code) => {
                let invites = self
                    .invites
                    .as_ref()
                    .ok_or_else(|| self.not_offered("by invitation"))?;
                let identity = invites.identity(code).ok_or_else(|| {
                    Refused::new(
                        Code::LoginUnknownInvite,
                        "this invitation is not known here: check the code and the server",
                    )
                });
                Ok((identity?, None))
            }
        }
    }

    /// A message that is right in all that it says, signed by an account that may take part. Its
    /// nonce is still to be taken. It must have this nonce, if one is given.
    async fn signed(
        &self,
        proof: &SiweProof,
        nonce: Option<&str>,
    ) -> Result<siwe::Signed, Refused> {
        if !self.siwe {
            return Err(self.not_offered("by Ethereum key"));
        }
        let now = self.coordinator.clock().wall();
        let expected = siwe::Expected {
            origin: &self.origin,
            chain_id: self.accounts.chain_id,
            nonces: &self.nonces,
            now,
        };
        let signed = siwe::read(proof, &expected)?;
        if nonce.is_some_and(|nonce| nonce != signed.nonce) {
            return Err(siwe::unknown_nonce());
        }
        if signed.is_by_key() {
            self.accounts.admit(signed.address).await?;
            return Ok(signed);
        }
        if self.accounts.eligibility.is_none() {
            return Err(siwe::invalid_signature());
        }
        // Strangers can have contracts run by this. So the cheap question comes first, few
        // contracts run at a time, and each message is asked about once.
        self.accounts.admit(signed.address).await?;
        let run = self.accounts.run_contract()?;
        self.nonces
            .take_for_contract(&signed.nonce, now)
            .map_err(|error| error.refused(siwe::unknown_nonce))?;
        let accepted = run.accepts_signature(signed.address, signed.digest, &signed.signature);
        match accepted.await? {
            true => Ok(signed),
            false => Err(siwe::refused_by_contract()),
        }
    }

    /// Uses a nonce up, until it is given back.
    fn take(&self, nonce: &str, not_good: impl FnOnce() -> Refused) -> Result<Taken<'_>, Refused> {
        let taken = self.nonces.take(nonce, self.coordinator.clock().wall());
        taken.map_err(|error| error.refused(not_good))
    }

    /// The refusal of a way to sign in that is not offered: it names those that are.
    #[must_use]
    pub fn not_offered(&self, method: &str) -> Refused {
        Refused::new(
            Code::LoginMethodNotOffered,
            format!(
                "this coordinator takes no sign-in {method}; it takes {}",
                self.offered().join(" and ")
            ),
        )
    }

    fn offered(&self) -> Vec<&'static str> {
        [
            (self.siwe, "siwe (by Ethereum key)"),
            (
                self.github.is_some(),
                "github (by GitHub account, in a browser: /auth/request_link)",
            ),
            (
                self.oidc.is_some(),
                "oidc (by Ethereum account, in a browser: /auth/request_link)",
            ),
            (self.invites.is_some(), "invite (by invitation)"),
        ]
        .into_iter()
        .filter_map(|(is_offered, name)| is_offered.then_some(name))
        .collect()
    }
}
