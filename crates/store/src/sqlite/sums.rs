//! Giving sums to data from before there were any.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::accounts::put_sum;
use super::meta::has_sums;
use super::rows::{contribution, identity, put_session_sum, session};
use crate::error::StoreError;
use crate::sum;

/// Gives sums to what was stored before there were any. Returns whether that was necessary.
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
        put_sum(transaction, number, *id, &sum::account(*id, identity))?;
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
