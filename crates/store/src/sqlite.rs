//! The embedded store: one SQLite database.
//!
//! It uses a write-ahead log with `synchronous=FULL`, so a commit that has returned is on the disk.
//! One connection writes and one reads, and each long reading and each backup has one of its own.
//! None of them waits for another for longer than a commit takes.

mod accounts;
mod backup;
mod connection;
mod contributions;
mod creation;
mod extent;
mod handover;
mod meta;
mod moving;
mod opening;
mod reading;
mod rows;
mod schema;
mod sign_ins;
mod sums;
mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use sha2::{Digest as _, Sha256};
use tauline_protocol::Identity;
use tauline_protocol::journal::Tally;
use tauline_queue_core::{Ticket, Timestamp};

pub(crate) use self::backup::write_whole;
use self::connection::{connect, connect_to_look};
pub(crate) use self::handover::{equip, write_bundle_of};
pub(crate) use self::moving::{Fresh, Whole};
use self::rows::{apply, blob};
pub(crate) use self::upkeep::sweep as delete_superseded;
use self::upkeep::{SUPERSEDED, Upkeep};
use crate::asked::Asked;
use crate::batch::{Batch, Blob};
use crate::bundle::Given;
use crate::ceremony::Ceremony;
use crate::chain::StoredRecord;
use crate::contribution::Contribution;
use crate::directory::DataDir;
use crate::error::StoreError;
use crate::failpoint::failpoint;
use crate::mark::{self, Mark, MarkFile};
use crate::session::{Session, SignInWrite};
use crate::signed::{Signed, SignedFile};
use crate::store::{Reading, Store};

/// What was found when the data was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing: a new ceremony begins, with a new key.
    Nothing,
    /// A ceremony from before there were sums, which has been given them now.
    WithoutSums,
    /// A ceremony without its mark.
    Unmarked,
    /// A ceremony with its mark.
    Whole,
}

/// The embedded store.
pub struct Sqlite {
    ceremony: Ceremony,
    path: PathBuf,
    // Dropped before all else that uses the directory, since its thread has connections too. None
    // if the data is opened for looking.
    upkeep: Option<Upkeep>,
    writer: Arc<Mutex<Connection>>,
    reader: Mutex<Connection>,
    accounts: Mutex<Tally>,
    found: Found,
    // Dropped before the lock, so that its last write is under the lock. None if the data is opened
    // for looking.
    mark: Option<Mutex<MarkFile>>,
    // None if a database is opened that is in no data directory.
    signed: Option<Mutex<SignedFile>>,
    // Dropped last, so that the lock outlives the connections.
    directory: Option<DataDir>,
}

impl Sqlite {
    /// What can be upgraded for as long as nobody else can open the data directory: it ends after the
    /// store was dropped and the lock given back. Without a lock, as for looking, it has ended.
    #[must_use]
    pub fn hold(&self) -> Weak<()> {
        self.directory
            .as_ref()
            .map(DataDir::hold)
            .unwrap_or_default()
    }

    /// The data directory, or the directory of the database if the data is opened for looking.
    #[must_use]
    pub fn directory(&self) -> &Path {
        match &self.directory {
            Some(directory) => directory.path(),
            None => self.path.parent().unwrap_or(&self.path),
        }
    }

    /// What was found when the data was opened.
    #[must_use]
    pub fn found(&self) -> Found {
        self.found
    }

    /// Checks that the database's own structure is whole: pages, rows and indexes.
    ///
    /// # Errors
    /// When it is not, or when the medium fails.
    pub fn check_structure(&self) -> Result<(), StoreError> {
        let told: String = self
            .reader()
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        match told.as_str() {
            "ok" => Ok(()),
            _ => Err(StoreError::damaged(format!(
                "the database's structure is broken ({told})"
            ))),
        }
    }

    /// The mark for what is stored now.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn mark(&self) -> Result<Mark, StoreError> {
        extent::mark(&self.reader(), &self.ceremony)
    }

    /// Raises the mark after a commit. It is written at once if a contribution was accepted, since
    /// people are told of that.
    fn raise_mark(&self, batch: &Batch) -> Result<(), StoreError> {
        let Some(mark) = &self.mark else {
            return Ok(());
        };
        mark.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .raise(|mark| mark.count(batch), mark::is_due(batch))
    }

    fn accounts_known(&self) -> MutexGuard<'_, Tally> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolls it back, so the connection can still be used.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Sqlite {
    fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for write in &batch.writes {
            apply(&transaction, write)?;
        }
        failpoint("store-before-commit");
        transaction.commit()?;
        failpoint("store-after-commit");
        drop(writer);
        let raised = self.raise_mark(batch);
        failpoint("store-mark-raised");
        if let Some(upkeep) = &self.upkeep {
            upkeep.committed(batch);
        }
        raised
    }

    fn log(&self, from: u64, at_most: u32) -> Result<Vec<StoredRecord>, StoreError> {
        rows::records(&self.reader(), from, at_most)
    }

    fn ending(&self, ticket: Ticket) -> Result<Option<Vec<u8>>, StoreError> {
        /// A record, its number and hash, and the hash before.
        type Found = (u64, Vec<u8>, [u8; 32], Option<[u8; 32]>);
        let found: Option<Found> = self
            .reader()
            .prepare_cached(
                "SELECT seq, record, hash, (SELECT hash FROM journal AS before
                                            WHERE before.seq = journal.seq - 1)
                 FROM journal WHERE ended = ?1",
            )?
            .query_row([ticket.value()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((seq, record, hash, before)) = found else {
            return Ok(None);
        };
        let follows = Sha256::new()
            .chain_update(before.unwrap_or_default())
            .chain_update(&record);
        if <[u8; 32]>::from(follows.finalize()) != hash {
            return Err(StoreError::damaged(format!(
                "record {seq} of the log is not what was written: its hash differs"
            )));
        }
        Ok(Some(record))
    }

    fn contribution(&self, ticket: Ticket) -> Result<Option<Contribution>, StoreError> {
        contributions::of_ticket(&self.reader(), ticket)
    }

    fn contributions(&self, from: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError> {
        contributions::from_number(&self.reader(), from, at_most)
    }

    fn number_of(&self, asked: &Asked) -> Result<Option<u64>, StoreError> {
        contributions::number_of(&self.reader(), asked)
    }

    fn blob_tickets(&self) -> Result<Vec<Ticket>, StoreError> {
        let reader = self.reader();
        let kept = format!("SELECT ticket FROM blobs WHERE NOT {SUPERSEDED} ORDER BY ticket");
        let mut select = reader.prepare(&kept)?;
        let tickets = select.query_map([], |row| Ok(Ticket::new(row.get(0)?)))?;
        Ok(tickets.collect::<Result<_, _>>()?)
    }

    fn blob(&self, ticket: Ticket) -> Result<Option<Blob>, StoreError> {
        blob(&self.reader(), ticket)
    }

    fn reading(&self) -> Result<Box<dyn Reading>, StoreError> {
        let connection = match self.directory {
            Some(_) => connect(&self.path)?,
            None => connect_to_look(&self.path)?,
        };
        // The first read of the transaction fixes the view.
        connection.execute_batch("BEGIN")?;
        let has_sums = meta::has_sums(&connection)?;
        let has_digests = schema::has_digests(&connection, &self.path)?;
        Ok(Box::new(reading::SqliteReading {
            connection,
            has_sums,
            has_digests,
        }))
    }

    fn directory(&self) -> Option<&Path> {
        Some(Sqlite::directory(self))
    }

    fn last_signed(&self) -> Option<Signed> {
        let signed = self.signed.as_ref()?;
        let signed = signed.lock().unwrap_or_else(PoisonError::into_inner);
        signed.last().cloned()
    }

    fn keep_signed(&self, tree: &Signed) -> Result<(), StoreError> {
        match &self.signed {
            Some(signed) => signed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .raise(tree),
            None => Ok(()),
        }
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        backup::backup(&self.path, to)
    }

    fn hand_over(&self, to: &Path, given: &Given) -> Result<(), StoreError> {
        handover::write_bundle(&self.path, &self.ceremony, to, given)
    }

    fn write_sign_ins(&self, writes: &[SignInWrite]) -> Result<(), StoreError> {
        let mut accounts = self.accounts_known();
        sign_ins::write(&mut self.writer(), writes, &mut accounts)?;
        if let Some(upkeep) = &self.upkeep {
            upkeep.signed_in(writes);
        }
        Ok(())
    }

    fn sessions_lasting(&self, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        sign_ins::lasting(&self.reader(), at)
    }

    fn session(&self, hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        sign_ins::find(&self.reader(), hash)
    }

    fn delete_sessions_expired_before(&self, at: Timestamp) -> Result<u64, StoreError> {
        let deleted = self
            .writer()
            .prepare_cached("DELETE FROM sessions WHERE expires_at < ?1")?
            .execute([at.as_millis()])?;
        Ok(deleted as u64)
    }

    fn identity_of_github(&self, account: u64) -> Result<Option<Identity>, StoreError> {
        accounts::known_identity(&self.reader(), account)
    }

    fn accounts(&self) -> Tally {
        *self.accounts_known()
    }

    fn first_accounts(&self, count: u64) -> Result<Tally, StoreError> {
        accounts::first(&self.reader(), count)
    }
}
