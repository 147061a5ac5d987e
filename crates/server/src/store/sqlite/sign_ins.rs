//! Sessions, and what else sign-ins write.

use rusqlite::{Connection, Row, TransactionBehavior, params};
use tauline_queue_core::Timestamp;

use super::{accounts, identity};
use crate::store::{Session, SignInWrite, StoreError};

pub(super) fn write(connection: &mut Connection, writes: &[SignInWrite]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut put = transaction.prepare_cached(
            "INSERT INTO sessions (hash, identity, expires_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (hash) DO UPDATE
             SET identity = excluded.identity, expires_at = excluded.expires_at",
        )?;
        let mut delete = transaction.prepare_cached("DELETE FROM sessions WHERE hash = ?1")?;
        for write in writes {
            match write {
                SignInWrite::Put(session) => {
                    put.execute(params![
                        session.hash,
                        session.identity.as_str(),
                        session.expires_at.as_millis()
                    ])?;
                }
                SignInWrite::Delete(hash) => {
                    delete.execute([hash])?;
                }
                SignInWrite::GithubAccount { account, identity } => {
                    accounts::first_identity(&transaction, *account, identity)?;
                }
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn find(
    connection: &Connection,
    hash: &[u8; 32],
) -> Result<Option<Session>, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT hash, identity, expires_at FROM sessions WHERE hash = ?1")?;
    let mut rows = select.query([hash])?;
    rows.next()?.map(session).transpose()
}

pub(super) fn lasting(connection: &Connection, at: Timestamp) -> Result<Vec<Session>, StoreError> {
    let mut select = connection.prepare(
        "SELECT hash, identity, expires_at FROM sessions WHERE expires_at > ?1 ORDER BY expires_at",
    )?;
    let mut rows = select.query([at.as_millis()])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        sessions.push(session(row)?);
    }
    Ok(sessions)
}

fn session(row: &Row<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        hash: row.get(0)?,
        identity: identity(row, 1)?,
        expires_at: Timestamp::from_millis(row.get(2)?),
    })
}
