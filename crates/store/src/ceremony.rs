//! What was fixed when the ceremony was made.

use tauline_protocol::journal::Digest;
use tauline_protocol::public_log::Blinding;
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

    /// The coordinator's address, with the checksum of EIP-55.
    #[must_use]
    pub fn address(&self) -> String {
        eip55(&eth_address(self.key.verifying_key()))
    }
}
