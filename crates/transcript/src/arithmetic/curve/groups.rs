//! The curves of the two groups: over which field they are, and their points as bytes.
//!
//! Only the ordinary case of decoding is done here: a canonical encoding of a finite point of the
//! curve. Any other goes to [`Point::decode`], which knows the errors; so both say the same,
//! always.

use blst::{blst_fp, blst_fp2, blst_p1_affine, blst_p2_affine};
use blstrs::{G1Affine, G2Affine};

use crate::arithmetic::curve::endomorphism::{BETA, PSI_X, PSI_Y};
use crate::arithmetic::curve::library::Arithmetic;
use crate::arithmetic::curve::projective::{Projective, equals, times_x};
use crate::arithmetic::field::fp2::Fp2;
use crate::arithmetic::field::lanes::{Field, Lanes, MAX_LANES, Mask};
use crate::arithmetic::field::limbs::WORDS;
use crate::arithmetic::field::roots::{extension_roots, roots};

/// Bytes of a number.
pub(crate) const FP_LEN: usize = 8 * WORDS;

/// One integer below p for each lane.
pub(crate) type Integers = [[u64; WORDS]; MAX_LANES];

/// Abscissas and ordinates, one point in each lane.
pub(crate) type Coordinates<C, L> = [<Over<C, L> as Field>::V; 2];

/// The field of the curve `C` on the lanes `L`.
pub(crate) type Over<C, L> = <C as Curve>::Over<L>;

/// A coordinate of a point of the curve `C` on the lanes `L`.
pub(crate) type Elem<C, L> = <Over<C, L> as Field>::Elem;

/// A sum of points of the curve `C`, in the library's projective coordinates.
pub(crate) type Sum<C> = <<C as Curve>::Point as Arithmetic>::Sum;

/// The curve of G1 or of G2.
pub(crate) trait Curve: Copy + Send + Sync + std::fmt::Debug + 'static {
    /// The library's points.
    type Point: Arithmetic;

    /// The field of the coordinates.
    type Over<L: Lanes>: Field;

    /// Numbers of a coordinate.
    const COMPONENTS: usize;

    /// The field on `lanes`.
    fn over<L: Lanes>(lanes: L) -> Self::Over<L>;

    /// The library's points, one in each lane, products.
    fn read<L: Lanes>(lanes: L, points: &[Self::Point; MAX_LANES]) -> Coordinates<Self, L>;

    /// The points as the library has them.
    fn write<L: Lanes>(lanes: L, xy: Coordinates<Self, L>) -> [Self::Point; MAX_LANES];

    /// A coordinate's numbers as an element, a product. They are in the order of the encoding,
    /// the coefficient of u first.
    fn element<L: Lanes>(lanes: L, numbers: &[Integers; 2]) -> <Over<Self, L> as Field>::V;

    /// x³ + b, for a product x: at most one p more than a product.
    fn cubic<L: Lanes>(lanes: L, x: <Over<Self, L> as Field>::V) -> <Over<Self, L> as Field>::V;

    /// Roots of two vectors in the field, where there are any.
    fn roots<L: Lanes>(
        lanes: L,
        a: <Over<Self, L> as Field>::V,
        b: <Over<Self, L> as Field>::V,
    ) -> Coordinates<Self, L>;

    /// The lanes where y is the larger of ±y, y not zero: the sign of a compressed point.
    fn sign<L: Lanes>(lanes: L, y: <Over<Self, L> as Field>::V) -> Mask;

    /// The lanes whose points, with products for coordinates, are in the subgroup of prime order.
    fn in_subgroup<L: Lanes>(lanes: L, xy: Coordinates<Self, L>) -> Mask;
}

/// y² = x³ + 4 over the base field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct G1;

/// y² = x³ + 4·(1 + u) over its quadratic extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct G2;

/// 4, in every lane.
#[inline(always)]
fn four<L: Lanes>(lanes: L) -> L::V {
    lanes.integers(&[[4, 0, 0, 0, 0, 0]; MAX_LANES])
}

impl Curve for G1 {
    type Point = G1Affine;
    type Over<L: Lanes> = L;
    const COMPONENTS: usize = 1;

    #[inline(always)]
    fn over<L: Lanes>(lanes: L) -> L {
        lanes
    }

    #[inline(always)]
    fn read<L: Lanes>(lanes: L, points: &[G1Affine; MAX_LANES]) -> [L::V; 2] {
        let x = points.each_ref().map(|point| point.as_ref().x);
        let y = points.each_ref().map(|point| point.as_ref().y);
        [lanes.import(&x), lanes.import(&y)]
    }

    #[inline(always)]
    fn write<L: Lanes>(lanes: L, [x, y]: [L::V; 2]) -> [G1Affine; MAX_LANES] {
        let (x, y) = (lanes.export(x), lanes.export(y));
        std::array::from_fn(|i| {
            let mut point = G1Affine::default();
            *point.as_mut() = blst_p1_affine { x: x[i], y: y[i] };
            point
        })
    }

    #[inline(always)]
    fn element<L: Lanes>(lanes: L, numbers: &[Integers; 2]) -> L::V {
        lanes.integers(&numbers[0])
    }

    #[inline(always)]
    fn cubic<L: Lanes>(lanes: L, x: L::V) -> L::V {
        lanes.add(lanes.mul(lanes.sqr(x), x), four(lanes))
    }

    #[inline(always)]
    fn roots<L: Lanes>(lanes: L, a: L::V, b: L::V) -> [L::V; 2] {
        let (x, y) = roots(lanes, a, b);
        [x, y]
    }

    #[inline(always)]
    fn sign<L: Lanes>(lanes: L, y: L::V) -> Mask {
        lanes.greater_mask(y)
    }

    /// x²·P = (βX, −Y).
    #[inline(always)]
    fn in_subgroup<L: Lanes>(lanes: L, [x, y]: [L::V; 2]) -> Mask {
        let infinite = lanes.null_mask(x) & lanes.null_mask(y);
        let once = times_x(lanes, Projective::from_affine(lanes, x, y));
        let product = times_x(lanes, once);
        let beta = lanes.integers(&[BETA; MAX_LANES]);
        let negative = lanes.sub(lanes.offset(0), y, lanes.offset(1 << L::PRODUCT_BITS));
        equals(lanes, product, [lanes.mul(x, beta), negative]) | infinite
    }
}

impl Curve for G2 {
    type Point = G2Affine;
    type Over<L: Lanes> = Fp2<L>;
    const COMPONENTS: usize = 2;

    #[inline(always)]
    fn over<L: Lanes>(lanes: L) -> Fp2<L> {
        Fp2(lanes)
    }

    #[inline(always)]
    fn read<L: Lanes>(lanes: L, points: &[G2Affine; MAX_LANES]) -> [[L::V; 2]; 2] {
        let component =
            |of: fn(&blst_p2_affine) -> blst_fp| points.each_ref().map(|point| of(point.as_ref()));
        [
            [
                lanes.import(&component(|point| point.x.fp[0])),
                lanes.import(&component(|point| point.x.fp[1])),
            ],
            [
                lanes.import(&component(|point| point.y.fp[0])),
                lanes.import(&component(|point| point.y.fp[1])),
            ],
        ]
    }

    #[inline(always)]
    fn write<L: Lanes>(lanes: L, [x, y]: [[L::V; 2]; 2]) -> [G2Affine; MAX_LANES] {
        let x = [lanes.export(x[0]), lanes.export(x[1])];
        let y = [lanes.export(y[0]), lanes.export(y[1])];
        std::array::from_fn(|i| {
            let mut point = G2Affine::default();
            let [x, y] = [x, y].map(|v| blst_fp2 {
                fp: [v[0][i], v[1][i]],
            });
            *point.as_mut() = blst_p2_affine { x, y };
            point
        })
    }

    #[inline(always)]
    fn element<L: Lanes>(lanes: L, numbers: &[Integers; 2]) -> [L::V; 2] {
        [lanes.integers(&numbers[1]), lanes.integers(&numbers[0])]
    }

    #[inline(always)]
    fn cubic<L: Lanes>(lanes: L, x: [L::V; 2]) -> [L::V; 2] {
        let field = Fp2(lanes);
        field.add(field.mul(field.sqr(x), x), [four(lanes); 2])
    }

    #[inline(always)]
    fn roots<L: Lanes>(lanes: L, a: [L::V; 2], b: [L::V; 2]) -> [[L::V; 2]; 2] {
        let (x, y) = extension_roots(lanes, a, b);
        [x, y]
    }

    /// That of the coefficient of u, or of the other where that is zero.
    #[inline(always)]
    fn sign<L: Lanes>(lanes: L, y: [L::V; 2]) -> Mask {
        let real = lanes.zero_mask(y[1]);
        (lanes.greater_mask(y[1]) & !real) | (lanes.greater_mask(y[0]) & real)
    }

    /// x·P = −ψ(P): ψ, Frobenius' map through the isomorphism to the untwisted curve, takes X and
    /// Y to multiples of their conjugates.
    #[inline(always)]
    fn in_subgroup<L: Lanes>(lanes: L, [x, y]: [[L::V; 2]; 2]) -> Mask {
        let field = Fp2(lanes);
        let infinite = field.null_mask(x) & field.null_mask(y);
        let product = times_x(field, Projective::from_affine(field, x, y));
        let integer = |words: &[u64; WORDS]| lanes.integers(&[*words; MAX_LANES]);
        // A multiple of u times the conjugate of a + b·u is a multiple of b + a·u.
        let factor = integer(&PSI_X);
        let psi_x = [lanes.mul(x[1], factor), lanes.mul(x[0], factor)];
        let offset = lanes.offset(1 << Fp2::<L>::PRODUCT_BITS);
        // The opposite of the conjugate.
        let opposite = [lanes.sub(lanes.offset(0), y[0], offset), y[1]];
        let psi_y = field.mul(opposite, [integer(&PSI_Y[0]), integer(&PSI_Y[1])]);
        equals(field, product, [psi_x, psi_y]) | infinite
    }
}
