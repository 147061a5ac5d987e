//! Writing and reading rows of the database.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use tauline_protocol::Identity;
use tauline_protocol::journal::Digest;
use tauline_queue_core::{Ticket, Timestamp};

use super::meta;
use crate::batch::{Blob, Write};
use crate::chain::StoredRecord;
use crate::contribution::{Contribution, WITNESS_LEN, Witness};
use crate::error::StoreError;
use crate::session::Session;
use crate::sum;

pub(super) fn apply(connection: &Connection, write: &Write) -> Result<(), StoreError> {
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
            put_contribution(connection, one)?;
            connection
                .prepare_cached("INSERT INTO contribution_sums (number, sum) VALUES (?1, ?2)")?
                .execute(params![one.number, one.sum()])?;
        }
        Write::LogKey(seed) => meta::put(connection, meta::LOG_KEY, seed.as_slice())?,
    }
    Ok(())
}

/// Stores a contribution without its sum.
pub(super) fn put_contribution(
    connection: &Connection,
    one: &Contribution,
) -> Result<(), StoreError> {
    let witness: Vec<u8> = one.witness.iter().flat_map(Witness::to_bytes).collect();
    connection
        .prepare_cached(
            "INSERT INTO contributions (number, ticket, identity, witness, ecdsa, digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            one.number,
            one.ticket.value(),
            one.identity.as_str(),
            witness,
            one.ecdsa,
            one.digest
        ])?;
    Ok(())
}

/// At most so many records, in order, from a number on.
pub(super) fn records(
    connection: &Connection,
    from: u64,
    at_most: u32,
) -> Result<Vec<StoredRecord>, StoreError> {
    let mut select = connection.prepare_cached(
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

pub(super) fn blob(connection: &Connection, ticket: Ticket) -> Result<Option<Blob>, StoreError> {
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

pub(super) fn identity(row: &Row<'_>, index: usize) -> Result<Identity, StoreError> {
    let text: String = row.get(index)?;
    text.parse()
        .map_err(|error| StoreError::damaged(format!("`{text}` is no identity: {error}")))
}

/// The session with this hash, from a row that has its identity and end from this column on.
pub(super) fn session(hash: [u8; 32], row: &Row<'_>, index: usize) -> Result<Session, StoreError> {
    Ok(Session {
        hash,
        identity: identity(row, index)?,
        expires_at: Timestamp::from_millis(row.get(index + 1)?),
    })
}

/// Stores the sum of a session.
pub(super) fn put_session_sum(
    connection: &Connection,
    session: &Session,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO session_sums (hash, sum) VALUES (?1, ?2)")?
        .execute(params![session.hash, sum::session(session)])?;
    Ok(())
}

/// A contribution, from a row that has its sum in the last column. Refuses one that has changed
/// since it was stored.
pub(super) fn checked_contribution(row: &Row<'_>) -> Result<Contribution, StoreError> {
    let (one, stored) = unchecked_contribution(row)?;
    match stored == Some(one.sum()) {
        true => Ok(one),
        false => Err(one.spoiled()),
    }
}

/// A contribution, from a row that has its sum in the last column, and that sum.
pub(super) fn unchecked_contribution(
    row: &Row<'_>,
) -> Result<(Contribution, Option<Digest>), StoreError> {
    Ok((contribution(row)?, row.get(6)?))
}

pub(super) fn contribution(row: &Row<'_>) -> Result<Contribution, StoreError> {
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
        digest: row.get(5)?,
    })
}
