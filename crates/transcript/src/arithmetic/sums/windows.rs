//! Random sums over a list that test its subgroup and its ratios at once.
//!
//! Take random digits d₀, d₁, … of c bits, drawn after the points P₀ … P_{n−1} have arrived, and
//! for w = 0 … W the window R_w = Σ d_{i+w}·Pᵢ. The values of a digit are the 2ᶜ odd numbers from
//! −(2ᶜ − 1) to 2ᶜ − 1: a sign s = ±1, and d = s·(1 + 2·Σ kᵦ·2ᵇ) with c − 1 bits kᵦ. Signs halve
//! the buckets: each window sorts the points into 2^(c−1) buckets by |d|, adds up each bucket, every
//! point with its sign, and folds the buckets into *planes*: T_{w,0} = Σ s·Pᵢ over all i, and
//! T_{w,b+1} = Σ s·Pᵢ over the i whose bit kᵦ is set. So R_w = Σ 2ʲ·T_{w,j}, with c planes.
//!
//! # The subgroup (`docs/spec/ceremony.md#check-3`)
//!
//! If every plane of the windows 1 … W is in the subgroup of order r, all points are, but for a
//! chance of 2^(−c·W) ≤ 2⁻¹²⁸.
//!
//! Proof. Let E be the curve's group and P_j the last point outside of the subgroup G. Go through
//! the windows in their order, and through the planes of each. The digit d_{j+w} multiplies P_j in
//! window w; in the windows before it multiplied points of larger index, all of them in G. Work in
//! E/G: there the planes so far do not depend on d_{j+w} at all, so given whatever they were, its
//! sign and bits are uniform and independent, of each other too. In E/G, T_{w,0} = t + s·P_j, where
//! t depends on other digits alone. The cofactors of both curves are odd, so 2·P_j is no more zero
//! in E/G than P_j, and at most one of t + P_j and t − P_j is: T_{w,0} is in G with a chance of at most
//! 1/2. Given the sign too, T_{w,b+1} = t + kᵦ·s·P_j is one of two that differ by P_j: again at most
//! 1/2, whatever came before. There are c·W planes. The order of P_j in E/G plays no role: 3 is as
//! good as a large prime.
//!
//! # Consecutive powers (`docs/spec/ceremony.md#check-6`)
//!
//! With the points in the subgroup, A_w = Σ_{i<n−1} d_{i+w}·Pᵢ is R_w without its last term, and
//! B_w = Σ_{i<n−1} d_{i+w}·P_{i+1} is R_{w−1} without its first. If τ·A_w = B_w for w = 1 … W, then
//! P_{i+1} = τ·Pᵢ for all i, but for a chance of 2^(−c·W).
//!
//! Proof. Let Dᵢ = P_{i+1} − τ·Pᵢ and j be the last i with Dᵢ ≠ 0. The equation of window w is
//! Σ d_{i+w}·Dᵢ = 0. The digit d_{j+w} is in no earlier window's equation, for there it multiplied
//! Dᵢ with i > j; given the earlier ones it is uniform on 2ᶜ values that differ modulo r, of which
//! one at most fits. The caller combines the W equations by independent coefficients of 128 bits
//! (never by powers of 2ᶜ, which are no random combination), for another 2⁻¹²⁸.

use std::ops::Range;

use crate::random::SecureRandom;
use group::Group;
use group::prime::PrimeCurveAffine;
use rayon::prelude::*;

use crate::arithmetic::curve::affine::Affine;
use crate::arithmetic::curve::decode::to_library;
use crate::arithmetic::curve::groups::{Curve, Elem, Sum};
use crate::arithmetic::curve::library::{Arithmetic, normalize};
use crate::arithmetic::curve::list::{List, on_path};
use crate::arithmetic::field::backend::Backend;
use crate::arithmetic::field::lanes::{Lanes, Task};
use crate::arithmetic::sums::buckets::Buckets;
use crate::arithmetic::sums::segments::Scratch;

/// Random bits by which every point is tested: the error is 2 to minus this
/// (`docs/spec/ceremony.md#error-bound`).
const SECURITY_BITS: u32 = 128;

/// Most bits of a digit: buckets of a window fit in memory, digits in 16 bits.
const MAX_DIGIT_BITS: u32 = 14;

/// Points times windows that one task adds up: enough that the last, short rounds of its additions
/// do not count.
const TASK_ADDITIONS: usize = 32_768;

/// Number and width of the windows for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    digit_bits: u32,
    count: usize,
}

impl Windows {
    /// The windows that cost least for `len` points: len − 2^(c−1) additions into buckets, then
    /// 2·2^(c−1) that fold them.
    pub(crate) fn for_len(len: usize) -> Self {
        let cost = |windows: &Self| (windows.count + 1) * (len + (1 << (windows.digit_bits - 1)));
        (1..=MAX_DIGIT_BITS)
            .map(Self::of_bits)
            .min_by_key(cost)
            .unwrap_or(Self::of_bits(MAX_DIGIT_BITS))
    }

    /// Any number and width: with too few bits, an instance whose error can be measured.
    #[cfg(test)]
    pub(crate) fn new(digit_bits: u32, count: usize) -> Self {
        Self { digit_bits, count }
    }

    fn of_bits(digit_bits: u32) -> Self {
        Self {
            digit_bits,
            count: SECURITY_BITS.div_ceil(digit_bits) as usize,
        }
    }

    /// c, the bits of a digit.
    pub(crate) fn digit_bits(&self) -> usize {
        self.digit_bits as usize
    }

    /// W: windows 1 … W are equations, window 0 helps.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

/// Random digits d₀ … d_{n+W−1} for a list of n points.
#[derive(Clone, Debug)]
pub(crate) struct Digits {
    windows: Windows,
    digits: Vec<Digit>,
}

/// A digit before its bits get their meaning: 2·n − (2ᶜ − 1) for the n that is here.
type Digit = u16;

impl Digits {
    /// Draws the digits for `len` points, which must have arrived, in the best windows.
    pub(crate) fn draw(len: usize, rng: &mut dyn SecureRandom) -> Self {
        Self::draw_for(Windows::for_len(len), len, rng)
    }

    pub(crate) fn draw_for(windows: Windows, len: usize, rng: &mut dyn SecureRandom) -> Self {
        let mut bytes = vec![0; 2 * (len + windows.count)];
        rng.fill_bytes(&mut bytes);
        let mask = (1 << windows.digit_bits) - 1;
        let digits = bytes
            .chunks_exact(2)
            .map(|pair| Digit::from_le_bytes([pair[0], pair[1]]) & mask)
            .collect();
        Self { windows, digits }
    }

    /// Digits that are all the same.
    #[cfg(test)]
    pub(crate) fn of_raw(windows: Windows, raw: Digit) -> Self {
        let digits = vec![raw; windows.count + 1];
        Self { windows, digits }
    }

    /// dᵢ.
    pub(crate) fn value(&self, i: usize) -> i32 {
        2 * i32::from(self.digits[i]) - ((1 << self.windows.digit_bits) - 1)
    }

    /// The windows they are for.
    pub(crate) fn windows(&self) -> Windows {
        self.windows
    }

    /// The number of points they are for.
    pub(crate) fn len(&self) -> usize {
        self.digits.len() - self.windows.count
    }
}

/// Bucket and sign of a digit of `bits` bits: (|d| − 1)/2, and whether d is negative.
#[inline(always)]
fn bucket(digit: Digit, bits: u32) -> (usize, bool) {
    let top = 1 << (bits - 1);
    let negative = digit & top == 0;
    let bucket = if negative { !digit } else { digit } & (top - 1);
    (usize::from(bucket), negative)
}

/// The planes of all windows of a list, and what makes both sides of the ratio check of them.
#[derive(Clone, Debug)]
pub(crate) struct WindowSums<C: Curve> {
    windows: Windows,
    path: Backend,
    /// T_{w,b} at w·c + b.
    planes: Vec<C::Point>,
    /// Of each window, the digit and the point of its first term, then of its last.
    first: (Vec<i32>, C::Point),
    last: (Vec<i32>, C::Point),
}

impl<C: Curve> List<C> {
    /// The sums of all windows, on all cores. There are digits for as many points as the list has.
    pub(crate) fn window_sums(&self, digits: &Digits) -> WindowSums<C> {
        debug_assert_eq!(digits.len(), self.len());
        let windows = digits.windows;
        let group = (TASK_ADDITIONS / self.len().max(1)).clamp(1, windows.count + 1);
        let starts: Vec<usize> = (0..=windows.count).step_by(group).collect();
        let planes = on_path!(&self.0, |lanes, points| {
            let sums = starts
                .into_par_iter()
                .map_init(Scratch::new, |scratch, start| {
                    let windows = start..(start + group).min(digits.windows.count + 1);
                    lanes.enter(Planes::<C, _> {
                        points,
                        digits,
                        windows,
                        scratch,
                    })
                });
            sums.collect::<Vec<_>>().concat()
        });
        let per_window = |first: usize| {
            let places = first..=first + windows.count;
            // An empty list has no first term.
            let places = places.filter(|&i| i < digits.digits.len());
            places.map(|i| digits.value(i)).collect()
        };
        let point = |index| self.point(index).unwrap_or(C::Point::identity());
        let last = self.len().saturating_sub(1);
        WindowSums {
            windows,
            path: self.path(),
            planes,
            first: (per_window(0), point(0)),
            last: (per_window(last), point(last)),
        }
    }
}

impl<C: Curve> WindowSums<C> {
    /// Their number and width.
    pub(crate) fn windows(&self) -> Windows {
        self.windows
    }

    /// T_{w,b}, for w from 0 to [`Windows::count`] and b below [`Windows::digit_bits`].
    pub(crate) fn plane(&self, window: usize, bit: usize) -> &C::Point {
        debug_assert!(bit < self.windows.digit_bits());
        &self.planes[window * self.windows.digit_bits() + bit]
    }

    /// The planes of the windows 1 … W, at least 128 of them.
    fn tested_planes(&self) -> &[C::Point] {
        &self.planes[self.windows.digit_bits()..]
    }

    /// Whether the planes of the windows 1 … W are in the subgroup: then the points are, with the
    /// error [above](self).
    pub(crate) fn in_subgroup(&self) -> bool {
        List::<C>::from_affine(self.tested_planes(), self.path).in_subgroup()
    }

    /// Whether the points of several lists, each with digits of its own, are in the subgroup.
    ///
    /// Adds up the first planes of all lists, the second, and so on: a plane of the lists put one
    /// behind the other. The proof [above](self) holds for them with P_j in any of the lists, for
    /// the digits of the others are independent of its own. 128 sums are tested, however many
    /// lists there are.
    pub(crate) fn all_in_subgroup<'a>(lists: impl Iterator<Item = &'a Self>) -> bool {
        let mut sums = vec![Sum::<C>::identity(); SECURITY_BITS as usize];
        for list in lists {
            debug_assert!(list.tested_planes().len() >= sums.len());
            for (sum, plane) in sums.iter_mut().zip(list.tested_planes()) {
                *sum += plane;
            }
        }
        let sums = normalize::<C::Point>(&sums);
        List::<C>::from_affine(&sums, Backend::best()).in_subgroup()
    }

    /// R_w.
    pub(crate) fn sum(&self, window: usize) -> Sum<C> {
        (0..self.windows.digit_bits())
            .rev()
            .fold(Sum::<C>::identity(), |sum, bit| {
                sum.double() + self.plane(window, bit)
            })
    }

    /// A_w = Σ_{i<n−1} d_{i+w}·Pᵢ, for w from 1: the powers before.
    pub(crate) fn before(&self, window: usize) -> Sum<C> {
        let (digits, point) = &self.last;
        self.sum(window) - times_digit(point, digits[window])
    }

    /// B_w = Σ_{i<n−1} d_{i+w}·P_{i+1}, for w from 1: the powers after.
    pub(crate) fn after(&self, window: usize) -> Sum<C> {
        let (digits, point) = &self.first;
        self.sum(window - 1) - times_digit(point, digits[window - 1])
    }
}

/// A small, public multiple.
fn times_digit<P: Arithmetic>(point: &P, digit: i32) -> P::Sum {
    let magnitude = digit.unsigned_abs();
    let times = (0..=MAX_DIGIT_BITS)
        .rev()
        .fold(P::Sum::identity(), |sum, bit| {
            let double = sum.double();
            if magnitude >> bit & 1 == 1 {
                double + point
            } else {
                double
            }
        });
    if digit < 0 { -times } else { times }
}

/// The planes of a few windows.
struct Planes<'a, C: Curve, L: Lanes> {
    points: &'a [Affine<Elem<C, L>>],
    digits: &'a Digits,
    windows: Range<usize>,
    scratch: &'a mut Scratch<C::Over<L>>,
}

impl<C: Curve, L: Lanes> Task<L> for Planes<'_, C, L> {
    type Output = Vec<C::Point>;

    #[inline(always)]
    fn run(self, lanes: L) -> Vec<C::Point> {
        let bits = self.digits.windows.digit_bits;
        let (field, points) = (C::over(lanes), self.points);
        let mut buckets = Buckets::default();
        for window in self.windows.clone() {
            let digits = &self.digits.digits[window..window + points.len()];
            let (of, count) = (|i: usize| bucket(digits[i], bits), 1 << (bits - 1));
            buckets.add_window(field, points, of, count, self.scratch);
        }
        let planes = buckets.fold(field, self.windows.len(), bits - 1, true, self.scratch);
        let mut out = Vec::with_capacity(planes.len());
        to_library::<C, L>(lanes, &planes, &mut out);
        out
    }
}
