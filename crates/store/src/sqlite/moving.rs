//! The embedded store as where data is copied from and to.

use std::path::Path;

use rusqlite::{Connection, Row, params};
use tauline_protocol::journal::Digest;
use tauline_queue_core::{Ticket, Timestamp};
use zeroize::Zeroizing;

use super::connection::connect_to_look;
use super::upkeep::SUPERSEDED;
use super::{meta, rows, schema, sign_ins};
use crate::batch::{Blob, Write};
use crate::chain::StoredRecord;
use crate::content::{Account, Meta, PAGE, Sink, Source, Summed};
use crate::error::StoreError;
use crate::session::Session;

/// What is said only of an embedded store: that its data has sums.
const SUMS: &str = "sums";

/// A database at one moment.
pub(crate) struct Whole(Connection);

impl Whole {
    /// Reads a database, which stays as it is.
    ///
    /// # Errors
    /// When it is none, or of an older version.
    pub(crate) fn read(database: &Path) -> Result<Self, StoreError> {
        let connection = connect_to_look(database)?;
        let is_latest = schema::is_latest(&connection, database)?;
        if !is_latest || !meta::has_sums(&connection)? {
            return Err(StoreError::Refused {
                database: database.display().to_string(),
                what: "is of an older version: start its coordinator once with this version, and stop it again".to_owned(),
            });
        }
        // The first read of the transaction fixes the view.
        connection.execute_batch("BEGIN")?;
        Ok(Self(connection))
    }
}

impl Source for Whole {
    fn meta(&mut self) -> Result<Meta, StoreError> {
        let mut select = self
            .0
            .prepare("SELECT key, value FROM meta WHERE key <> ?1 ORDER BY key")?;
        let rows =
            select.query_map([SUMS], |row| Ok((row.get(0)?, Zeroizing::new(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn records(&mut self, from: u64) -> Result<Vec<StoredRecord>, StoreError> {
        rows::records(&self.0, from, PAGE)
    }

    fn contributions(&mut self, after: u64) -> Result<Vec<Summed>, StoreError> {
        let mut select = self.0.prepare_cached(
            "SELECT number, ticket, identity, witness, ecdsa, digest, sum
             FROM contributions LEFT JOIN contribution_sums USING (number)
             WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?;
        collect(
            select.query(params![after, PAGE])?,
            rows::unchecked_contribution,
        )
    }

    fn blob_tickets(&mut self) -> Result<Vec<Ticket>, StoreError> {
        let kept = format!("SELECT ticket FROM blobs WHERE NOT {SUPERSEDED} ORDER BY ticket");
        let mut select = self.0.prepare(&kept)?;
        collect(select.query([])?, |row| Ok(Ticket::new(row.get(0)?)))
    }

    fn blob(&mut self, ticket: Ticket) -> Result<Option<Blob>, StoreError> {
        rows::blob(&self.0, ticket)
    }

    fn accounts(&mut self, after: u64) -> Result<Vec<Account>, StoreError> {
        let mut select = self.0.prepare_cached(
            "SELECT number, id, identity, sum FROM account_sums JOIN github_accounts USING (id)
             WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?;
        collect(select.query(params![after, PAGE])?, |row| {
            Ok(Account {
                number: row.get(0)?,
                id: row.get(1)?,
                identity: rows::identity(row, 2)?,
                sum: row.get(3)?,
            })
        })
    }

    fn sessions(&mut self) -> Result<Vec<Session>, StoreError> {
        sign_ins::lasting(&self.0, Timestamp::from_millis(0))
    }
}

fn collect<T>(
    mut rows: rusqlite::Rows<'_>,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// A new database, of which nobody knows yet.
pub(crate) struct Fresh(Connection);

impl Fresh {
    /// Makes the tables in a file that is there and empty.
    pub(crate) fn make(database: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(database)?;
        // Half of it is thrown away, and the whole is flushed when it is named.
        connection.pragma_update(None, "journal_mode", "MEMORY")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(&mut connection, database)?;
        connection.execute_batch("BEGIN")?;
        Ok(Self(connection))
    }

    /// Closes it, with all of it in the one file.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        self.0.execute_batch("COMMIT")?;
        self.0.close().map_err(|(_, error)| StoreError::from(error))
    }
}

impl Sink for Fresh {
    fn put_meta(&mut self, all: &Meta) -> Result<(), StoreError> {
        for (key, value) in all {
            meta::put(&self.0, key, value)?;
        }
        meta::put(&self.0, SUMS, &[1])
    }

    fn put_records(&mut self, records: &[StoredRecord]) -> Result<(), StoreError> {
        let put = |record: &StoredRecord| rows::apply(&self.0, &Write::Record(record.clone()));
        records.iter().try_for_each(put)
    }

    fn put_contributions(&mut self, contributions: &[Summed]) -> Result<(), StoreError> {
        for (one, sum) in contributions {
            rows::put_contribution(&self.0, one)?;
            put_sum(&self.0, one.number, sum.as_ref())?;
        }
        Ok(())
    }

    fn put_blob(&mut self, ticket: Ticket, blob: &Blob) -> Result<(), StoreError> {
        let blob = blob.clone();
        rows::apply(&self.0, &Write::Blob { ticket, blob })
    }

    fn put_accounts(&mut self, accounts: &[Account]) -> Result<(), StoreError> {
        let mut put = (self.0)
            .prepare_cached("INSERT INTO github_accounts (id, identity) VALUES (?1, ?2)")?;
        for account in accounts {
            put.execute(params![account.id, account.identity.as_str()])?;
            super::accounts::put_sum(&self.0, account.number, account.id, &account.sum)?;
        }
        Ok(())
    }

    fn put_sessions(&mut self, sessions: &[Session]) -> Result<(), StoreError> {
        let put = |session: &Session| sign_ins::put(&self.0, session);
        sessions.iter().try_for_each(put)
    }
}

fn put_sum(connection: &Connection, number: u64, sum: Option<&Digest>) -> Result<(), StoreError> {
    if let Some(sum) = sum {
        connection
            .prepare_cached("INSERT INTO contribution_sums (number, sum) VALUES (?1, ?2)")?
            .execute(params![number, sum])?;
    }
    Ok(())
}
