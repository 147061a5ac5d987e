//! Many equations checked as one, by random linear combination.
//!
//! # Why it is sound
//!
//! Each equation has the form e(Aᵢ, s) = e(Bᵢ, t), all with the same s and t. Write dᵢ for the
//! exponent by which equation i misses, in the target group of prime order r. The combined
//! equation holds if and only if Σ cᵢ·dᵢ = 0 mod r; where some dᵢ is not 0, at most one value of
//! its cᵢ allows that, so random cᵢ of 128 bits pass wrong lists with probability at most 2⁻¹²⁸.
//! This needs every point to be in the subgroup of order r, which is checked by itself: this
//! combination would let a part of order 3 pass once in three times.
//!
//! The coefficients are drawn by the caller after the points have arrived, from randomness that
//! the prover cannot foresee. They are drawn once for a list; the search for the lowest bad index
//! uses prefixes of the same ones, which adds one chance of 2⁻¹²⁸ for each of its few steps.

use crate::random::SecureRandom;
use blstrs::{G1Affine, G1Projective, G2Affine};
use group::Curve;
use group::prime::PrimeCurveAffine;

use crate::arithmetic::{COEFFICIENT_LEN, linear_combination, pairings_equal};

/// Random coefficients of 128 bits, little-endian.
pub(crate) struct Coefficients(Vec<[u8; COEFFICIENT_LEN]>);

impl Coefficients {
    /// Draws `len` of them.
    pub(crate) fn draw(len: usize, rng: &mut dyn SecureRandom) -> Self {
        let mut coefficients = vec![[0; COEFFICIENT_LEN]; len];
        rng.fill_bytes(coefficients.as_flattened_mut());
        Self(coefficients)
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[[u8; COEFFICIENT_LEN]] {
        &self.0
    }
}

/// The lowest index i ≥ 1 with e(P\[i\], g₂) ≠ e(P\[i-1\], Q\[1\])
/// (`docs/spec/ceremony.md#check-6`).
///
/// All points have to be in the subgroup; there have to be at least as many coefficients as
/// points, less one.
pub(crate) fn first_inconsecutive(
    powers: &[G1Affine],
    tau: &G2Affine,
    coefficients: &Coefficients,
) -> Option<usize> {
    let equations = powers.len().saturating_sub(1);
    let holds = |from: usize, to: usize| {
        let coefficients = &coefficients.0[from..to];
        let (before, after) = rayon::join(
            || linear_combination(&powers[from..to], coefficients),
            || linear_combination(&powers[from + 1..to + 1], coefficients),
        );
        pairings_equal(
            &before.to_affine(),
            tau,
            &after.to_affine(),
            &G2Affine::generator(),
        )
    };
    lowest_failing(equations, holds).map(|equation| equation + 1)
}

/// The lowest index i with e(g₁, Q\[i\]) ≠ e(P\[i\], g₂) (`docs/spec/ceremony.md#check-7`).
///
/// All points have to be in the subgroup; there have to be at least as many G1 powers and
/// coefficients as G2 powers.
pub(crate) fn first_mismatch(
    g2: &[G2Affine],
    g1: &[G1Affine],
    coefficients: &Coefficients,
) -> Option<usize> {
    lowest_failing(g2.len(), |from, to| {
        let coefficients = &coefficients.0[from..to];
        let (q, p): (_, G1Projective) = rayon::join(
            || linear_combination(&g2[from..to], coefficients),
            || linear_combination(&g1[from..to], coefficients),
        );
        pairings_equal(
            &G1Affine::generator(),
            &q.to_affine(),
            &p.to_affine(),
            &G2Affine::generator(),
        )
    })
}

/// The lowest of `len` equations that fails, by halving; `holds(from, to)` checks a range at once.
///
/// One call when all hold; otherwise calls on at most as many equations again in total.
pub(crate) fn lowest_failing(
    len: usize,
    mut holds: impl FnMut(usize, usize) -> bool,
) -> Option<usize> {
    if len == 0 || holds(0, len) {
        return None;
    }
    Some(halve(0, len, 1, holds).0)
}

/// Halves a range of which something fails until `few` are left, of which something still does:
/// nothing before them fails. `holds(from, to)` checks a part at once.
pub(crate) fn halve(
    mut from: usize,
    mut to: usize,
    few: usize,
    mut holds: impl FnMut(usize, usize) -> bool,
) -> (usize, usize) {
    while to - from > few {
        let middle = from + (to - from) / 2;
        if holds(from, middle) {
            from = middle;
        } else {
            to = middle;
        }
    }
    (from, to)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn lowest_failing_equation_is_found_for_every_set_of_failures() {
        for len in 0..9_usize {
            for failures in 0..1_u32 << len {
                let holds = |from, to| (from..to).all(|i| failures >> i & 1 == 0);
                let expected = (0..len).find(|i| failures >> i & 1 == 1);
                assert_eq!(
                    lowest_failing(len, holds),
                    expected,
                    "{failures:b} of {len}"
                );
            }
        }
    }

    #[test]
    fn search_for_a_failure_costs_less_than_a_second_pass() {
        for bad in [0, 1, 500, 998, 999] {
            let work = Cell::new(0);
            lowest_failing(1000, |from, to| {
                work.set(work.get() + to - from);
                !(from..to).contains(&bad)
            });
            assert!(work.get() <= 2000, "{} equations for {bad}", work.get());
        }
    }
}
