//! The hash chain over the log.

use sha2::{Digest as _, Sha256};
use tauline_queue_core::Ticket;

/// A record of the log with its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its number, from 0.
    pub seq: u64,
    /// The record's bytes ([`tauline_protocol::journal::Record`]).
    pub bytes: Vec<u8>,
    /// The chain's hash after this record.
    pub hash: [u8; 32],
    /// The stay that the record ends, if any.
    pub ended: Option<Ticket>,
}

/// The end of the hash chain over the log. Each hash covers a record and everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    records: u64,
    hash: [u8; 32],
}

impl Chain {
    /// The chain of an empty log: 32 zero bytes.
    pub const EMPTY: Self = Self {
        records: 0,
        hash: [0; 32],
    };

    /// How many records it covers.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// SHA-256 of the hash before the last record and that record's bytes.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Adds a record to the chain.
    pub fn append(&mut self, bytes: Vec<u8>, ended: Option<Ticket>) -> StoredRecord {
        self.hash = Sha256::new()
            .chain_update(self.hash)
            .chain_update(&bytes)
            .finalize()
            .into();
        let seq = self.records;
        self.records += 1;
        StoredRecord {
            seq,
            bytes,
            hash: self.hash,
            ended,
        }
    }
}
