//! All sub-ceremonies, all checks, in one pass over the points and one pairing product.
//!
//! For each sub-ceremony the sums of [`windows`](crate::field) give, in one pass over the G1
//! powers, the test of their subgroup and, for each window w, both sides of the ratio check: A_w over
//! the powers before, B_w over the powers after. With ρ_w, rᵢ and a fresh 128-bit coefficients
//! of each sub-ceremony:
//!
//! * check 5: a·p\[1\] against a·P\[1\], by pk;
//! * check 6: A = Σ ρ_w·A_w against B = Σ ρ_w·B_w, by Q\[1\];
//! * check 7: Σ rᵢ·Q\[i\] by g₁ against Σ rᵢ·P\[i\].
//!
//! What is paired with g₂ merges into one point, what is paired with g₁ into another:
//!
//! Π e(a·p\[1\], pk) · Π e(A, Q\[1\]) · e(g₁, Σ Σ rᵢ·Q\[i\]) = e(Σ (a·P\[1\] + B + Σ rᵢ·P\[i\]), g₂)
//!
//! with the products and outer sums over the sub-ceremonies: two Miller loops for each, two more,
//! one final exponentiation.
//!
//! # Error
//!
//! True contributions always pass. A false one passes with a chance of at most 2⁻¹²⁸ for the
//! subgroup of the G1 powers, and for the rest of 2⁻¹²⁸ for the windows of a sub-ceremony's
//! ratios and 2⁻¹²⁸ for the combination: the exponent by which the product misses is a sum of
//! coefficients, each uniform on 2¹²⁸ values below the group's order, times what each equation
//! misses by; if one of them misses, at most one value of its coefficient makes the sum 0, whatever the
//! others are (see `batch`). When the product fails, [`first_failure`] repeats the checks one by one.

use blstrs::{Bls12, G1Affine, G1Projective, G2Affine, G2Prepared, G2Projective};
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use pairing::{MillerLoopResult, MultiMillerLoop};
use rand_core::{CryptoRng, RngCore};
use rayon::prelude::*;

use crate::batch::{
    Coefficients, first_inconsecutive, first_mismatch, first_outside_subgroup, lowest_failing,
    pairings_equal,
};
use crate::encoding::Point;
use crate::error::{Check, Element, Invalid, SubCeremony};
use crate::field::{Digits, G1, G1List, WindowSums, linear_combination};

/// The points of one sub-ceremony, decoded, nothing else known of them.
pub(crate) struct Decoded {
    pub(crate) sub_ceremony: SubCeremony,
    pub(crate) g1: G1List,
    pub(crate) g2: Vec<G2Affine>,
    /// What makes powers a contribution; none for powers on their own.
    pub(crate) update: Option<Change>,
}

/// The change that a contribution claims to be.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    /// p\[1\].
    pub(crate) power_before: G1Affine,
    /// pk.
    pub(crate) pubkey: G2Affine,
}

/// Random values for one sub-ceremony, drawn after its points have arrived.
struct Draw {
    digits: Digits,
    /// One for each window but window 0.
    windows: Coefficients,
    g2: Coefficients,
    update: Coefficients,
}

impl Draw {
    fn new(decoded: &Decoded, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let digits = Digits::draw(decoded.g1.len(), rng);
        Self {
            windows: Coefficients::draw(digits.windows().count(), rng),
            g2: Coefficients::draw(decoded.g2.len(), rng),
            update: Coefficients::draw(1, rng),
            digits,
        }
    }
}

/// One sub-ceremony's share of the product.
struct Share {
    /// Pairs of its own.
    pairs: Vec<(G1Affine, G2Affine)>,
    with_g1: G2Projective,
    with_g2: G1Projective,
}

/// Whether checks 3 to 7 hold for all sub-ceremonies (`ceremony.md`), and each contribution
/// changes something.
pub(crate) fn all_hold(subs: &[Decoded], rng: &mut (impl RngCore + CryptoRng)) -> bool {
    if subs.iter().any(|sub| sub.plainly_wrong().is_some()) {
        return false;
    }
    let draws: Vec<Draw> = subs.iter().map(|sub| Draw::new(sub, rng)).collect();
    let (sums, shares): (Vec<WindowSums<G1>>, Vec<Share>) = subs
        .par_iter()
        .zip(&draws)
        .map(|(sub, draw)| {
            let sums = sub.g1.window_sums(&draw.digits);
            let share = sub.share(draw, &sums);
            (sums, share)
        })
        .unzip();
    let (g1_holds, (g2_holds, product_holds)) = rayon::join(
        || WindowSums::all_in_subgroup(&sums),
        || {
            rayon::join(
                || subs.par_iter().all(|sub| sub.g2_in_subgroup()),
                || product_is_one(&shares),
            )
        },
    );
    g1_holds && g2_holds && product_holds
}

fn product_is_one(shares: &[Share]) -> bool {
    let with_g1: G2Projective = shares.iter().map(|share| share.with_g1).sum();
    let with_g2: G1Projective = shares.iter().map(|share| share.with_g2).sum();
    let own = shares.iter().flat_map(|share| share.pairs.iter().copied());
    let merged = [
        (G1Affine::generator(), with_g1.to_affine()),
        (-with_g2.to_affine(), G2Affine::generator()),
    ];
    let pairs: Vec<(G1Affine, G2Prepared)> = own
        .chain(merged)
        .map(|(p, q)| (p, G2Prepared::from(q)))
        .collect();
    let pairs: Vec<_> = pairs.iter().map(|(p, q)| (p, q)).collect();
    bool::from(
        Bls12::multi_miller_loop(&pairs)
            .final_exponentiation()
            .is_identity(),
    )
}

impl Decoded {
    /// The power at `index`; the sizes were checked before anything else was.
    fn power(&self, index: usize) -> G1Affine {
        self.g1.point(index).unwrap_or_default()
    }

    /// P\[0\], P\[1\], … that go with the G2 powers.
    fn powers_beside_g2(&self) -> Vec<G1Affine> {
        (0..self.g2.len()).map(|i| self.power(i)).collect()
    }

    fn share(&self, draw: &Draw, sums: &WindowSums<G1>) -> Share {
        let windows = 1..=draw.digits.windows().count();
        let before: Vec<_> = windows.clone().map(|w| sums.before(w)).collect();
        let after: Vec<_> = windows.map(|w| sums.after(w)).collect();
        let combined = |points: &[G1Projective]| {
            let points = crate::field::normalize::<G1Affine>(points);
            linear_combination(&points, draw.windows.all())
        };
        let mut pairs = vec![(combined(&before).to_affine(), self.g2[1])];
        let mut with_g2 =
            combined(&after) + linear_combination(&self.powers_beside_g2(), draw.g2.all());
        if let Some(change) = &self.update {
            let times = |point| linear_combination(&[point], draw.update.all());
            pairs.push((times(change.power_before).to_affine(), change.pubkey));
            with_g2 += times(self.power(1));
        }
        Share {
            pairs,
            with_g1: linear_combination(&self.g2, draw.g2.all()),
            with_g2,
        }
    }

    fn g2_in_subgroup(&self) -> bool {
        first_outside_subgroup(&self.g2).is_none()
            && self.update.is_none_or(|change| change.pubkey.in_subgroup())
    }

    /// What a glance at a few points shows: check 4, and that the contribution changes something.
    fn plainly_wrong(&self) -> Option<Invalid> {
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

    /// The first of the checks 3 to 7 that fails, in the specification's order, with the lowest bad
    /// index: only failing contributions pay for it.
    pub(crate) fn first_failure(&self, rng: &mut (impl RngCore + CryptoRng)) -> Option<Invalid> {
        self.outside_subgroup(rng)
            .or_else(|| match self.plainly_wrong() {
                // Comes last, if nothing else is wrong.
                Some(invalid) if invalid.check == Check::NoEntropy => None,
                wrong => wrong,
            })
            .or_else(|| self.unproven_update())
            .or_else(|| self.wrong_ratio(rng))
            .or_else(|| self.unchanged())
    }

    /// Check 3.
    fn outside_subgroup(&self, rng: &mut (impl RngCore + CryptoRng)) -> Option<Invalid> {
        let pubkey = self.update.map(|change| change.pubkey);
        let pubkey_outside = pubkey.filter(|pubkey| !pubkey.in_subgroup()).map(|_| None);
        let outside = [
            (Element::G1Power, self.first_g1_outside(rng).map(Some)),
            (Element::G2Power, first_outside_subgroup(&self.g2).map(Some)),
            (Element::PotPubkey, pubkey_outside),
        ];
        let first = outside
            .into_iter()
            .find_map(|(element, outside)| Some((element, outside?)));
        first.map(|(element, index)| self.invalid(Check::Subgroup { element }, index))
    }

    /// The lowest G1 power outside of the subgroup, found by halving.
    fn first_g1_outside(&self, rng: &mut (impl RngCore + CryptoRng)) -> Option<usize> {
        /// Below this, testing the points one by one is no slower.
        const FEW: usize = 64;
        let mut range_holds = |from: usize, to: usize| {
            let part = self.g1.part(from..to);
            if part.len() <= FEW {
                return first_outside_subgroup(&part.to_affine()).is_none();
            }
            let digits = Digits::draw(part.len(), rng);
            part.window_sums(&digits).in_subgroup()
        };
        lowest_failing(self.g1.len(), &mut range_holds)
    }

    /// Check 5.
    fn unproven_update(&self) -> Option<Invalid> {
        let Change {
            power_before,
            pubkey,
        } = self.update?;
        let holds = pairings_equal(
            &power_before,
            &pubkey,
            &self.power(1),
            &G2Affine::generator(),
        );
        (!holds).then(|| self.invalid(Check::UpdateProof, None))
    }

    /// Checks 6 and 7.
    fn wrong_ratio(&self, rng: &mut (impl RngCore + CryptoRng)) -> Option<Invalid> {
        let g1 = self.g1.to_affine();
        let coefficients = Coefficients::draw(g1.len(), rng);
        let wrong = first_inconsecutive(&g1, &self.g2[1], &coefficients);
        if wrong.is_some() {
            return Some(self.invalid(Check::G1Powers, wrong));
        }
        let coefficients = Coefficients::draw(self.g2.len(), rng);
        let wrong = first_mismatch(&self.g2, &g1, &coefficients);
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
