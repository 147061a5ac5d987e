//! The store that replicas share: a PostgreSQL database.
//!
//! It keeps what the embedded store keeps, in one schema. One replica leads, and only it writes; all of
//! them read. What is kept is the same, so a backup is a file of the embedded store.
//!
//! # The fence
//!
//! A replica that was frozen, or cut off, may believe that it leads when another does. No clock of its own
//! can tell, and its packets may arrive late. So each append asks, in the same statement, whether the
//! leader's epoch is still its own, and holds that row until its transaction ends (`fence` in the
//! schema). At the level `read committed`, these are the cases:
//!
//! * **The append holds the row first.** It holds the row `FOR KEY SHARE`. Taking the lead changes the
//!   epoch, which is the row's key, so it waits until the append's transaction is over. Whoever takes the
//!   lead reads the log afterwards, and finds the append, or not, for good.
//! * **Taking the lead holds the row first.** The append waits for it. If it is committed, PostgreSQL
//!   looks at the changed row again, `WHERE epoch = …` does not hold, and the append is refused. If it is
//!   rolled back, the append goes on.
//! * **Taking the lead was committed before.** The append sees another epoch, and is refused.
//! * **Renewing the lease** changes no key, so it neither waits for appends nor holds them up. A row that
//!   was renewed meanwhile has the same epoch.
//! * **Two take the lead at once.** The second waits for the first, looks at the changed row and at the
//!   clock again, and finds a lease that lasts.
//! * **A leader is frozen between its append and `COMMIT`.** The two are sent together, so that is rare.
//!   After a second the database ends its session, and with it the transaction.
//! * **The powers of a contribution are on their way for long.** They are sent first, when the row is not
//!   held yet.
//!
//! Every other write, such as a session or how much of the log was signed, asks in the same way. Beside
//! the fence, records have to continue the log, and each transaction counts itself (`writer.rs`), so a
//! transaction that is carried out twice, or after another, is refused also within an epoch.
//!
//! # What is durable
//!
//! A commit that has returned was written with `synchronous_commit`. If `synchronous_standby_names` names
//! standbys, it is on one of them as well, and outlives the machine.

mod accounts;
mod ahead;
mod cluster;
mod database;
mod failure;
mod link;
mod meta;
mod moving;
mod notes;
mod opening;
mod pool;
mod queries;
mod reading;
mod rows;
mod schema;
mod sign_ins;
mod tls;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tauline_protocol::Identity;
use tauline_protocol::journal::Tally;
use tauline_queue_core::{Ticket, Timestamp};
use tokio_postgres::Row;
use zeroize::Zeroizing;

use self::ahead::Ahead;
pub use self::cluster::{Cluster, Leader, Lease, Member};
pub use self::database::Database;
use self::link::{Link, Param, param};
pub(crate) use self::moving::Moving;
use self::notes::Notes;
use self::pool::Pool;
use self::queries::{
    BLOB_TICKETS, BY_NAME, ENDING, FROM_NUMBER, FROM_TICKET, KEEP_SIGNED, LASTING, LOG, SESSION,
    SIGNED, SWEEP,
};
use self::reading::{BLOB, PostgresReading, Snapshot};
use self::rows::{blob, checked_contribution, number, record, session, unsigned};
use self::writer::{Step, Work, Writer};
use crate::asked::Asked;
use crate::batch::{Batch, Blob, Write};
use crate::bundle::Given;
use crate::ceremony::Ceremony;
use crate::chain::StoredRecord;
use crate::content;
use crate::contribution::Contribution;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::failpoint::failpoint;
use crate::session::{Session, SignInWrite, TokenHash, UsedNonce};
use crate::signed::Signed;
use crate::sqlite::{Found, Fresh, write_bundle_of, write_whole};
use crate::store::{Reading, Store, ThereUntil};

/// The store that replicas share.
pub struct Postgres {
    ceremony: Ceremony,
    database: Database,
    directory: PathBuf,
    found: Found,
    /// None if this replica only reads.
    lead: Option<Lead>,
    ahead: Mutex<Ahead>,
    signed: Mutex<Option<Signed>>,
    accounts: Mutex<Tally>,
    pool: Arc<Pool>,
    // Dropped last: what else is here lives on its thread.
    engine: Arc<Engine>,
}

/// What a leader has.
struct Lead {
    epoch: i64,
    lease: Lease,
    writer: Arc<tokio::sync::Mutex<Writer>>,
    notes: Notes,
}

impl Postgres {
    /// What was found when the data was opened.
    #[must_use]
    pub fn found(&self) -> Found {
        self.found
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    fn lead_now(&self) -> Result<&Lead, StoreError> {
        self.lead.as_ref().ok_or(StoreError::NotLeading)
    }

    /// The rows that a statement returns, which changes nothing.
    fn ask(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>, StoreError> {
        let pool = Arc::clone(&self.pool);
        self.engine
            .run(async move { pool.query(sql, &params).await })
    }

    /// Makes a transaction durable. Returns how many rows each step has changed, if that is known.
    fn write(&self, work: Work) -> Result<Option<Vec<u64>>, StoreError> {
        let writer = Arc::clone(&self.lead_now()?.writer);
        self.engine
            .run(async move { writer.lock().await.commit(&work).await })
    }

    /// Deletes powers that are not needed any more. Nobody waits for it.
    fn sweep(&self, epoch: i64) {
        let database = self.database.clone();
        self.engine.spawn(async move {
            let swept = async {
                let link = Link::open(&database).await?;
                Ok::<_, failure::Failure>(link.query(SWEEP, &[param(epoch)]).await?)
            };
            if let Err(failure) = swept.await {
                // It is done again after the next contribution.
                tracing::debug!(?failure, "old powers were not deleted");
            }
        });
    }

    fn accounts_known(&self) -> MutexGuard<'_, Tally> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signed_known(&self) -> MutexGuard<'_, Option<Signed>> {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Postgres {
    fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let lead = self.lead_now()?;
        let epoch = lead.epoch;
        let steps = rows::steps(epoch, batch)?;
        failpoint("store-before-commit");
        let extra = rows::time_for(batch);
        self.write(Work {
            extra,
            ..Work::new(steps, true)
        })?;
        failpoint("store-after-commit");
        lead.notes.committed(batch)?;
        if batch
            .writes
            .iter()
            .any(|it| matches!(it, Write::Accepted(_)))
        {
            self.sweep(epoch);
        }
        Ok(())
    }

    fn log(&self, from: u64, at_most: u32) -> Result<Vec<StoredRecord>, StoreError> {
        let rows = self.ask(LOG, vec![param(number(from)?), param(i64::from(at_most))])?;
        rows.iter().map(record).collect()
    }

    fn ending(&self, ticket: Ticket) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.ask(ENDING, vec![param(number(ticket.value())?)])?;
        rows.first().map(rows::ending).transpose()
    }

    fn contribution(&self, ticket: Ticket) -> Result<Option<Contribution>, StoreError> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = ahead.take(ticket) {
            return Ok(Some(found));
        }
        let params = vec![param(number(ticket.value())?), param(ahead.count())];
        let rows = self.ask(FROM_TICKET, params)?;
        let mut found = rows.iter().map(checked_contribution);
        let Some(first) = found.next().transpose()? else {
            return Ok(None);
        };
        if first.ticket != ticket {
            return Ok(None);
        }
        // One that has changed is refused when it is asked for.
        let rest = found.map_while(Result::ok).collect();
        ahead.put(&first, rest);
        Ok(Some(first))
    }

    fn contributions(&self, from: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError> {
        let params = vec![param(number(from)?), param(i64::from(at_most))];
        let rows = self.ask(FROM_NUMBER, params)?;
        rows.iter().map(checked_contribution).collect()
    }

    fn number_of(&self, asked: &Asked) -> Result<Option<u64>, StoreError> {
        let names: Vec<String> = asked.names().into();
        for row in &self.ask(BY_NAME, vec![param(names)])? {
            let found = checked_contribution(row)?;
            if asked.is(&found.identity) {
                return Ok(Some(found.number));
            }
        }
        Ok(None)
    }

    fn blob_tickets(&self) -> Result<Vec<Ticket>, StoreError> {
        let rows = self.ask(BLOB_TICKETS, Vec::new())?;
        let ticket = |row: &Row| Ok(Ticket::new(unsigned(row, 0)?));
        rows.iter().map(ticket).collect()
    }

    fn blob(&self, ticket: Ticket) -> Result<Option<Blob>, StoreError> {
        let rows = self.ask(BLOB, vec![param(number(ticket.value())?)])?;
        rows.first().map(|row| blob(row, ticket)).transpose()
    }

    fn reading(&self) -> Result<Box<dyn Reading>, StoreError> {
        let snapshot = Snapshot::take(&self.engine, &self.database)?;
        Ok(Box::new(PostgresReading(Mutex::new(snapshot))))
    }

    fn directory(&self) -> Option<&Path> {
        Some(&self.directory)
    }

    fn last_signed(&self) -> Option<Signed> {
        if self.lead.is_none() {
            // The leader goes on signing. Where it cannot be asked for, the last answer is no later.
            match self
                .ask(SIGNED, Vec::new())
                .and_then(|rows| rows::signed(&rows))
            {
                Ok(signed) => *self.signed_known() = signed,
                Err(error) => tracing::warn!(%error, "what was last signed cannot be read"),
            }
        }
        self.signed_known().clone()
    }

    fn keep_signed(&self, signed: &Signed) -> Result<(), StoreError> {
        let Lead { epoch, notes, .. } = self.lead_now()?;
        let mut known = self.signed_known();
        if known.as_ref() == Some(signed) {
            return Ok(());
        }
        failpoint("signed-before-write");
        let params = vec![
            param(*epoch),
            param(signed.origin.clone()),
            param(number(signed.tree.size)?),
            param(signed.tree.root.as_bytes().to_vec()),
        ];
        self.write(Work::new(vec![Step::new(KEEP_SIGNED, params)], false))?;
        notes.signed(signed)?;
        failpoint("signed-after-write");
        *known = Some(signed.clone());
        Ok(())
    }

    fn there_until(&self) -> Option<ThereUntil> {
        self.lead.as_ref()?.lease.there_until()
    }

    fn is_there(&self, at: Timestamp) {
        if let Some(lead) = &self.lead {
            lead.lease.is_there(at);
        }
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        write_whole(to, |partial| {
            let mut now = Snapshot::take(&self.engine, &self.database)?;
            let mut copy = Fresh::make(partial)?;
            content::copy(&mut now, &mut copy)?;
            copy.close()
        })
    }

    fn hand_over(&self, to: &Path, given: &Given) -> Result<(), StoreError> {
        if to.exists() {
            return Err(StoreError::Exists {
                path: to.to_owned(),
            });
        }
        write_bundle_of(&self.ceremony, to, given, |copy| self.backup(copy))
    }

    fn write_sign_ins(&self, writes: &[SignInWrite]) -> Result<(), StoreError> {
        self.change_sign_ins(writes)
    }

    fn sign_in_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
        self.key_of_sign_ins().map(Some)
    }

    fn used_nonces(&self, at: Timestamp) -> Result<Vec<UsedNonce>, StoreError> {
        self.nonces_used(at)
    }

    fn sessions_lasting(&self, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        let rows = self.ask(LASTING, vec![param(number(at.as_millis())?)])?;
        rows.iter()
            .filter_map(|row| session(row).transpose())
            .collect()
    }

    fn session(&self, hash: &TokenHash) -> Result<Option<Session>, StoreError> {
        let rows = self.ask(SESSION, vec![param(hash.to_vec())])?;
        Ok(rows.first().map(session).transpose()?.flatten())
    }

    fn delete_sessions_expired_before(&self, at: Timestamp) -> Result<u64, StoreError> {
        self.forget_before(at)
    }

    fn identity_of_github(&self, account: u64) -> Result<Option<Identity>, StoreError> {
        let pool = Arc::clone(&self.pool);
        let mut known = self
            .engine
            .run(async move { accounts::known(&pool, &[account]).await })?;
        Ok(known.remove(&account))
    }

    fn accounts(&self) -> Tally {
        *self.accounts_known()
    }

    fn first_accounts(&self, count: u64) -> Result<Tally, StoreError> {
        let pool = Arc::clone(&self.pool);
        self.engine
            .run(async move { accounts::first(&pool, count).await })
    }
}
