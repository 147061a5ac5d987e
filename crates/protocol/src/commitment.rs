//! What stands for identities in the log.

use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize;

use crate::Identity;

/// A SHA-256 hash.
type Digest = [u8; 32];

/// 32 bytes, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hex32(pub Digest);

impl std::fmt::Display for Hex32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Hex32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl From<Hex32> for String {
    fn from(bytes: Hex32) -> Self {
        bytes.to_string()
    }
}

impl TryFrom<String> for Hex32 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::str::FromStr for Hex32 {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if !upper => Ok(Self(bytes)),
            _ => Err("64 lower-case hex digits are expected"),
        }
    }
}

/// What stands for an identity in the log: SHA-256 of the identity and a nonce of 32 bytes
/// (`docs/spec/public-log.md#commitments`). Who knows both can show whose place it is; nobody else
/// learns anything from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(pub Hex32);

impl Commitment {
    /// The commitment to an identity with this nonce.
    #[must_use]
    pub fn new(identity: &Identity, nonce: &Digest) -> Self {
        let hash = Sha256::new()
            .chain_update(identity.as_str().as_bytes())
            .chain_update(nonce);
        Self(Hex32(hash.finalize().into()))
    }
}

impl std::fmt::Display for Commitment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The ceremony's secret from which the nonces of all commitments follow. One identity always has the
/// same commitment, so whoever folds the log sees whether a commitment joins twice.
#[derive(Clone)]
pub struct Blinding([u8; 32]);

impl Blinding {
    /// The blinding with these secret bytes.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The secret bytes.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.0
    }

    /// The nonce of an identity's commitment: HMAC-SHA256 of the identity under the secret.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn nonce(&self, identity: &Identity) -> Digest {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key");
        mac.update(identity.as_str().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The commitment to an identity.
    #[must_use]
    pub fn commitment(&self, identity: &Identity) -> Commitment {
        Commitment::new(identity, &self.nonce(identity))
    }
}

impl Drop for Blinding {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Blinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blinding(…)")
    }
}
