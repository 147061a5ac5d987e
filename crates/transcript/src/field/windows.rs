//! Random sums over a list that test its subgroup and its ratios at once.
//!
//! Take random digits d₀, d₁, … of c bits, drawn after the points P₀ … P_{n−1} have arrived, and
//! for w = 0 … W the window R_w = Σ d_{i+w}·Pᵢ. Each window sorts the points into buckets by
//! digit, adds up each bucket, and folds the buckets into one sum for each bit b of the digits,
//! the *plane* T_{w,b} = Σ over the i with bit b set in d_{i+w} of Pᵢ; R_w = Σ 2ᵇ·T_{w,b}.
//!
//! # The subgroup (`ceremony.md`, check 3)
//!
//! If every plane of the windows 1 … W is in the subgroup of order r, all points are, but for a
//! chance of 2^(−c·W) ≤ 2⁻¹²⁸.
//!
//! Proof. Let E be the curve's group and P_j the last point outside of the subgroup G. Go through
//! the windows in their order, and through the bits of each. The digit d_{j+w} multiplies P_j in
//! window w; in the windows before it multiplied points of larger index, all of them in G. Work in
//! E/G: there the planes so far do not depend on d_{j+w} at all, so given whatever they were, the
//! bits of d_{j+w} are uniform and independent, of each other too. In E/G, T_{w,b} = s + β·P_j
//! where β is bit b of that digit, and s depends on other digits alone. P_j is not zero in E/G, so
//! at most one of s and s + P_j is: T_{w,b} is in G with a chance of at most 1/2, given all that
//! came before. There are c·W planes. The order of P_j in E/G plays no role: 3 is as good as a
//! large prime.
//!
//! # Consecutive powers (`ceremony.md`, check 6)
//!
//! With the points in the subgroup, A_w = Σ_{i<n−1} d_{i+w}·Pᵢ is R_w without its last term, and
//! B_w = Σ_{i<n−1} d_{i+w}·P_{i+1} is R_{w−1} without its first. If τ·A_w = B_w for w = 1 … W, then
//! P_{i+1} = τ·Pᵢ for all i, but for a chance of 2^(−c·W).
//!
//! Proof. Let Dᵢ = P_{i+1} − τ·Pᵢ and j be the last i with Dᵢ ≠ 0. The equation of window w is
//! Σ d_{i+w}·Dᵢ = 0. The digit d_{j+w} is in no earlier window's equation, for there it multiplied
//! Dᵢ with i > j; given the earlier ones it is uniform on 2ᶜ values below r, of which one at most
//! fits. The caller combines the W equations by independent coefficients of 128 bits (never by
//! powers of 2ᶜ, which are no random combination), for another 2⁻¹²⁸.

use std::ops::Range;

use group::Group;
use group::prime::PrimeCurveAffine;
use rand_core::{CryptoRng, RngCore};
use rayon::prelude::*;

use super::Arithmetic;
use super::affine::{Affine, Pair, fresh_level, refresh};
use super::curves::{Curve, Elem};
use super::decode::to_library;
use super::lanes::{Field, Lanes, Task};
use super::list::{List, on_path};
use super::path::Path;
use super::segments::{Leveled, Scratch, sum_segments};

/// Random bits by which every point is tested: the error is 2 to minus this (`ceremony.md`).
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
    /// The windows that cost least for `len` points: len − 2ᶜ additions into buckets, then 2·2ᶜ
    /// that fold them.
    pub(crate) fn for_len(len: usize) -> Self {
        let cost = |windows: &Self| (windows.count + 1) * (len + (1 << windows.digit_bits));
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
    digits: Vec<u16>,
}

impl Digits {
    /// Draws the digits for `len` points, which must have arrived, in the best windows.
    pub(crate) fn draw(len: usize, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self::draw_for(Windows::for_len(len), len, rng)
    }

    pub(super) fn draw_for(
        windows: Windows,
        len: usize,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Self {
        let mut bytes = vec![0; 2 * (len + windows.count)];
        rng.fill_bytes(&mut bytes);
        let mask = (1 << windows.digit_bits) - 1;
        let digits = bytes
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]) & mask)
            .collect();
        Self { windows, digits }
    }

    /// dᵢ.
    #[cfg(test)]
    pub(crate) fn digit(&self, i: usize) -> u16 {
        self.digits[i]
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

/// The library's sums of points of a curve.
type Sum<C> = <<C as Curve>::Point as Arithmetic>::Sum;

/// The planes of all windows of a list, and what makes both sides of the ratio check of them.
#[derive(Clone, Debug)]
pub(crate) struct WindowSums<C: Curve> {
    windows: Windows,
    path: Path,
    /// T_{w,b} at w·c + b.
    planes: Vec<C::Point>,
    /// Of each window, the digit and the point of its first term, then of its last.
    first: (Vec<u16>, C::Point),
    last: (Vec<u16>, C::Point),
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
            let digits = digits.digits.get(first..=first + windows.count);
            digits.map_or_else(Vec::new, <[u16]>::to_vec)
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
    #[cfg(test)]
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
        let sums = super::normalize::<C::Point>(&sums);
        List::<C>::from_affine(&sums, Path::best()).in_subgroup()
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
fn times_digit<P: Arithmetic>(point: &P, digit: u16) -> P::Sum {
    (0..u16::BITS).rev().fold(P::Sum::identity(), |sum, bit| {
        let double = sum.double();
        if digit >> bit & 1 == 1 {
            double + point
        } else {
            double
        }
    })
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
        let digits: Vec<&[u16]> = self
            .windows
            .map(|window| &self.digits.digits[window..window + self.points.len()])
            .collect();
        let planes = planes(C::over(lanes), self.points, &digits, bits, self.scratch);
        let mut out = Vec::with_capacity(planes.len());
        to_library::<C, L>(lanes, &planes, &mut out);
        out
    }
}

/// For each list of digits, one for a point, the sums of the points with bit 0, 1, … set. The
/// points' coordinates are products.
#[inline(always)]
pub(super) fn planes<F: Field>(
    field: F,
    points: &[Affine<F::Elem>],
    windows: &[&[u16]],
    bits: u32,
    scratch: &mut Scratch<F>,
) -> Vec<Affine<F::Elem>> {
    let mut buckets = Leveled {
        points: Vec::new(),
        level: 0,
    };
    let mut sorted = Sorted::default();
    for digits in windows {
        sorted.sort(digits, bits);
        let level = sum_segments(
            field,
            points,
            fresh_level::<F>(),
            &sorted.index[sorted.zeros..],
            &mut sorted.lengths,
            scratch,
            &mut buckets.points,
        );
        buckets.level = buckets.level.max(level);
    }
    fold(field, buckets, windows.len(), bits, scratch)
}

/// The planes of windows of 2ᶜ − 1 buckets each, for the digits 1, 2, …
///
/// Bit by bit from the highest: its plane is the sum of the upper half; then the upper half is
/// added onto the lower.
#[inline(always)]
fn fold<F: Field>(
    field: F,
    mut buckets: Leveled<F::Elem>,
    windows: usize,
    bits: u32,
    scratch: &mut Scratch<F>,
) -> Vec<Affine<F::Elem>> {
    let mut halves = Leveled {
        points: Vec::with_capacity(buckets.points.len()),
        level: 0,
    };
    let mut lengths = Vec::new();
    for bit in (0..bits).rev() {
        let half = 1_usize << bit;
        let size = 2 * half - 1;
        for window in buckets.points.chunks(size) {
            halves.points.extend_from_slice(&window[half - 1..]);
            lengths.push(half as u32);
        }
        halves.level = halves.level.max(buckets.level);
        if bit > 0 {
            let kept = half - 1;
            let pairs = (0..windows).flat_map(|window| {
                (0..kept).map(move |i| Pair {
                    a: (window * size + i) as u32,
                    b: (window * size + half + i) as u32,
                    sum: (window * kept + i) as u32,
                })
            });
            buckets = buckets.add(field, pairs, windows * kept, scratch);
        }
    }
    halves.make_room(field);
    let index: Vec<u32> = (0..halves.points.len() as u32).collect();
    let mut sums = Vec::with_capacity(windows * bits as usize);
    let (points, level) = (&halves.points, halves.level);
    sum_segments(
        field,
        points,
        level,
        &index,
        &mut lengths,
        scratch,
        &mut sums,
    );
    refresh(field, &mut sums);
    // From bits downwards, of all windows, to windows, of bits upwards.
    let order = (0..windows).flat_map(|window| {
        (0..bits as usize)
            .rev()
            .map(move |place| place * windows + window)
    });
    order.map(|place| sums[place]).collect()
}

/// Points in the order of their digits.
#[derive(Default)]
struct Sorted {
    /// Places in the list.
    index: Vec<u32>,
    /// How many of them, at the front, have digit 0.
    zeros: usize,
    /// How many have digit 1, 2, …
    lengths: Vec<u32>,
    next: Vec<u32>,
}

impl Sorted {
    fn sort(&mut self, digits: &[u16], bits: u32) {
        let buckets = 1 << bits;
        self.next.clear();
        self.next.resize(buckets, 0);
        for &digit in digits {
            self.next[usize::from(digit)] += 1;
        }
        self.zeros = self.next[0] as usize;
        self.lengths.clear();
        self.lengths.extend_from_slice(&self.next[1..]);
        let mut start = 0;
        for next in &mut self.next {
            start += std::mem::replace(next, start);
        }
        self.index.resize(digits.len(), 0);
        for (i, &digit) in digits.iter().enumerate() {
            let next = &mut self.next[usize::from(digit)];
            self.index[*next as usize] = i as u32;
            *next += 1;
        }
    }
}
