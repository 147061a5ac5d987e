//! Which Ethereum accounts may take part, and what their contracts say (`ceremony.md`, Who may
//! take part).

use tauline_protocol::error::Code;

use super::rpc::{CallError, Node};
use crate::coordinator::Refused;

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

    /// Whether there is a contract at the address which takes the signature for its own.
    ///
    /// # Errors
    /// When the node could not be asked.
    pub async fn contract_signed(
        &self,
        address: [u8; 20],
        digest: [u8; 32],
        signature: &[u8],
    ) -> Result<bool, Refused> {
        match &self.known {
            Some(known) => Ok(known
                .node
                .is_valid_signature(address, digest, signature)
                .await?),
            None => Ok(false),
        }
    }

    /// The node's chain, when it is not the one that messages must name.
    ///
    /// # Errors
    /// When the node could not be asked.
    pub async fn other_chain(&self) -> Result<Option<u64>, CallError> {
        match &self.known {
            Some(known) => {
                let chain = known.node.chain_id().await?;
                Ok((chain != self.chain_id).then_some(chain))
            }
            None => Ok(None),
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
