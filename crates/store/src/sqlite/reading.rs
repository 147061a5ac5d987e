//! A moment of the database, held still for a reader.

use rusqlite::{Connection, OptionalExtension as _, params};
use tauline_queue_core::Ticket;

use super::{blob, contribution};
use crate::{Blob, Contribution, Reading, StoreError};

/// A read transaction on a connection of its own.
pub(super) struct SqliteReading {
    pub(super) connection: Connection,
}

impl Reading for SqliteReading {
    fn contributions(&self) -> Result<u64, StoreError> {
        // The number of the last, not a count: no cost grows with the number of contributions.
        Ok(self.connection.query_row(
            "SELECT coalesce(max(number), 0) FROM contributions",
            [],
            |row| row.get(0),
        )?)
    }

    fn head(&self) -> Result<Option<Blob>, StoreError> {
        let last: Option<u64> = self
            .connection
            .query_row(
                "SELECT ticket FROM contributions ORDER BY number DESC LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        let Some(ticket) = last.map(Ticket::new) else {
            return Ok(None);
        };
        let missing = || {
            StoreError::damaged(format!(
                "the powers of ticket {ticket}, the head, are missing"
            ))
        };
        Ok(Some(blob(&self.connection, ticket)?.ok_or_else(missing)?))
    }

    fn page(&self, after: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT number, ticket, identity, witness, ecdsa FROM contributions
             WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?;
        let mut rows = select.query(params![after, at_most])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(contribution(row)?);
        }
        Ok(page)
    }
}
