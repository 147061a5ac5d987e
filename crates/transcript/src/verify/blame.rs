//! What is wrong with a sub-ceremony, in the specification's order of checks.

use crate::random::SecureRandom;
use blstrs::{G1Affine, G1Projective, G2Affine};
use group::Curve;
use group::prime::PrimeCurveAffine;

use crate::arithmetic::{Backend, Digits, G1, G1List, G2List, WindowSums, pairings_equal};
use crate::encoding::Point;
use crate::error::{Check, Element, Invalid};
use crate::verify::decoded::{Decoded, Ratio, Sums};
use crate::verify::equations::{Coefficients, first_inconsecutive, first_mismatch, halve};

/// Points below which a search by halves ends: to look at each is no slower (measured: 64 to
/// 512 are alike).
const FEW: usize = 128;

impl Decoded {
    /// What a glance at a few points shows: check 4, and that the contribution changes something.
    pub(crate) fn plainly_wrong(&self) -> Option<Invalid> {
        let pubkey = self.update.map(|change| change.pubkey);
        if pubkey.is_some_and(|pubkey| bool::from(pubkey.is_identity())) {
            return Some(self.invalid(Check::PubkeyIdentity, None));
        }
        for (element, is_generator) in [
            (Element::G1Power, self.power(0) == G1Affine::generator()),
            (Element::G2Power, self.g2[0] == G2Affine::generator()),
        ] {
            if !is_generator {
                return Some(self.invalid(Check::Generator { element }, Some(0)));
            }
        }
        if bool::from(self.power(1).is_identity()) {
            return Some(self.invalid(Check::ZeroPower, Some(1)));
        }
        self.unchanged()
    }

    fn unchanged(&self) -> Option<Invalid> {
        let unchanged = self
            .update
            .is_some_and(|change| change.pubkey == G2Affine::generator());
        unchanged.then(|| self.invalid(Check::NoEntropy, None))
    }

    /// The first of the checks 3 to 7 that fails, with the lowest bad index.
    pub(crate) fn blame(&self, sums: &Sums, rng: &mut dyn SecureRandom) -> Option<Invalid> {
        self.outside_subgroup(&sums.windows, rng)
            .or_else(|| match self.plainly_wrong() {
                // Comes last, if nothing else is wrong.
                Some(invalid) if invalid.check == Check::NoEntropy => None,
                wrong => wrong,
            })
            .or_else(|| self.unproven_update())
            .or_else(|| self.wrong_g1_ratio(sums, rng))
            .or_else(|| self.wrong_g2_power(sums, rng))
            .or_else(|| self.unchanged())
    }

    /// Check 3.
    fn outside_subgroup(
        &self,
        windows: &[WindowSums<G1>],
        rng: &mut dyn SecureRandom,
    ) -> Option<Invalid> {
        if !windows.iter().all(WindowSums::in_subgroup)
            && let Some(index) = first_outside(&self.g1, rng)
        {
            let element = Element::G1Power;
            return Some(self.invalid(Check::Subgroup { element }, Some(index)));
        }
        let g2 = G2List::from_affine(&self.g2, Backend::best()).first_outside_subgroup();
        if g2.is_some() {
            let element = Element::G2Power;
            return Some(self.invalid(Check::Subgroup { element }, g2));
        }
        let element = Element::PotPubkey;
        let outside = self.update.is_some_and(|it| !it.pubkey.in_subgroup());
        outside.then(|| self.invalid(Check::Subgroup { element }, None))
    }

    /// Check 5.
    fn unproven_update(&self) -> Option<Invalid> {
        let proven = self.update.is_none_or(|it| it.proves(&self.power(1)));
        (!proven).then(|| self.invalid(Check::UpdateProof, None))
    }

    /// Check 6.
    fn wrong_g1_ratio(&self, sums: &Sums, rng: &mut dyn SecureRandom) -> Option<Invalid> {
        if holds(&sums.g1, &self.g2[1]) {
            return None;
        }
        let wrong = first_wrong_ratio(&self.g1, &self.g2[1], rng);
        wrong.map(|_| self.invalid(Check::G1Powers, wrong))
    }

    /// Check 7.
    fn wrong_g2_power(&self, sums: &Sums, rng: &mut dyn SecureRandom) -> Option<Invalid> {
        let (q, p) = &sums.g2;
        let equal = pairings_equal(
            &G1Affine::generator(),
            &q.to_affine(),
            &p.to_affine(),
            &G2Affine::generator(),
        );
        if equal {
            return None;
        }
        let coefficients = Coefficients::draw(self.g2.len(), rng);
        let wrong = first_mismatch(&self.g2, &self.powers_beside_g2(), &coefficients);
        wrong.map(|_| self.invalid(Check::G2Powers, wrong))
    }

    fn invalid(&self, check: Check, index: Option<usize>) -> Invalid {
        Invalid {
            sub_ceremony: Some(self.sub_ceremony),
            check,
            index,
        }
    }
}

/// Whether e(A, Q\[1\]) = e(B, g₂).
fn holds(ratio: &Ratio, tau: &G2Affine) -> bool {
    let [before, after] = [ratio.before, ratio.after].map(|it: G1Projective| it.to_affine());
    pairings_equal(&before, tau, &after, &G2Affine::generator())
}

/// The lowest point outside of the subgroup, in a list that has one: window sums over halves,
/// then the points one by one.
fn first_outside(points: &G1List, rng: &mut dyn SecureRandom) -> Option<usize> {
    let (from, to) = halve(0, points.len(), FEW, |from, to| {
        let part = points.slice(from..to);
        part.window_sums(&Digits::draw(part.len(), rng))
            .in_subgroup()
    });
    let first = points.slice(from..to).first_outside_subgroup();
    first.map(|index| from + index)
}

/// The lowest power that is not τ times the one before, in a list that has one.
fn first_wrong_ratio(powers: &G1List, tau: &G2Affine, rng: &mut dyn SecureRandom) -> Option<usize> {
    // Equation i is about the powers i and i + 1.
    let (from, to) = halve(0, powers.len().saturating_sub(1), FEW, |from, to| {
        let part = powers.slice(from..to + 1);
        let digits = Digits::draw(part.len(), rng);
        let coefficients = Coefficients::draw(digits.windows().count(), rng);
        holds(&Ratio::of(&[part.window_sums(&digits)], &coefficients), tau)
    });
    let rest = powers.slice(from..to + 1).to_affine();
    let coefficients = Coefficients::draw(to - from, rng);
    first_inconsecutive(&rest, tau, &coefficients).map(|index| from + index)
}
