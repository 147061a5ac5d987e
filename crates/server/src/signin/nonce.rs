//! Nonces of sign-in messages: single use, and no memory is spent on those never used.
//!
//! A nonce carries its expiry and a keyed hash, so the coordinator recognises its own without
//! having stored it; nobody can crowd out other people's nonces by asking for many. Only those
//! that signed somebody in are remembered, until they would have expired anyway. The key lives in
//! this process only: after a restart a client asks for another nonce.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use rand_core::{OsRng, RngCore as _};
use sha2::Sha256;
use tauline_queue_core::Timestamp;

/// How long a nonce is good for. Ten minutes: time enough to find one's hardware wallet.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(600);

/// Random bytes of a nonce: 128 bits never repeat.
const RANDOM_LEN: usize = 16;
/// Bytes before the hash: the expiry in milliseconds, then the random ones.
const CONTENT_LEN: usize = 8 + RANDOM_LEN;
/// Bytes of the hash that are kept: 128 bits cannot be guessed.
const HASH_LEN: usize = 16;

/// Used nonces that are remembered at a time, some 8 MB. No ceremony signs that many people in
/// within ten minutes; when somebody makes it seem so, further sign-ins wait rather than be
/// replayable.
const REMEMBERED: usize = 1 << 18;

type Content = [u8; CONTENT_LEN];

/// Makes nonces and recognises them.
pub struct Nonces {
    key: [u8; 32],
    /// Nonces that were used, by expiry, since their bytes begin with it.
    used: Mutex<BTreeSet<Content>>,
}

impl Nonces {
    /// Nonces under a fresh key.
    #[must_use]
    pub fn new() -> Self {
        let mut key = [0; 32];
        OsRng.fill_bytes(&mut key);
        Self {
            key,
            used: Mutex::default(),
        }
    }

    /// A fresh nonce, 80 hex digits, and when it expires.
    #[must_use]
    pub fn issue(&self, now: Timestamp) -> (String, Timestamp) {
        let expires = now.saturating_add(NONCE_LIFETIME);
        let mut content = [0; CONTENT_LEN];
        content[..8].copy_from_slice(&expires.as_millis().to_be_bytes());
        OsRng.fill_bytes(&mut content[8..]);
        let hash = self.hash(&content).finalize().into_bytes();
        (
            hex::encode([&content[..], &hash[..HASH_LEN]].concat()),
            expires,
        )
    }

    /// Whether the nonce is one of these, has not expired and has not been used.
    #[must_use]
    pub fn is_good(&self, nonce: &str, now: Timestamp) -> bool {
        self.content(nonce, now)
            .is_some_and(|content| !self.used().contains(&content))
    }

    /// Uses a nonce up. True for the first caller only, and only for a good nonce.
    #[must_use]
    pub fn take(&self, nonce: &str, now: Timestamp) -> bool {
        let Some(content) = self.content(nonce, now) else {
            return false;
        };
        let mut used = self.used();
        while used.first().is_some_and(|oldest| expiry(oldest) <= now) {
            used.pop_first();
        }
        used.len() < REMEMBERED && used.insert(content)
    }

    /// When a nonce of these expires; `None` for another, or one that has.
    #[must_use]
    pub fn expiry(&self, nonce: &str, now: Timestamp) -> Option<Timestamp> {
        self.content(nonce, now).map(|content| expiry(&content))
    }

    fn content(&self, nonce: &str, now: Timestamp) -> Option<Content> {
        let mut bytes = [0; CONTENT_LEN + HASH_LEN];
        hex::decode_to_slice(nonce, &mut bytes).ok()?;
        let mut content = [0; CONTENT_LEN];
        content.copy_from_slice(&bytes[..CONTENT_LEN]);
        self.hash(&content)
            .verify_truncated_left(&bytes[CONTENT_LEN..])
            .ok()?;
        (now < expiry(&content)).then_some(content)
    }

    fn hash(&self, content: &Content) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut hash = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of 32 bytes");
        hash.update(content);
        hash
    }

    fn used(&self) -> std::sync::MutexGuard<'_, BTreeSet<Content>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Nonces {
    fn default() -> Self {
        Self::new()
    }
}

fn expiry(content: &Content) -> Timestamp {
    let mut millis = [0; 8];
    millis.copy_from_slice(&content[..8]);
    Timestamp::from_millis(u64::from_be_bytes(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    #[test]
    fn a_nonce_is_good_once() {
        let nonces = Nonces::new();
        let (nonce, _) = nonces.issue(NOW);
        assert!(
            nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "EIP-4361's alphabet"
        );
        assert!(nonces.is_good(&nonce, NOW));
        assert!(nonces.take(&nonce, NOW));
        assert!(!nonces.is_good(&nonce, NOW));
        assert!(!nonces.take(&nonce, NOW));
    }

    #[test]
    fn a_nonce_in_upper_case_is_the_same_nonce() {
        let nonces = Nonces::new();
        let (nonce, _) = nonces.issue(NOW);
        assert!(nonces.take(&nonce, NOW));
        assert!(!nonces.take(&nonce.to_uppercase(), NOW));
    }

    #[test]
    fn a_nonce_expires() {
        let nonces = Nonces::new();
        let (nonce, expires) = nonces.issue(NOW);
        assert_eq!(expires, NOW.saturating_add(NONCE_LIFETIME));
        assert!(nonces.is_good(&nonce, Timestamp::from_millis(expires.as_millis() - 1)));
        assert!(!nonces.take(&nonce, expires));
    }

    #[test]
    fn a_foreign_or_altered_nonce_is_not_good() {
        let nonces = Nonces::new();
        let (foreign, _) = Nonces::new().issue(NOW);
        assert!(!nonces.take(&foreign, NOW));
        let (own, _) = nonces.issue(NOW);
        for position in 0..own.len() {
            let mut altered = own.clone().into_bytes();
            altered[position] = if altered[position] == b'0' {
                b'1'
            } else {
                b'0'
            };
            assert!(
                !nonces.is_good(std::str::from_utf8(&altered).unwrap(), NOW),
                "{position}"
            );
        }
        for text in ["", "0", "zz", "kEWepMt9knR6lWJ6A", "é", &own[1..]] {
            assert!(!nonces.is_good(text, NOW), "{text}");
        }
    }

    #[test]
    fn no_nonce_is_taken_that_could_not_be_remembered() {
        let nonces = Nonces::new();
        let expires = NOW.saturating_add(NONCE_LIFETIME).as_millis();
        for number in 0..REMEMBERED {
            let mut content = [0; CONTENT_LEN];
            content[..8].copy_from_slice(&expires.to_be_bytes());
            content[8..16].copy_from_slice(&(number as u64).to_be_bytes());
            nonces.used().insert(content);
        }
        let (nonce, _) = nonces.issue(NOW);
        assert!(!nonces.take(&nonce, NOW));
        let later = NOW.saturating_add(NONCE_LIFETIME);
        let (nonce, _) = nonces.issue(later);
        assert!(nonces.take(&nonce, later), "the others have expired");
    }

    #[test]
    fn used_nonces_are_forgotten_when_they_have_expired() {
        let nonces = Nonces::new();
        for _ in 0..10 {
            let (nonce, _) = nonces.issue(NOW);
            assert!(nonces.take(&nonce, NOW));
        }
        let later = NOW.saturating_add(NONCE_LIFETIME);
        let (nonce, _) = nonces.issue(later);
        assert!(nonces.take(&nonce, later));
        assert_eq!(nonces.used().len(), 1);
    }
}
