//! Nonces of sign-in messages: single use, and no memory is spent on those never used.
//!
//! A nonce carries its expiry and a keyed hash, so the coordinator recognises its own without
//! having stored it; nobody can crowd out other people's nonces by asking for many. Only those
//! that signed somebody in are remembered, until they would have expired anyway: a sign-in that
//! fails gives its nonce back. Where a store keeps the key, as the one that replicas share does, a nonce
//! outlives the process that made it, and those that were used are durable before anybody is signed in:
//! whoever leads next knows them from the start. Elsewhere the key lives in this process only, and after a
//! restart a client asks for another nonce.
//!
//! Nonces of messages that a contract was asked about are remembered apart from those, whatever the
//! contract said: a message is shown to a contract once by each process, and contracts fill nobody else's
//! memory.

mod used;

use std::time::Duration;

use hmac::{Hmac, Mac as _};
use rand_core::{OsRng, RngCore as _};
use sha2::Sha256;
use tauline_queue_core::Timestamp;
use tauline_store::UsedNonce;

pub use self::used::NotTaken;

use self::used::{CONTENT_LEN, Content, Used, expiry};
use super::key::SignInKey;

/// How long a nonce is good for. Ten minutes: time enough to find one's hardware wallet
/// (`docs/spec/http-api.md#nonce`).
pub const NONCE_LIFETIME: Duration = Duration::from_secs(600);

/// Bytes of the hash that are kept: 128 bits cannot be guessed.
const HASH_LEN: usize = 16;

/// Nonces that signed somebody in, as many as are remembered: some 8 MB. No ceremony signs in that
/// many people within ten minutes. If somebody makes it seem so, further sign-ins have to wait:
/// what cannot be remembered could be replayed.
const MAX_USED: usize = 1 << 18;
/// The same for nonces that a contract was asked about: more than can be asked about in ten
/// minutes, with few at a time and a tenth of a second for each.
const MAX_CALLED: usize = 1 << 16;

/// Makes nonces and recognises them.
pub struct Nonces {
    key: [u8; 32],
    /// Those that signed somebody in.
    used: Used,
    /// Those of messages that a contract was asked about.
    called: Used,
}

/// A nonce that was taken. It is given back when this is dropped, unless it is kept.
#[must_use]
pub struct Taken<'a> {
    used: &'a Used,
    content: Content,
}

impl Taken<'_> {
    /// Somebody is signed in by it: what is to be made durable with the session.
    #[must_use]
    pub fn keep(self) -> UsedNonce {
        let content = self.content;
        std::mem::forget(self);
        content
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
        Self::remembering(MAX_USED, MAX_CALLED)
    }

    /// Nonces that are good wherever this key is, but for those that were used.
    #[must_use]
    pub fn under(key: &SignInKey, used: impl IntoIterator<Item = UsedNonce>) -> Self {
        let nonces = Self {
            key: key.of("nonces"),
            ..Self::new()
        };
        nonces.used.nonces().extend(used);
        nonces
    }

    /// The same, with other numbers of nonces remembered.
    fn remembering(used: usize, called: usize) -> Self {
        let mut key = [0; 32];
        OsRng.fill_bytes(&mut key);
        Self {
            key,
            used: Used::new(
                used,
                "no sign-in is taken: as many nonces were used in ten minutes as are remembered",
            ),
            called: Used::new(
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

    /// Whether the nonce is one of these, has not expired, and was neither used nor shown to a
    /// contract.
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

    /// Uses a nonce up, until it is given back. Only the first caller gets it.
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

    /// Notes that a contract is asked about the message with this nonce. Only the first caller may
    /// ask.
    ///
    /// # Errors
    /// A nonce that is not good, or no room.
    pub fn take_for_contract(&self, nonce: &str, now: Timestamp) -> Result<(), NotTaken> {
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

impl Default for Nonces {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tauline_protocol::error::Code;

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
    fn a_nonce_is_good_at_the_next_leader_unless_it_was_used_or_has_expired() {
        let key = SignInKey::new([7; 32]);
        let first = Nonces::under(&key, []);
        let ([used, unused, given_back], expires) = {
            let issue = || first.issue(NOW).0;
            ([issue(), issue(), issue()], first.issue(NOW).1)
        };
        let durable = first.take(&used, NOW).unwrap().keep();
        drop(first.take(&given_back, NOW).unwrap());
        let next = Nonces::under(&key, [durable]);
        assert!(!next.is_good(&used, NOW) && !next.is_unused(&used, NOW));
        assert!(!take(&next, &used, NOW), "replayed");
        assert!(!take(&next, &unused, expires), "expired");
        assert!(take(&next, &unused, NOW) && take(&next, &given_back, NOW));
        assert!(!take(&next, &unused, NOW));
        let other = Nonces::under(&SignInKey::new([8; 32]), []);
        assert!(!take(&next, &other.issue(NOW).0, NOW), "forged");
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
        nonces.take_for_contract(&nonce, NOW).unwrap();
        assert_eq!(
            nonces.take_for_contract(&nonce, NOW),
            Err(NotTaken::NotGood)
        );
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
        nonces.take_for_contract(&nonce, soon).unwrap();
        let refused = nonces.take_for_contract(&nonces.issue(soon).0, soon);
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
