//! Sums of what is stored beside the log. They show whether it has changed, and the log binds them.
//!
//! Each is the SHA-256 of the name of a kind and of fields. Fields have a fixed length or begin
//! with their length, so that different things never have the same bytes.

use k256::ecdsa::VerifyingKey;
use sha2::{Digest as _, Sha256};
use tauline_protocol::Identity;
use tauline_protocol::journal::{Digest, Tally};
use tauline_queue_core::Timestamp;
use tauline_transcript::Sizes;

use crate::contribution::{Contribution, Witness};
use crate::error::StoreError;
use crate::session::Session;

/// The tally of no things.
pub const NONE: Tally = Tally {
    count: 0,
    digest: [0; 32],
};

/// The tally with one more thing.
#[must_use]
pub fn counted(tally: Tally, sum: &Digest) -> Tally {
    Tally {
        count: tally.count + 1,
        digest: Sha256::new()
            .chain_update(tally.digest)
            .chain_update(sum)
            .finalize()
            .into(),
    }
}

/// A sum that is being computed.
struct Fields(Sha256);

impl Fields {
    fn of(kind: &str) -> Self {
        Self(Sha256::new()).bytes(kind.as_bytes())
    }

    fn number(self, number: u64) -> Self {
        Self(self.0.chain_update(number.to_be_bytes()))
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        let this = self.number(bytes.len() as u64);
        Self(this.0.chain_update(bytes))
    }

    fn sum(self) -> Digest {
        self.0.finalize().into()
    }
}

impl Contribution {
    /// The sum of all that is stored of it.
    #[must_use]
    pub fn sum(&self) -> Digest {
        let mut fields = Fields::of("contribution")
            .number(self.number)
            .number(self.ticket.value())
            .bytes(self.identity.as_str().as_bytes())
            .number(self.witness.len() as u64);
        for witness in self.witness.iter().map(Witness::to_bytes) {
            fields = fields.bytes(&witness);
        }
        let ecdsa = self.ecdsa.as_ref().map_or(&[][..], |it| it.as_slice());
        let digest = self.digest.as_ref().map_or(&[][..], |it| it.as_slice());
        fields.bytes(ecdsa).bytes(digest).sum()
    }

    /// The error for a contribution that has changed since it was stored.
    pub(crate) fn spoiled(&self) -> StoreError {
        StoreError::damaged(format!(
            "contribution {} of {} (ticket {}) is not what was stored: its sum differs",
            self.number, self.identity, self.ticket
        ))
    }
}

/// The sum of what was fixed when the ceremony was made.
pub(crate) fn ceremony(sizes: &Sizes, started_at: Timestamp, key: &VerifyingKey) -> Digest {
    Fields::of("ceremony")
        .bytes(sizes.to_string().as_bytes())
        .number(started_at.as_millis())
        .bytes(key.to_encoded_point(true).as_bytes())
        .sum()
}

/// The sum of a GitHub account and its identity.
pub(crate) fn account(id: u64, identity: &Identity) -> Digest {
    Fields::of("github account")
        .number(id)
        .bytes(identity.as_str().as_bytes())
        .sum()
}

/// The sum of a session.
pub(crate) fn session(session: &Session) -> Digest {
    Fields::of("session")
        .bytes(&session.hash)
        .bytes(session.identity.as_str().as_bytes())
        .number(session.expires_at.as_millis())
        .sum()
}
