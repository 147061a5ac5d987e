//! Providers of accounts and the file of invitations, opened at the start.

use anyhow::Context as _;
use tauline_protocol::auth::AuthProvider;

use crate::config::{Settings, SignInWay};
use crate::signin::ethereum::{Accounts, Eligibility};
use crate::signin::github::GitHub;
use crate::signin::invite::Invites;
use crate::signin::oauth::OAuth;
use crate::signin::oidc::Oidc;
use crate::signin::origin::Origin;
use crate::signin::rpc::Node;
use crate::signin::rpc::error::CallError;
use crate::signin::web;

/// What the settings name.
pub(super) struct Providers {
    pub(super) invites: Option<Invites>,
    pub(super) github: Option<GitHub>,
    pub(super) oidc: Option<Oidc>,
    pub(super) accounts: Accounts,
}

impl Providers {
    /// Reads files and asks the Ethereum node for its chain.
    pub(super) async fn open(settings: &Settings, origin: &Origin) -> anyhow::Result<Self> {
        let providers = Self::read(settings, origin)?;
        providers.check_chain().await?;
        Ok(providers)
    }

    /// Reads files, and asks nobody.
    pub(super) fn read(settings: &Settings, origin: &Origin) -> anyhow::Result<Self> {
        let invites = match &settings.sign_in.invites {
            Some(path) => Some(Invites::read(path)?),
            None => None,
        };
        if let Some(invites) = &invites {
            tracing::info!(invitations = invites.len(), "invitations read");
        }
        let mut providers = Self {
            invites,
            github: None,
            oidc: None,
            accounts: Accounts {
                chain_id: settings.ethereum.chain_id,
                eligibility: None,
            },
        };
        const NO_TLS: &str = "there is no TLS to ask others with";
        let callback = |provider| origin.url(&web::callback_path(provider));
        if settings.sign_in.offers(SignInWay::Github) {
            let oauth = OAuth::new(
                "GitHub",
                settings.github.endpoints(),
                &settings.github.credentials()?,
                callback(AuthProvider::Github),
            )
            .context(NO_TLS)?;
            providers.github = Some(GitHub::new(oauth, settings.github.github_created_before));
        }
        if let (true, Some(endpoints)) = (
            settings.sign_in.offers(SignInWay::Oidc),
            settings.oidc.endpoints(),
        ) {
            let oauth = OAuth::new(
                "OpenID Connect",
                endpoints,
                &settings.oidc.credentials()?,
                callback(AuthProvider::Ethereum),
            )
            .context(NO_TLS)?;
            let oauth = oauth.with_scope(Oidc::SCOPE);
            providers.oidc = Some(Oidc::new(oauth, settings.ethereum.chain_id));
        }
        if let Some(url) = &settings.ethereum.eth_rpc_url {
            providers.accounts.eligibility = Some(Eligibility {
                node: Node::new(url.clone(), settings.ethereum.chain_id).context(NO_TLS)?,
                min_nonce: settings.ethereum.eth_min_nonce,
                block: settings.ethereum.eth_nonce_block,
            });
        }
        Ok(providers)
    }

    /// Says which rule holds, and refuses a node that could not know.
    async fn check_chain(&self) -> anyhow::Result<()> {
        let Some(eligibility) = &self.accounts.eligibility else {
            return Ok(());
        };
        tracing::info!(
            min_nonce = eligibility.min_nonce,
            block = eligibility.block,
            "Ethereum accounts are looked up"
        );
        match self.accounts.check_chain().await {
            Ok(()) => Ok(()),
            Err(CallError::OtherChain(chain)) => anyhow::bail!(
                "the node of --eth-rpc-url follows chain {chain}, and --chain-id is {}: give the same chain for both",
                self.accounts.chain_id
            ),
            Err(error) => {
                tracing::warn!(%error, "the Ethereum node cannot be asked now; until it can, and follows the right chain, no Ethereum account signs in");
                Ok(())
            }
        }
    }
}
