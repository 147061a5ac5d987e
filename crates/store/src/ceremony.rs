//! What was fixed when the ceremony was made.

use tauline_protocol::journal::Digest;
use tauline_protocol::public_log::{Blinding, SuccessorKey};
use tauline_queue_core::Timestamp;
use tauline_transcript::Sizes;
use tauline_transcript::signature::{eip55, eth_address};
use zeroize::Zeroizing;

use crate::sum;

/// What was fixed when the ceremony was made.
#[derive(Clone)]
pub struct Ceremony {
    /// The sizes of its sub-ceremonies.
    pub sizes: Sizes,
    /// When its log begins.
    pub started_at: Timestamp,
    /// The coordinator's key, which signs receipts.
    pub key: k256::ecdsa::SigningKey,
    /// The key of the coordinator that gave the ceremony to this one.
    pub predecessor: Option<k256::ecdsa::VerifyingKey>,
    /// What the public log is made with. None in old data that is opened for looking.
    pub log: Option<LogSecrets>,
}

/// What the public log is made with.
#[derive(Clone)]
pub struct LogSecrets {
    /// The seed of the Ed25519 key that signs it.
    pub seed: Zeroizing<[u8; 32]>,
    /// The secret from which the nonces of commitments follow.
    pub blinding: Blinding,
}

impl Ceremony {
    /// Its sum.
    #[must_use]
    pub fn sum(&self) -> Digest {
        sum::ceremony(&self.sizes, self.started_at, self.key.verifying_key())
    }

    /// The sum that it had under the coordinator that gave it to this one.
    pub(crate) fn predecessors_sum(&self) -> Option<Digest> {
        let key = self.predecessor.as_ref()?;
        Some(sum::ceremony(&self.sizes, self.started_at, key))
    }

    /// The key by which the coordinator is named when a ceremony is given to it.
    #[must_use]
    pub fn public_key(&self) -> SuccessorKey {
        SuccessorKey::from(self.key.verifying_key())
    }

    /// The coordinator's address, with the checksum of EIP-55.
    #[must_use]
    pub fn address(&self) -> String {
        eip55(&eth_address(self.key.verifying_key()))
    }
}
