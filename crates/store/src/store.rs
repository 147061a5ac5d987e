//! What a store does, whatever it is made of.

use std::path::Path;

use tauline_protocol::Identity;
use tauline_protocol::journal::{Digest, Tally};
use tauline_queue_core::{Ticket, Timestamp};

use crate::batch::{Batch, Blob};
use crate::ceremony::Ceremony;
use crate::chain::StoredRecord;
use crate::contribution::Contribution;
use crate::error::StoreError;
use crate::session::{Session, SignInWrite};
use crate::sum;

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
    fn delete_session(&self, hash: &[u8; 32]) -> Result<(), StoreError>;

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
    fn session(&self, hash: &[u8; 32]) -> Result<Option<Session>, StoreError>;

    /// Forgets all sessions that ended before `at`; returns how many.
    ///
    /// # Errors
    /// When the medium fails.
    fn delete_sessions_expired_before(&self, at: Timestamp) -> Result<u64, StoreError>;

    /// The identity that this GitHub account was first given here; this one, if it is the first,
    /// which is durable then.
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

    /// Whether everything has a sum; nothing has in data of before there were sums that is only
    /// looked at.
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
