//! A random combination of a list whose coefficients are known, and the test of the list's
//! subgroup that comes with it.
//!
//! The coefficient of a point has 128 independent random bits. The *plane* of bit j is the sum of
//! the points with bit j set in their coefficient. With the coefficient read as a + b·x², a the
//! first 64 bits and b the last, Σ (aᵢ + bᵢ·x²)·Pᵢ = Σ_{j<64} 2ʲ·(T_j + x²·T_{64+j}).
//!
//! # The subgroup (`docs/spec/ceremony.md#check-3`)
//!
//! If all 128 planes are in the subgroup, all points are, but for a chance of 2⁻¹²⁸: let Pᵢ be
//! outside. Given all other coefficients, T_j is s or s + Pᵢ, as bit j of Pᵢ's falls, and at
//! most one of the two is in the subgroup. The bits are independent.
//!
//! Unlike those of [`windows`](crate::arithmetic::sums::windows), the coefficients of different points are
//! independent: each belongs to an equation that holds or does not by itself.

use group::Group;
use rayon::prelude::*;

use crate::arithmetic::curve::affine::Affine;
use crate::arithmetic::curve::decode::to_library;
use crate::arithmetic::curve::groups::{Curve, Elem, Sum};
use crate::arithmetic::curve::list::{List, on_path};
use crate::arithmetic::field::backend::Backend;
use crate::arithmetic::field::lanes::{Lanes, Task};
use crate::arithmetic::sums::buckets::planes;
use crate::arithmetic::sums::scalars::Coefficient;
use crate::arithmetic::sums::segments::Scratch;

/// Bits of a digit. For 1,000 to 10,000 points 7 or 9 would cost a fifth more additions, and 8
/// divides a coefficient's bytes.
const DIGIT_BITS: u32 = 8;

/// Digits of a coefficient.
const DIGITS: usize = 128 / DIGIT_BITS as usize;

/// Digits of one task: a few milliseconds, so that a batch keeps four cores busy.
const TASK_DIGITS: usize = 4;

/// The planes of a list.
pub(crate) struct Combination<C: Curve> {
    path: Backend,
    /// T_j.
    planes: Vec<C::Point>,
}

impl<C: Curve> List<C> {
    /// The planes of the list for these coefficients, one for each point, on all cores. They must
    /// have been drawn after the points arrived.
    pub(crate) fn combine(&self, coefficients: &[Coefficient]) -> Combination<C> {
        debug_assert_eq!(coefficients.len(), self.len());
        let planes = on_path!(&self.0, |lanes, points| {
            let parts = (0..DIGITS / TASK_DIGITS).into_par_iter().map(|task| {
                lanes.enter(Planes::<C, _> {
                    points,
                    coefficients,
                    first: task * TASK_DIGITS,
                })
            });
            parts.collect::<Vec<_>>().concat()
        });
        Combination {
            path: self.path(),
            planes,
        }
    }
}

impl<C: Curve> Combination<C> {
    /// Whether all points are in the subgroup, with the error [above](self).
    pub(crate) fn in_subgroup(&self) -> bool {
        List::<C>::from_affine(&self.planes, self.path).in_subgroup()
    }

    /// The sum of the points times their coefficients; they are in the subgroup.
    pub(crate) fn sum(&self) -> Sum<C> {
        let (low, high) = self.planes.split_at(self.planes.len() / 2);
        let value = |planes: &[C::Point]| {
            let planes = planes.iter().rev();
            planes.fold(Sum::<C>::identity(), |sum, plane| sum.double() + plane)
        };
        value(low) + value(high) * Coefficient::HIGH_UNIT.to_scalar()
    }
}

/// The planes of one task's digits.
struct Planes<'a, C: Curve, L: Lanes> {
    points: &'a [Affine<Elem<C, L>>],
    coefficients: &'a [Coefficient],
    first: usize,
}

impl<C: Curve, L: Lanes> Task<L> for Planes<'_, C, L> {
    type Output = Vec<C::Point>;

    #[inline(always)]
    fn run(self, lanes: L) -> Vec<C::Point> {
        let digits: Vec<Vec<u16>> = (self.first..self.first + TASK_DIGITS)
            .map(|place| {
                let digit = |it: &Coefficient| u16::from(it.byte(place));
                self.coefficients.iter().map(digit).collect()
            })
            .collect();
        let digits: Vec<&[u16]> = digits.iter().map(Vec::as_slice).collect();
        let mut scratch = Scratch::new();
        let planes = planes(
            C::over(lanes),
            self.points,
            &digits,
            DIGIT_BITS,
            &mut scratch,
        );
        let mut out = Vec::with_capacity(planes.len());
        to_library::<C, L>(lanes, &planes, &mut out);
        out
    }
}
