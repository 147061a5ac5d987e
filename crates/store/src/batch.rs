//! Changes that a commit makes durable.

use sha2::{Digest as _, Sha256};
use tauline_queue_core::Ticket;
use zeroize::Zeroizing;

use crate::chain::StoredRecord;
use crate::contribution::Contribution;

/// Changes that are durable together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The changes, in order.
    pub writes: Vec<Write>,
}

/// A change to the stored data.
#[derive(Debug, Clone)]
pub enum Write {
    /// Appends a record to the log.
    Record(StoredRecord),
    /// Keeps a submitted contribution: until its stay ends, or, if it is accepted, until the next
    /// one is.
    Blob {
        /// The stay.
        ticket: Ticket,
        /// The contribution.
        blob: Blob,
    },
    /// Deletes the submitted contribution of a stay.
    DropBlob(Ticket),
    /// Keeps an accepted contribution's witness for ever. Its blob is now what the next
    /// contribution builds on. The blobs of earlier contributions count as deleted, and are deleted
    /// at some time.
    Accepted(Contribution),
    /// Replaces the seed of the key that signs the public log.
    LogKey(Zeroizing<[u8; 32]>),
}

/// A submitted contribution as it is stored: MessagePack, with points encoded as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl Blob {
    /// Computes the digest of what may be millions of bytes, so it is not for the coordinator's
    /// thread.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes).into();
        Self { bytes, digest }
    }

    /// The contribution.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}
