//! Secret keys of logs.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};

use crate::note::key::{Kind, VerifierKey};
use crate::note::name::KeyName;
use crate::note::signature::Signature;

/// A secret Ed25519 key with its name, which signs texts (type 01). It is zeroed when dropped.
///
/// Signatures are deterministic: the same text has the same signature.
pub struct Signer {
    secret: SigningKey,
    verifier: VerifierKey,
}

impl Signer {
    /// The key of a seed (RFC 8032, section 5.1.5), which whoever passes it has drawn at random.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        let secret = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::of(name, Kind::Ed25519, secret.verifying_key());
        Self { secret, verifier }
    }

    /// The key that verifies what this one signs.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text, with its last newline.
    pub(crate) fn sign(&self, text: &str) -> Signature {
        let bytes = self.secret.sign(text.as_bytes()).to_vec();
        let key = &self.verifier;
        Signature::new(key.name().clone(), key.id(), bytes)
    }
}

impl fmt::Debug for Signer {
    /// Shows the public key only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}
