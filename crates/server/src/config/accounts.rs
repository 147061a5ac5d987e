//! Settings of the ways to sign in that others have a part in.
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "the descriptions of settings are the text of --help, with an IPv6 address in one"
)]

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use url::Url;

use super::values::{secret, timestamp, web_url};
use super::{Settings, SettingsError, SignIn};
use crate::signin::oauth::{Credentials, Endpoints};
use crate::signin::redirect::Allowed;
use crate::signin::secret::Secret;

/// GitHub, Ethereum nodes, `OpenID Connect`, and where sessions may be sent.
#[derive(Debug, Clone, Args)]
pub struct Accounts {
    /// Pages that a browser may be sent to with a session, comma-separated: origins, such as
    /// https://ceremony.example.org, or single pages of them. http://localhost, http://127.0.0.1
    /// and http://[::1] always may, with any port: clients listen there.
    #[arg(
        long,
        env = "TAULINE_REDIRECT_ALLOW",
        value_name = "URLS",
        value_delimiter = ','
    )]
    pub redirect_allow: Vec<Allowed>,

    /// Client id of the OAuth app for --signin github. Its callback URL is that of --public-url
    /// with the path /auth/callback/github.
    #[arg(long, env = "TAULINE_GITHUB_CLIENT_ID", value_name = "ID")]
    pub github_client_id: Option<String>,

    /// Client secret of that app. Other users of this machine can read a command line: better in
    /// the environment, or in a file.
    #[arg(long, env = "TAULINE_GITHUB_CLIENT_SECRET", value_name = "SECRET", value_parser = secret)]
    pub github_client_secret: Option<Secret>,

    /// File with the client secret of that app.
    #[arg(long, env = "TAULINE_GITHUB_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub github_client_secret_file: Option<PathBuf>,

    /// Where browsers ask GitHub for a code.
    #[arg(long, env = "TAULINE_GITHUB_AUTH_URL", value_name = "URL", default_value = "https://github.com/login/oauth/authorize", value_parser = web_url)]
    pub github_auth_url: Url,

    /// Where GitHub gives a token for a code.
    #[arg(long, env = "TAULINE_GITHUB_TOKEN_URL", value_name = "URL", default_value = "https://github.com/login/oauth/access_token", value_parser = web_url)]
    pub github_token_url: Url,

    /// Where GitHub tells whose a token is.
    #[arg(long, env = "TAULINE_GITHUB_USER_URL", value_name = "URL", default_value = "https://api.github.com/user", value_parser = web_url)]
    pub github_user_url: Url,

    /// Time up to which a GitHub account must have been made to take part (RFC 3339).
    #[arg(long, env = "TAULINE_GITHUB_CREATED_BEFORE", value_name = "TIME", default_value = "2022-08-01T00:00:00Z", value_parser = timestamp)]
    pub github_created_before: Timestamp,

    /// JSON-RPC endpoint of an Ethereum node. With it, accounts must have sent --eth-min-nonce
    /// transactions, and contract wallets can sign in (EIP-1271). Never shown in logs.
    #[arg(long, env = "TAULINE_ETH_RPC_URL", value_name = "URL", value_parser = secret)]
    pub eth_rpc_url: Option<Secret>,

    /// Fewest transactions that an Ethereum account must have sent, with --eth-rpc-url; 0 is no
    /// rule.
    #[arg(
        long,
        env = "TAULINE_ETH_MIN_NONCE",
        value_name = "NUMBER",
        default_value_t = 4
    )]
    pub eth_min_nonce: u64,

    /// Block up to which they count. The node must keep its state: an archive node, unless it is
    /// among the latest 128.
    #[arg(
        long,
        env = "TAULINE_ETH_NONCE_BLOCK",
        value_name = "NUMBER",
        default_value_t = 15_565_180
    )]
    pub eth_nonce_block: u64,

    /// Client id at the OpenID Connect provider for --signin oidc. Its callback URL is that of
    /// --public-url with the path /auth/callback/eth.
    #[arg(long, env = "TAULINE_ETH_OIDC_CLIENT_ID", value_name = "ID")]
    pub eth_oidc_client_id: Option<String>,

    /// Client secret there; better in the environment, or in a file.
    #[arg(long, env = "TAULINE_ETH_OIDC_CLIENT_SECRET", value_name = "SECRET", value_parser = secret)]
    pub eth_oidc_client_secret: Option<Secret>,

    /// File with that client secret.
    #[arg(long, env = "TAULINE_ETH_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub eth_oidc_client_secret_file: Option<PathBuf>,

    /// Where browsers ask that provider for a code.
    #[arg(long, env = "TAULINE_ETH_OIDC_AUTH_URL", value_name = "URL", value_parser = web_url)]
    pub eth_oidc_auth_url: Option<Url>,

    /// Where that provider gives a token for a code.
    #[arg(long, env = "TAULINE_ETH_OIDC_TOKEN_URL", value_name = "URL", value_parser = web_url)]
    pub eth_oidc_token_url: Option<Url>,

    /// Where that provider tells whose a token is: its subject must be eip155:CHAIN:0x….
    #[arg(long, env = "TAULINE_ETH_OIDC_USERINFO_URL", value_name = "URL", value_parser = web_url)]
    pub eth_oidc_userinfo_url: Option<Url>,
}

impl Accounts {
    /// Files that hold secrets, and which.
    pub(super) fn files_with_secrets(&self) -> Vec<(&'static str, PathBuf)> {
        let named = [
            ("GitHub's client secret", &self.github_client_secret_file),
            (
                "the client secret of the OpenID Connect provider",
                &self.eth_oidc_client_secret_file,
            ),
        ];
        let given = named
            .into_iter()
            .filter_map(|(what, path)| Some((what, path.clone()?)));
        given.collect()
    }

    /// GitHub's endpoints.
    #[must_use]
    pub fn github_endpoints(&self) -> Endpoints {
        Endpoints {
            auth: self.github_auth_url.clone(),
            token: self.github_token_url.clone(),
            user: self.github_user_url.clone(),
        }
    }

    /// The endpoints of the other provider, if they are all given.
    #[must_use]
    pub fn oidc_endpoints(&self) -> Option<Endpoints> {
        Some(Endpoints {
            auth: self.eth_oidc_auth_url.clone()?,
            token: self.eth_oidc_token_url.clone()?,
            user: self.eth_oidc_userinfo_url.clone()?,
        })
    }

    /// What GitHub knows this coordinator by.
    ///
    /// # Errors
    /// A file that cannot be read, or nothing to read.
    pub fn github_credentials(&self) -> Result<Credentials, SettingsError> {
        credentials(
            "github",
            self.github_client_id.as_deref(),
            self.github_client_secret.as_ref(),
            self.github_client_secret_file.as_ref(),
        )
    }

    /// What the other provider knows it by.
    ///
    /// # Errors
    /// A file that cannot be read, or nothing to read.
    pub fn oidc_credentials(&self) -> Result<Credentials, SettingsError> {
        credentials(
            "eth-oidc",
            self.eth_oidc_client_id.as_deref(),
            self.eth_oidc_client_secret.as_ref(),
            self.eth_oidc_client_secret_file.as_ref(),
        )
    }

    fn github_is_given(&self) -> bool {
        self.github_client_id.is_some()
            || self.github_client_secret.is_some()
            || self.github_client_secret_file.is_some()
    }

    fn oidc_is_given(&self) -> bool {
        self.eth_oidc_client_id.is_some()
            || self.eth_oidc_client_secret.is_some()
            || self.eth_oidc_client_secret_file.is_some()
            || self.eth_oidc_auth_url.is_some()
            || self.eth_oidc_token_url.is_some()
            || self.eth_oidc_userinfo_url.is_some()
    }

    /// Refuses settings that do not go together with each other or with what is offered.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), SettingsError> {
        let conflict = |text: &str| Err(SettingsError::Conflict(text.to_owned()));
        if settings.offers(SignIn::Github) {
            one_secret(
                "github",
                self.github_client_id.is_some(),
                self.github_client_secret.as_ref(),
                self.github_client_secret_file.as_ref(),
            )?;
        } else if self.github_is_given() {
            return conflict(
                "--github-client-… is given, but --signin does not offer github: add it (--signin siwe,github) or drop them",
            );
        }
        if settings.offers(SignIn::Oidc) {
            one_secret(
                "eth-oidc",
                self.eth_oidc_client_id.is_some(),
                self.eth_oidc_client_secret.as_ref(),
                self.eth_oidc_client_secret_file.as_ref(),
            )?;
            if self.oidc_endpoints().is_none() {
                return conflict(
                    "--signin oidc needs --eth-oidc-auth-url, --eth-oidc-token-url and --eth-oidc-userinfo-url",
                );
            }
        } else if self.oidc_is_given() {
            return conflict(
                "--eth-oidc-… is given, but --signin does not offer oidc: add it (--signin siwe,oidc) or drop them",
            );
        }
        if let Some(url) = &self.eth_rpc_url {
            if web_url(url.reveal()).is_err() {
                return conflict(
                    "--eth-rpc-url must be a whole URL, such as http://127.0.0.1:8545",
                );
            }
            if !settings.offers(SignIn::Siwe) && !settings.offers(SignIn::Oidc) {
                return conflict(
                    "--eth-rpc-url is given, but --signin offers no Ethereum accounts: add siwe or oidc, or drop it",
                );
            }
        }
        Ok(())
    }
}

fn one_secret(
    prefix: &str,
    has_id: bool,
    secret: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<(), SettingsError> {
    let conflict = |text: String| Err(SettingsError::Conflict(text));
    match (has_id, secret, file) {
        (_, Some(_), Some(_)) => conflict(format!(
            "--{prefix}-client-secret and --{prefix}-client-secret-file are both given: give one"
        )),
        (true, Some(_), None) | (true, None, Some(_)) => Ok(()),
        _ => conflict(format!(
            "this way to sign in needs --{prefix}-client-id and --{prefix}-client-secret-file FILE \
             (or the secret in the environment)"
        )),
    }
}

fn credentials(
    prefix: &str,
    id: Option<&str>,
    secret: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<Credentials, SettingsError> {
    let client_secret = match (secret, file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
            let text = text.map_err(|error| {
                SettingsError::Conflict(format!(
                    "the file of --{prefix}-client-secret-file, {}, cannot be read: {error}",
                    path.display()
                ))
            })?;
            Secret::new(&text)
        }
        (None, None) => Secret::new(""),
    };
    if client_secret.is_empty() {
        return Err(SettingsError::Conflict(format!(
            "the client secret for --{prefix}-client-id is empty"
        )));
    }
    Ok(Credentials {
        client_id: id.unwrap_or_default().to_owned(),
        client_secret,
    })
}
