//! Sessions, and the other changes of sign-ins.

use rusqlite::{Connection, Row, TransactionBehavior, params};
use tauline_protocol::journal::{Digest, Tally};
use tauline_queue_core::Timestamp;

use super::accounts;
use super::rows::{put_session_sum, session};
use crate::error::StoreError;
use crate::session::{Session, SignInWrite};
use crate::sum;

/// Makes all of the changes, or none, and counts new accounts.
pub(super) fn write(
    connection: &mut Connection,
    writes: &[SignInWrite],
    accounts: &mut Tally,
) -> Result<(), StoreError> {
    let mut known = *accounts;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for write in writes {
        match write {
            SignInWrite::Put(session) => put(&transaction, session)?,
            SignInWrite::Delete(hash) => {
                transaction
                    .prepare_cached("DELETE FROM sessions WHERE hash = ?1")?
                    .execute([hash])?;
            }
            // Its nonces are good in one process only, which remembers them.
            SignInWrite::UsedNonce(_) => {}
            SignInWrite::GithubAccount { account, identity } => {
                accounts::first_identity(&transaction, *account, identity, &mut known)?;
            }
        }
    }
    transaction.commit()?;
    *accounts = known;
    Ok(())
}

/// Adds a session, or replaces the one with the same hash.
pub(super) fn put(connection: &Connection, session: &Session) -> Result<(), StoreError> {
    connection
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
    put_session_sum(connection, session)
}

pub(super) fn find(
    connection: &Connection,
    hash: &[u8; 32],
) -> Result<Option<Session>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT hash, identity, expires_at, sum FROM sessions LEFT JOIN session_sums USING (hash)
         WHERE hash = ?1",
    )?;
    let mut rows = select.query([hash])?;
    Ok(rows.next()?.map(as_stored).transpose()?.flatten())
}

pub(super) fn lasting(connection: &Connection, at: Timestamp) -> Result<Vec<Session>, StoreError> {
    let mut select = connection.prepare(
        "SELECT hash, identity, expires_at, sum FROM sessions LEFT JOIN session_sums USING (hash)
         WHERE expires_at > ?1 ORDER BY expires_at",
    )?;
    let mut rows = select.query([at.as_millis()])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        sessions.extend(as_stored(row)?);
    }
    Ok(sessions)
}

/// The session of a row. None if it has changed since it was stored: its owner then signs in again.
fn as_stored(row: &Row<'_>) -> Result<Option<Session>, StoreError> {
    let stored: Option<Digest> = row.get(3)?;
    let found = session(row.get(0)?, row, 1).ok();
    Ok(found.filter(|found| stored == Some(sum::session(found))))
}
