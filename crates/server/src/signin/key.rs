//! The key by which a coordinator recognises the nonces and states of its sign-ins.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What replicas share, so that a sign-in that began at one leader ends at the next.
pub struct SignInKey(Zeroizing<[u8; 32]>);

impl SignInKey {
    /// The key that a store keeps.
    #[must_use]
    pub fn new(key: impl Into<Zeroizing<[u8; 32]>>) -> Self {
        Self(key.into())
    }

    /// The key for one purpose: what it makes is good for no other.
    #[must_use]
    pub(super) fn of(&self, purpose: &str) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut hash =
            Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("a key of 32 bytes");
        hash.update(b"tauline sign-in v1 ");
        hash.update(purpose.as_bytes());
        hash.finalize().into_bytes().into()
    }
}
