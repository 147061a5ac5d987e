//! Sign-in by an Ethereum account that an `OpenID Connect` provider vouches for.

use serde::Deserialize;
use url::Url;

use super::account;
use super::oauth::{self, Asking, OAuth};
use super::outgoing::{Busy, cut};
use crate::refused::Refused;

/// A provider whose subjects are accounts, as CAIP-10 spells them: `eip155:1:0x…`.
pub struct Oidc {
    oauth: OAuth,
    chain_id: u64,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
}

impl Oidc {
    /// The scope without which a provider tells no subject.
    pub const SCOPE: &str = "openid";

    /// Accounts of this chain may take part.
    #[must_use]
    pub fn new(oauth: OAuth, chain_id: u64) -> Self {
        Self { oauth, chain_id }
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
    /// As [`Asking::user`].
    pub async fn address(
        &self,
        asking: &Asking<'_>,
        code: &str,
        verifier: &str,
    ) -> Result<[u8; 20], Refused> {
        let UserInfo { sub } = asking.user(code, verifier).await?;
        subject(&sub, self.chain_id).ok_or_else(|| {
            let sub = cut(&sub);
            tracing::warn!(sub, "the subject is no account of the ceremony's chain");
            oauth::misbehaved()
        })
    }
}

/// The address in a subject, if its account is on this chain.
fn subject(sub: &str, chain_id: u64) -> Option<[u8; 20]> {
    let mut parts = sub.split(':');
    let (Some("eip155"), Some(chain), Some(address), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    (chain == chain_id.to_string()).then_some(())?;
    account::address(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_an_account_of_the_ceremonys_chain() {
        let address = "0x00000000219ab540356cBB839Cbe05303d7705Fa";
        let read = subject(&format!("eip155:1:{address}"), 1).unwrap();
        assert_eq!(
            hex::encode(read),
            address[2..].to_lowercase(),
            "either case"
        );
        for wrong in [
            String::new(),
            address.to_owned(),
            format!("eip155:5:{address}"),
            format!("eip155:01:{address}"),
            format!("solana:1:{address}"),
            format!("eip155:1:{address}:"),
            format!("eip155:1:{}", &address[2..]),
            "eip155:1:0x12".to_owned(),
        ] {
            assert_eq!(subject(&wrong, 1), None, "{wrong}");
        }
    }
}
