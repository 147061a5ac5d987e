//! From a file to a ceremony: the schema, what was fixed at its founding, and sums for what is older
//! than sums.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tauline_queue_core::Timestamp;
use tauline_transcript::Sizes;
use zeroize::Zeroizing;

use super::opening::connect;
use super::rows::{contribution, identity, put_session_sum, session};
use super::{APPLICATION_ID, schema};
use crate::{Ceremony, DataDir, StoreError, sum};

/// Makes a ceremony's database, under its name only when all of it is there: half of one cannot be
/// taken for a whole.
pub(super) fn begin(
    directory: &DataDir,
    sizes: &Sizes,
    now: Timestamp,
) -> Result<std::path::PathBuf, StoreError> {
    let new = directory.new_database()?;
    let mut connection = connect(&new)?;
    migrate(&mut connection, &new)?;
    found(&mut connection, sizes, now)?;
    // Nothing stays in a file beside it, which could be lost.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection
        .close()
        .map_err(|(_, error)| StoreError::from(error))?;
    directory.name_database(&new)
}

/// The version of the schema in a database; none when it has no tables.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<Option<u32>, StoreError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != APPLICATION_ID && tables > 0 {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    if tables == 0 {
        return Ok(None);
    }
    let found: Option<u32> = connection.query_row(
        "SELECT max(version) FROM refinery_schema_history",
        [],
        |row| row.get(0),
    )?;
    let known = known();
    match found {
        Some(found) if found > known => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        }),
        found => Ok(found),
    }
}

/// The latest version of the schema.
fn known() -> u32 {
    let runner = schema::migrations::runner();
    let known = runner.get_migrations().iter().map(|one| one.version());
    u32::try_from(known.max().unwrap_or(0)).unwrap_or(u32::MAX)
}

/// Brings the schema up to date; refuses what this program cannot read.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    version(connection, path)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    schema::migrations::runner()
        .set_abort_missing(true)
        .run(connection)
        .map_err(|error| StoreError::Database(Box::new(error)))?;
    Ok(())
}

/// Whether nothing of a ceremony is in a database, as when a start was cut short.
pub(super) fn is_bare(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM meta) AND NOT EXISTS (SELECT 1 FROM journal)
         AND NOT EXISTS (SELECT 1 FROM contributions)",
        [],
        |row| row.get(0),
    )?)
}

/// Writes down what is fixed when a ceremony is made, and makes its key.
pub(super) fn found(
    connection: &mut Connection,
    sizes: &Sizes,
    now: Timestamp,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let key = k256::ecdsa::SigningKey::random(&mut rand_core::OsRng);
    let mut put = transaction.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")?;
    put.execute(params!["sizes", sizes.to_string().as_bytes()])?;
    put.execute(params!["started_at", now.as_millis().to_be_bytes()])?;
    let secret = Zeroizing::new(<[u8; 32]>::from(key.to_bytes()));
    put.execute(params!["key", secret.as_slice()])?;
    put.execute(params!["sums", [1_u8]])?;
    drop(put);
    transaction.commit()?;
    Ok(())
}

/// What was fixed when the ceremony was made.
pub(super) fn ceremony(connection: &Connection) -> Result<Ceremony, StoreError> {
    let meta = |key: &str| meta(connection, key);
    let missing = |key| StoreError::damaged(format!("`{key}` is missing or unreadable"));
    let sizes = meta("sizes")?
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| missing("sizes"))?;
    let started_at = meta("started_at")?
        .and_then(|bytes| bytes.try_into().ok())
        .map(|bytes| Timestamp::from_millis(u64::from_be_bytes(bytes)))
        .ok_or_else(|| missing("started_at"))?;
    // SQLite's own page stays; what was read out of it goes.
    let key = meta("key")?
        .map(Zeroizing::new)
        .and_then(|bytes| k256::ecdsa::SigningKey::from_slice(&bytes).ok())
        .ok_or_else(|| missing("key"))?;
    Ok(Ceremony {
        sizes,
        started_at,
        key,
    })
}

fn meta(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
            row.get(0)
        })
        .optional()?)
}

/// Whether the data is of after there were sums.
pub(super) fn has_sums(connection: &Connection) -> Result<bool, StoreError> {
    Ok(meta(connection, "sums")?.is_some())
}

/// Whether the schema is of after documents had digests.
pub(super) fn has_digests(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    Ok(version(connection, path)?.is_some_and(|version| version >= 3))
}

/// Gives sums to what was stored before there were any. Says whether that was to be done.
pub(super) fn gain_sums(connection: &mut Connection) -> Result<bool, StoreError> {
    if has_sums(connection)? {
        return Ok(false);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    sum_contributions(&transaction)?;
    sum_accounts(&transaction)?;
    sum_sessions(&transaction)?;
    transaction.execute("INSERT INTO meta (key, value) VALUES ('sums', x'01')", [])?;
    transaction.commit()?;
    Ok(true)
}

fn sum_contributions(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut one = transaction.prepare(
        "SELECT number, ticket, identity, witness, ecdsa, digest FROM contributions
         WHERE number > ?1 ORDER BY number LIMIT 1",
    )?;
    let mut put =
        transaction.prepare("INSERT INTO contribution_sums (number, sum) VALUES (?1, ?2)")?;
    let mut last = 0_u64;
    loop {
        let mut rows = one.query([last])?;
        let Some(found) = rows.next()?.map(contribution).transpose()? else {
            return Ok(());
        };
        put.execute(params![found.number, found.sum()])?;
        last = found.number;
    }
}

fn sum_accounts(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut all = transaction.prepare("SELECT id, identity FROM github_accounts ORDER BY id")?;
    let mut rows = all.query([])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        accounts.push((row.get::<_, u64>(0)?, identity(row, 1)?));
    }
    for ((id, identity), number) in accounts.iter().zip(1_u64..) {
        super::accounts::put_sum(transaction, number, *id, &sum::account(*id, identity))?;
    }
    Ok(())
}

fn sum_sessions(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut all = transaction.prepare("SELECT hash, identity, expires_at FROM sessions")?;
    let mut rows = all.query([])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        sessions.push(session(row.get(0)?, row, 1)?);
    }
    sessions
        .iter()
        .try_for_each(|session| put_session_sum(transaction, session))
}

/// The number, hash and end of the log's last record; none of an empty log.
pub(super) fn last_record(connection: &Connection) -> Result<Option<(u64, [u8; 32])>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?)
}

/// The chain's hash after so many records.
pub(super) fn hash_after(
    connection: &Connection,
    records: u64,
) -> Result<Option<[u8; 32]>, StoreError> {
    let Some(seq) = records.checked_sub(1) else {
        return Ok(Some([0; 32]));
    };
    Ok(connection
        .query_row("SELECT hash FROM journal WHERE seq = ?1", [seq], |row| {
            row.get(0)
        })
        .optional()?)
}

/// How many contributions a database has.
pub(super) fn contributions(connection: &Connection) -> Result<u64, StoreError> {
    // The number of the last, not a count: no cost grows with the number of contributions.
    Ok(connection.query_row(
        "SELECT coalesce(max(number), 0) FROM contributions",
        [],
        |row| row.get(0),
    )?)
}
