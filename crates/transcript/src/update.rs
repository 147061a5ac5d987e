//! A participant's work (`docs/spec/ceremony.md#update`).
//!
//! For each sub-ceremony a fresh secret x multiplies the tau of its powers: P\[i\]·xⁱ, Q\[i\]·xⁱ,
//! with \[x\]₂ as proof. Secrets are never branched on nor used as an index: multiplications in G1
//! are those of `G1List::multiply_each`, in vector lanes where the processor has them, those in
//! G2 are `blst`'s; both take the same time for every secret. The powers of x come from field
//! multiplications. Secrets and their powers are wiped from the places they were stored in;
//! copies that the compiler may have left in registers or on the stack are beyond the reach of
//! safe code.

pub(crate) mod multiply;
pub(crate) mod secret;
pub(crate) mod stream;

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::random::SecureRandom;
use blstrs::G2Affine;
use k256::ecdsa::SigningKey;
use rayon::prelude::*;

use crate::contribution::raw::{RawContribution, RawPoint};
use crate::encoding::Encoding;
use crate::identity::Identity;
use crate::powers::Base;
use crate::signature::{bls_sign, ecdsa_sign};
use crate::update::multiply::{UpdateProgress, multiply_one, pubkey, signed_digest};
use crate::update::secret::Secret;

/// A computed contribution whose secrets are still there, to sign with.
///
/// Signing consumes it; dropping it wipes the secrets too.
#[derive(Debug)]
pub struct Update {
    base: Base,
    pot_pubkeys: Vec<G2Affine>,
    secrets: Vec<Secret>,
}

/// Computes a contribution with fresh secrets, on all cores.
///
/// `rng` is to be the operating system's generator; `extra_entropy` may be empty. `progress` is
/// called from several threads, after each few hundred points.
///
/// # The base has to be a verified one
///
/// The powers must be in the groups, not merely on the curves. The vector arithmetic takes the
/// curve's endomorphism for a multiplication, which it is in the group alone, and the multiple of
/// a point of small order tells everybody the secret modulo that order. A base from somebody else
/// comes from [`verify_base`](crate::verify_base); the bases of [`Verified`](crate::Verified),
/// [`Update`] and [`Base::initial`] are good as they are.
pub fn contribute(
    base: &Base,
    rng: &mut dyn SecureRandom,
    extra_entropy: &[u8],
    progress: &(dyn Fn(UpdateProgress) + Sync),
) -> Update {
    let secrets = Secret::fresh(base.sizes().len(), rng, extra_entropy);
    multiply(base, secrets, progress)
}

/// Computes a contribution with given secrets, one for each sub-ceremony.
///
/// `base` has to be a verified one: see [`contribute`].
///
/// # Errors
///
/// When there are not as many secrets as sub-ceremonies.
pub fn contribute_with(
    base: &Base,
    secrets: Vec<Secret>,
    progress: &(dyn Fn(UpdateProgress) + Sync),
) -> Result<Update, SecretCountError> {
    let (expected, got) = (base.sizes().len(), secrets.len());
    if got != expected {
        return Err(SecretCountError { expected, got });
    }
    Ok(multiply(base, secrets, progress))
}

/// Another number of secrets than of sub-ceremonies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected} secrets needed, one for each sub-ceremony; {got} given")]
pub struct SecretCountError {
    /// The number of sub-ceremonies.
    pub expected: usize,
    /// The number of secrets.
    pub got: usize,
}

fn multiply(
    base: &Base,
    secrets: Vec<Secret>,
    progress: &(dyn Fn(UpdateProgress) + Sync),
) -> Update {
    let total = base.sizes().iter().map(|size| size.g1 + size.g2).sum();
    let done = AtomicUsize::new(0);
    let advance = |points: usize| {
        let done = done.fetch_add(points, Ordering::Relaxed) + points;
        progress(UpdateProgress { done, total });
    };
    let (powers, pot_pubkeys) = base
        .powers()
        .par_iter()
        .zip(&secrets)
        .map(|(powers, secret)| (multiply_one(powers, secret, &advance), pubkey(secret)))
        .unzip();
    Update {
        base: Base::from_parts(base.sizes().clone(), powers),
        pot_pubkeys,
        secrets,
    }
}

impl Update {
    /// The powers after the contribution.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// \[x\]₂ of each sub-ceremony.
    #[must_use]
    pub fn pot_pubkeys(&self) -> &[G2Affine] {
        &self.pot_pubkeys
    }

    /// The digest that an Ethereum account signs, for keys that are kept elsewhere; put the
    /// signature into [`RawContribution::ecdsa_signature`].
    #[must_use]
    pub fn eip712_digest(&self) -> [u8; 32] {
        signed_digest(self.base.sizes(), &self.pot_pubkeys)
    }

    /// The contribution, signed for `identity` with every sub-ceremony's secret and, if it is an
    /// Ethereum account with its key at hand, with that key. Wipes the secrets.
    #[must_use]
    pub fn sign(self, identity: &Identity, ethereum_key: Option<&SigningKey>) -> RawContribution {
        let ecdsa_signature = ethereum_key.map(|key| ecdsa_sign(&self.eip712_digest(), key));
        let mut contribution = self.document();
        contribution.ecdsa_signature = ecdsa_signature;
        for (sub, secret) in contribution.sub_contributions.iter_mut().zip(&self.secrets) {
            sub.bls_signature = bls_sign(identity, secret.scalar());
        }
        contribution
    }

    /// The contribution without signatures. Wipes the secrets.
    #[must_use]
    pub fn unsigned(self) -> RawContribution {
        self.document()
    }

    fn document(&self) -> RawContribution {
        let mut contribution = self.base.to_raw(Encoding::Compressed);
        let subs = contribution.sub_contributions.iter_mut();
        for (sub, pubkey) in subs.zip(&self.pot_pubkeys) {
            sub.pot_pubkey = RawPoint::encode(pubkey, Encoding::Compressed);
        }
        contribution
    }
}
