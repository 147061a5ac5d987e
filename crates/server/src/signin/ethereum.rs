//! Which Ethereum accounts may take part, and what their contracts say
//! (`docs/spec/ceremony.md#eth-history`).

use tauline_protocol::error::Code;

use super::rpc::{CallError, Node, Run};
use super::siwe;
use crate::refused::Refused;

/// What is known about accounts.
pub struct Accounts {
    /// The chain they are on.
    pub chain_id: u64,
    /// Who knows more; without, every account may take part and only keys sign.
    pub known: Option<Known>,
}

/// A node, and the rule that it is asked for.
pub struct Known {
    /// The node.
    pub node: Node,
    /// Fewest transactions that an account must have sent …
    pub min_nonce: u64,
    /// … up to and in this block.
    pub block: u64,
}

impl Accounts {
    /// Whether an account has sent enough transactions.
    ///
    /// # Errors
    /// [`Code::LoginNotEligible`], or the node could not be asked: then nobody passes.
    pub async fn admit(&self, address: [u8; 20]) -> Result<(), Refused> {
        let Some(Known {
            node,
            min_nonce,
            block,
        }) = &self.known
        else {
            return Ok(());
        };
        if *min_nonce == 0 {
            return Ok(());
        }
        let nonce = node.transaction_count(address, *block).await?;
        if nonce < *min_nonce {
            return Err(Refused::new(
                Code::LoginNotEligible,
                format!(
                    "the account 0x{} had sent {nonce} transactions at block {block}; with {min_nonce} it could take part",
                    hex::encode(address)
                ),
            ));
        }
        Ok(())
    }

    /// Leave to run an account's contract. Ask [whether the account may take part](Self::admit) before: a contract
    /// that may not is never run.
    ///
    /// # Errors
    /// When as many run as may, or there is no node to run it.
    pub fn run_contract(&self) -> Result<Run<'_>, Refused> {
        match &self.known {
            Some(known) => Ok(known.node.run()?),
            None => Err(siwe::invalid_signature()),
        }
    }

    /// Whether the node follows the chain that messages must name.
    ///
    /// # Errors
    /// [`CallError::OtherChain`], or when the node could not be asked.
    pub async fn check_chain(&self) -> Result<(), CallError> {
        match &self.known {
            Some(known) => known.node.check_chain().await,
            None => Ok(()),
        }
    }
}

/// Reads `0x` and 40 hex digits, of either case.
#[must_use]
pub fn address(text: &str) -> Option<[u8; 20]> {
    let mut address = [0; 20];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut address).ok()?;
    Some(address)
}
