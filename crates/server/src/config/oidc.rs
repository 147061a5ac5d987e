//! Settings of sign-in by Ethereum account at an OpenID Connect provider.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::credentials::{credentials, one_secret};
use super::error::SettingsError;
use super::values::{secret, web_url};
use crate::signin::oauth::{Credentials, Endpoints};
use crate::signin::secret::Secret;

/// Ethereum accounts at an `OpenID Connect` provider.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Ethereum accounts at an OpenID Connect provider, for --signin oidc")]
#[group(skip)]
pub struct OidcSettings {
    /// Client id at the provider. Its callback URL is that of --public-url with the path
    /// /auth/callback/eth.
    #[arg(long, env = "TAULINE_ETH_OIDC_CLIENT_ID", value_name = "ID")]
    pub eth_oidc_client_id: Option<String>,

    /// Client secret at the provider; better give it in the environment, or in a file.
    #[arg(long, env = "TAULINE_ETH_OIDC_CLIENT_SECRET", value_name = "SECRET", value_parser = secret)]
    pub eth_oidc_client_secret: Option<Secret>,

    /// File with the client secret at the provider.
    #[arg(long, env = "TAULINE_ETH_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub eth_oidc_client_secret_file: Option<PathBuf>,

    /// Where browsers ask the provider for a code.
    #[arg(long, env = "TAULINE_ETH_OIDC_AUTH_URL", value_name = "URL", value_parser = web_url)]
    pub eth_oidc_auth_url: Option<Url>,

    /// Where the provider gives a token for a code.
    #[arg(long, env = "TAULINE_ETH_OIDC_TOKEN_URL", value_name = "URL", value_parser = web_url)]
    pub eth_oidc_token_url: Option<Url>,

    /// Where the provider tells whose a token is: its subject must be eip155:CHAIN:0x….
    #[arg(long, env = "TAULINE_ETH_OIDC_USERINFO_URL", value_name = "URL", value_parser = web_url)]
    pub eth_oidc_userinfo_url: Option<Url>,
}

impl OidcSettings {
    /// The provider's endpoints, if they are all given.
    #[must_use]
    pub(crate) fn endpoints(&self) -> Option<Endpoints> {
        Some(Endpoints {
            auth: self.eth_oidc_auth_url.clone()?,
            token: self.eth_oidc_token_url.clone()?,
            user: self.eth_oidc_userinfo_url.clone()?,
        })
    }

    /// What the provider knows this coordinator by.
    ///
    /// # Errors
    /// A file that cannot be read, or nothing to read.
    pub(crate) fn credentials(&self) -> Result<Credentials, SettingsError> {
        credentials(
            "eth-oidc",
            self.eth_oidc_client_id.as_deref(),
            self.eth_oidc_client_secret.as_ref(),
            self.eth_oidc_client_secret_file.as_ref(),
        )
    }

    fn is_given(&self) -> bool {
        self.eth_oidc_client_id.is_some()
            || self.eth_oidc_client_secret.is_some()
            || self.eth_oidc_client_secret_file.is_some()
            || self.eth_oidc_auth_url.is_some()
            || self.eth_oidc_token_url.is_some()
            || self.eth_oidc_userinfo_url.is_some()
    }

    /// Refuses too few settings where this way is `offered`, and any where it is not.
    pub(super) fn check(&self, offered: bool) -> Result<(), SettingsError> {
        let conflict = |text: &str| Err(SettingsError::Conflict(text.to_owned()));
        if offered {
            one_secret(
                "eth-oidc",
                self.eth_oidc_client_id.is_some(),
                self.eth_oidc_client_secret.as_ref(),
                self.eth_oidc_client_secret_file.as_ref(),
            )?;
            if self.endpoints().is_none() {
                return conflict(
                    "--signin oidc needs --eth-oidc-auth-url, --eth-oidc-token-url and --eth-oidc-userinfo-url",
                );
            }
        } else if self.is_given() {
            return conflict(
                "--eth-oidc-… is given, but --signin does not offer oidc: add it (--signin siwe,oidc) or drop them",
            );
        }
        Ok(())
    }
}
