//! The interface of a store.

use std::path::Path;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::journal::{Digest, Tally};
use tauline_queue_core::{Ticket, Timestamp};
use zeroize::Zeroizing;

use crate::asked::Asked;
use crate::batch::{Batch, Blob};
use crate::bundle::Given;
use crate::ceremony::Ceremony;
use crate::chain::StoredRecord;
use crate::contribution::Contribution;
use crate::error::StoreError;
use crate::session::{Session, SignInWrite, TokenHash, UsedNonce};
use crate::signed::Signed;
use crate::sum;

/// Keeps everything that must survive the process and cannot be derived.
///
/// All methods block. Async code has to call them on threads for blocking work.
pub trait Store: Send + Sync + 'static {
    /// What was fixed when the ceremony was made.
    fn ceremony(&self) -> &Ceremony;

    /// Makes powers durable that a later commit is going to name, if they are kept apart from the rest, so
    /// that the commit does not wait for them. Powers that no commit names go away by themselves.
    ///
    /// # Errors
    /// When the medium fails. Nothing has changed.
    fn prepare(&self, blob: &Blob) -> Result<(), StoreError> {
        let _ = blob;
        Ok(())
    }

    /// Makes all of a batch durable, or nothing.
    ///
    /// # Errors
    /// When the batch does not continue what is stored, or the medium fails. The caller's memory is
    /// then ahead of the store, so the caller must not go on.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// At most `at_most` records of the log, in order, from number `from` on; none at its end.
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

    /// At most `at_most` accepted contributions, in order, from number `from` on.
    ///
    /// # Errors
    /// When the medium fails, or a contribution has changed since it was stored.
    fn contributions(&self, from: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError>;

    /// The lowest number of a contribution by somebody whom a person may call so
    /// ([`Asked`]).
    ///
    /// # Errors
    /// When the medium fails, or a contribution has changed since it was stored.
    fn number_of(&self, asked: &Asked) -> Result<Option<u64>, StoreError>;

    /// The tickets that have a blob.
    ///
    /// # Errors
    /// When the medium fails.
    fn blob_tickets(&self) -> Result<Vec<Ticket>, StoreError>;

    /// The submitted contribution of a stay.
    ///
    /// # Errors
    /// When the medium fails, or the bytes have changed since they were stored.
    fn blob(&self, ticket: Ticket) -> Result<Option<Blob>, StoreError>;

    /// A view of all contributions, which later commits do not change.
    ///
    /// # Errors
    /// When the medium fails.
    fn reading(&self) -> Result<Box<dyn Reading>, StoreError>;

    /// The directory in which all of it is, if it is in one.
    fn directory(&self) -> Option<&Path> {
        None
    }

    /// How much of the public log was last signed; none if nothing tells.
    fn last_signed(&self) -> Option<Signed> {
        None
    }

    /// Makes durable how much of the public log is going to be signed. It is kept outside of what a
    /// backup holds (`docs/spec/public-log.md#durable-first`).
    ///
    /// # Errors
    /// When it would take back what was signed before, or cannot be written.
    fn keep_signed(&self, signed: &Signed) -> Result<(), StoreError> {
        let _ = signed;
        Ok(())
    }

    /// Until when the coordinator before this one was there, if more is known of it than the log tells.
    fn there_until(&self) -> Option<ThereUntil> {
        None
    }

    /// The coordinator was there at `at`, by the queue's time, and all that it had to write by then is
    /// durable. Whoever comes after it is told of it, where there is a way; this costs nothing.
    fn is_there(&self, at: Timestamp) {
        let _ = at;
    }

    /// Writes a consistent copy of everything to a new file, while others read and write.
    ///
    /// # Errors
    /// When `to` exists, or cannot be written.
    fn backup(&self, to: &Path) -> Result<(), StoreError>;

    /// Writes the bundle by which another coordinator goes on with the ceremony to a new file: a copy
    /// of everything but the secret keys and the sessions (`docs/spec/public-log.md#handover`).
    ///
    /// # Errors
    /// When `to` exists, or cannot be written, or this store has no such form.
    fn hand_over(&self, to: &Path, given: &Given) -> Result<(), StoreError> {
        let _ = given;
        Err(StoreError::File {
            action: "write",
            path: to.to_owned(),
            source: std::io::Error::from(std::io::ErrorKind::Unsupported),
        })
    }

    /// Adds a session, or replaces the one with the same hash.
    ///
    /// # Errors
    /// When the medium fails.
    fn put_session(&self, session: &Session) -> Result<(), StoreError> {
        self.write_sign_ins(&[SignInWrite::Put(session.clone())])
    }

    /// Forgets a session.
    ///
    /// # Errors
    /// When the medium fails.
    fn delete_session(&self, hash: &TokenHash) -> Result<(), StoreError> {
        self.write_sign_ins(&[SignInWrite::Delete(*hash)])
    }

    /// Makes the changes of several sign-ins durable, in order. A store may do so in one commit.
    ///
    /// # Errors
    /// When the medium fails. Some of the changes may then be missing.
    fn write_sign_ins(&self, writes: &[SignInWrite]) -> Result<(), StoreError>;

    /// The key by which nonces and states of sign-ins are recognised, also after a restart and by other
    /// replicas. None from a store that keeps none: then each start has one of its own, and whoever was about
    /// to sign in begins again.
    ///
    /// # Errors
    /// When the medium fails.
    fn sign_in_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
        Ok(None)
    }

    /// The nonces that were used, of those that expire at `at` or later.
    ///
    /// # Errors
    /// When the medium fails.
    fn used_nonces(&self, at: Timestamp) -> Result<Vec<UsedNonce>, StoreError> {
        let _ = at;
        Ok(Vec::new())
    }

    /// All sessions that end after `at`, ordered by their ends. None from a store that cannot list
    /// them.
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

    /// Forgets all sessions that ended before `at`, and returns how many there were. Used nonces that expired
    /// before go with them.
    ///
    /// # Errors
    /// When the medium fails.
    fn delete_sessions_expired_before(&self, at: Timestamp) -> Result<u64, StoreError>;

    /// The identity that this GitHub account was first given. If it has none, it gets `today`,
    /// which is then durable.
    ///
    /// # Errors
    /// When the medium fails.
    fn first_identity_of_github(
        &self,
        account: u64,
        today: &Identity,
    ) -> Result<Identity, StoreError> {
        // Most accounts have an identity already, and need no commit.
        if let Some(first) = self.identity_of_github(account)? {
            return Ok(first);
        }
        let identity = today.clone();
        self.write_sign_ins(&[SignInWrite::GithubAccount { account, identity }])?;
        let missing = || StoreError::damaged(format!("GitHub account {account} was not kept"));
        self.identity_of_github(account)?.ok_or_else(missing)
    }

    /// The identity that this GitHub account was given, if it has one.
    ///
    /// # Errors
    /// When the medium fails.
    fn identity_of_github(&self, account: u64) -> Result<Option<Identity>, StoreError>;

    /// The tally of the GitHub accounts that have an identity.
    fn accounts(&self) -> Tally {
        sum::NONE
    }

    /// The tally of the first `count` accounts. They are read again and checked against their sums.
    ///
    /// # Errors
    /// When the medium fails, or an account has changed since it was stored.
    fn first_accounts(&self, count: u64) -> Result<Tally, StoreError> {
        Ok(Tally {
            count,
            digest: sum::NONE.digest,
        })
    }
}

/// Until when a coordinator was there (`docs/spec/queue.md#there-until`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThereUntil {
    /// When it last looked at the time, by the queue's time.
    pub at: Timestamp,
    /// How long ago it said so, by the clock of what it told it to.
    pub ago: Duration,
}

/// The contributions at one moment, for a slow reader.
pub trait Reading: Send {
    /// How many contributions there are.
    ///
    /// # Errors
    /// When the medium fails.
    fn contributions(&self) -> Result<u64, StoreError>;

    /// The blob of the last accepted contribution; none before the first.
    ///
    /// # Errors
    /// When the medium fails.
    fn head(&self) -> Result<Option<Blob>, StoreError>;

    /// At most `at_most` contributions, in order, after number `after`; none at the end.
    ///
    /// # Errors
    /// When the medium fails, or a contribution has changed since it was stored.
    fn page(&self, after: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError>;

    /// Whether stored things have sums. Only in old data that is opened for looking, they have
    /// none.
    fn has_sums(&self) -> bool;

    /// Like [`page`](Self::page), but unchecked: each contribution comes with the sum with which it
    /// was stored, if it was.
    ///
    /// # Errors
    /// When the medium fails.
    fn unchecked_page(
        &self,
        after: u64,
        at_most: u32,
    ) -> Result<Vec<(Contribution, Option<Digest>)>, StoreError>;
}
