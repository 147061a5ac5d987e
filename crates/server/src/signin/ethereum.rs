//! Which Ethereum accounts may take part (`docs/spec/ceremony.md#eth-history`).

use tauline_protocol::error::Code;

use super::rpc::Node;
use super::rpc::contract::ContractSlot;
use super::rpc::error::CallError;
use super::siwe;
use crate::refused::Refused;

/// What is known about accounts.
pub struct Accounts {
    /// The chain they are on.
    pub chain_id: u64,
    /// The rule for accounts; without one, every account may take part, and only keys sign.
    pub eligibility: Option<Eligibility>,
}

/// Which accounts may take part, and the node that knows.
pub struct Eligibility {
    /// The node, which also runs contracts.
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
        let Some(Eligibility {
            node,
            min_nonce,
            block,
        }) = &self.eligibility
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

    /// A permit to run an account's contract. Ask [whether the account may take part](Self::admit)
    /// before: the contract of one that may not is never run.
    ///
    /// # Errors
    /// When too many run now, or there is no node to run it.
    pub fn run_contract(&self) -> Result<ContractSlot<'_>, Refused> {
        match &self.eligibility {
            Some(eligibility) => Ok(eligibility.node.contract_slot()?),
            None => Err(siwe::invalid_signature()),
        }
    }

    /// Whether the node follows the chain that messages must name.
    ///
    /// # Errors
    /// [`CallError::OtherChain`], or when the node could not be asked.
    pub async fn check_chain(&self) -> Result<(), CallError> {
        match &self.eligibility {
            Some(eligibility) => eligibility.node.check_chain().await,
            None => Ok(()),
        }
    }
}
