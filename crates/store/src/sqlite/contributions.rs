//! Single contributions: by ticket, by number and by name.

use rusqlite::{Connection, params};
use tauline_queue_core::Ticket;

use super::rows::checked_contribution;
use crate::asked::Asked;
use crate::contribution::Contribution;
use crate::error::StoreError;

/// The contribution of a stay.
pub(super) fn of_ticket(
    connection: &Connection,
    ticket: Ticket,
) -> Result<Option<Contribution>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT number, ticket, identity, witness, ecdsa, digest, sum
         FROM contributions LEFT JOIN contribution_sums USING (number) WHERE ticket = ?1",
    )?;
    let mut rows = select.query([ticket.value()])?;
    rows.next()?.map(checked_contribution).transpose()
}

/// At most so many contributions, in order, from a number on.
pub(super) fn from_number(
    connection: &Connection,
    from: u64,
    at_most: u32,
) -> Result<Vec<Contribution>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT number, ticket, identity, witness, ecdsa, digest, sum
         FROM contributions LEFT JOIN contribution_sums USING (number)
         WHERE number >= ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = select.query(params![from, at_most])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(checked_contribution(row)?);
    }
    Ok(found)
}

/// The lowest number of a contribution by somebody who may be called so. The expression is that of the
/// index `contributions_by_name`, which finds the few who have the name.
pub(super) fn number_of(connection: &Connection, asked: &Asked) -> Result<Option<u64>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT number, ticket, identity, witness, ecdsa, digest, sum
         FROM contributions LEFT JOIN contribution_sums USING (number)
         WHERE lower(substr(identity, length(rtrim(identity, replace(identity, '|', ''))) + 1))
               IN (?1, ?2, ?3)
         ORDER BY number",
    )?;
    let [name, with_at, address] = asked.names();
    let mut rows = select.query(params![name, with_at, address])?;
    while let Some(row) = rows.next()? {
        let found = checked_contribution(row)?;
        if asked.is(&found.identity) {
            return Ok(Some(found.number));
        }
    }
    Ok(None)
}
