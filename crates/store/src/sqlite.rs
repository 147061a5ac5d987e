//! The embedded store: one SQLite database.
//!
//! Write-ahead log with `synchronous=FULL`: a commit that returned is on the disk. One connection
//! writes, one reads, and each long reading and each backup has one of its own; none of them waits
//! for another for longer than a commit takes.

mod accounts;
mod backup;
mod reading;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use tauline_protocol::Identity;
use tauline_queue_core::{Ticket, Timestamp};
use tauline_transcript::Sizes;

use crate::directory::sync_parent;
use crate::{
    Batch, Blob, Ceremony, Contribution, DataDir, Reading, Session, Store, StoreError,
    StoredRecord, WITNESS_LEN, Witness, Write,
};

mod schema {
    #![allow(missing_docs, unreachable_pub, reason = "generated")]
    refinery::embed_migrations!("src/migrations");
}

/// Marks the database as a ceremony's, in its header: "Taul" in ASCII.
const APPLICATION_ID: i32 = 0x5461_756c;

/// How long a connection waits for another's lock. Ours: far above any commit of this program; it
/// is reached only when something else has the database open.
const BUSY_LIMIT: Duration = Duration::from_secs(10);

/// The embedded store.
pub struct Sqlite {
    ceremony: Ceremony,
    path: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    // Last, so that the lock outlives the connections.
    directory: DataDir,
}

impl Sqlite {
    /// Takes the directory and opens the ceremony in it; where there is none, a new one of these
    /// sizes is made, with a key of its own.
    ///
    /// # Errors
    /// When the directory cannot be used, or holds something else than a ceremony of these sizes
    /// that this program understands.
    pub fn open(directory: &Path, sizes: &Sizes, now: Timestamp) -> Result<Self, StoreError> {
        let directory = DataDir::take(directory)?;
        let path = directory.database()?;
        let mut writer = connect(&path)?;
        migrate(&mut writer, &path)?;
        let ceremony = found(&mut writer, sizes, now)?;
        if ceremony.sizes != *sizes {
            let (found, asked) = (ceremony.sizes.to_string(), sizes.to_string());
            return Err(StoreError::OtherSizes { path, found, asked });
        }
        let reader = connect(&path)?;
        sync_parent(&path).map_err(|source| StoreError::Unwritable {
            path: directory.path().to_owned(),
            source,
        })?;
        Ok(Self {
            ceremony,
            path,
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
            directory,
        })
    }

    /// The data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolls it back: the connection stays good.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    let foreign = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::Foreign {
            path: path.to_owned(),
        },
        _ => error.into(),
    };
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(foreign)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // After a large blob the write-ahead log shrinks again. 16 MiB: two full-size contributions.
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Brings the schema up to date; refuses what this program cannot read.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != APPLICATION_ID && tables > 0 {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    let runner = schema::migrations::runner().set_abort_missing(true);
    let known = runner
        .get_migrations()
        .iter()
        .map(|one| one.version())
        .max()
        .unwrap_or(0);
    let known = u32::try_from(known).unwrap_or(u32::MAX);
    if tables > 0 {
        let found: Option<u32> = connection.query_row(
            "SELECT max(version) FROM refinery_schema_history",
            [],
            |row| row.get(0),
        )?;
        if let Some(found) = found
            && found > known
        {
            return Err(StoreError::Newer {
                path: path.to_owned(),
                found,
                known,
            });
        }
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    runner
        .run(connection)
        .map_err(|error| StoreError::Database(Box::new(error)))?;
    Ok(())
}

/// The ceremony in the database; a new one when there is none.
fn found(
    connection: &mut Connection,
    sizes: &Sizes,
    now: Timestamp,
) -> Result<Ceremony, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let meta = |key: &str| -> Result<Option<Vec<u8>>, StoreError> {
        Ok(transaction
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
                row.get(0)
            })
            .optional()?)
    };
    if meta("sizes")?.is_none() {
        let key = k256::ecdsa::SigningKey::random(&mut rand_core::OsRng);
        let mut put = transaction.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")?;
        put.execute(params!["sizes", sizes.to_string().as_bytes()])?;
        put.execute(params!["started_at", now.as_millis().to_be_bytes()])?;
        put.execute(params!["key", <[u8; 32]>::from(key.to_bytes())])?;
    }
    let missing = |key| StoreError::damaged(format!("`{key}` is missing or unreadable"));
    let found_sizes = meta("sizes")?
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| missing("sizes"))?;
    let started_at = meta("started_at")?
        .and_then(|bytes| bytes.try_into().ok())
        .map(|bytes| Timestamp::from_millis(u64::from_be_bytes(bytes)))
        .ok_or_else(|| missing("started_at"))?;
    let key = meta("key")?
        .and_then(|bytes| k256::ecdsa::SigningKey::from_slice(&bytes).ok())
        .ok_or_else(|| missing("key"))?;
    transaction.commit()?;
    Ok(Ceremony {
        sizes: found_sizes,
        started_at,
        key,
    })
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
        transaction.commit()?;
        Ok(())
    }

    fn log(&self, from: u64, at_most: u32) -> Result<Vec<StoredRecord>, StoreError> {
        let reader = self.reader();
        let mut select = reader.prepare_cached(
            "SELECT seq, record, hash, ended FROM journal WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
        )?;
        let records = select.query_map(params![from, at_most], |row| {
            let ended: Option<u64> = row.get(3)?;
            Ok(StoredRecord {
                seq: row.get(0)?,
                bytes: row.get(1)?,
                hash: row.get(2)?,
                ended: ended.map(Ticket::new),
            })
        })?;
        Ok(records.collect::<Result<_, _>>()?)
    }

    fn ending(&self, ticket: Ticket) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .reader()
            .prepare_cached("SELECT record FROM journal WHERE ended = ?1")?
            .query_row([ticket.value()], |row| row.get(0))
            .optional()?)
    }

    fn contribution(&self, ticket: Ticket) -> Result<Option<Contribution>, StoreError> {
        let reader = self.reader();
        let mut select = reader.prepare_cached(
            "SELECT number, ticket, identity, witness, ecdsa FROM contributions WHERE ticket = ?1",
        )?;
        let mut rows = select.query([ticket.value()])?;
        rows.next()?.map(contribution).transpose()
    }

    fn blob_tickets(&self) -> Result<Vec<Ticket>, StoreError> {
        let reader = self.reader();
        let mut select = reader.prepare("SELECT ticket FROM blobs ORDER BY ticket")?;
        let tickets = select.query_map([], |row| Ok(Ticket::new(row.get(0)?)))?;
        Ok(tickets.collect::<Result<_, _>>()?)
    }

    fn blob(&self, ticket: Ticket) -> Result<Option<Blob>, StoreError> {
        blob(&self.reader(), ticket)
    }

    fn reading(&self) -> Result<Box<dyn Reading>, StoreError> {
        let connection = connect(&self.path)?;
        // The view is fixed by the first read of the transaction.
        connection.execute_batch("BEGIN")?;
        connection.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?;
        Ok(Box::new(reading::SqliteReading { connection }))
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        backup::backup(&self.path, to)
    }

    fn put_session(&self, session: &Session) -> Result<(), StoreError> {
        self.writer()
            .prepare_cached(
                "INSERT INTO sessions (hash, identity, expires_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (hash) DO UPDATE
                 SET identity = excluded.identity, expires_at = excluded.expires_at",
            )?
            .execute(params![
                session.hash,
                session.identity.as_str(),
                session.expires_at.as_millis()
            ])?;
        Ok(())
    }

    fn session(&self, hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        let reader = self.reader();
        let mut select =
            reader.prepare_cached("SELECT identity, expires_at FROM sessions WHERE hash = ?1")?;
        let mut rows = select.query([hash])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        Ok(Some(Session {
            hash: *hash,
            identity: identity(row, 0)?,
            expires_at: Timestamp::from_millis(row.get(1)?),
        }))
    }

    fn delete_session(&self, hash: &[u8; 32]) -> Result<(), StoreError> {
        self.writer()
            .prepare_cached("DELETE FROM sessions WHERE hash = ?1")?
            .execute([hash])?;
        Ok(())
    }

    fn delete_sessions_expired_before(&self, at: Timestamp) -> Result<u64, StoreError> {
        let deleted = self
            .writer()
            .prepare_cached("DELETE FROM sessions WHERE expires_at < ?1")?
            .execute([at.as_millis()])?;
        Ok(deleted as u64)
    }

    fn first_identity_of_github(
        &self,
        account: u64,
        today: &Identity,
    ) -> Result<Identity, StoreError> {
        accounts::first_identity(&self.writer(), account, today)
    }
}

fn apply(connection: &Connection, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::Record(record) => {
            connection
                .prepare_cached(
                    "INSERT INTO journal (seq, record, hash, ended) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    record.seq,
                    record.bytes,
                    record.hash,
                    record.ended.map(Ticket::value)
                ])?;
        }
        Write::Blob { ticket, blob } => {
            connection
                .prepare_cached("INSERT INTO blobs (ticket, digest, bytes) VALUES (?1, ?2, ?3)")?
                .execute(params![ticket.value(), blob.digest(), blob.bytes()])?;
        }
        Write::DropBlob(ticket) => {
            connection
                .prepare_cached("DELETE FROM blobs WHERE ticket = ?1")?
                .execute([ticket.value()])?;
        }
        Write::Accepted(one) => {
            let witness: Vec<u8> = one.witness.iter().flat_map(Witness::to_bytes).collect();
            connection
                .prepare_cached(
                    "INSERT INTO contributions (number, ticket, identity, witness, ecdsa)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    one.number,
                    one.ticket.value(),
                    one.identity.as_str(),
                    witness,
                    one.ecdsa
                ])?;
            connection
                .prepare_cached("DELETE FROM blobs WHERE ticket <> ?1")?
                .execute([one.ticket.value()])?;
        }
    }
    Ok(())
}

fn blob(connection: &Connection, ticket: Ticket) -> Result<Option<Blob>, StoreError> {
    let found: Option<([u8; 32], Vec<u8>)> = connection
        .prepare_cached("SELECT digest, bytes FROM blobs WHERE ticket = ?1")?
        .query_row([ticket.value()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((digest, bytes)) = found else {
        return Ok(None);
    };
    let blob = Blob::new(bytes);
    if *blob.digest() != digest {
        return Err(StoreError::damaged(format!(
            "the contribution of ticket {ticket} is not what was stored"
        )));
    }
    Ok(Some(blob))
}

fn identity(row: &Row<'_>, index: usize) -> Result<Identity, StoreError> {
    let text: String = row.get(index)?;
    text.parse()
        .map_err(|error| StoreError::damaged(format!("`{text}` is no identity: {error}")))
}

fn contribution(row: &Row<'_>) -> Result<Contribution, StoreError> {
    let witness: Vec<u8> = row.get(3)?;
    let (entries, rest) = witness.as_chunks::<WITNESS_LEN>();
    let number: u64 = row.get(0)?;
    if !rest.is_empty() {
        return Err(StoreError::damaged(format!(
            "contribution {number} has a broken witness"
        )));
    }
    Ok(Contribution {
        number,
        ticket: Ticket::new(row.get(1)?),
        identity: identity(row, 2)?,
        witness: entries.iter().map(Witness::from_bytes).collect(),
        ecdsa: row.get(4)?,
    })
}
