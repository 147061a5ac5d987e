//! The secrets of a contribution: drawn, compared and wiped, never printed.

use std::borrow::Borrow;
use std::fmt;

use crate::random::SecureRandom;
use blstrs::Scalar;
use ff::Field;
use sha2::{Digest, Sha512};
use zeroize::{DefaultIsZeroes, Zeroize, Zeroizing};

/// Separates this use of the hash from any other.
const SECRET_DOMAIN: &[u8] = b"tauline: secret of a sub-ceremony, version 1";

/// A scalar that can be overwritten in a way the compiler keeps.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wipeable(pub(crate) Scalar);

impl DefaultIsZeroes for Wipeable {}

impl Borrow<Scalar> for Wipeable {
    fn borrow(&self) -> &Scalar {
        &self.0
    }
}

/// A secret x of one sub-ceremony: neither 0 nor 1. Wiped when dropped, never printed.
pub struct Secret(Wipeable);

impl Secret {
    /// A known secret, for tests and for ceremonies whose secrets come from elsewhere.
    ///
    /// None when the big-endian number is not below the order of the groups, is 0, or is 1.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let secret = Self(Wipeable(Option::from(Scalar::from_bytes_be(bytes))?));
        secret.is_usable(&[]).then_some(secret)
    }

    /// One fresh secret for each of `count` sub-ceremonies, all different
    /// (`docs/spec/ceremony.md#secret`).
    ///
    /// Each is SHA-512, reduced to the scalar field, of 64 bytes from `rng`, of `extra_entropy`,
    /// and of the sub-ceremony's index: uniform to 2⁻²⁵⁶ if either source is good.
    pub fn fresh(count: usize, rng: &mut dyn SecureRandom, extra_entropy: &[u8]) -> Vec<Self> {
        // The room is there from the start: a vector that moves leaves its old contents behind.
        let mut secrets = Vec::with_capacity(count);
        while secrets.len() < count {
            let mut seed = Zeroizing::new([0_u8; 64]);
            rng.fill_bytes(seed.as_mut());
            let mut hash = Zeroizing::new([0_u8; 64]);
            let mut hasher = Sha512::new_with_prefix(SECRET_DOMAIN);
            hasher.update((secrets.len() as u64).to_be_bytes());
            hasher.update(seed.as_ref());
            hasher.update(extra_entropy);
            hasher.finalize_into((&mut *hash).into());
            let secret = Self(Wipeable(reduce(&hash)));
            // False with probability 2⁻²⁵³: repeating the draw tells nothing about the others.
            if secret.is_usable(&secrets) {
                secrets.push(secret);
            }
        }
        secrets
    }

    /// Whether this is neither 0, nor 1, nor one of `others`; compared in constant time.
    fn is_usable(&self, others: &[Self]) -> bool {
        let x = self.scalar();
        let mut is_bad = x.is_zero() | (*x - Scalar::ONE).is_zero();
        for other in others {
            is_bad |= (*x - other.scalar()).is_zero();
        }
        !bool::from(is_bad)
    }

    pub(crate) fn scalar(&self) -> &Scalar {
        &self.0.0
    }

    /// Overwrites the secret with 0.
    pub(crate) fn wipe(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for Secret {
    /// The rule: `docs/spec/known-faults.md#secrets-not-wiped`.
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A 512-bit number, little-endian, modulo the order of the groups, in constant time
/// (`docs/spec/ceremony.md#constant-time`).
fn reduce(bytes: &[u8; 64]) -> Scalar {
    let two_to_64 = Scalar::from(u64::MAX) + Scalar::ONE;
    let mut sum = Wipeable::default();
    for limb in bytes.rchunks_exact(8) {
        let mut word = Zeroizing::new([0; 8]);
        word.copy_from_slice(limb);
        sum.0 = sum.0 * two_to_64 + Scalar::from(u64::from_le_bytes(*word));
    }
    let result = sum.0;
    sum.zeroize();
    result
}
