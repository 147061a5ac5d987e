//! An account's contract, asked whether a signature is the account's (EIP-1271).

use serde_json::{Value, json};

use super::error::CallError;
use super::{Node, prefixed};
use crate::signin::outgoing::{Slot, Unreachable};

/// First bytes of a call of `isValidSignature(bytes32,bytes)`, and of its answer when the
/// signature is good (EIP-1271) (`docs/spec/http-api.md#contract-wallets`).
const IS_VALID_SIGNATURE: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// A permit to run one contract.
pub struct ContractSlot<'a> {
    node: &'a Node,
    slot: Slot<'a>,
}

impl Node {
    /// A permit to run a contract, unless too many run now.
    ///
    /// # Errors
    /// [`CallError::Busy`].
    pub fn contract_slot(&self) -> Result<ContractSlot<'_>, CallError> {
        Ok(ContractSlot {
            node: self,
            slot: self.contracts.slot()?,
        })
    }
}

impl ContractSlot<'_> {
    /// Whether the contract at an address takes the signature for its own. An account without code
    /// takes none, and neither does a contract that fails.
    ///
    /// # Errors
    /// When the node could not be asked.
    pub async fn accepts_signature(
        self,
        contract: [u8; 20],
        digest: [u8; 32],
        signature: &[u8],
    ) -> Result<bool, CallError> {
        let Self { node, slot } = self;
        node.on_its_chain(&slot).await?;
        let data = prefixed(&is_valid_signature_call(digest, signature));
        let params = json!([{"to": prefixed(&contract), "data": data}, "latest"]);
        match node.call(&slot, "eth_call", params).await {
            Ok(Value::String(word)) => {
                let bytes = word
                    .strip_prefix("0x")
                    .and_then(|hex| hex::decode(hex).ok());
                let bytes = bytes.ok_or(CallError::Unreadable)?;
                Ok(bytes == good_answer())
            }
            Ok(_) => Err(CallError::Unreadable),
            Err(error) if error.is_the_contracts_fault() => {
                tracing::debug!(%error, "a contract failed");
                Ok(false)
            }
            Err(CallError::Unreachable(Unreachable::Late)) => Err(CallError::ContractLate),
            Err(error) => Err(error),
        }
    }
}

/// A call's data, as the ABI has it: selector, digest, where the bytes begin, how many there are,
/// and the bytes, filled up to whole words.
fn is_valid_signature_call(digest: [u8; 32], signature: &[u8]) -> Vec<u8> {
    let word = |number: usize| {
        let mut word = [0; 32];
        word[24..].copy_from_slice(&(number as u64).to_be_bytes());
        word
    };
    let mut data = IS_VALID_SIGNATURE.to_vec();
    data.extend_from_slice(&digest);
    data.extend_from_slice(&word(2 * 32));
    data.extend_from_slice(&word(signature.len()));
    data.extend_from_slice(signature);
    data.resize(4 + (data.len() - 4).next_multiple_of(32), 0);
    data
}

/// The contract's answer if the signature is good: the selector in the first bytes of a word.
fn good_answer() -> [u8; 32] {
    let mut word = [0; 32];
    word[..4].copy_from_slice(&IS_VALID_SIGNATURE);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_is_laid_out_in_words() {
        let data = is_valid_signature_call([0xdd; 32], &[0x55; 65]);
        assert_eq!(data.len(), 4 + 32 * (1 + 1 + 1 + 3));
        assert_eq!(data[..4], [0x16, 0x26, 0xba, 0x7e]);
        assert_eq!(data[4..36], [0xdd; 32]);
        assert_eq!(data[36 + 31], 0x40);
        assert_eq!(data[68 + 31], 65);
        assert_eq!(data[100..165], [0x55; 65]);
        assert!(data[165..].iter().all(|byte| *byte == 0));
        assert_eq!(is_valid_signature_call([0; 32], &[]).len(), 4 + 3 * 32);
    }
}
