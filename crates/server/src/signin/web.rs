//! Signing in in a browser: a link, a provider or our own page, and back with a session
//! (`docs/spec/http-api.md#links`).
//!
//! ```text
//! program    GET /auth/request_link        two links; nothing is kept
//! browser    GET /auth/start/github        cookie, state, PKCE; on to GitHub
//!            GET /auth/callback/github     state and cookie fit, code for an account; session
//! browser    GET /auth/start/eth           cookie, state; our page, or on to a provider
//!            POST /auth/eth/message        what the wallet shall sign
//!            POST /auth/eth                signature for a code
//!            GET /auth/callback/eth        state and cookie fit, code for an account; session
//! ```
//!
//! Why the binding is as it is: [`super::state`].

use tauline_protocol::Identity;
use tauline_protocol::auth::{AuthAnswer, AuthLinks, AuthProvider, IdToken};
use tauline_protocol::error::Code;
use tauline_protocol::login::{OAuthCallback, SiweProof};
use tauline_protocol::status::QueueWord;
use tauline_store::{SignInWrite, Store, UsedNonce};
use url::Url;

use super::browser::Browser;
use super::session;
use super::state::{Begun, StateError};
use super::{SignIn, oauth, siwe};
use crate::coordinator::how_it_ended_plainly;
use crate::refused::Refused;

/// Where a browser is sent that begins to sign in (`docs/spec/http-api.md#begin`).
pub enum Beginning {
    /// To a provider.
    Provider(Url),
    /// To our own page, with this state.
    WalletPage(String),
}

impl SignIn {
    /// Links by which a browser begins. They hold nothing but where they lead: they may be made by
    /// anybody, kept, and followed more than once.
    ///
    /// # Errors
    /// [`Code::LoginRedirectNotAllowed`], or [`Code::SessionsFull`].
    pub fn links(&self, redirect: Option<&str>, returning: bool) -> Result<AuthLinks, Refused> {
        let redirect = redirect
            .map(|text| self.redirects.check(text))
            .transpose()?;
        if self.sessions.are_full() {
            return Err(session::full());
        }
        let link = |provider| {
            let mut link = self
                .origin
                .url(&format!("/auth/start/{}", path_of(provider)));
            if let Some(redirect) = &redirect {
                let redirect = redirect.as_str();
                link.query_pairs_mut().append_pair("redirect_to", redirect);
            }
            if returning {
                link.query_pairs_mut().append_pair("returning", "true");
            }
            link.into()
        };
        Ok(AuthLinks {
            eth_auth_url: link(AuthProvider::Ethereum),
            github_auth_url: link(AuthProvider::Github),
        })
    }

    /// Begins a sign-in in a browser.
    ///
    /// # Errors
    /// A provider that is not offered, or [`Code::LoginRedirectNotAllowed`].
    pub fn begin(
        &self,
        provider: AuthProvider,
        redirect: Option<&str>,
        returning: bool,
        browser: &Browser,
    ) -> Result<Beginning, Refused> {
        let redirect = redirect
            .map(|text| self.redirects.check(text))
            .transpose()?;
        let (nonce, _) = self.nonces.issue(self.coordinator.clock().wall());
        let begun = Begun {
            provider,
            redirect: redirect.map(Into::into),
            returning,
            nonce,
        };
        let state = self.states.make(&begun, browser);
        let verifier = self.states.verifier(&begun, browser);
        match (provider, &self.github, &self.oidc) {
            (AuthProvider::Github, Some(github), _) => {
                Ok(Beginning::Provider(github.authorize_url(&state, &verifier)))
            }
            (AuthProvider::Ethereum, _, Some(oidc)) => {
                Ok(Beginning::Provider(oidc.authorize_url(&state, &verifier)))
            }
            (AuthProvider::Ethereum, _, None) if self.siwe => Ok(Beginning::WalletPage(state)),
            (AuthProvider::Github, None, _) => Err(self.not_offered("by GitHub account")),
            (AuthProvider::Ethereum, _, None) => Err(self.not_offered("by Ethereum account")),
        }
    }

    /// Reads a state that a browser brings back.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn state(
        &self,
        state: &str,
        provider: AuthProvider,
        browser: Option<&Browser>,
    ) -> Result<Begun, StateError> {
        self.states.read(state, provider, browser)
    }

    /// Ends a sign-in: takes the state, asks whose code it is, and opens a session
    /// (`docs/spec/http-api.md#callback`).
    ///
    /// # Errors
    /// A state that was used, a code that is not taken, an account that may not take part, or an
    /// identity that has, unless it began as one that returns.
    pub async fn end(
        &self,
        begun: &Begun,
        code: &str,
        browser: &Browser,
    ) -> Result<AuthAnswer, Refused> {
        let (identity, used) = self.account(begun, code, browser).await?;
        if !begun.returning {
            self.check_unused(&identity).await?;
        }
        let (session_id, session) = self.sessions.open(identity, Some(used)).await?;
        tracing::info!(identity = %session.identity, "signed in");
        Ok(AuthAnswer {
            id_token: IdToken {
                exp: session.expires_at.as_secs(),
                nickname: nickname(&session.identity),
                provider: begun.provider,
                sub: session.identity,
            },
            session_id,
        })
    }

    /// The message that a wallet shall sign for a sign-in by our own page, which was reached by
    /// the name `host` (`docs/spec/http-api.md#wallet-page`).
    ///
    /// # Errors
    /// [`Code::LoginUnknownNonce`] when it began too long ago.
    pub fn wallet_message(
        &self,
        begun: &Begun,
        address: [u8; 20],
        host: Option<&str>,
    ) -> Result<String, Refused> {
        let now = self.coordinator.clock().wall();
        let expires_at = self.nonces.expiry(&begun.nonce, now);
        let domain = self.origin.domain_of(host);
        let draft = siwe::Draft {
            domain,
            uri: &self.origin.uri_of(domain),
            chain_id: self.accounts.chain_id,
            nonce: &begun.nonce,
            issued_at: now,
            expires_at: expires_at.ok_or_else(stale)?,
        };
        Ok(draft.text(address))
    }

    /// Where a browser is sent whose wallet has signed.
    ///
    /// # Errors
    /// What is wrong with the message or the signature, or an account that may not take part.
    pub async fn wallet_signed(
        &self,
        begun: &Begun,
        state: &str,
        proof: &SiweProof,
        browser: &Browser,
    ) -> Result<Url, Refused> {
        // A message for another sign-in is good for that one only.
        let signed = self.signed(proof, Some(&begun.nonce)).await?;
        let code = self.states.code(begun, browser, signed.address);
        let mut callback = self.origin.url(&callback_path(AuthProvider::Ethereum));
        callback
            .query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", state);
        Ok(callback)
    }

    /// Whose code GitHub sent with a state of this browser's (`docs/spec/http-api.md#github`).
    pub(super) async fn github_callback(
        &self,
        OAuthCallback { code, state }: &OAuthCallback,
        browser: Option<&Browser>,
    ) -> Result<(Identity, UsedNonce), Refused> {
        if self.github.is_none() {
            return Err(self.not_offered("by GitHub account"));
        }
        let begun = self.state(state, AuthProvider::Github, browser);
        match (begun, browser) {
            (Ok(begun), Some(browser)) => self.account(&begun, code, browser).await,
            _ => Err(foreign_state()),
        }
    }

    /// Whether a code is one that our own page was given for this sign-in, which has not ended.
    #[must_use]
    pub fn is_pages_code(&self, begun: &Begun, code: &str, browser: &Browser) -> bool {
        let now = self.coordinator.clock().wall();
        self.oidc.is_none()
            && self.states.address(begun, browser, code).is_some()
            && self.nonces.is_unused(&begun.nonce, now)
    }

    /// Whose code it is. Only a code that is somebody's uses the state up: what is used up has to
    /// be remembered, and there is no end of codes that are nobody's.
    async fn account(
        &self,
        begun: &Begun,
        code: &str,
        browser: &Browser,
    ) -> Result<(Identity, UsedNonce), Refused> {
        match (begun.provider, &self.github, &self.oidc) {
            (AuthProvider::Github, Some(github), _) => {
                let asking = github.asking()?;
                // Taken before it is asked: of two requests with one state the first wins.
                let taken = self.take(&begun.nonce, stale)?;
                let verifier = self.states.verifier(begun, browser);
                let account = github.account(&asking, code, &verifier).await?;
                let used = taken.keep();
                drop(asking);
                let identity = self.first_identity(account.id, account.identity).await?;
                Ok((identity, used))
            }
            (AuthProvider::Ethereum, _, Some(oidc)) => {
                let asking = oidc.asking()?;
                let taken = self.take(&begun.nonce, stale)?;
                let verifier = self.states.verifier(begun, browser);
                let address = oidc.address(&asking, code, &verifier).await?;
                let used = taken.keep();
                drop(asking);
                self.accounts.admit(address).await?;
                Ok((Identity::eth(address), used))
            }
            (AuthProvider::Ethereum, _, None) if self.siwe => {
                let address = self.states.address(begun, browser, code);
                let address = address.ok_or_else(oauth::invalid_code)?;
                let used = self.take(&begun.nonce, stale)?.keep();
                Ok((Identity::eth(address), used))
            }
            _ => Err(self.not_offered("this way")),
        }
    }

    /// The identity that a GitHub account signed in with first: somebody who renames the account
    /// stays the same person, who can take part once.
    async fn first_identity(&self, account: u64, today: Identity) -> Result<Identity, Refused> {
        let sessions = &self.sessions;
        let known = move |store: &dyn Store| store.identity_of_github(account);
        if sessions.blocking(known).await?.is_none() {
            let identity = today.clone();
            let write = SignInWrite::GithubAccount { account, identity };
            sessions.write(write).await?;
        }
        sessions
            .blocking(move |store| store.first_identity_of_github(account, &today))
            .await
    }

    /// Refuses somebody who has taken part. Somebody who is in the queue comes back to the same
    /// place.
    async fn check_unused(&self, identity: &Identity) -> Result<(), Refused> {
        let now = std::time::Duration::ZERO;
        let (status, _) = self.coordinator.follow(identity.clone(), None, now).await?;
        match (status.queue_status, status.ended) {
            (QueueWord::Contributed, _) => Err(Refused::new(
                Code::AlreadyContributed,
                "this identity has contributed: nobody contributes twice",
            )),
            (QueueWord::Expired, ended) => {
                let mut error = "this identity was used up by an earlier stay".to_owned();
                let because = status.ended_because.as_deref();
                if let Some(ended) = ended {
                    error = format!("{error}: {}", how_it_ended_plainly(ended, because));
                }
                Err(Refused::new(Code::UsedUp, error))
            }
            _ => Ok(()),
        }
    }
}

/// Where a provider sends a browser back to.
#[must_use]
pub fn callback_path(provider: AuthProvider) -> String {
    format!("/auth/callback/{}", path_of(provider))
}

/// The word for a provider in paths.
#[must_use]
pub fn path_of(provider: AuthProvider) -> &'static str {
    match provider {
        AuthProvider::Ethereum => "eth",
        AuthProvider::Github => "github",
    }
}

/// The GitHub login, or the address: what clients greet their user with, and sign over.
fn nickname(identity: &Identity) -> String {
    let text = identity.as_str();
    text.rsplit_once('|')
        .map_or(text, |(_, name)| name)
        .to_owned()
}

/// The refusal of a state that this browser did not begin with.
#[must_use]
pub fn foreign_state() -> Refused {
    Refused::new(
        Code::LoginInvalidState,
        "this browser did not begin this sign-in, or its cookie is gone: follow a new link, and end it in the same browser",
    )
}

fn stale() -> Refused {
    Refused::new(
        Code::LoginInvalidState,
        "this sign-in was ended before, or began too long ago: follow a new link",
    )
}
