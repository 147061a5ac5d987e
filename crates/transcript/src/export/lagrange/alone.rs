//! Lagrange points without the powers that they come from, checked without a transform of points.
//!
//! Given are L_0 … L_{n−1} in G1, n ≥ 2 a power of two, ω of order n, and \[τ\]₂. They are the
//! Lagrange points of τ if and only if
//!
//! * (a) (τ − ωᵏ)·L_k = ωᵏ·Z for every k, with Z = (τ − 1)·L_0, and
//! * (b) Σ L_k = g₁.
//!
//! Proof. Those of τ are L_k = ωᵏ/n · (τⁿ − 1)/(τ − ωᵏ)·g₁ where τ is no root of unity of order n, so
//! (a) holds with Z = (τⁿ − 1)/n·g₁, and (b) because the polynomials add up to 1. Conversely let (a) and
//! (b) hold. If τ is no such root, L_k = ωᵏ/(τ − ωᵏ)·Z, and (b) says Z·Σ ωᵏ/(τ − ωᵏ) = Z·n/(τⁿ − 1) =
//! g₁, which leaves one choice for Z and for each L_k. If τ = ωʲ, then (a) with k = j says Z = 0, and
//! with any other k that L_k = 0, so L_j = g₁ by (b): these are the Lagrange points again.
//!
//! (b) is computed. All of (a) become one equation: with random r_k of 128 bits and s = Σ r_k·ωᵏ,
//!
//! e(Σ r_k·L_k − s·L_0, \[τ\]₂) = e(Σ r_k·ωᵏ·L_k − s·L_0, g₂).
//!
//! Both sides differ in the exponent by Σ r_k·d_k, where d_k is what equation k misses by. If one of
//! them misses, at most one value of its r_k makes the sum 0, so wrong points pass with a chance of at
//! most 2⁻¹²⁸ (see `verify/equations.rs`; all points have to be in the subgroup, and the r_k drawn after they
//! arrived). It costs two sums over the points and two pairings; a transform costs n·log n
//! multiplications.
//!
//! \[τ\]₁ is Σ ωᵏ·L_k, for the polynomial X is ωᵏ at ωᵏ, if n ≥ 2.

use crate::random::SecureRandom;
use blstrs::{G1Affine, G1Projective, G2Affine, Scalar};
use ff::{Field, PrimeField};
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};

use crate::arithmetic::{linear_combination, pairings_equal};
use crate::export::lagrange::{NotPowerOfTwo, bit_reverse, root_of_unity};
use crate::verify::equations::Coefficients;

/// Why Lagrange points are not those of τ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AloneMismatch {
    NotPowerOfTwo(NotPowerOfTwo),
    /// They are right in another order.
    BitReversed,
    OfNoTau,
}

/// \[τ\]₁ for the τ of \[τ\]₂, if `lagrange` are its Lagrange points in natural order; n is at
/// least 2, and all points are in the subgroup.
///
/// # Errors
/// When they are not.
pub(crate) fn tau_of_lagrange(
    lagrange: &[G1Affine],
    tau: &G2Affine,
    rng: &mut dyn SecureRandom,
) -> Result<G1Affine, AloneMismatch> {
    let root = root_of_unity(lagrange.len()).map_err(AloneMismatch::NotPowerOfTwo)?;
    let coefficients = Coefficients::draw(lagrange.len(), rng);
    if are_of(lagrange, root, tau, &coefficients) {
        return Ok(sum(lagrange, powers(root)).to_affine());
    }
    let mut reordered = lagrange.to_vec();
    bit_reverse(&mut reordered);
    Err(match are_of(&reordered, root, tau, &coefficients) {
        true => AloneMismatch::BitReversed,
        false => AloneMismatch::OfNoTau,
    })
}

fn are_of(
    lagrange: &[G1Affine],
    root: Scalar,
    tau: &G2Affine,
    coefficients: &Coefficients,
) -> bool {
    let mut all = G1Projective::identity();
    for point in lagrange {
        all += point;
    }
    if all != G1Projective::generator() {
        return false;
    }
    let coefficient = |bytes: &[u8; 16]| Scalar::from_u128(u128::from_le_bytes(*bytes));
    let turned = coefficients.all().iter().zip(powers(root));
    let turned: Vec<Scalar> = turned.map(|(r, power)| coefficient(r) * power).collect();
    let s: Scalar = turned.iter().sum();
    let shift = G1Projective::from(lagrange.first().copied().unwrap_or_default()) * s;
    let left = linear_combination(lagrange, coefficients.all()) - shift;
    let right = sum(lagrange, turned.into_iter()) - shift;
    pairings_equal(
        &left.to_affine(),
        tau,
        &right.to_affine(),
        &G2Affine::generator(),
    )
}

/// 1, ω, ω², …
fn powers(root: Scalar) -> impl Iterator<Item = Scalar> {
    std::iter::successors(Some(Scalar::ONE), move |power| Some(*power * root))
}

/// Σ cᵢ·Pᵢ for scalars of any size.
fn sum(points: &[G1Affine], scalars: impl Iterator<Item = Scalar>) -> G1Projective {
    let scalars: Vec<Scalar> = scalars.take(points.len()).collect();
    let points: Vec<G1Projective> = points.iter().map(G1Projective::from).collect();
    G1Projective::multi_exp(&points, &scalars)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::export::lagrange::to_lagrange;

    fn points(len: usize, tau: Scalar) -> (Vec<G1Affine>, G2Affine) {
        let monomial: Vec<_> = powers(tau)
            .take(len)
            .map(|power| (G1Affine::generator() * power).to_affine())
            .collect();
        let tau = (G2Affine::generator() * tau).to_affine();
        (to_lagrange(&monomial).unwrap(), tau)
    }

    #[test]
    fn the_lagrange_points_of_tau_give_its_first_power() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for len in [2, 4, 8, 64] {
            let root = root_of_unity(len).unwrap();
            let others = [
                Scalar::random(&mut rng),
                Scalar::from(2),
                root,
                Scalar::ONE,
                -Scalar::ONE,
            ];
            for tau in others {
                let (lagrange, tau_g2) = points(len, tau);
                let expected = (G1Affine::generator() * tau).to_affine();
                let found = tau_of_lagrange(&lagrange, &tau_g2, &mut rng);
                assert_eq!(found, Ok(expected), "{len} points");
            }
        }
    }

    #[test]
    fn one_wrong_point_anywhere_is_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (right, tau) = points(16, Scalar::random(&mut rng));
        let refused = |points: &[G1Affine], rng: &mut ChaCha20Rng| {
            assert_eq!(
                tau_of_lagrange(points, &tau, rng),
                Err(AloneMismatch::OfNoTau)
            );
        };
        for i in 0..16 {
            for j in 0..i {
                // The sum stays what it was.
                let mut wrong = right.clone();
                wrong.swap(i, j);
                refused(&wrong, &mut rng);
                let mut wrong = right.clone();
                let more = G1Affine::generator() * Scalar::random(&mut rng);
                wrong[i] = (G1Projective::from(wrong[i]) + more).to_affine();
                wrong[j] = (G1Projective::from(wrong[j]) - more).to_affine();
                refused(&wrong, &mut rng);
            }
            let mut wrong = right.clone();
            wrong[i] = -wrong[i];
            refused(&wrong, &mut rng);
        }
        // All of them times a number: every equation of (a) holds, and (b) does not.
        let twice: Vec<_> = (right.iter())
            .map(|point| (G1Projective::from(point).double()).to_affine())
            .collect();
        refused(&twice, &mut rng);
        refused(&[G1Affine::identity(); 16], &mut rng);
        // Those of another tau.
        refused(&points(16, Scalar::random(&mut rng)).0, &mut rng);
    }

    #[test]
    fn another_order_or_number_is_called_so() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let (mut lagrange, tau) = points(16, Scalar::random(&mut rng));
        bit_reverse(&mut lagrange);
        let found = tau_of_lagrange(&lagrange, &tau, &mut rng);
        assert_eq!(found, Err(AloneMismatch::BitReversed));
        let found = tau_of_lagrange(&lagrange[..12], &tau, &mut rng);
        let len = NotPowerOfTwo { len: 12 };
        assert_eq!(found, Err(AloneMismatch::NotPowerOfTwo(len)));
    }
}
