//! What sign-ins change, and what outlives a change of leader of those that have begun.

use std::sync::Arc;

use rand_core::RngCore as _;
use tauline_queue_core::Timestamp;
use zeroize::Zeroizing;

use super::link::param;
use super::rows::number;
use super::writer::{Step, Work};
use super::{Postgres, accounts};
use crate::error::StoreError;
use crate::session::{SignInWrite, UsedNonce};

const KEY: &str = "SELECT key FROM sign_in_key";
const PUT_KEY: &str = "INSERT INTO sign_in_key (key) VALUES ($1) ON CONFLICT DO NOTHING";
const USED: &str = "SELECT nonce FROM used_nonces WHERE nonce >= $1 ORDER BY nonce";
const EXPIRED: &str = "DELETE FROM sessions WHERE expires_at < $1";
const EXPIRED_NONCES: &str = "DELETE FROM used_nonces WHERE nonce < $1";

/// The first nonce that expires at `at` or later.
fn first_at(at: Timestamp) -> Vec<u8> {
    at.as_millis().to_be_bytes().to_vec()
}

impl Postgres {
    pub(super) fn change_sign_ins(&self, writes: &[SignInWrite]) -> Result<(), StoreError> {
        self.lead_now()?;
        let mut tally = self.accounts_known();
        let named = writes.iter().filter_map(|write| match write {
            SignInWrite::GithubAccount { account, .. } => Some(*account),
            _ => None,
        });
        let (pool, ids) = (Arc::clone(&self.pool), named.collect::<Vec<_>>());
        let known = self
            .engine
            .run(async move { accounts::known(&pool, &ids).await })?;
        let (steps, with_them) = accounts::sign_ins(writes, known, *tally)?;
        if !steps.is_empty() {
            self.write(Work::new(steps, false))?;
        }
        *tally = with_them;
        Ok(())
    }

    /// The key, which the first leader draws.
    pub(super) fn key_of_sign_ins(&self) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        if let Some(key) = self.drawn_key()? {
            return Ok(key);
        }
        let mut drawn = Zeroizing::new([0; 32]);
        rand_core::OsRng.fill_bytes(drawn.as_mut());
        let step = Step::new(PUT_KEY, vec![param(drawn.to_vec())]);
        self.write(Work::new(vec![step], false))?;
        let missing = || StoreError::damaged("the key of sign-ins is missing");
        self.drawn_key()?.ok_or_else(missing)
    }

    fn drawn_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
        let rows = self.ask(KEY, Vec::new())?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(row.try_get::<_, Vec<u8>>(0)?);
        let unreadable = || StoreError::damaged("the key of sign-ins is unreadable");
        let key = bytes.as_slice().try_into().map_err(|_| unreadable())?;
        Ok(Some(Zeroizing::new(key)))
    }

    pub(super) fn nonces_used(&self, at: Timestamp) -> Result<Vec<UsedNonce>, StoreError> {
        let rows = self.ask(USED, vec![param(first_at(at))])?;
        rows.iter()
            .map(|row| -> Result<UsedNonce, StoreError> {
                let bytes: &[u8] = row.try_get(0)?;
                let damaged = |_| StoreError::damaged("a used nonce is unreadable");
                bytes.try_into().map_err(damaged)
            })
            .collect()
    }

    /// Forgets what ended before, and returns how many sessions that were.
    pub(super) fn forget_before(&self, at: Timestamp) -> Result<u64, StoreError> {
        let steps = vec![
            Step::new(EXPIRED, vec![param(number(at.as_millis())?)]),
            Step::new(EXPIRED_NONCES, vec![param(first_at(at))]),
        ];
        let changed = self.write(Work::new(steps, false))?;
        let sessions = changed.and_then(|changed| changed.first().copied());
        Ok(sessions.unwrap_or(0))
    }
}
