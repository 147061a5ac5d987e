//! Reading the contributions at one moment.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use tauline_protocol::journal::Digest;
use tauline_queue_core::Ticket;

use super::extent;
use super::rows::{blob, checked_contribution, unchecked_contribution};
use crate::batch::Blob;
use crate::contribution::Contribution;
use crate::error::StoreError;
use crate::store::Reading;

/// A read transaction with a connection of its own.
pub(super) struct SqliteReading {
    pub(super) connection: Connection,
    /// Whether stored things have sums.
    pub(super) has_sums: bool,
    /// Whether contributions have the digests of their documents.
    pub(super) has_digests: bool,
}

impl Reading for SqliteReading {
    fn contributions(&self) -> Result<u64, StoreError> {
        extent::contributions(&self.connection)
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
        self.rows(after, at_most, checked_contribution)
    }

    fn has_sums(&self) -> bool {
        self.has_sums
    }

    fn unchecked_page(
        &self,
        after: u64,
        at_most: u32,
    ) -> Result<Vec<(Contribution, Option<Digest>)>, StoreError> {
        self.rows(after, at_most, unchecked_contribution)
    }
}

impl SqliteReading {
    fn rows<T>(
        &self,
        after: u64,
        at_most: u32,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let digest = if self.has_digests { "digest" } else { "NULL" };
        let (sum, sums) = match self.has_sums {
            true => ("sum", "LEFT JOIN contribution_sums USING (number)"),
            false => ("NULL", ""),
        };
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT number, ticket, identity, witness, ecdsa, {digest}, {sum} FROM contributions {sums}
             WHERE number > ?1 ORDER BY number LIMIT ?2"
        ))?;
        let mut rows = select.query(params![after, at_most])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(read(row)?);
        }
        Ok(page)
    }
}
