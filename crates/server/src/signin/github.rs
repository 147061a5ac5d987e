//! Sign-in by GitHub account: one that is old enough (`docs/spec/ceremony.md#github-age`).

use jiff::Timestamp;
use serde::Deserialize;
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use url::Url;

use super::oauth::{self, Asking, OAuth};
use super::outgoing::Busy;
use crate::refused::Refused;

/// The greatest account id that the store can keep.
const MAX_ID: u64 = i64::MAX as u64;

/// GitHub, and how old accounts must be.
pub struct GitHub {
    oauth: OAuth,
    created_before: Timestamp,
}

/// An account that may take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's number, which stays when the login changes.
    pub id: u64,
    /// The identity under today's login.
    pub identity: Identity,
}

/// What is read of `GET /user`.
#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    created_at: String,
}

impl GitHub {
    /// Accounts made up to this time may take part.
    #[must_use]
    pub fn new(oauth: OAuth, created_before: Timestamp) -> Self {
        Self {
            oauth,
            created_before,
        }
    }

    /// Where a browser asks for a code.
    #[must_use]
    pub fn authorize_url(&self, state: &str, verifier: &str) -> Url {
        self.oauth.authorize_url(state, verifier)
    }

    /// A permit to ask about one code.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn asking(&self) -> Result<Asking<'_>, Busy> {
        self.oauth.asking()
    }

    /// Whose code it is.
    ///
    /// # Errors
    /// As [`Asking::user`], and [`Code::LoginNotEligible`].
    pub async fn account(
        &self,
        asking: &Asking<'_>,
        code: &str,
        verifier: &str,
    ) -> Result<Account, Refused> {
        let user: User = asking.user(code, verifier).await?;
        let unusable = |what: &str| {
            tracing::warn!(what, "GitHub describes an account that cannot be used");
            oauth::misbehaved()
        };
        let created: Timestamp = user
            .created_at
            .parse()
            .map_err(|_| unusable("the time it was made"))?;
        let identity = Identity::github(user.id, &user.login).map_err(|_| unusable("the login"))?;
        if user.id > MAX_ID {
            return Err(unusable("the id"));
        }
        if created > self.created_before {
            return Err(Refused::new(
                Code::LoginNotEligible,
                format!(
                    "the GitHub account {} was made at {created}; accounts made up to {} take part",
                    user.login, self.created_before
                ),
            ));
        }
        Ok(Account {
            id: user.id,
            identity,
        })
    }
}
