//! Powers of tau in the Lagrange basis.
//!
//! For n powers, n a power of two, and ω of order n: L_k = (1/n) Σ_j ω^(-jk)·\[τʲ\]₁ commits to the
//! polynomial that is 1 at ωᵏ and 0 at the other roots of unity. KZG libraries load these, in
//! natural order of k (`docs/spec/ceremony.md#lagrange`).

pub(crate) mod alone;

use crate::random::SecureRandom;
use blstrs::{G1Affine, G1Projective, Scalar};
use ff::{Field, PrimeField};
use rayon::prelude::*;

use crate::arithmetic::{COEFFICIENT_LEN, linear_combination, normalize};

/// The number of points is not a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len} powers have no Lagrange form: it needs a power of two")]
pub struct NotPowerOfTwo {
    /// The number of points.
    pub len: usize,
}

/// How Lagrange points differ from those of the monomial powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LagrangeMismatch {
    /// They are not as many.
    #[error("{got} Lagrange points for {expected} G1 powers")]
    Count {
        /// The number of powers.
        expected: usize,
        /// The number of Lagrange points.
        got: usize,
    },
    /// The number is not a power of two.
    #[error(transparent)]
    NotPowerOfTwo(#[from] NotPowerOfTwo),
    /// They are right, but in another order.
    #[error("the Lagrange points are in bit-reversed order, not in natural order")]
    BitReversed,
    /// One is wrong.
    #[error("Lagrange point {index} is not that of the G1 powers")]
    Point {
        /// The lowest bad index.
        index: usize,
    },
}

/// The Lagrange points of these powers in natural order, on all cores.
///
/// # Errors
/// When the number of powers is not a power of two.
pub fn to_lagrange(monomial: &[G1Affine]) -> Result<Vec<G1Affine>, NotPowerOfTwo> {
    let mut values: Vec<G1Projective> = monomial.iter().map(G1Projective::from).collect();
    inverse_fourier(&mut values)?;
    Ok(normalize(&values))
}

/// Whether `lagrange` are the Lagrange points of `monomial`, by one random combination.
///
/// Σ r_k·L_k is compared with Σ c_j·\[τʲ\]₁, where c is the transform of r: no transform of points
/// is needed unless they differ. All points have to be in the subgroup; then the error is 2⁻¹²⁸.
///
/// # Errors
/// Names the lowest bad index, or the order when that is what is wrong.
pub fn check_lagrange(
    monomial: &[G1Affine],
    lagrange: &[G1Affine],
    rng: &mut dyn SecureRandom,
) -> Result<(), LagrangeMismatch> {
    let (expected, got) = (monomial.len(), lagrange.len());
    if expected != got {
        return Err(LagrangeMismatch::Count { expected, got });
    }
    let mut coefficients = vec![[0; COEFFICIENT_LEN]; got];
    rng.fill_bytes(coefficients.as_flattened_mut());
    let mut transformed: Vec<Scalar> = coefficients
        .iter()
        .map(|bytes| Scalar::from_u128(u128::from_le_bytes(*bytes)))
        .collect();
    inverse_fourier(&mut transformed)?;

    let powers: Vec<G1Projective> = monomial.iter().map(G1Projective::from).collect();
    let sum = G1Projective::multi_exp(&powers, &transformed);
    if linear_combination(lagrange, &coefficients) == sum {
        return Ok(());
    }
    let mut reordered = lagrange.to_vec();
    bit_reverse(&mut reordered);
    if linear_combination(&reordered, &coefficients) == sum {
        return Err(LagrangeMismatch::BitReversed);
    }
    let right = to_lagrange(monomial)?;
    match right
        .iter()
        .zip(lagrange)
        .position(|(right, given)| right != given)
    {
        Some(index) => Err(LagrangeMismatch::Point { index }),
        None => Ok(()),
    }
}

/// A root of unity of order `len`.
pub(crate) fn root_of_unity(len: usize) -> Result<Scalar, NotPowerOfTwo> {
    if !len.is_power_of_two() || len.trailing_zeros() > Scalar::S {
        return Err(NotPowerOfTwo { len });
    }
    let mut root = Scalar::ROOT_OF_UNITY;
    for _ in len.trailing_zeros()..Scalar::S {
        root = root.square();
    }
    Ok(root)
}

/// What a Fourier transform is over: scalars, and points.
trait Module: Copy + Send + Sync {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, scalar: &Scalar) -> Self;
}

impl Module for Scalar {
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn minus(self, other: Self) -> Self {
        self - other
    }
    fn times(self, scalar: &Scalar) -> Self {
        self * scalar
    }
}

impl Module for G1Projective {
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn minus(self, other: Self) -> Self {
        self - other
    }
    fn times(self, scalar: &Scalar) -> Self {
        self * scalar
    }
}

/// Values of a polynomial at the roots of unity to its coefficients, in place: the transform by
/// ω⁻¹, and a factor of 1/n.
fn inverse_fourier<M: Module>(values: &mut [M]) -> Result<(), NotPowerOfTwo> {
    let len = values.len();
    let root = root_of_unity(len)?.invert().unwrap_or(Scalar::ONE);
    fourier(values, root);
    let scale = Scalar::from(len as u64).invert().unwrap_or(Scalar::ONE);
    values
        .par_iter_mut()
        .for_each(|value| *value = value.times(&scale));
    Ok(())
}

/// Fourier transform in place by a root of unity whose order is the number of values, natural order
/// to natural order: Cooley and Tukey's, in rounds of n/2 butterflies, each round on all cores.
fn fourier<M: Module>(values: &mut [M], root: Scalar) {
    let len = values.len();
    let twiddles: Vec<Scalar> =
        std::iter::successors(Some(Scalar::ONE), |twiddle| Some(*twiddle * root))
            .take(len / 2)
            .collect();
    bit_reverse(values);
    let mut half = 1;
    while half < len {
        let step = len / (2 * half);
        values.par_chunks_mut(2 * half).for_each(|block| {
            let (low, high) = block.split_at_mut(half);
            let pairs = low.par_iter_mut().zip(high).enumerate().with_min_len(16);
            pairs.for_each(|(i, (low, high))| {
                // The first twiddle is 1, and those of the first round all are.
                let turned = if i == 0 {
                    *high
                } else {
                    high.times(&twiddles[i * step])
                };
                (*low, *high) = (low.plus(turned), low.minus(turned));
            });
        });
        half *= 2;
    }
}

/// Exchanges the values at i and at i with its bits reversed; their number is a power of two.
pub(crate) fn bit_reverse<T>(values: &mut [T]) {
    let bits = values.len().trailing_zeros();
    if bits == 0 {
        return;
    }
    for i in 0..values.len() {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            values.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use group::Curve;
    use group::prime::PrimeCurveAffine;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn powers(len: usize, tau: Scalar) -> Vec<G1Affine> {
        std::iter::successors(Some(Scalar::ONE), |power| Some(*power * tau))
            .take(len)
            .map(|power| (G1Affine::generator() * power).to_affine())
            .collect()
    }

    fn to_monomial(lagrange: &[G1Affine]) -> Result<Vec<G1Affine>, NotPowerOfTwo> {
        let mut values: Vec<G1Projective> = lagrange.iter().map(G1Projective::from).collect();
        fourier(&mut values, root_of_unity(lagrange.len())?);
        Ok(normalize(&values))
    }

    /// L_k straight from its meaning: (τⁿ - 1)/n · ωᵏ/(τ - ωᵏ).
    fn by_definition(len: usize, tau: Scalar) -> Vec<G1Affine> {
        let root = root_of_unity(len).unwrap();
        let n = Scalar::from(len as u64);
        let numerator = (tau.pow_vartime([len as u64]) - Scalar::ONE) * n.invert().unwrap();
        std::iter::successors(Some(Scalar::ONE), |power| Some(*power * root))
            .take(len)
            .map(|power| numerator * power * (tau - power).invert().unwrap())
            .map(|value| (G1Affine::generator() * value).to_affine())
            .collect()
    }

    #[test]
    fn lagrange_points_are_what_they_mean() {
        let tau = Scalar::random(ChaCha20Rng::seed_from_u64(1));
        for len in [1, 2, 4, 8, 64] {
            let lagrange = to_lagrange(&powers(len, tau)).unwrap();
            assert_eq!(lagrange, by_definition(len, tau), "{len} powers");
            assert_eq!(
                to_monomial(&lagrange).unwrap(),
                powers(len, tau),
                "{len} powers"
            );
        }
    }

    #[test]
    fn only_powers_of_two_have_a_lagrange_form() {
        for len in [0, 3, 12, 65] {
            let points = vec![G1Affine::generator(); len];
            assert_eq!(to_lagrange(&points), Err(NotPowerOfTwo { len }));
            assert_eq!(to_monomial(&points), Err(NotPowerOfTwo { len }));
            let mut rng = ChaCha20Rng::seed_from_u64(2);
            let error = check_lagrange(&points, &points, &mut rng).unwrap_err();
            assert_eq!(
                error,
                LagrangeMismatch::NotPowerOfTwo(NotPowerOfTwo { len })
            );
        }
    }

    #[test]
    fn wrong_lagrange_points_are_found_with_the_lowest_index() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let tau = Scalar::random(&mut rng);
        let monomial = powers(16, tau);
        let right = to_lagrange(&monomial).unwrap();
        check_lagrange(&monomial, &right, &mut rng).unwrap();
        for index in 0..16 {
            let mut wrong = right.clone();
            wrong[index] = G1Affine::generator();
            wrong[15] = G1Affine::generator();
            let error = check_lagrange(&monomial, &wrong, &mut rng);
            assert_eq!(error, Err(LagrangeMismatch::Point { index }));
        }
        let mut swapped = right.clone();
        swapped.swap(5, 6);
        let error = check_lagrange(&monomial, &swapped, &mut rng);
        assert_eq!(error, Err(LagrangeMismatch::Point { index: 5 }));
        let count = LagrangeMismatch::Count {
            expected: 16,
            got: 8,
        };
        assert_eq!(check_lagrange(&monomial, &right[..8], &mut rng), Err(count));
    }

    #[test]
    fn bit_reversed_lagrange_points_are_called_so() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let monomial = powers(16, Scalar::random(&mut rng));
        let mut lagrange = to_lagrange(&monomial).unwrap();
        bit_reverse(&mut lagrange);
        let error = check_lagrange(&monomial, &lagrange, &mut rng);
        assert_eq!(error, Err(LagrangeMismatch::BitReversed));
    }
}
