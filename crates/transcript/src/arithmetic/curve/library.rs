//! The library's arithmetic on lists of points, as safe functions.
//!
//! Every `unsafe` block of the crate that touches a list of points is here, each with its reason.

use blst::{blst_p1, blst_p1_affine, blst_p2, blst_p2_affine, p1_affines, p2_affines};
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use group::{Curve, Group};
use rayon::prelude::*;

use crate::encoding::Point;

/// Bytes of a random coefficient: 128 bits, as many as the checks need
/// (`docs/spec/ceremony.md#error-bound`).
pub(crate) const COEFFICIENT_LEN: usize = 16;

/// Most points in one call of the library's sum of products.
///
/// A longer call spends fewer additions on each point, a shorter one lets more cores take part;
/// this gives the largest sub-ceremony of the Ethereum ceremony four calls.
const SUM_CHUNK: usize = 8192;

/// Most points that share one inversion; beyond a few hundred its cost has vanished.
const NORMALIZE_CHUNK: usize = 512;

/// The heavy arithmetic of one group.
pub(crate) trait Arithmetic: Point<Curve = Self::Sum, Scalar = Scalar> {
    /// The group in projective coordinates.
    type Sum: Curve<AffineRepr = Self> + Group<Scalar = Scalar>;

    /// Σ cᵢ·Pᵢ on one core, for as many little-endian 128-bit coefficients as points.
    fn sum_of_products(points: &[Self], coefficients: &[[u8; COEFFICIENT_LEN]]) -> Self::Sum;

    /// `scalar`·P in time that does not depend on the scalar, whose copy on the stack is wiped.
    fn times_secret(&self, scalar: &Scalar) -> Self::Sum;

    /// Affine coordinates of at most [`NORMALIZE_CHUNK`] points, with one inversion.
    fn normalize_chunk(points: &[Self::Sum], out: &mut Vec<Self>);
}

/// Σ cᵢ·Pᵢ on all cores. Any points of the curve are allowed: repeated, opposite, infinite.
pub(crate) fn linear_combination<P: Arithmetic>(
    points: &[P],
    coefficients: &[[u8; COEFFICIENT_LEN]],
) -> P::Sum {
    debug_assert_eq!(points.len(), coefficients.len());
    points
        .par_chunks(SUM_CHUNK)
        .zip(coefficients.par_chunks(SUM_CHUNK))
        .map(|(points, coefficients)| P::sum_of_products(points, coefficients))
        .reduce(P::Sum::identity, |a, b| a + b)
}

/// Affine coordinates of all points, on one core.
pub(crate) fn normalize<P: Arithmetic>(points: &[P::Sum]) -> Vec<P> {
    let mut out = Vec::with_capacity(points.len());
    for chunk in points.chunks(NORMALIZE_CHUNK) {
        P::normalize_chunk(chunk, &mut out);
    }
    out
}

macro_rules! arithmetic {
    (
        $affine:ty, $projective:ty, $raw:ty, $raw_affine:ty, $affines:ty,
        $mult:path, $sum:path, $scratch_sizeof:path
    ) => {
        impl Arithmetic for $affine {
            type Sum = $projective;

            fn sum_of_products(
                points: &[Self],
                coefficients: &[[u8; COEFFICIENT_LEN]],
            ) -> $projective {
                let len = points.len().min(coefficients.len());
                let mut sum = <$projective>::identity();
                if len == 0 {
                    return sum;
                }
                // Two pointers, the second null: the library's form for contiguous lists.
                let points: [*const $raw_affine; 2] = [points.as_ptr().cast(), std::ptr::null()];
                let coefficients: [*const u8; 2] = [coefficients.as_ptr().cast(), std::ptr::null()];
                // SAFETY: `points` and `coefficients` are valid for reads of `len` elements
                // each; the affine types are `repr(transparent)` over the library's; the scratch
                // space has the size the library asks for, as `u64`s and thus aligned for its
                // limbs, and outlives the call.
                #[allow(unsafe_code)]
                unsafe {
                    let mut scratch = vec![0_u64; $scratch_sizeof(len).div_ceil(8)];
                    $sum(
                        sum.as_mut(),
                        points.as_ptr(),
                        len,
                        coefficients.as_ptr(),
                        8 * COEFFICIENT_LEN,
                        scratch.as_mut_ptr(),
                    );
                }
                sum
            }

            fn times_secret(&self, scalar: &Scalar) -> $projective {
                /// Bits of the scalar field's order.
                const BITS: usize = 255;

                let point = <$projective>::from(*self);
                let mut product = <$projective>::identity();
                // Wiped when dropped.
                let mut bytes = blst::blst_scalar::default();
                // SAFETY: all pointers are to live values of the types the library takes; 255
                // bits are within the 32 bytes of `bytes`.
                #[allow(unsafe_code)]
                unsafe {
                    blst::blst_scalar_from_fr(&mut bytes, &(*scalar).into());
                    $mult(product.as_mut(), point.as_ref(), bytes.b.as_ptr(), BITS);
                }
                product
            }

            fn normalize_chunk(points: &[$projective], out: &mut Vec<Self>) {
                if points.is_empty() {
                    return;
                }
                let raw: Vec<$raw> = points.iter().map(|point| *point.as_ref()).collect();
                out.extend(<$affines>::from(&raw).as_slice().iter().map(|raw| {
                    let mut point = Self::default();
                    *point.as_mut() = *raw;
                    point
                }));
            }
        }
    };
}

arithmetic!(
    G1Affine,
    G1Projective,
    blst_p1,
    blst_p1_affine,
    p1_affines,
    blst::blst_p1_mult,
    blst::blst_p1s_mult_pippenger,
    blst::blst_p1s_mult_pippenger_scratch_sizeof
);
arithmetic!(
    G2Affine,
    G2Projective,
    blst_p2,
    blst_p2_affine,
    p2_affines,
    blst::blst_p2_mult,
    blst::blst_p2s_mult_pippenger,
    blst::blst_p2s_mult_pippenger_scratch_sizeof
);

#[cfg(test)]
mod tests {
    use ff::Field;
    use group::prime::PrimeCurveAffine;
    use rand::{RngCore, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn scalar(coefficient: &[u8; COEFFICIENT_LEN]) -> Scalar {
        let mut bytes = [0; 32];
        bytes[..COEFFICIENT_LEN].copy_from_slice(coefficient);
        Option::from(Scalar::from_bytes_le(&bytes)).unwrap()
    }

    /// Random points, with the cases that additions must tell apart: an infinity, a repeated
    /// point, a point and its opposite.
    fn awkward_points<P: Arithmetic>(len: usize, rng: &mut ChaCha20Rng) -> Vec<P> {
        let mut points: Vec<P> = (0..len)
            .map(|_| (P::generator() * Scalar::random(&mut *rng)).to_affine())
            .collect();
        if len > 4 {
            points[0] = P::identity();
            points[2] = points[1];
            points[4] = -points[3];
        }
        points
    }

    fn linear_combination_is_the_plain_sum<P: Arithmetic>() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for len in [0, 1, 2, 5, 31, 32, 33, 100, 700] {
            let points = awkward_points::<P>(len, &mut rng);
            let mut coefficients = vec![[0; COEFFICIENT_LEN]; len];
            for coefficient in &mut coefficients {
                rng.fill_bytes(coefficient);
            }
            if len > 4 {
                // The repeated point falls into the same buckets; the opposites cancel.
                coefficients[2] = coefficients[1];
                coefficients[4] = coefficients[3];
            }
            let plain: P::Sum = points
                .iter()
                .zip(&coefficients)
                .map(|(point, coefficient)| *point * scalar(coefficient))
                .sum();
            assert!(
                linear_combination(&points, &coefficients) == plain,
                "{len} points of {}",
                P::GROUP
            );
        }
    }

    #[test]
    fn linear_combination_is_the_plain_sum_in_g1() {
        linear_combination_is_the_plain_sum::<G1Affine>();
    }

    #[test]
    fn linear_combination_is_the_plain_sum_in_g2() {
        linear_combination_is_the_plain_sum::<G2Affine>();
    }

    #[test]
    fn linear_combination_of_infinities_is_infinity() {
        for len in [1, 2, 40] {
            let points = vec![G1Affine::identity(); len];
            let sum = linear_combination(&points, &vec![[7; COEFFICIENT_LEN]; len]);
            assert!(bool::from(sum.is_identity()), "{len} points");
        }
    }

    #[test]
    fn linear_combination_crosses_chunks() {
        let len = SUM_CHUNK + 1;
        let points = vec![G1Affine::generator(); len];
        let sum = linear_combination(&points, &vec![[1; COEFFICIENT_LEN]; len]);
        let expected = scalar(&[1; COEFFICIENT_LEN]) * Scalar::from(len as u64);
        assert_eq!(sum, G1Affine::generator() * expected);
    }

    #[test]
    fn times_secret_is_the_product() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        for scalar in [
            Scalar::ZERO,
            Scalar::ONE,
            -Scalar::ONE,
            Scalar::random(&mut rng),
        ] {
            let (p, q) = (G1Affine::generator(), G2Affine::generator());
            assert_eq!(p.times_secret(&scalar), p * scalar);
            assert_eq!(q.times_secret(&scalar), q * scalar);
            assert_eq!(
                G1Affine::identity().times_secret(&scalar),
                G1Projective::identity()
            );
        }
    }

    #[test]
    fn normalize_keeps_every_point() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for len in [0, 1, 6, NORMALIZE_CHUNK + 3] {
            let points = awkward_points::<G1Affine>(len, &mut rng);
            let shifted: Vec<G1Projective> = points
                .iter()
                .map(|point| point.to_curve().double() - point)
                .collect();
            assert_eq!(normalize::<G1Affine>(&shifted), points, "{len} points");
        }
    }
}
