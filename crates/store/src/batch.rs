//! What a commit makes durable.

use sha2::{Digest as _, Sha256};
use tauline_queue_core::Ticket;

use crate::chain::StoredRecord;
use crate::contribution::Contribution;

/// Changes that are durable together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// In this order.
    pub writes: Vec<Write>,
}

/// One change.
#[derive(Debug, Clone)]
pub enum Write {
    /// A record goes to the end of the log.
    Record(StoredRecord),
    /// A submitted contribution is kept until its stay ends, or while it is the head.
    Blob {
        /// The stay.
        ticket: Ticket,
        /// The contribution.
        blob: Blob,
    },
    /// A submitted contribution is of no more use.
    DropBlob(Ticket),
    /// A contribution was accepted: its witness is kept for ever, its blob is the head, and those
    /// of earlier contributions are of no more use: they count as gone, whenever they are deleted.
    Accepted(Contribution),
}

/// A submitted contribution, as it is stored: MessagePack in the encoding it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl Blob {
    /// Takes the digest of millions of bytes: not for the coordinator's thread.
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
