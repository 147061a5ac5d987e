//! All sub-ceremonies, all checks, in one pass over the points and one pairing product.
//!
//! For each sub-ceremony the sums of `arithmetic/sums/windows.rs` give, in one pass over the G1
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
//! # When it fails
//!
//! The same sums tell what is wrong, without a second pass: for each sub-ceremony in its order its
//! own planes, then its own three equations, in the specification's order of checks. Only where
//! the index of a culprit is asked for, its list is summed again, by halves: half, then a quarter of
//! it, and so on. So the worst that a contribution can do is to cost twice as much as a good one.
//!
//! # Error
//!
//! True contributions always pass. A false one passes with a chance of at most 2⁻¹²⁸ for the
//! subgroup of the G1 powers, and for the rest of 2⁻¹²⁸ for the windows of a sub-ceremony's
//! ratios and 2⁻¹²⁸ for the combination: the exponent by which the product misses is a sum of
//! coefficients, each uniform on 2¹²⁸ values below the group's order, times what each equation
//! misses by; if one of them misses, at most one value of its coefficient makes the sum 0, whatever the
//! others are (see `verify/equations.rs`). The same holds of each equation on its own, which is what names a culprit.

use crate::random::SecureRandom;
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective};
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use rayon::prelude::*;

use crate::arithmetic::{
    Backend, G2List, WindowSums, linear_combination, normalize, product_is_one,
};
use crate::error::Invalid;
use crate::verify::decoded::{Change, Decoded, Draw, Sums};
use crate::verify::equations::Coefficients;

/// The first of the checks 3 to 7 that fails, in the specification's order, of the first
/// sub-ceremony that fails any, with the lowest bad index; none if all hold
/// (`docs/spec/ceremony.md#check-order`).
pub(crate) fn first_failure(subs: &[Decoded], rng: &mut dyn SecureRandom) -> Option<Invalid> {
    // Sub-ceremonies after one that a glance refuses cannot be the first to fail.
    let refused = subs.iter().position(|sub| sub.plainly_wrong().is_some());
    let subs = &subs[..refused.map_or(subs.len(), |at| at + 1)];
    let draws: Vec<Draw<'_>> = subs.iter().map(|sub| Draw::new(sub, rng)).collect();
    let sums: Vec<Sums> = subs
        .par_iter()
        .zip(&draws)
        .map(|(sub, draw)| sub.sums(draw))
        .collect();
    if refused.is_none() && all_hold(subs, &sums) {
        return None;
    }
    let blamed = subs.iter().zip(&sums);
    let blamed = blamed
        .map(|(sub, sums)| sub.blame(sums, rng))
        .find_map(|it| it);
    // If each check held by itself, the product would hold, and what a glance refuses is refused
    // here too.
    assert!(
        blamed.is_some(),
        "the one pass refused what each single check accepts"
    );
    blamed
}

/// Whether checks 3 and 5 to 7 hold for all sub-ceremonies.
fn all_hold(subs: &[Decoded], sums: &[Sums]) -> bool {
    let (g1_holds, (g2_holds, product_holds)) = rayon::join(
        || WindowSums::all_in_subgroup(sums.iter().flat_map(|sums| &sums.windows)),
        || {
            rayon::join(
                || G2List::from_affine(&g2_points(subs), Backend::best()).in_subgroup(),
                || equations_hold(subs, sums),
            )
        },
    );
    g1_holds && g2_holds && product_holds
}

/// The powers in G2 and the public keys of all sub-ceremonies.
fn g2_points(subs: &[Decoded]) -> Vec<G2Affine> {
    let pubkeys = subs.iter().filter_map(|sub| Some(sub.update?.pubkey));
    let powers = subs.iter().flat_map(|sub| sub.g2.iter().copied());
    powers.chain(pubkeys).collect()
}

/// Whether checks 5 to 7 hold, by one product.
fn equations_hold(subs: &[Decoded], sums: &[Sums]) -> bool {
    let (mut with_g1, mut with_g2) = (G2Projective::identity(), G1Projective::identity());
    let mut left = Vec::new();
    let mut right = Vec::new();
    for (sub, sums) in subs.iter().zip(sums) {
        left.push(sums.g1.before);
        right.push(sub.g2[1]);
        with_g1 += sums.g2.0;
        with_g2 += sums.g1.after + sums.g2.1;
        if let (Some(change), Some((before, after))) = (sub.update, sums.update) {
            left.push(before);
            right.push(change.pubkey);
            with_g2 += after;
        }
    }
    left.extend([G1Projective::generator(), -with_g2]);
    right.extend([with_g1.to_affine(), G2Affine::generator()]);
    let left = normalize::<G1Affine>(&left);
    product_is_one(&left.into_iter().zip(right).collect::<Vec<_>>())
}

/// The first sub-ceremony whose update is not what its public key says, as far as two of its points
/// and the key can tell (`docs/spec/ceremony.md#check-5`): a contribution to another base, mostly.
///
/// It proves nothing: neither of the points is known to be in the subgroup.
pub(crate) fn first_unproven(
    updates: &[(Change, G1Affine)],
    rng: &mut dyn SecureRandom,
) -> Option<usize> {
    let coefficients = Coefficients::draw(updates.len(), rng);
    let times =
        |point: G1Affine, i: usize| linear_combination(&[point], &coefficients.all()[i..=i]);
    let mut after = G1Projective::identity();
    let mut left = Vec::new();
    for (i, (change, power_after)) in updates.iter().enumerate() {
        left.push(times(change.power_before, i));
        after += times(*power_after, i);
    }
    left.push(-after);
    let keys = updates.iter().map(|(change, _)| change.pubkey);
    let pairs = normalize::<G1Affine>(&left)
        .into_iter()
        .zip(keys.chain([G2Affine::generator()]));
    if product_is_one(&pairs.collect::<Vec<_>>()) {
        return None;
    }
    updates
        .iter()
        .position(|(change, power_after)| !change.proves(power_after))
}
