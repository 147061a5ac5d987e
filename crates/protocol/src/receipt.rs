//! The signed receipt of an accepted contribution (`docs/spec/ceremony.md#receipt`).

use k256::ecdsa::SigningKey;
use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::contribution::SignedReceipt;
use crate::personal_message;

/// What a receipt says: who contributed, and the public key of each secret.
///
/// The order of the fields is part of the format, since the signature covers the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The contributor.
    pub identity: Identity,
    /// `potPubkey` of each sub-ceremony in order: 192 lower-case hex digits after `0x`.
    pub witness: Vec<String>,
}

/// Why a receipt was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The receipt is not the JSON of a receipt.
    #[error("the receipt is not readable: {0}")]
    Malformed(String),
    /// The signature is not 130 hex digits, or no key can be recovered from it.
    #[error("the receipt's signature is not an Ethereum signature")]
    BadSignature,
    /// Somebody else has signed the receipt.
    #[error("the receipt is signed by {found}, not by the coordinator {expected}")]
    WrongSigner {
        /// The address that the signature recovers to.
        found: String,
        /// The coordinator's address.
        expected: String,
    },
    /// The receipt is for another contribution.
    #[error("the receipt does not match the contribution: {0} differs")]
    Mismatch(&'static str),
}

impl Receipt {
    /// A receipt for the compressed public keys of a contribution.
    #[must_use]
    pub fn new<'a>(identity: Identity, pot_pubkeys: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let witness = pot_pubkeys
            .into_iter()
            .map(|key| format!("0x{}", hex::encode(key)))
            .collect();
        Self { identity, witness }
    }

    /// The bytes that are signed.
    ///
    /// # Panics
    /// Never: strings have a JSON form.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[expect(clippy::expect_used, reason = "strings have a JSON form")]
        serde_json::to_string(self).expect("a receipt has a JSON form")
    }

    /// Signs the receipt as an EIP-191 personal message. Signing is deterministic (RFC 6979), so a
    /// lost receipt can be made again, byte for byte, from the contribution it is for
    /// (`docs/spec/ceremony.md#receipt-signature`).
    ///
    /// # Panics
    /// With a probability of about 2^-128, when the derived nonce gives no valid signature.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> SignedReceipt {
        let receipt = self.to_json();
        let signature = personal_message::sign(&receipt, key);
        SignedReceipt { receipt, signature }
    }
}

impl SignedReceipt {
    /// The EIP-55 address that the signature recovers to.
    ///
    /// # Errors
    /// A signature that is not one.
    pub fn signer(&self) -> Result<String, ReceiptError> {
        let digits = self.signature.strip_prefix("0x").unwrap_or(&self.signature);
        personal_message::signer(&self.receipt, digits).ok_or(ReceiptError::BadSignature)
    }

    /// What the contributor should know about the contribution, as far as the receipt tells: that
    /// several sub-ceremonies have one secret. Empty if the receipt cannot be read.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let Ok(Receipt { witness, .. }) = serde_json::from_str(&self.receipt) else {
            return Vec::new();
        };
        let equal = |key: &String| {
            let all = witness.iter().enumerate();
            let equal = all.filter(|(_, other)| *other == key);
            equal.map(|(i, _)| i).collect::<Vec<_>>()
        };
        let groups = witness.iter().map(equal).enumerate();
        groups
            .filter(|(i, group)| group.len() > 1 && group[0] == *i)
            .map(|(_, group)| {
                let group: Vec<_> = group.iter().map(usize::to_string).collect();
                format!(
                    "the sub-ceremonies {} have one secret: draw one for each, so that who learns one \
                     has not learnt several",
                    group.join(", ")
                )
            })
            .collect()
    }

    /// Checks that the coordinator with this address has signed the receipt, and returns the
    /// receipt.
    ///
    /// # Errors
    /// A receipt or signature that cannot be read, or that somebody else has signed.
    pub fn verify(&self, coordinator: &str) -> Result<Receipt, ReceiptError> {
        let found = self.signer()?;
        if !found.eq_ignore_ascii_case(coordinator) {
            return Err(ReceiptError::WrongSigner {
                found,
                expected: coordinator.to_owned(),
            });
        }
        serde_json::from_str(&self.receipt)
            .map_err(|error| ReceiptError::Malformed(error.to_string()))
    }
}
