//! Nonces that were used, remembered until they would have expired.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tauline_protocol::error::Code;
use tauline_queue_core::Timestamp;

use crate::refused::Refused;
use crate::telemetry::throttle::Throttle;

/// Random bytes of a nonce: 128 bits never repeat.
const RANDOM_LEN: usize = 16;
/// Bytes before the hash: the expiry in milliseconds, then the random ones.
pub(super) const CONTENT_LEN: usize = 8 + RANDOM_LEN;

/// A nonce without its hash.
pub(super) type Content = [u8; CONTENT_LEN];

/// Why a nonce cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// It is not one of these, has expired or was used.
    NotGood,
    /// No more can be remembered until so much time has passed.
    Full(Duration),
}

impl NotTaken {
    /// The refusal, which is `not_good` unless there is no room.
    #[must_use]
    pub fn refused(self, not_good: impl FnOnce() -> Refused) -> Refused {
        match self {
            Self::NotGood => not_good(),
            Self::Full(wait) => Refused::new(
                Code::LoginBusy,
                "more people sign in than the coordinator can remember: try again later; who is signed in stays so",
            )
            .retry_after(wait),
        }
    }
}

/// Nonces that were used, until they expire.
pub(super) struct Used {
    max: usize,
    /// By expiry, since their bytes begin with it.
    nonces: Mutex<BTreeSet<Content>>,
    /// What the log says when there is no room.
    full: &'static str,
    refused: Throttle,
}

impl Used {
    /// None yet, and at most this many. `full` is what the log says when there is no room.
    pub(super) fn new(max: usize, full: &'static str) -> Self {
        Self {
            max,
            nonces: Mutex::default(),
            full,
            refused: Throttle::default(),
        }
    }

    /// Remembers a nonce, if it is not there yet. Those that have expired make room.
    pub(super) fn insert(&self, content: Content, now: Timestamp) -> Result<(), NotTaken> {
        let mut nonces = self.nonces();
        if nonces.contains(&content) {
            return Err(NotTaken::NotGood);
        }
        while nonces.first().is_some_and(|oldest| expiry(oldest) <= now) {
            nonces.pop_first();
        }
        if nonces.len() >= self.max {
            let oldest = nonces.first().map_or(now, expiry);
            drop(nonces);
            if let Some(refused) = self.refused.count() {
                tracing::warn!(refused, "{}", self.full);
            }
            return Err(NotTaken::Full(oldest.since(now)));
        }
        nonces.insert(content);
        Ok(())
    }

    pub(super) fn nonces(&self) -> MutexGuard<'_, BTreeSet<Content>> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a nonce expires.
pub(super) fn expiry(content: &Content) -> Timestamp {
    let mut millis = [0; 8];
    millis.copy_from_slice(&content[..8]);
    Timestamp::from_millis(u64::from_be_bytes(millis))
}
