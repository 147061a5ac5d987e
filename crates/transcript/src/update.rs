//! A participant's work (`ceremony.md`, Updating).
//!
//! For each sub-ceremony a fresh secret x multiplies the tau of its powers: P\[i\]·xⁱ, Q\[i\]·xⁱ,
//! with \[x\]₂ as proof. Secrets are never branched on nor used as an index: multiplications in G1
//! are those of `G1List::multiply_each`, in vector lanes where the processor has them, those in
//! G2 are `blst`'s; both take the same time for every secret. The powers of x come from field
//! multiplications. Secrets and their powers are wiped from the places they were stored in;
//! copies that the compiler may have left in registers or on the stack are beyond the reach of
//! safe code.
//!
//! # The base has to be a verified one
//!
//! The powers must be in the groups, not merely on the curves: the vector arithmetic takes the
//! curve's endomorphism for a multiplication, which it is in the group alone, and the multiple of
//! a point of small order tells everybody the secret modulo that order. A base from somebody else
//! comes from [`verify_base`](crate::verify::verify_base); the bases of
//! [`Verified`](crate::Verified), [`Update`] and [`Base::initial`] are good as they are.

use std::borrow::Borrow;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use blstrs::{G1Affine, G2Affine, Scalar};
use ff::Field;
use group::Curve;
use group::prime::PrimeCurveAffine;
use k256::ecdsa::SigningKey;
use rand_core::{CryptoRng, RngCore};
use rayon::prelude::*;
use sha2::{Digest, Sha512};
use zeroize::{DefaultIsZeroes, Zeroize, Zeroizing};

use crate::arithmetic::{Arithmetic, G1List, Path, normalize};
use crate::contribution::raw::{RawContribution, RawPoint, RawSubContribution};
use crate::encoding::Encoding;
use crate::identity::Identity;
use crate::powers::{Base, Powers};
use crate::signature::{bls_sign, ecdsa_sign, eip712_digest};
use crate::sizes::{Size, Sizes};

/// Points that one task multiplies: 5 ms of work in G1 with vector lanes, 30 ms without, so that
/// progress moves and cores share the list evenly.
const TASK_POINTS: usize = 384;

/// Separates this use of the hash from any other.
const SECRET_DOMAIN: &[u8] = b"tauline: secret of a sub-ceremony, version 1";

/// A scalar that can be overwritten in a way the compiler keeps.
#[derive(Clone, Copy, Default)]
struct Wipeable(Scalar);

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

    /// One fresh secret for each of `count` sub-ceremonies, all different.
    ///
    /// Each is SHA-512, reduced to the scalar field, of 64 bytes from `rng`, of `extra_entropy`,
    /// and of the sub-ceremony's index: uniform to 2⁻²⁵⁶ if either source is good.
    pub fn fresh(
        count: usize,
        rng: &mut (impl RngCore + CryptoRng),
        extra_entropy: &[u8],
    ) -> Vec<Self> {
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

    fn scalar(&self) -> &Scalar {
        &self.0.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A 512-bit number, little-endian, modulo the order of the groups, in constant time.
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

/// How far a participant's work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Powers multiplied so far, of all sub-ceremonies, in G1 and G2. A G2 power takes
    /// longer than one in G1, but there are few.
    pub done: usize,
    /// Powers to multiply in all.
    pub total: usize,
}

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
/// `base` has to be a verified one: see the [module](self).
pub fn contribute(
    base: &Base,
    rng: &mut (impl RngCore + CryptoRng),
    extra_entropy: &[u8],
    progress: &(dyn Fn(Progress) + Sync),
) -> Update {
    let secrets = Secret::fresh(base.sizes().len(), rng, extra_entropy);
    multiply(base, secrets, progress)
}

/// Computes a contribution with given secrets, one for each sub-ceremony.
///
/// `base` has to be a verified one: see the [module](self).
///
/// # Errors
///
/// When there are not as many secrets as sub-ceremonies.
pub fn contribute_with(
    base: &Base,
    secrets: Vec<Secret>,
    progress: &(dyn Fn(Progress) + Sync),
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

/// A contribution that is computed sub-ceremony after sub-ceremony, so that the first can be on
/// their way while the last is computed.
///
/// Public keys and signatures are there from the start: they need the secrets alone. Each secret
/// is wiped when its sub-ceremony is done, and all of them when this is dropped.
#[derive(Debug)]
pub struct InOrder<'a> {
    base: &'a Base,
    /// Those of the sub-ceremonies that are done are zero.
    secrets: Vec<Secret>,
    pot_pubkeys: Vec<G2Affine>,
    bls_signatures: Vec<Option<[u8; 48]>>,
    ecdsa_signature: Option<[u8; 65]>,
    /// Sub-ceremonies that are done.
    done: usize,
}

impl<'a> InOrder<'a> {
    /// Draws fresh secrets and signs for `identity`, and with its Ethereum key if that is at hand.
    ///
    /// `rng` and `extra_entropy` are as for [`contribute`], and so is `base`.
    pub fn begin(
        base: &'a Base,
        rng: &mut (impl RngCore + CryptoRng),
        extra_entropy: &[u8],
        identity: &Identity,
        ethereum_key: Option<&SigningKey>,
    ) -> Self {
        let secrets = Secret::fresh(base.sizes().len(), rng, extra_entropy);
        let pot_pubkeys: Vec<_> = secrets.iter().map(pubkey).collect();
        let sign = |secret: &Secret| bls_sign(identity, secret.scalar());
        let bls_signatures = secrets.iter().map(sign).collect();
        let digest = signed_digest(base.sizes(), &pot_pubkeys);
        Self {
            base,
            secrets,
            pot_pubkeys,
            bls_signatures,
            ecdsa_signature: ethereum_key.map(|key| ecdsa_sign(&digest, key)),
            done: 0,
        }
    }

    /// \[x\]₂ of each sub-ceremony.
    #[must_use]
    pub fn pot_pubkeys(&self) -> &[G2Affine] {
        &self.pot_pubkeys
    }

    /// The EIP-712 signature over the public keys, if there is a key to sign with.
    #[must_use]
    pub fn ecdsa_signature(&self) -> Option<[u8; 65]> {
        self.ecdsa_signature
    }

    /// Computes the next sub-ceremony on all cores; none after the last.
    ///
    /// `progress` is called from several threads and counts all sub-ceremonies.
    pub fn next_sub_contribution(
        &mut self,
        encoding: Encoding,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Option<RawSubContribution> {
        let index = self.done;
        let (before, secret) = (self.base.powers().get(index)?, self.secrets.get_mut(index)?);
        let lens = self.base.sizes().iter().map(|size| size.g1 + size.g2);
        let total = lens.clone().sum();
        let done = AtomicUsize::new(lens.take(index).sum());
        let powers = multiply_one(before, secret, &|points| {
            let done = done.fetch_add(points, Ordering::Relaxed) + points;
            progress(Progress { done, total });
        });
        secret.0.zeroize();
        self.done += 1;
        Some(RawSubContribution {
            num_g1_powers: powers.g1().len() as u64,
            num_g2_powers: powers.g2().len() as u64,
            powers: powers.to_raw(encoding),
            pot_pubkey: RawPoint::encode(&self.pot_pubkeys[index], encoding),
            bls_signature: self.bls_signatures[index],
        })
    }
}

/// What an Ethereum account signs: size and public key of each sub-ceremony.
fn signed_digest(sizes: &Sizes, pot_pubkeys: &[G2Affine]) -> [u8; 32] {
    let pubkeys = pot_pubkeys.iter().map(G2Affine::to_compressed);
    let signed: Vec<(Size, [u8; 96])> = sizes.iter().zip(pubkeys).collect();
    eip712_digest(&signed)
}

fn multiply(base: &Base, secrets: Vec<Secret>, progress: &(dyn Fn(Progress) + Sync)) -> Update {
    let total = base.sizes().iter().map(|size| size.g1 + size.g2).sum();
    let done = AtomicUsize::new(0);
    let advance = |points: usize| {
        let done = done.fetch_add(points, Ordering::Relaxed) + points;
        progress(Progress { done, total });
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

/// The powers of one sub-ceremony after the contribution.
fn multiply_one(powers: &Powers, secret: &Secret, advance: &(dyn Fn(usize) + Sync)) -> Powers {
    let x = secret.scalar();
    let (g1, g2) = rayon::join(
        || multiply_by_powers(powers.g1(), x, multiply_in_g1, advance),
        || multiply_by_powers(powers.g2(), x, multiply_in_g2, advance),
    );
    Powers::new(g1, g2)
}

/// \[x\]₂.
fn pubkey(secret: &Secret) -> G2Affine {
    G2Affine::generator()
        .times_secret(secret.scalar())
        .to_affine()
}

/// Pᵢ·xⁱ for every i; `multiply` multiplies each point by its scalar.
fn multiply_by_powers<P: Arithmetic>(
    points: &[P],
    x: &Scalar,
    multiply: fn(&[P], &[Wipeable]) -> Vec<P>,
    advance: &(dyn Fn(usize) + Sync),
) -> Vec<P> {
    let tasks: Vec<Vec<P>> = points
        .par_chunks(TASK_POINTS)
        .enumerate()
        .map(|(task, points)| {
            // Variable in time with respect to the exponent alone, which is public.
            let start = (task * TASK_POINTS) as u64;
            let products = multiply(points, &powers(x, start, points.len()));
            advance(points.len());
            products
        })
        .collect();
    tasks.concat()
}

/// `len` powers of x from x^`start` on, wiped when dropped.
fn powers(x: &Scalar, start: u64, len: usize) -> Zeroizing<Vec<Wipeable>> {
    // The room is there from the start: a vector that moves leaves its old contents behind.
    let mut powers = Zeroizing::new(Vec::with_capacity(len));
    let mut power = Wipeable(x.pow_vartime([start]));
    for _ in 0..len {
        powers.push(power);
        power.0 *= x;
    }
    power.zeroize();
    powers
}

fn multiply_in_g1(points: &[G1Affine], scalars: &[Wipeable]) -> Vec<G1Affine> {
    let points = G1List::from_affine(points, Path::best());
    points.multiply_each(scalars).to_affine()
}

fn multiply_in_g2(points: &[G2Affine], scalars: &[Wipeable]) -> Vec<G2Affine> {
    let products: Vec<_> = points
        .iter()
        .zip(scalars)
        .map(|(point, scalar)| point.times_secret(&scalar.0))
        .collect();
    normalize(&products)
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
