//! The checks on a contribution, in the specification's order (`docs/spec/ceremony.md#checks`).
//!
//! For each sub-ceremony, with P and Q the new powers in G1 and G2, p the G1 powers before, and
//! pk the `potPubkey`:
//!
//! | check | what | [`Check`] | decided in |
//! |---|---|---|---|
//! | 1 | sizes are the ceremony's | `Count`, `Sizes` | `contribution/lists.rs` |
//! | 2 | every point decodes | `Decoding` | `encoding.rs`, `arithmetic/curve/decode.rs` |
//! | 3 | every point is in the prime-order subgroup | `Subgroup` | `verify/blame.rs`, by the sums of `arithmetic/sums/windows.rs` |
//! | 4 | pk is not the identity | `PubkeyIdentity` | `verify/blame.rs` |
//! | 4 | P\[0\], Q\[0\] are the generators | `Generator` | `verify/blame.rs` |
//! | 4 | P\[1\] is not the identity | `ZeroPower` | `verify/blame.rs` |
//! | 5 | e(p\[1\], pk) = e(P\[1\], g₂) | `UpdateProof` | `verify/blame.rs` |
//! | 6 | e(P\[i+1\], g₂) = e(P\[i\], Q\[1\]) for every i | `G1Powers` | `verify/blame.rs` |
//! | 7 | e(g₁, Q\[i\]) = e(P\[i\], g₂) for every i | `G2Powers` | `verify/blame.rs` |
//! | | pk is not g₂: the contribution changes something | `NoEntropy` | `verify/blame.rs` |
//!
//! Checks 3 and 5 to 7 are asked of all sub-ceremonies at once by `verify/one_pass.rs`, and one by one
//! by `verify/blame.rs` only where that says no. `verify/equations.rs` has the random combinations.
//!
//! Sub-ceremonies are checked side by side; the first that fails in the ceremony's order is
//! reported, with the first check that it fails. Signatures are no checks: see
//! [`Verified::prune_signatures`].

mod blame;
mod decoded;
pub(crate) mod equations;
mod foundation;
mod one_pass;

use crate::random::SecureRandom;
use blstrs::{G1Affine, G2Affine};
use rayon::prelude::*;

pub use self::foundation::Foundation;

use self::decoded::{Change, Decoded};
use self::one_pass::{first_failure, first_unproven};
use crate::contribution::lists::Lists;
use crate::contribution::raw::{RawContribution, RawPowers, RawSubContribution};
use crate::contribution::reader::Received;
use crate::encoding::Point;
use crate::error::{Check, Element, Invalid, SubCeremony};
use crate::identity::Identity;
use crate::powers::{Base, Powers};
use crate::signature::{bls_verify, ecdsa_verify, eip712_digest};
use crate::sizes::{Size, Sizes};

/// A contribution that passed every check, and the base that comes of it.
///
/// Made by [`verify`] alone: whoever holds one holds the proof that its powers follow from the
/// base it was verified against.
#[derive(Clone, Debug)]
pub struct Verified {
    base: Base,
    witness: Vec<WitnessEntry>,
    ecdsa_signature: Option<[u8; 65]>,
}

/// What a transcript keeps of one contribution to one sub-ceremony
/// (`docs/spec/ceremony.md#witness`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessEntry {
    /// P\[1\] after the contribution: an entry of `runningProducts`.
    pub running_product: G1Affine,
    /// \[x\]₂: an entry of `potPubkeys`.
    pub pot_pubkey: G2Affine,
    /// BLS signature over the contributor's identity: an entry of `blsSignatures`.
    pub bls_signature: Option<[u8; 48]>,
}

impl Verified {
    /// The base for the next contributor.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The witness entry of each sub-ceremony, in the ceremony's order.
    #[must_use]
    pub fn witness(&self) -> &[WitnessEntry] {
        &self.witness
    }

    /// The EIP-712 signature over the public keys; unchecked before
    /// [`Verified::prune_signatures`].
    #[must_use]
    pub fn ecdsa_signature(&self) -> Option<&[u8; 65]> {
        self.ecdsa_signature.as_ref()
    }

    /// Drops every signature that is not `identity`'s (`docs/spec/ceremony.md#bad-signature`: a bad
    /// one is dropped).
    ///
    /// Each on its own: a bad signature in one sub-ceremony leaves the others.
    pub fn prune_signatures(&mut self, identity: &Identity) {
        self.witness.par_iter_mut().for_each(|entry| {
            entry.bls_signature = entry
                .bls_signature
                .filter(|signature| bls_verify(identity, &entry.pot_pubkey, signature));
        });
        let digest = eip712_digest(&self.signed_pubkeys());
        self.ecdsa_signature = self
            .ecdsa_signature
            .filter(|signature| ecdsa_verify(identity, &digest, signature));
    }

    /// What the EIP-712 signature is over: size and compressed public key of each sub-ceremony.
    #[must_use]
    pub fn signed_pubkeys(&self) -> Vec<(Size, [u8; 96])> {
        let pubkeys = self.witness.iter().map(|it| it.pot_pubkey.to_compressed());
        self.base.sizes().iter().zip(pubkeys).collect()
    }

    /// Sub-ceremonies that have one secret: each group holds at least two. It is no fault by the
    /// checks, and a participant ought to know: whoever learns one secret has learnt several.
    #[must_use]
    pub fn equal_secrets(&self) -> Vec<Vec<usize>> {
        let keys = || self.witness.iter().map(|it| &it.pot_pubkey).enumerate();
        let groups = keys().map(|(i, key)| {
            let equal = keys().filter(|(_, other)| *other == key);
            let group: Vec<usize> = equal.map(|(other, _)| other).collect();
            (i, group)
        });
        groups
            .filter(|(i, group)| group.len() > 1 && group[0] == *i)
            .map(|(_, group)| group)
            .collect()
    }

    /// The new base, the witness entries and the EIP-712 signature.
    #[must_use]
    pub fn into_parts(self) -> (Base, Vec<WitnessEntry>, Option<[u8; 65]>) {
        (self.base, self.witness, self.ecdsa_signature)
    }
}

/// Checks a contribution against the base it was to build on, on all cores
/// (`docs/spec/ceremony.md#together`).
///
/// `rng` has to be unforeseeable for the contributor; it is drawn from after the contribution is
/// there.
///
/// # Errors
///
/// Names the sub-ceremony, the check and, where one is to blame, the lowest bad index.
pub fn verify(
    base: &Base,
    contribution: &RawContribution,
    rng: &mut dyn SecureRandom,
) -> Result<Verified, Invalid> {
    verify_whole(&Foundation::of(base), contribution, rng)
}

fn verify_whole(
    base: &Foundation,
    contribution: &RawContribution,
    rng: &mut dyn SecureRandom,
) -> Result<Verified, Invalid> {
    let subs = contribution.check_sizes(base.sizes())?;
    let decode = |subs: &[(SubCeremony, &RawSubContribution)]| {
        let with_base = subs.par_iter().zip(base.first_powers());
        let parts = with_base.map(|(&(sub_ceremony, sub), &before)| {
            let lists = sub.powers.decode_lists(sub_ceremony)?;
            decoded_contribution(sub_ceremony, sub, before, lists)
        });
        parts.collect::<Vec<_>>()
    };
    // What builds on another base shows before all its points are decoded.
    if let Some(stale) = first_stale(base, &subs, rng) {
        check(decode(&subs[..=stale]), rng)?;
    }
    conclude(base, contribution, decode(&subs), rng)
}

/// Checks a contribution, as [`verify`] does, that was decoded while it arrived.
///
/// # Errors
///
/// Those of [`verify`].
pub fn verify_received(
    base: &Base,
    received: Received,
    rng: &mut dyn SecureRandom,
) -> Result<Verified, Invalid> {
    verify_on(&Foundation::of(base), received, rng)
}

/// Checks a contribution, as [`verify_received`] does, where only what the checks ask of the base is at hand.
///
/// # Errors
///
/// Those of [`verify`].
pub fn verify_on(
    base: &Foundation,
    received: Received,
    rng: &mut dyn SecureRandom,
) -> Result<Verified, Invalid> {
    let (contribution, powers) = received.into_parts();
    let subs = contribution.check_sizes(base.sizes())?;
    if powers.len() != subs.len() {
        // It was read before, and nothing of it is decoded.
        return verify_whole(base, &contribution, rng);
    }
    let parts = (subs.par_iter().zip(base.first_powers()).zip(powers))
        .map(|((&(sub_ceremony, sub), &before), powers)| {
            let lists = powers.lists(sub_ceremony, &sub.powers)?;
            decoded_contribution(sub_ceremony, sub, before, lists)
        })
        .collect();
    conclude(base, &contribution, parts, rng)
}

/// Checks 3 to 7 on what was decoded, and what comes of a contribution that passes.
fn conclude(
    base: &Foundation,
    contribution: &RawContribution,
    parts: Vec<Result<Decoded, Invalid>>,
    rng: &mut dyn SecureRandom,
) -> Result<Verified, Invalid> {
    let (powers, changes) = check(parts, rng)?;
    let witness = (powers.iter().zip(changes))
        .zip(&contribution.sub_contributions)
        .filter_map(|((powers, change), sub)| {
            Some(WitnessEntry {
                running_product: powers.g1()[1],
                pot_pubkey: change?.pubkey,
                bls_signature: sub.bls_signature,
            })
        })
        .collect();
    Ok(Verified {
        base: Base::from_parts(base.sizes().clone(), powers),
        witness,
        ecdsa_signature: contribution.ecdsa_signature,
    })
}

/// Checks a base that somebody else hands out: all but checks 5 and `no entropy`, which are about
/// a change.
///
/// The document's public keys and signatures are not looked at.
///
/// # Errors
///
/// Names the sub-ceremony, the check and, where one is to blame, the lowest bad index.
pub fn verify_base(
    document: &RawContribution,
    sizes: &Sizes,
    rng: &mut dyn SecureRandom,
) -> Result<Base, Invalid> {
    let parts = document
        .check_sizes(sizes)?
        .into_par_iter()
        .map(|(sub_ceremony, sub)| decode_powers(sub_ceremony, &sub.powers))
        .collect();
    let (powers, _) = check(parts, rng)?;
    Ok(Base::from_parts(sizes.clone(), powers))
}

/// Checks the powers of one sub-ceremony on their own: checks 1 to 4, 6 and 7.
///
/// # Errors
///
/// Names the check and, where one is to blame, the lowest bad index.
pub fn verify_powers(
    sub_ceremony: SubCeremony,
    powers: &RawPowers,
    rng: &mut dyn SecureRandom,
) -> Result<Powers, Invalid> {
    for (element, expected, got) in [
        (Element::G1Power, sub_ceremony.size.g1, powers.g1.len()),
        (Element::G2Power, sub_ceremony.size.g2, powers.g2.len()),
    ] {
        if expected != got {
            return Err(Invalid {
                sub_ceremony: Some(sub_ceremony),
                check: Check::Sizes {
                    element,
                    expected,
                    got: got as u64,
                },
                index: None,
            });
        }
    }
    let part = decode_powers(sub_ceremony, powers)?;
    let (mut powers, _) = check(vec![Ok(part)], rng)?;
    Ok(powers.remove(0))
}

/// The first sub-ceremony whose update does not start from the base, by a look at P\[1\] and pk.
fn first_stale(
    base: &Foundation,
    subs: &[(SubCeremony, &RawSubContribution)],
    rng: &mut dyn SecureRandom,
) -> Option<usize> {
    let updates: Option<Vec<_>> = subs
        .iter()
        .zip(base.first_powers())
        .map(|((_, sub), &power_before)| {
            let power_after = sub.powers.g1.iter().nth(1)?;
            let change = Change {
                power_before,
                pubkey: sub.pot_pubkey.decode().ok()?,
            };
            let power_after = G1Affine::decode(power_after, sub.powers.g1.encoding()).ok()?;
            Some((change, power_after))
        })
        .collect();
    first_unproven(&updates?, rng)
}

/// Check 2, for powers whose sizes are right.
fn decode_powers(sub_ceremony: SubCeremony, raw: &RawPowers) -> Result<Decoded, Invalid> {
    let Lists { g1, sums, g2 } = raw.decode_lists(sub_ceremony)?;
    Ok(Decoded {
        sub_ceremony,
        g1,
        sums,
        g2,
        update: None,
    })
}

/// Check 2, for what is left of a contribution to one sub-ceremony whose lists are decoded.
fn decoded_contribution(
    sub_ceremony: SubCeremony,
    sub: &RawSubContribution,
    power_before: G1Affine,
    Lists { g1, sums, g2 }: Lists,
) -> Result<Decoded, Invalid> {
    let pubkey = sub.pot_pubkey.decode().map_err(|error| Invalid {
        sub_ceremony: Some(sub_ceremony),
        check: Check::Decoding {
            element: Element::PotPubkey,
            error,
        },
        index: None,
    })?;
    let update = Change {
        power_before,
        pubkey,
    };
    Ok(Decoded {
        sub_ceremony,
        g1,
        sums,
        g2,
        update: Some(update),
    })
}

/// Checks 3 to 7 on what was decoded, in one pass; what does not decode is reported unless a
/// sub-ceremony before it fails another check.
fn check(
    parts: Vec<Result<Decoded, Invalid>>,
    rng: &mut dyn SecureRandom,
) -> Result<(Vec<Powers>, Vec<Option<Change>>), Invalid> {
    let mut undecodable = None;
    let mut decoded = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Ok(part) => decoded.push(part),
            Err(invalid) => {
                undecodable = Some(invalid);
                break;
            }
        }
    }
    if let Some(invalid) = first_failure(&decoded, rng) {
        return Err(invalid);
    }
    if let Some(invalid) = undecodable {
        return Err(invalid);
    }
    let powers = decoded
        .into_par_iter()
        .map(|sub| (Powers::new(sub.g1.to_affine(), sub.g2), sub.update));
    Ok(powers.unzip())
}
