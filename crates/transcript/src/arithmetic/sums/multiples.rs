//! Many points times as many scalars, in constant time.
//!
//! Each lane has its own point and its own scalar. The control flow and the addresses are the
//! same for all scalars: complete additions, tables that are read whole, masks. The points must be
//! in the subgroup, for a multiplication by x² to be what it is taken for (see
//! [`scalars`](crate::arithmetic::sums::scalars)).

use std::borrow::Borrow;

use blst::blst_fp;
use blstrs::{G1Affine, Scalar};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::arithmetic::curve::affine::Affine;
use crate::arithmetic::curve::decode::{from_library, load, store, to_library};
use crate::arithmetic::curve::endomorphism::BETA;
use crate::arithmetic::curve::groups::G1;
use crate::arithmetic::curve::library::{Arithmetic, normalize};
use crate::arithmetic::curve::list::{G1List, Points};
use crate::arithmetic::curve::projective::Projective;
use crate::arithmetic::field::lanes::{Field, Lanes, Task};
use crate::arithmetic::field::library;
use crate::arithmetic::field::portable::Portable;
#[cfg(target_arch = "x86_64")]
use crate::arithmetic::field::radix52::Radix52;
use crate::arithmetic::sums::scalars::{
    DOUBLINGS, Halves, LaneDigits, MAX_DIGIT, MAX_DIGITS, split,
};

/// Points of a task, and of one shared inversion: its cost is a twentieth of a percent.
const TASK_POINTS: usize = 128;

impl G1List {
    /// Each point times its secret scalar, on all cores; the points are in the subgroup.
    ///
    /// Time and memory access do not depend on the scalars. Their copies, digits and the
    /// projective results are wiped; what the compiler spills on the stack is beyond reach.
    pub(crate) fn multiply_each<S: Borrow<Scalar> + Sync>(&self, scalars: &[S]) -> Self {
        debug_assert_eq!(self.len(), scalars.len());
        Self(match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Points::Ifma(ifma, points) => {
                let tasks = points
                    .par_chunks(TASK_POINTS)
                    .zip(scalars.par_chunks(TASK_POINTS));
                let products: Vec<_> = tasks
                    .map(|(points, scalars)| {
                        let mut halves = Zeroizing::new(Vec::with_capacity(scalars.len()));
                        halves.extend(scalars.iter().map(|scalar| split(scalar.borrow())));
                        Radix52(*ifma).enter(Multiply {
                            points,
                            halves: &halves,
                        })
                    })
                    .collect();
                Points::Ifma(*ifma, products.concat())
            }
            Points::Portable(points) => {
                // The library's multiplication, which does the same with one point.
                let tasks = points
                    .par_chunks(TASK_POINTS)
                    .zip(scalars.par_chunks(TASK_POINTS));
                let products: Vec<_> = tasks
                    .map(|(points, scalars)| portable(points, scalars.iter().map(Borrow::borrow)))
                    .collect();
                Points::Portable(products.concat())
            }
        })
    }
}

fn portable<'a>(
    points: &[Affine<blst_fp>],
    scalars: impl Iterator<Item = &'a Scalar>,
) -> Vec<Affine<blst_fp>> {
    let mut affine = Vec::with_capacity(points.len());
    to_library::<G1, _>(Portable, points, &mut affine);
    let products: Vec<_> = affine
        .iter()
        .zip(scalars)
        .map(|(point, scalar)| point.times_secret(scalar))
        .collect();
    let mut out = Vec::with_capacity(points.len());
    from_library::<G1, _>(Portable, &normalize::<G1Affine>(&products), &mut out);
    out
}

/// Products of points and k₁ + k₂·x².
pub(crate) struct Multiply<'a, E> {
    pub(crate) points: &'a [Affine<E>],
    pub(crate) halves: &'a [Halves],
}

impl<L: Lanes> Task<L> for Multiply<'_, L::Elem> {
    type Output = Vec<Affine<L::Elem>>;

    #[inline(always)]
    fn run(self, lanes: L) -> Vec<Affine<L::Elem>> {
        let beta = lanes.import_one(&library::from_words(&BETA));
        let mut products = Vec::with_capacity(self.points.len().div_ceil(L::N));
        for (points, halves) in self.points.chunks(L::N).zip(self.halves.chunks(L::N)) {
            let [x, y] = load(lanes, points);
            let point = Projective::from_affine(lanes, x, y);
            let digits = LaneDigits::new(halves);
            products.push(multiply(lanes, point, &digits, beta));
        }
        let mut out = Vec::with_capacity(self.points.len());
        to_affine(lanes, &products, self.points.len(), &mut out);
        wipe(&mut products, Projective::infinity(lanes));
        out
    }
}

/// Digit by digit from the highest, of both halves: five doublings, two additions.
#[inline(always)]
fn multiply<L: Lanes>(
    lanes: L,
    point: Projective<L::V>,
    digits: &LaneDigits,
    beta: L::V,
) -> Projective<L::V> {
    let table = multiples_of(lanes, point);
    let mut sum = Projective::infinity(lanes);
    for place in (0..MAX_DIGITS).rev() {
        if place + 1 < MAX_DIGITS {
            for _ in 0..DOUBLINGS {
                sum = sum.double(lanes);
            }
        }
        let term = look_up(lanes, &table, digits, place, 0);
        sum = sum.add(lanes, term.negate(lanes, digits.negative(place, 0)));
        let term = look_up(lanes, &table, digits, place, 1);
        let term = Projective {
            x: lanes.mul(term.x, beta),
            ..term
        };
        sum = sum.add(lanes, term.negate(lanes, !digits.negative(place, 1)));
    }
    sum
}

/// 0, 1, … 16 times the point.
#[inline(always)]
pub(crate) fn multiples_of<L: Lanes>(
    lanes: L,
    point: Projective<L::V>,
) -> [Projective<L::V>; MAX_DIGIT + 1] {
    let mut table = [Projective::infinity(lanes); MAX_DIGIT + 1];
    table[1] = point;
    let mut i = 2;
    while i <= MAX_DIGIT {
        table[i] = if i % 2 == 0 {
            table[i / 2].double(lanes)
        } else {
            table[i - 1].add(lanes, point)
        };
        i += 1;
    }
    table
}

/// The multiple that each lane's digit says, without its sign. Reads the whole table.
#[inline(always)]
pub(crate) fn look_up<L: Lanes>(
    lanes: L,
    table: &[Projective<L::V>; MAX_DIGIT + 1],
    digits: &LaneDigits,
    place: usize,
    half: usize,
) -> Projective<L::V> {
    let mut found = table[0];
    let mut i = 1;
    while i <= MAX_DIGIT {
        found = table[i].select(lanes, digits.equal(place, half, i), found);
        i += 1;
    }
    found
}

/// Appends the first `len` points in affine coordinates to `out`, with one inversion.
#[inline(always)]
pub(crate) fn to_affine<F: Field>(
    field: F,
    points: &[Projective<F::V>],
    len: usize,
    out: &mut Vec<Affine<F::Elem>>,
) {
    let one = field.splat(&F::one());
    // The products tell of the scalars, as projective coordinates do: wiped below.
    let mut before = Vec::with_capacity(points.len());
    let mut product = one;
    for point in points {
        let infinite = field.zero_mask(point.z);
        before.push((product, infinite));
        product = field.mul(product, field.select(infinite, one, point.z));
    }
    // No factor is zero; the fallback is never taken.
    let mut inverse = field.invert(product).unwrap_or(one);
    let first = out.len();
    out.resize(first + len, Affine::default());
    for (i, point) in points.iter().enumerate().rev() {
        let (product, infinite) = before[i];
        let z_inverse = field.mul(inverse, product);
        inverse = field.mul(inverse, field.select(infinite, one, point.z));
        let zero = field.offset(0);
        let x = field.select(infinite, zero, field.mul(point.x, z_inverse));
        let y = field.select(infinite, zero, field.mul(point.y, z_inverse));
        let points = store(field, [x, y]);
        for (out, point) in out[first..].iter_mut().skip(i * F::N).zip(&points[..F::N]) {
            *out = *point;
        }
    }
    wipe(&mut before, (one, 0));
}

/// Overwrites everything with `with`, in a way that the compiler keeps.
#[inline(always)]
fn wipe<T: Copy>(values: &mut [T], with: T) {
    values.fill(with);
    std::hint::black_box(values);
}
