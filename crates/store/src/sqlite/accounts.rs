//! GitHub accounts and their identities.

use rusqlite::{Connection, params};
use tauline_protocol::Identity;
use tauline_protocol::journal::{Digest, Tally};

use super::meta::has_sums;
use super::rows::identity;
use crate::error::StoreError;
use crate::sum;

/// The identity of an account, if it has one.
pub(super) fn known_identity(
    connection: &Connection,
    account: u64,
) -> Result<Option<Identity>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT identity, sum FROM github_accounts LEFT JOIN account_sums USING (id) WHERE id = ?1",
    )?;
    let mut rows = select.query([account])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let first = identity(row, 0)?;
    let stored: Option<Digest> = row.get(1)?;
    match stored == Some(sum::account(account, &first)) {
        true => Ok(Some(first)),
        false => Err(spoiled(account)),
    }
}

/// Gives an account its identity, unless it has one, and counts it. Has to be called in a
/// transaction, since the sum is written separately.
pub(super) fn first_identity(
    connection: &Connection,
    account: u64,
    today: &Identity,
    known: &mut Tally,
) -> Result<(), StoreError> {
    if known_identity(connection, account)?.is_some() {
        return Ok(());
    }
    let sum = sum::account(account, today);
    let with_it = sum::counted(*known, &sum);
    connection
        .prepare_cached("INSERT INTO github_accounts (id, identity) VALUES (?1, ?2)")?
        .execute(params![account, today.as_str()])?;
    put_sum(connection, with_it.count, account, &sum)?;
    *known = with_it;
    Ok(())
}

/// Stores the sum of an account, which is the `number`-th one.
pub(super) fn put_sum(
    connection: &Connection,
    number: u64,
    id: u64,
    sum: &Digest,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO account_sums (number, id, sum) VALUES (?1, ?2, ?3)")?
        .execute(params![number, id, sum])?;
    Ok(())
}

/// The tally of the first `count` accounts, or of all if there are fewer. Each is checked against
/// its sum, if there are sums.
pub(super) fn first(connection: &Connection, count: u64) -> Result<Tally, StoreError> {
    if !has_sums(connection)? {
        return Ok(sum::NONE);
    }
    // Accounts without a sum come first, as number NULL.
    let mut select = connection.prepare(
        "SELECT id, identity, number, sum
         FROM github_accounts FULL JOIN account_sums USING (id)
         WHERE number IS NULL OR number <= ?1 ORDER BY number",
    )?;
    let mut rows = select.query([i64::try_from(count).unwrap_or(i64::MAX)])?;
    let mut tally = sum::NONE;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let identity = match row.get_ref(1)? {
            rusqlite::types::ValueRef::Null => Err(spoiled(id)),
            _ => identity(row, 1),
        };
        let sum = sum::account(id, &identity?);
        tally = sum::counted(tally, &sum);
        let as_stored = row.get::<_, Option<u64>>(2)? == Some(tally.count)
            && row.get::<_, Option<Digest>>(3)? == Some(sum);
        if !as_stored {
            return Err(spoiled(id));
        }
    }
    Ok(tally)
}

fn spoiled(account: u64) -> StoreError {
    StoreError::damaged(format!(
        "the identity of GitHub account {account}, or that of one before it, is not what was stored"
    ))
}
