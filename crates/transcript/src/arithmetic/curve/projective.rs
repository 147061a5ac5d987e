//! Complete addition in projective coordinates: one formula for all points, in constant time.
//!
//! The formulas of Renes, Costello and Batina ("Complete addition formulas for prime order
//! elliptic curves", 2015, algorithms 7 and 9) for y² = x³ + b hold for every pair of points of a
//! group of odd order; those of the curves of G1 and of G2, cofactors included, are odd.
//!
//! # Bounds
//!
//! With M the bound of a product in multiples of p, coordinates are at most 2M·p, before and after.

use crate::arithmetic::curve::endomorphism::X;
use crate::arithmetic::field::lanes::{Field, Mask};

/// X/Z, Y/Z; infinity is (0 : y : 0).
#[derive(Clone, Copy)]
pub(crate) struct Projective<V> {
    pub(crate) x: V,
    pub(crate) y: V,
    pub(crate) z: V,
}

impl<V: Copy> Projective<V> {
    /// (0 : 1 : 0).
    #[inline(always)]
    pub(crate) fn infinity<F: Field<V = V>>(field: F) -> Self {
        let zero = field.offset(0);
        Self {
            x: zero,
            y: field.splat(&F::one()),
            z: zero,
        }
    }

    /// The points with these affine coordinates, of the lowest level; (0, 0) is infinity.
    #[inline(always)]
    pub(crate) fn from_affine<F: Field<V = V>>(field: F, x: V, y: V) -> Self {
        let infinite = field.null_mask(x) & field.null_mask(y);
        let one = field.splat(&F::one());
        Self {
            x,
            y: field.select(infinite, one, y),
            z: field.select(infinite, field.offset(0), one),
        }
    }

    /// `self` in the lanes of `mask`, `other` in the rest.
    #[inline(always)]
    pub(crate) fn select<F: Field<V = V>>(self, field: F, mask: Mask, other: Self) -> Self {
        Self {
            x: field.select(mask, self.x, other.x),
            y: field.select(mask, self.y, other.y),
            z: field.select(mask, self.z, other.z),
        }
    }

    /// The opposite points in the lanes of `mask`.
    #[inline(always)]
    pub(crate) fn negate<F: Field<V = V>>(self, field: F, mask: Mask) -> Self {
        let offset = field.offset(2 << F::PRODUCT_BITS);
        let negative = field.sub(field.offset(0), self.y, offset);
        Self {
            y: field.select(mask, negative, self.y),
            ..self
        }
    }

    /// The sum, of any points.
    #[inline(always)]
    pub(crate) fn add<F: Field<V = V>>(self, field: F, other: Self) -> Self {
        let f = field;
        let (p, q) = (self, other);
        let multiple = |m: u64| f.offset(m << F::PRODUCT_BITS);
        let xx = f.mul(p.x, q.x);
        let yy = f.mul(p.y, q.y);
        let zz = f.mul(p.z, q.z);
        // Mixed terms, (a + b)(c + d) − ac − bd, at most 3M.
        let xy = f.mul(f.add(p.x, p.y), f.add(q.x, q.y));
        let xy = f.sub(xy, f.add(xx, yy), multiple(2));
        let yz = f.mul(f.add(p.y, p.z), f.add(q.y, q.z));
        let yz = f.sub(yz, f.add(yy, zz), multiple(2));
        let xz = f.mul(f.add(p.x, p.z), f.add(q.x, q.z));
        let xz = f.sub(xz, f.add(xx, zz), multiple(2));
        // At most 60M, 84M, 3M, 61M, 65M.
        let zz = f.times_3b(zz);
        let xz = f.times_3b(xz);
        let xx = f.times::<3>(xx);
        let plus = f.add(yy, zz);
        let minus = f.sub(yy, zz, multiple(64));
        Self {
            x: f.sub(f.mul(xy, minus), f.mul(yz, xz), multiple(1)),
            y: f.add(f.mul(minus, plus), f.mul(xx, xz)),
            z: f.add(f.mul(plus, yz), f.mul(xx, xy)),
        }
    }

    /// The sum with itself.
    #[inline(always)]
    pub(crate) fn double<F: Field<V = V>>(self, field: F) -> Self {
        let f = field;
        let yy = f.sqr(self.y);
        let yz = f.mul(self.y, self.z);
        let xy = f.mul(self.x, self.y);
        // At most 60M, then 61M, 193M, 8M.
        let zz = f.times_3b(f.sqr(self.z));
        let plus = f.add(yy, zz);
        let minus = f.sub(yy, f.times::<3>(zz), f.offset(192 << F::PRODUCT_BITS));
        let eight = f.times::<8>(yy);
        Self {
            x: f.mul(f.add(xy, xy), minus),
            y: f.add(f.mul(minus, plus), f.mul(eight, zz)),
            z: f.mul(eight, yz),
        }
    }
}

/// x times the points.
#[inline(always)]
pub(crate) fn times_x<F: Field>(field: F, points: Projective<F::V>) -> Projective<F::V> {
    let mut sum = points;
    for bit in (0..X.ilog2()).rev() {
        sum = sum.double(field);
        if X >> bit & 1 == 1 {
            sum = sum.add(field, points);
        }
    }
    sum
}

/// The lanes where the points are finite and have these coordinates, which are at most 2M·p for
/// a product's bound M.
#[inline(always)]
pub(crate) fn equals<F: Field>(field: F, points: Projective<F::V>, [x, y]: [F::V; 2]) -> Mask {
    let offset = field.offset(1 << F::PRODUCT_BITS);
    let x = field.zero_mask(field.sub(points.x, field.mul(x, points.z), offset));
    let y = field.zero_mask(field.sub(points.y, field.mul(y, points.z), offset));
    x & y & !field.zero_mask(points.z)
}
