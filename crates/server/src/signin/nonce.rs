//! Nonces of sign-in messages: single use, and no memory is spent on those never used.
//!
//! A nonce carries its expiry and a keyed hash, so the coordinator recognises its own without
//! having stored it; nobody can crowd out other people's nonces by asking for many. Only those
//! that signed somebody in are remembered, until they would have expired anyway: a sign-in that fails gives its
//! nonce back. The key lives in this process only: after a restart a client asks for another nonce.
//!
//! Nonces of messages that a contract was asked about are remembered apart from those, whatever the
//! contract said: a message is shown to a contract once, and contracts fill nobody else's memory.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use rand_core::{OsRng, RngCore as _};
use sha2::Sha256;
use tauline_protocol::error::Code;
use tauline_queue_core::Timestamp;

use crate::refused::Refused;
use crate::telemetry::throttle::Throttle;

/// How long a nonce is good for. Ten minutes: time enough to find one's hardware wallet
/// (`docs/spec/http-api.md#nonce`).
pub const NONCE_LIFETIME: Duration = Duration::from_secs(600);

/// Random bytes of a nonce: 128 bits never repeat.
const RANDOM_LEN: usize = 16;
/// Bytes before the hash: the expiry in milliseconds, then the random ones.
const CONTENT_LEN: usize = 8 + RANDOM_LEN;
/// Bytes of the hash that are kept: 128 bits cannot be guessed.
const HASH_LEN: usize = 16;

/// Nonces that signed somebody in, remembered at a time, some 8 MB. No ceremony signs that many people in
/// within ten minutes; when somebody makes it seem so, further sign-ins wait rather than be
/// replayable.
const REMEMBERED: usize = 1 << 18;
/// The same of those that a contract was asked about: more than the few that are asked at a time come to in ten
/// minutes, at a tenth of a second each.
const REMEMBERED_CALLS: usize = 1 << 16;

type Content = [u8; CONTENT_LEN];

/// Makes nonces and recognises them.
pub struct Nonces {
    key: [u8; 32],
    used: Remembered,
    called: Remembered,
}

/// Why a nonce is not taken.
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

/// A nonce that is used: given back when this is dropped, unless it is kept.
#[must_use]
pub struct Taken<'a> {
    used: &'a Remembered,
    content: Content,
}

impl Taken<'_> {
    /// Somebody was signed in by it.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.used.nonces().remove(&self.content);
    }
}

impl Nonces {
    /// Nonces under a fresh key.
    #[must_use]
    pub fn new() -> Self {
        Self::remembering(REMEMBERED, REMEMBERED_CALLS)
    }

    /// The same, with so many remembered.
    fn remembering(used: usize, called: usize) -> Self {
        let mut key = [0; 32];
        OsRng.fill_bytes(&mut key);
        Self {
            key,
            used: Remembered::new(
                used,
                "no sign-in is taken: as many nonces were used in ten minutes as are remembered",
            ),
            called: Remembered::new(
                called,
                "no sign-in by contract is taken: contracts were asked about as many messages in ten minutes as are remembered",
            ),
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

    /// Whether the nonce is one of these, has not expired, and was neither used nor shown to a contract.
    #[must_use]
    pub fn is_good(&self, nonce: &str, now: Timestamp) -> bool {
        self.content(nonce, now).is_some_and(|content| {
            !self.used.nonces().contains(&content) && !self.called.nonces().contains(&content)
        })
    }

    /// Whether somebody may still be signed in by the nonce.
    #[must_use]
    pub fn is_unused(&self, nonce: &str, now: Timestamp) -> bool {
        self.content(nonce, now)
            .is_some_and(|content| !self.used.nonces().contains(&content))
    }

    /// Uses a nonce up, for the first caller only, and until it is given back.
    ///
    /// # Errors
    /// A nonce that is not good, or no room.
    pub fn take(&self, nonce: &str, now: Timestamp) -> Result<Taken<'_>, NotTaken> {
        let content = self.content(nonce, now).ok_or(NotTaken::NotGood)?;
        self.used.insert(content, now)?;
        Ok(Taken {
            used: &self.used,
            content,
        })
    }

    /// Uses up what a nonce is good for with a contract, for the first caller only.
    ///
    /// # Errors
    /// A nonce that is not good, or no room.
    pub fn call(&self, nonce: &str, now: Timestamp) -> Result<(), NotTaken> {
        let content = self.content(nonce, now).ok_or(NotTaken::NotGood)?;
        self.called.insert(content, now)
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
}

/// Nonces that were used, until they expire.
struct Remembered {
    most: usize,
    /// By expiry, since their bytes begin with it.
    nonces: Mutex<BTreeSet<Content>>,
    /// What the log says when there is no room.
    full: &'static str,
    refused: Throttle,
}

impl Remembered {
    fn new(most: usize, full: &'static str) -> Self {
        Self {
            most,
            nonces: Mutex::default(),
            full,
            refused: Throttle::default(),
        }
    }

    fn insert(&self, content: Content, now: Timestamp) -> Result<(), NotTaken> {
        let mut nonces = self.nonces();
        if nonces.contains(&content) {
            return Err(NotTaken::NotGood);
        }
        while nonces.first().is_some_and(|oldest| expiry(oldest) <= now) {
            nonces.pop_first();
        }
        if nonces.len() >= self.most {
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

    fn nonces(&self) -> std::sync::MutexGuard<'_, BTreeSet<Content>> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Takes a nonce for good.
    fn take(nonces: &Nonces, nonce: &str, now: Timestamp) -> bool {
        nonces.take(nonce, now).map(Taken::keep).is_ok()
    }

    #[test]
    fn a_nonce_is_good_once() {
        let nonces = Nonces::new();
        let (nonce, _) = nonces.issue(NOW);
        assert!(
            nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "EIP-4361's alphabet"
        );
        assert!(nonces.is_good(&nonce, NOW));
        assert!(take(&nonces, &nonce, NOW));
        assert!(!nonces.is_good(&nonce, NOW));
        assert!(!take(&nonces, &nonce, NOW));
    }

    #[test]
    fn a_nonce_is_given_back_by_who_signed_nobody_in() {
        let nonces = Nonces::new();
        let (nonce, _) = nonces.issue(NOW);
        let taken = nonces.take(&nonce, NOW).unwrap();
        assert_eq!(nonces.take(&nonce, NOW).err(), Some(NotTaken::NotGood));
        drop(taken);
        assert!(nonces.used.nonces().is_empty());
        assert!(take(&nonces, &nonce, NOW));
        assert!(!nonces.is_unused(&nonce, NOW));
    }

    #[test]
    fn a_nonce_is_shown_to_a_contract_once_and_signs_in_what_the_contract_took() {
        let nonces = Nonces::new();
        let (nonce, _) = nonces.issue(NOW);
        nonces.call(&nonce, NOW).unwrap();
        assert_eq!(nonces.call(&nonce, NOW), Err(NotTaken::NotGood));
        assert!(!nonces.is_good(&nonce, NOW), "for no further message");
        assert!(nonces.is_unused(&nonce, NOW));
        assert!(take(&nonces, &nonce, NOW));
    }

    #[test]
    fn a_nonce_in_upper_case_is_the_same_nonce() {
        let nonces = Nonces::new();
        let (nonce, _) = nonces.issue(NOW);
        assert!(take(&nonces, &nonce, NOW));
        assert!(!take(&nonces, &nonce.to_uppercase(), NOW));
    }

    #[test]
    fn a_nonce_expires() {
        let nonces = Nonces::new();
        let (nonce, expires) = nonces.issue(NOW);
        assert_eq!(expires, NOW.saturating_add(NONCE_LIFETIME));
        assert!(nonces.is_good(&nonce, Timestamp::from_millis(expires.as_millis() - 1)));
        assert!(!take(&nonces, &nonce, expires));
    }

    #[test]
    fn a_foreign_or_altered_nonce_is_not_good() {
        let nonces = Nonces::new();
        let (foreign, _) = Nonces::new().issue(NOW);
        assert!(!take(&nonces, &foreign, NOW));
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
    fn no_nonce_is_taken_that_could_not_be_remembered_and_the_log_says_so_once() {
        let log = Log::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || written.clone())
            .finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let nonces = Nonces::remembering(2, 1);
        for _ in 0..2 {
            assert!(take(&nonces, &nonces.issue(NOW).0, NOW));
        }
        let soon = NOW.saturating_add(Duration::from_secs(60));
        let (nonce, _) = nonces.issue(soon);
        assert_eq!(log.lines(), 0);
        for _ in 0..100 {
            let refused = nonces.take(&nonce, soon).err().unwrap();
            assert_eq!(refused, NotTaken::Full(Duration::from_secs(540)));
            let refused = refused.refused(|| unreachable!());
            assert_eq!(
                (refused.code, refused.code.status()),
                (Code::LoginBusy, 503)
            );
            assert_eq!(refused.retry_after, Some(Duration::from_secs(540)));
        }
        assert_eq!(log.lines(), 1, "{log:?}");
        assert!(
            format!("{log:?}").contains("no sign-in is taken"),
            "{log:?}"
        );
        // Those of contracts are apart from them.
        nonces.call(&nonce, soon).unwrap();
        let refused = nonces.call(&nonces.issue(soon).0, soon);
        assert_eq!(refused, Err(NotTaken::Full(NONCE_LIFETIME)));
        let later = NOW.saturating_add(NONCE_LIFETIME);
        assert!(take(&nonces, &nonce, later), "the others have expired");
    }

    /// What is logged.
    #[derive(Clone, Default)]
    struct Log(std::sync::Arc<Mutex<Vec<u8>>>);

    impl Log {
        fn lines(&self) -> usize {
            format!("{self:?}").lines().count()
        }
    }

    impl std::fmt::Debug for Log {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&String::from_utf8_lossy(&self.0.lock().unwrap()))
        }
    }

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn used_nonces_are_forgotten_when_they_have_expired() {
        let nonces = Nonces::new();
        for _ in 0..10 {
            let (nonce, _) = nonces.issue(NOW);
            assert!(take(&nonces, &nonce, NOW));
        }
        let later = NOW.saturating_add(NONCE_LIFETIME);
        let (nonce, _) = nonces.issue(later);
        assert!(take(&nonces, &nonce, later));
        assert_eq!(nonces.used.nonces().len(), 1);
    }
}
