//! The checks on a contribution, in the specification's order (`ceremony.md`, Checks on a
//! contribution).
//!
//! For each sub-ceremony, with P and Q the new powers in G1 and G2, p the G1 powers before, and
//! pk the `potPubkey`:
//!
//! | check | what | [`Check`] |
//! |---|---|---|
//! | 1 | sizes are the ceremony's | `Count`, `Sizes` |
//! | 2 | every point decodes | `Decoding` |
//! | 3 | every point is in the prime-order subgroup | `Subgroup` |
//! | 4 | pk is not the identity | `PubkeyIdentity` |
//! | 4 | P\[0\], Q\[0\] are the generators | `Generator` |
//! | 4 | P\[1\] is not the identity | `ZeroPower` |
//! | 5 | e(p\[1\], pk) = e(P\[1\], g₂) | `UpdateProof` |
//! | 6 | e(P\[i+1\], g₂) = e(P\[i\], Q\[1\]) for every i | `G1Powers` |
//! | 7 | e(g₁, Q\[i\]) = e(P\[i\], g₂) for every i | `G2Powers` |
//! | | pk is not g₂: the contribution changes something | `NoEntropy` |
//!
//! Sub-ceremonies are checked side by side; the first that fails in the ceremony's order is
//! reported, with the first check that it fails. Signatures are no checks: see
//! [`Verified::prune_signatures`].

use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;
use rand_core::{CryptoRng, RngCore};
use rayon::prelude::*;

use crate::batch::{
    Coefficients, first_inconsecutive, first_mismatch, first_outside_subgroup, pairings_equal,
};
use crate::contribution::{RawContribution, RawPowers, RawSubContribution};
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

/// What a transcript keeps of one contribution to one sub-ceremony.
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

    /// Drops every signature that is not `identity`'s (`ceremony.md`: a bad one is dropped).
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

    /// The new base, the witness entries and the EIP-712 signature.
    #[must_use]
    pub fn into_parts(self) -> (Base, Vec<WitnessEntry>, Option<[u8; 65]>) {
        (self.base, self.witness, self.ecdsa_signature)
    }
}

/// Checks a contribution against the base it was to build on, on all cores.
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
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Verified, Invalid> {
    let subs = contribution.check_sizes(base.sizes())?;
    let jobs: Vec<_> = subs
        .into_iter()
        .zip(base.powers())
        .map(|((sub_ceremony, sub), before)| {
            let checks = SubChecks::draw(sub_ceremony, rng);
            (checks, sub, before.g1()[1])
        })
        .collect();
    let results: Vec<_> = jobs
        .into_par_iter()
        .map(|(checks, sub, power_before)| checks.contribution(sub, &power_before))
        .collect();
    let mut powers = Vec::with_capacity(results.len());
    let mut witness = Vec::with_capacity(results.len());
    for result in results {
        let (sub_powers, entry) = result?;
        powers.push(sub_powers);
        witness.push(entry);
    }
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
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Base, Invalid> {
    let jobs: Vec<_> = document
        .check_sizes(sizes)?
        .into_iter()
        .map(|(sub_ceremony, sub)| (SubChecks::draw(sub_ceremony, rng), &sub.powers))
        .collect();
    let results: Vec<_> = jobs
        .into_par_iter()
        .map(|(checks, powers)| checks.powers(powers))
        .collect();
    let powers = results.into_iter().collect::<Result<_, _>>()?;
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
    rng: &mut (impl RngCore + CryptoRng),
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
    SubChecks::draw(sub_ceremony, rng).powers(powers)
}

/// The checks on one sub-ceremony, whose sizes are right, with their random coefficients.
struct SubChecks {
    sub_ceremony: SubCeremony,
    g1_coefficients: Coefficients,
    g2_coefficients: Coefficients,
}

impl SubChecks {
    fn draw(sub_ceremony: SubCeremony, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self {
            sub_ceremony,
            g1_coefficients: Coefficients::draw(sub_ceremony.size.g1, rng),
            g2_coefficients: Coefficients::draw(sub_ceremony.size.g2, rng),
        }
    }

    fn contribution(
        &self,
        sub: &RawSubContribution,
        power_before: &G1Affine,
    ) -> Result<(Powers, WitnessEntry), Invalid> {
        let powers = sub.powers.decode(self.sub_ceremony)?;
        let pubkey = sub.pot_pubkey.decode().map_err(|error| {
            let element = Element::PotPubkey;
            self.invalid(Check::Decoding { element, error }, None)
        })?;
        self.subgroup(&powers)?;
        if !pubkey.in_subgroup() {
            let element = Element::PotPubkey;
            return Err(self.invalid(Check::Subgroup { element }, None));
        }
        if bool::from(pubkey.is_identity()) {
            return Err(self.invalid(Check::PubkeyIdentity, None));
        }
        self.first_powers(&powers)?;
        self.update_proof(power_before, &pubkey, &powers.g1()[1])?;
        self.ratios(&powers)?;
        if pubkey == G2Affine::generator() {
            return Err(self.invalid(Check::NoEntropy, None));
        }
        let witness = WitnessEntry {
            running_product: powers.g1()[1],
            pot_pubkey: pubkey,
            bls_signature: sub.bls_signature,
        };
        Ok((powers, witness))
    }

    fn powers(&self, raw: &RawPowers) -> Result<Powers, Invalid> {
        let powers = raw.decode(self.sub_ceremony)?;
        self.subgroup(&powers)?;
        self.first_powers(&powers)?;
        self.ratios(&powers)?;
        Ok(powers)
    }

    /// Check 3, for the powers.
    fn subgroup(&self, powers: &Powers) -> Result<(), Invalid> {
        for (element, outside) in [
            (Element::G1Power, first_outside_subgroup(powers.g1())),
            (Element::G2Power, first_outside_subgroup(powers.g2())),
        ] {
            if outside.is_some() {
                return Err(self.invalid(Check::Subgroup { element }, outside));
            }
        }
        Ok(())
    }

    /// Check 4, for the powers.
    fn first_powers(&self, powers: &Powers) -> Result<(), Invalid> {
        for (element, is_generator) in [
            (Element::G1Power, powers.g1()[0] == G1Affine::generator()),
            (Element::G2Power, powers.g2()[0] == G2Affine::generator()),
        ] {
            if !is_generator {
                return Err(self.invalid(Check::Generator { element }, Some(0)));
            }
        }
        if bool::from(powers.g1()[1].is_identity()) {
            return Err(self.invalid(Check::ZeroPower, Some(1)));
        }
        Ok(())
    }

    /// Check 5.
    fn update_proof(
        &self,
        power_before: &G1Affine,
        pubkey: &G2Affine,
        power_after: &G1Affine,
    ) -> Result<(), Invalid> {
        if pairings_equal(power_before, pubkey, power_after, &G2Affine::generator()) {
            Ok(())
        } else {
            Err(self.invalid(Check::UpdateProof, None))
        }
    }

    /// Checks 6 and 7.
    fn ratios(&self, powers: &Powers) -> Result<(), Invalid> {
        let (g1, g2) = (powers.g1(), powers.g2());
        let wrong = first_inconsecutive(g1, &g2[1], &self.g1_coefficients);
        if wrong.is_some() {
            return Err(self.invalid(Check::G1Powers, wrong));
        }
        let wrong = first_mismatch(g2, g1, &self.g2_coefficients);
        if wrong.is_some() {
            return Err(self.invalid(Check::G2Powers, wrong));
        }
        Ok(())
    }

    fn invalid(&self, check: Check, index: Option<usize>) -> Invalid {
        Invalid {
            sub_ceremony: Some(self.sub_ceremony),
            check,
            index,
        }
    }
}
