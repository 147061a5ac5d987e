//! How long the log in a database is.

use rusqlite::{Connection, OptionalExtension as _};

use crate::ceremony::Ceremony;
use crate::error::StoreError;
use crate::mark::Mark;

/// The mark that fits a database.
pub(super) fn mark(connection: &Connection, ceremony: &Ceremony) -> Result<Mark, StoreError> {
    let last = last_record(connection)?;
    Ok(Mark {
        coordinator: ceremony.address(),
        records: last.map_or(0, |(seq, _)| seq + 1),
        hash: last.map_or([0; 32], |(_, hash)| hash),
        contributions: contributions(connection)?,
    })
}

/// The number and hash of the log's last record; none if the log is empty.
pub(super) fn last_record(connection: &Connection) -> Result<Option<(u64, [u8; 32])>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?)
}

/// The chain's hash after this number of records.
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
    // The number of the last one. Counting would take longer with each contribution.
    Ok(connection.query_row(
        "SELECT coalesce(max(number), 0) FROM contributions",
        [],
        |row| row.get(0),
    )?)
}
