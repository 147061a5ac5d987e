//! GitHub accounts and the identities they keep.

use rusqlite::{Connection, params};
use tauline_protocol::Identity;

use super::identity;
use crate::StoreError;

pub(super) fn first_identity(
    connection: &Connection,
    account: u64,
    today: &Identity,
) -> Result<Identity, StoreError> {
    // The update changes nothing: it only makes the row that is there come back.
    let mut insert = connection.prepare_cached(
        "INSERT INTO github_accounts (id, identity) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET identity = identity
         RETURNING identity",
    )?;
    let mut rows = insert.query(params![account, today.as_str()])?;
    let row = rows
        .next()?
        .ok_or_else(|| StoreError::damaged("a GitHub account was not kept".to_owned()))?;
    let first = identity(row, 0)?;
    // The statement is done, and durable, when there is no further row.
    while rows.next()?.is_some() {}
    Ok(first)
}
