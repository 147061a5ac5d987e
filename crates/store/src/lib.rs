//! What is durable, behind one trait.
//!
//! The coordinator hands over everything that changes together as one [`Batch`], and a store takes
//! all of it or nothing.
//!
//! | module | holds |
//! |---|---|
//! | [`sqlite`] | the embedded store: one database in a data directory |
//! | [`check`] | the log, and all that is kept beside it, checked against each other |
//! | [`sum`] | what things that are kept are recognised by |
//! | [`mark`] | how far the log is known to have been durable |
//!
//! What a store holds beside the log cannot be derived from it. So the log binds it: a record holds the
//! sum of what was stored with it, or of what was there before. Everything is checked against the log
//! at every start, and against its sum before it is served.

pub mod check;
mod directory;
mod error;
pub mod mark;
pub mod sqlite;
pub mod sum;

use std::path::Path;

use sha2::{Digest as _, Sha256};
use tauline_protocol::Identity;
use tauline_protocol::journal::{Digest, Tally};
use tauline_queue_core::{Ticket, Timestamp};
use tauline_transcript::Sizes;
use tauline_transcript::signature::{eip55, eth_address};

pub use directory::{DATABASE_NAME, DataDir, LOCK_NAME, PART_NAME, SNAPSHOTS_NAME};
pub use error::StoreError;

/// Bytes of one sub-ceremony's part of [`Contribution::witness`].
pub const WITNESS_LEN: usize = 48 + 96 + 48;

/// Everything that must survive the process, and nothing that can be derived.
///
/// All methods block; none may be called on an async thread for long.
pub trait Store: Send + Sync + 'static {
    /// What was fixed when the ceremony was made.
    fn ceremony(&self) -> &Ceremony;

    /// Makes all of the batch durable, or none of it.
    ///
    /// # Errors
    /// When the batch does not follow what is stored, or the medium fails. The caller's memory is
    /// then ahead of the store, and it must not go on.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// The records of the log from number `from` on, in order, at most so many; none at its end.
    ///
    /// # Errors
    /// When the medium fails.
    fn log(&self, from: u64, at_most: u32) -> Result<Vec<StoredRecord>, StoreError>;

    /// The record that ended a stay.
    ///
    /// # Errors
    /// When the medium fails.
    fn ending(&self, ticket: Ticket) -> Result<Option<Vec<u8>>, StoreError>;

    /// The accepted contribution of a stay.
    ///
    /// # Errors
    /// When the medium fails.
    fn contribution(&self, ticket: Ticket) -> Result<Option<Contribution>, StoreError>;

    /// The tickets that have a blob.
    ///
    /// # Errors
    /// When the medium fails.
    fn blob_tickets(&self) -> Result<Vec<Ticket>, StoreError>;

    /// The submitted contribution of a stay, byte for byte as it was stored.
    ///
    /// # Errors
    /// When the medium fails, or the bytes are not those that were stored.
    fn blob(&self, ticket: Ticket) -> Result<Option<Blob>, StoreError>;

    /// A view of all contributions that later commits do not change.
    ///
    /// # Errors
    /// When the medium fails.
    fn reading(&self) -> Result<Box<dyn Reading>, StoreError>;

    /// Writes a consistent copy of everything to a new file, while others read and write.
    ///
    /// # Errors
    /// When `to` exists, or cannot be written.
    fn backup(&self, to: &Path) -> Result<(), StoreError>;

    /// Adds a session, or replaces the one with the same hash.
    ///
    /// # Errors
    /// When the medium fails.
    fn put_session(&self, session: &Session) -> Result<(), StoreError>;

    /// Forgets a session.
    ///
    /// # Errors
    /// When the medium fails.
    fn delete_session(&self, hash: &TokenHash) -> Result<(), StoreError>;

    /// Makes changes durable that belong to different people, in order. A store that can does it in
    /// one commit.
    ///
    /// # Errors
    /// When the medium fails; then any of them may be missing.
    fn write_sign_ins(&self, writes: &[SignInWrite]) -> Result<(), StoreError> {
        for write in writes {
            match write {
                SignInWrite::Put(session) => self.put_session(session)?,
                SignInWrite::Delete(hash) => self.delete_session(hash)?,
                SignInWrite::GithubAccount { account, identity } => {
                    self.first_identity_of_github(*account, identity)?;
                }
            }
        }
        Ok(())
    }

    /// All sessions that end after `at`, the first end first, as far as a store can tell.
    ///
    /// # Errors
    /// When the medium fails.
    fn sessions_lasting(&self, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        let _ = at;
        Ok(Vec::new())
    }

    /// The session of a token with this hash, expired or not.
    ///
    /// # Errors
    /// When the medium fails.
    fn session(&self, hash: &TokenHash) -> Result<Option<Session>, StoreError>;

    /// Forgets all sessions that ended before `at`; returns how many.
    ///
    /// # Errors
    /// When the medium fails.
    fn delete_sessions_expired_before(&self, at: Timestamp) -> Result<u64, StoreError>;

    /// The identity that this GitHub account was first given here; this one, if it is the first, which
    /// is durable then.
    ///
    /// # Errors
    /// When the medium fails.
    fn first_identity_of_github(
        &self,
        account: u64,
        today: &Identity,
    ) -> Result<Identity, StoreError>;

    /// The identity that this GitHub account was given here, if it was, as far as a store can tell.
    ///
    /// # Errors
    /// When the medium fails.
    fn identity_of_github(&self, account: u64) -> Result<Option<Identity>, StoreError> {
        let _ = account;
        Ok(None)
    }

    /// The accounts that keep an identity, counted.
    fn accounts(&self) -> Tally {
        sum::NONE
    }

    /// The tally of the first `count` accounts, read anew and each checked against its sum.
    ///
    /// # Errors
    /// When the medium fails, or an account is not what was stored.
    fn first_accounts(&self, count: u64) -> Result<Tally, StoreError> {
        Ok(Tally {
            count,
            digest: sum::NONE.digest,
        })
    }
}

/// One moment of the contributions, for a reader that takes its time.
pub trait Reading: Send {
    /// How many contributions there are.
    ///
    /// # Errors
    /// When the medium fails.
    fn contributions(&self) -> Result<u64, StoreError>;

    /// The blob of the last contributed ticket; none before the first contribution.
    ///
    /// # Errors
    /// When the medium fails.
    fn head(&self) -> Result<Option<Blob>, StoreError>;

    /// The contributions after number `after`, in order, at most so many; none at the end.
    ///
    /// # Errors
    /// When the medium fails, or one is not what was stored.
    fn page(&self, after: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError>;

    /// Whether everything has a sum; nothing has in data of before there were sums that is only looked
    /// at.
    fn has_sums(&self) -> bool;

    /// As [`page`](Self::page), but not looked at: each with the sum that it was stored with, if it
    /// was.
    ///
    /// # Errors
    /// When the medium fails.
    fn unchecked_page(
        &self,
        after: u64,
        at_most: u32,
    ) -> Result<Vec<(Contribution, Option<Digest>)>, StoreError>;
}

/// What was fixed when the ceremony was made.
#[derive(Clone)]
pub struct Ceremony {
    /// The sizes of its sub-ceremonies.
    pub sizes: Sizes,
    /// When its log begins.
    pub started_at: Timestamp,
    /// The coordinator's key, which signs receipts.
    pub key: k256::ecdsa::SigningKey,
}

impl Ceremony {
    /// The sum of it.
    #[must_use]
    pub fn sum(&self) -> Digest {
        sum::ceremony(&self.sizes, self.started_at, self.key.verifying_key())
    }

    /// The coordinator's address, with EIP-55's capitals.
    #[must_use]
    pub fn address(&self) -> String {
        eip55(&eth_address(self.key.verifying_key()))
    }
}

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
    /// A contribution was accepted: its witness is kept for ever, its blob is the head, and those of
    /// earlier contributions are of no more use: they count as gone, whenever they are deleted.
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

/// A record of the log and its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its number, from 0.
    pub seq: u64,
    /// The record's bytes ([`tauline_protocol::journal::Record`]).
    pub bytes: Vec<u8>,
    /// The chain's hash after this record.
    pub hash: [u8; 32],
    /// The stay that the record ends, if it ends one.
    pub ended: Option<Ticket>,
}

/// What the transcript keeps of an accepted contribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// Counted from 1, in the order of the chain.
    pub number: u64,
    /// The stay in which it was made.
    pub ticket: Ticket,
    /// Who made it.
    pub identity: Identity,
    /// One entry for each sub-ceremony.
    pub witness: Vec<Witness>,
    /// The EIP-712 signature, if there is a good one.
    pub ecdsa: Option<[u8; 65]>,
    /// The document's digest ([`tauline_transcript::RawContribution::digest`]); none of one that
    /// was accepted before digests were kept.
    pub digest: Option<[u8; 32]>,
}

/// One sub-ceremony's witness of a contribution: compressed points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// The first power after the contribution.
    pub running_product: [u8; 48],
    /// The public key of the contributor's secret.
    pub pot_pubkey: [u8; 96],
    /// The BLS signature over the identity, if there is a good one.
    pub bls_signature: Option<[u8; 48]>,
}

impl Witness {
    /// The bytes that are stored.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; WITNESS_LEN] {
        let mut bytes = [0; WITNESS_LEN];
        bytes[..48].copy_from_slice(&self.running_product);
        bytes[48..144].copy_from_slice(&self.pot_pubkey);
        // No point has an encoding of zeros only: a compressed one has its flag set.
        bytes[144..].copy_from_slice(&self.bls_signature.unwrap_or([0; 48]));
        bytes
    }

    /// Reads the bytes back.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; WITNESS_LEN]) -> Self {
        let mut witness = Self {
            running_product: [0; 48],
            pot_pubkey: [0; 96],
            bls_signature: None,
        };
        witness.running_product.copy_from_slice(&bytes[..48]);
        witness.pot_pubkey.copy_from_slice(&bytes[48..144]);
        if bytes[144..] != [0; 48] {
            let mut signature = [0; 48];
            signature.copy_from_slice(&bytes[144..]);
            witness.bls_signature = Some(signature);
        }
        witness
    }
}

/// What the token of a session is known by: its SHA-256. The token itself is kept nowhere.
pub type TokenHash = [u8; 32];

/// A session: who a token stands for, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its token's hash.
    pub hash: TokenHash,
    /// Who signed in.
    pub identity: Identity,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A change that a sign-in makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInWrite {
    /// Adds a session, or replaces the one with the same hash.
    Put(Session),
    /// Forgets the session with this hash.
    Delete(TokenHash),
    /// Gives a GitHub account its identity, unless it has one.
    GithubAccount {
        /// The account's number.
        account: u64,
        /// What it is called today.
        identity: Identity,
    },
}

/// The hash chain over the log: each hash covers the record and everything before it.
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

    /// Takes one more record into the chain.
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
