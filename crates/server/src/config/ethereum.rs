//! Settings of Ethereum accounts, however they sign in.

use clap::Args;

use super::error::SettingsError;
use super::values::{secret, web_url};
use crate::signin::secret::Secret;

/// Ethereum accounts.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Ethereum accounts")]
#[group(skip)]
pub struct EthereumSettings {
    /// Chain id that an EIP-4361 message must name.
    #[arg(long, env = "TAULINE_CHAIN_ID", value_name = "ID", default_value_t = 1)]
    pub chain_id: u64,

    /// JSON-RPC endpoint of an Ethereum node. With it, accounts must have sent --eth-min-nonce
    /// transactions, and contract wallets can sign in (EIP-1271). It is never shown in logs.
    #[arg(long, env = "TAULINE_ETH_RPC_URL", value_name = "URL", value_parser = secret)]
    pub eth_rpc_url: Option<Secret>,

    /// Fewest transactions that an account must have sent, with --eth-rpc-url; 0 is no rule.
    #[arg(
        long,
        env = "TAULINE_ETH_MIN_NONCE",
        value_name = "NUMBER",
        default_value_t = 4
    )]
    pub eth_min_nonce: u64,

    /// Block up to which transactions count. The node must keep the state of that block: an archive
    /// node does, others only of the latest 128.
    #[arg(
        long,
        env = "TAULINE_ETH_NONCE_BLOCK",
        value_name = "NUMBER",
        default_value_t = 15_565_180
    )]
    pub eth_nonce_block: u64,
}

impl EthereumSettings {
    /// Refuses a node that has no URL, or nobody to be asked about.
    pub(super) fn check(&self, offered: bool) -> Result<(), SettingsError> {
        let conflict = |text: &str| Err(SettingsError::Conflict(text.to_owned()));
        let Some(url) = &self.eth_rpc_url else {
            return Ok(());
        };
        if web_url(url.reveal()).is_err() {
            return conflict("--eth-rpc-url must be a whole URL, such as http://127.0.0.1:8545");
        }
        if !offered {
            return conflict(
                "--eth-rpc-url is given, but --signin offers no Ethereum accounts: add siwe or oidc, or drop it",
            );
        }
        Ok(())
    }
}
