//! GitHub accounts and their identities.

use std::collections::BTreeMap;

use tauline_protocol::Identity;
use tauline_protocol::journal::Tally;
use tokio_postgres::Row;

use super::link::param;
use super::pool::Pool;
use super::rows::{digest, identity, number, unsigned};
use super::writer::Step;
use crate::content::{Account, PAGE};
use crate::error::StoreError;
use crate::session::{Session, SignInWrite, TokenHash};
use crate::sum;

pub(super) const ACCOUNTS: &str = "SELECT number, id, identity, sum FROM github_accounts
    WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3";
const KNOWN: &str = "SELECT number, id, identity, sum FROM github_accounts WHERE id = ANY($1)";
pub(super) const PUT_ACCOUNT: &str =
    "INSERT INTO github_accounts (number, id, identity, sum) VALUES ($1, $2, $3, $4)";
pub(super) const PUT_SESSION: &str =
    "INSERT INTO sessions (hash, identity, expires_at, sum) VALUES ($1, $2, $3, $4)
     ON CONFLICT (hash) DO UPDATE SET identity = excluded.identity,
         expires_at = excluded.expires_at, sum = excluded.sum";
const DROP_SESSION: &str = "DELETE FROM sessions WHERE hash = $1";
/// The leader knows all of them, and takes none twice.
const USE_NONCE: &str = "INSERT INTO used_nonces (nonce) VALUES ($1) ON CONFLICT DO NOTHING";

/// An account, from its four columns.
pub(super) fn account(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        number: unsigned(row, 0)?,
        id: unsigned(row, 1)?,
        identity: identity(row, 2)?,
        sum: digest(row, 3)?,
    })
}

/// Refuses one that has changed since it was stored.
fn check(account: &Account) -> Result<(), StoreError> {
    match account.sum == sum::account(account.id, &account.identity) {
        true => Ok(()),
        false => Err(spoiled(account.id)),
    }
}

pub(super) fn put(account: &Account) -> Result<Step, StoreError> {
    let params = vec![
        param(number(account.number)?),
        param(number(account.id)?),
        param(account.identity.as_str().to_owned()),
        param(account.sum.to_vec()),
    ];
    Ok(Step::new(PUT_ACCOUNT, params))
}

fn spoiled(id: u64) -> StoreError {
    StoreError::damaged(format!(
        "the identity of GitHub account {id}, or that of one before it, is not what was stored"
    ))
}

/// The identities of those of the accounts that have one.
pub(super) async fn known(pool: &Pool, ids: &[u64]) -> Result<BTreeMap<u64, Identity>, StoreError> {
    let mut found = BTreeMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    // Numbers beyond a column's are nobody's.
    let ids: Vec<i64> = ids
        .iter()
        .filter_map(|id| i64::try_from(*id).ok())
        .collect();
    for row in pool.query(KNOWN, &[param(ids)]).await? {
        let account = account(&row)?;
        check(&account)?;
        found.insert(account.id, account.identity);
    }
    Ok(found)
}

/// The tally of the first `count` accounts, or of all if there are fewer. Each is checked against its
/// sum.
pub(super) async fn first(pool: &Pool, count: u64) -> Result<Tally, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut tally = sum::NONE;
    loop {
        let after = number(tally.count)?;
        let params = [param(after), param(count), param(i64::from(PAGE))];
        let rows = pool.query(ACCOUNTS, &params).await?;
        if rows.is_empty() {
            return Ok(tally);
        }
        for row in &rows {
            let account = account(row)?;
            check(&account)?;
            tally = sum::counted(tally, &account.sum);
            if account.number != tally.count {
                return Err(spoiled(account.id));
            }
        }
    }
}

/// The statements of sign-ins, and the tally after them. `known` are those who have an identity already.
pub(super) fn sign_ins(
    writes: &[SignInWrite],
    mut known: BTreeMap<u64, Identity>,
    mut tally: Tally,
) -> Result<(Vec<Step>, Tally), StoreError> {
    let mut steps = Vec::new();
    for write in writes {
        match write {
            SignInWrite::Put(session) => steps.push(put_session(session)?),
            SignInWrite::Delete(hash) => steps.push(drop_session(hash)),
            SignInWrite::UsedNonce(nonce) => {
                steps.push(Step::new(USE_NONCE, vec![param(nonce.to_vec())]));
            }
            SignInWrite::GithubAccount { account, identity } => {
                if known.contains_key(account) {
                    continue;
                }
                let sum = sum::account(*account, identity);
                tally = sum::counted(tally, &sum);
                let account = Account {
                    number: tally.count,
                    id: *account,
                    identity: identity.clone(),
                    sum,
                };
                steps.push(put(&account)?);
                known.insert(account.id, account.identity);
            }
        }
    }
    Ok((steps, tally))
}

pub(super) fn put_session(session: &Session) -> Result<Step, StoreError> {
    let params = vec![
        param(session.hash.to_vec()),
        param(session.identity.as_str().to_owned()),
        param(number(session.expires_at.as_millis())?),
        param(sum::session(session).to_vec()),
    ];
    Ok(Step::new(PUT_SESSION, params))
}

fn drop_session(hash: &TokenHash) -> Step {
    Step::new(DROP_SESSION, vec![param(hash.to_vec())])
}
