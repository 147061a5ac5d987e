//! PostgreSQL as where data is copied from and to.

use tauline_queue_core::Ticket;

use super::accounts::{self, ACCOUNTS};
use super::link::param;
use super::meta::{self, META};
use super::queries::{BLOB_TICKETS, KEEP_SIGNED, LASTING, LOG, SIGNED};
use super::reading::{AFTER, BLOB, Snapshot};
use super::rows::{self, number};
use super::writer::Step;
use super::{Database, opening, schema};
use crate::batch::Blob;
use crate::chain::StoredRecord;
use crate::content::{Account, Meta, PAGE, Sink, Source, Summed};
use crate::engine::Engine;
use crate::error::StoreError;
use crate::session::Session;
use crate::signed::Signed;

/// How many statements are sent at a time, which bounds the memory.
const AT_A_TIME: usize = 256;

const PUT_RECORDS: &str = "INSERT INTO journal (seq, record, hash, ended)
    SELECT $1 + at - 1, one.record, one.hash, one.ended
    FROM unnest($2::bytea[], $3::bytea[], $4::bigint[])
        WITH ORDINALITY AS one (record, hash, ended, at)";
/// No row if somebody leads, who might write meanwhile; nobody takes the lead until the transaction ends.
const HOLD: &str = "SELECT epoch FROM leader WHERE expires_at <= clock_timestamp() FOR UPDATE";

impl Source for Snapshot {
    fn meta(&mut self) -> Result<Meta, StoreError> {
        meta::read(&self.ask(META, Vec::new())?)
    }

    fn records(&mut self, from: u64) -> Result<Vec<StoredRecord>, StoreError> {
        let params = vec![param(number(from)?), param(i64::from(PAGE))];
        self.ask(LOG, params)?.iter().map(rows::record).collect()
    }

    fn contributions(&mut self, after: u64) -> Result<Vec<Summed>, StoreError> {
        let params = vec![param(number(after)?), param(i64::from(PAGE))];
        let found = self.ask(AFTER, params)?;
        found.iter().map(rows::contribution).collect()
    }

    fn blob_tickets(&mut self) -> Result<Vec<Ticket>, StoreError> {
        let found = self.ask(BLOB_TICKETS, Vec::new())?;
        let ticket = |row| Ok(Ticket::new(rows::unsigned(row, 0)?));
        found.iter().map(ticket).collect()
    }

    fn blob(&mut self, ticket: Ticket) -> Result<Option<Blob>, StoreError> {
        let found = self.ask(BLOB, vec![param(number(ticket.value())?)])?;
        found.first().map(|row| rows::blob(row, ticket)).transpose()
    }

    fn accounts(&mut self, after: u64) -> Result<Vec<Account>, StoreError> {
        let params = vec![
            param(number(after)?),
            param(i64::MAX),
            param(i64::from(PAGE)),
        ];
        let found = self.ask(ACCOUNTS, params)?;
        found.iter().map(accounts::account).collect()
    }

    fn sessions(&mut self) -> Result<Vec<Session>, StoreError> {
        let found = self.ask(LASTING, vec![param(0_i64)])?;
        let sessions = found.iter().map(rows::session);
        sessions.filter_map(Result::transpose).collect()
    }
}

/// A transaction in which nobody leads, so that all stands still.
pub(crate) struct Moving {
    transaction: Snapshot,
    epoch: i64,
}

impl Moving {
    /// Begins it, after the tables were made or brought up to date.
    ///
    /// # Errors
    /// When the database cannot be reached or used, or when a replica leads.
    pub(crate) fn begin(database: &Database) -> Result<Self, StoreError> {
        let engine = Engine::start("postgres")?;
        let place = database.clone();
        engine.run(async move { schema::migrate(&place).await })?;
        let begin = "SET idle_in_transaction_session_timeout = '10min'; BEGIN";
        let mut transaction = Snapshot::begin(&engine, database, begin)?;
        let held = transaction.ask(HOLD, Vec::new())?;
        let leads = || {
            StoreError::Refused {
            database: database.to_string(),
            what: "is in use: a replica leads. Stop all replicas first; the lease of one that was killed ends by itself, after some seconds".to_owned(),
        }
        };
        let epoch = held.first().ok_or_else(leads)?.try_get(0)?;
        Ok(Self { transaction, epoch })
    }

    /// What is there, also what was written in this transaction.
    pub(crate) fn source(&mut self) -> &mut dyn Source {
        &mut self.transaction
    }

    /// Whether there is no ceremony.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn is_empty(&mut self) -> Result<bool, StoreError> {
        let meta = self.transaction.meta()?;
        Ok(meta.is_empty() && self.transaction.records(0)?.is_empty())
    }

    /// What was last signed.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn signed(&mut self) -> Result<Option<Signed>, StoreError> {
        opening::signed(&self.transaction.ask(SIGNED, Vec::new())?)
    }

    /// Notes what was last signed.
    ///
    /// # Errors
    /// When it would be taken back, or the database fails.
    pub(crate) fn put_signed(&mut self, signed: &Signed) -> Result<(), StoreError> {
        // The fence shortens how long this transaction may be silent; there is more to come.
        const GO_ON: &str =
            "SELECT set_config('idle_in_transaction_session_timeout', '10min', true)";
        let params = vec![
            param(self.epoch),
            param(signed.origin.clone()),
            param(number(signed.tree.size)?),
            param(signed.tree.root.as_bytes().to_vec()),
        ];
        let steps = vec![Step::new(KEEP_SIGNED, params), Step::new(GO_ON, Vec::new())];
        self.transaction.ask_all(steps)?;
        Ok(())
    }

    /// Makes all of it durable.
    ///
    /// # Errors
    /// When the database fails; nothing is there then, unless only the answer was lost.
    pub(crate) fn commit(mut self) -> Result<(), StoreError> {
        self.transaction.ask("COMMIT", Vec::new())?;
        Ok(())
    }

    fn put<T>(
        &mut self,
        all: &[T],
        step: impl Fn(&T) -> Result<Step, StoreError>,
    ) -> Result<(), StoreError> {
        for some in all.chunks(AT_A_TIME) {
            let steps = some.iter().map(&step).collect::<Result<_, _>>()?;
            self.transaction.ask_all(steps)?;
        }
        Ok(())
    }
}

impl Sink for Moving {
    fn put_meta(&mut self, meta: &Meta) -> Result<(), StoreError> {
        self.put(meta, |(key, value)| Ok(rows::put_meta(key, value)))
    }

    fn put_records(&mut self, records: &[StoredRecord]) -> Result<(), StoreError> {
        let Some(first) = records.first() else {
            return Ok(());
        };
        if (first.seq..)
            .zip(records)
            .any(|(seq, record)| record.seq != seq)
        {
            return Err(StoreError::damaged("the log has a gap"));
        }
        let all: Vec<&StoredRecord> = records.iter().collect();
        let mut step = rows::append(self.epoch, &all)?;
        // All but the epoch.
        step.params.remove(0);
        self.transaction.ask(PUT_RECORDS, step.params)?;
        Ok(())
    }

    fn put_contributions(&mut self, contributions: &[Summed]) -> Result<(), StoreError> {
        self.put(contributions, |(one, sum)| rows::accept(one, *sum))
    }

    fn put_blob(&mut self, ticket: Ticket, blob: &Blob) -> Result<(), StoreError> {
        self.put(&[(ticket, blob)], |(ticket, blob)| {
            rows::put_blob(*ticket, blob)
        })
    }

    fn put_accounts(&mut self, accounts: &[Account]) -> Result<(), StoreError> {
        self.put(accounts, accounts::put)
    }

    fn put_sessions(&mut self, sessions: &[Session]) -> Result<(), StoreError> {
        self.put(sessions, accounts::put_session)
    }
}
