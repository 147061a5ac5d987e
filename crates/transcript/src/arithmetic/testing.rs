//! Tests of the vector arithmetic: the same on all paths, against the library.

#[allow(clippy::needless_range_loop, reason = "lanes are numbers here")]
mod arithmetic;
mod bounds;
mod called;
mod decoding;
mod extension;
mod interpreted;
mod multiplied;
mod paired;
mod sums;
mod windowed;

use blst::{blst_fp, blst_p1_affine};
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use ff::Field as _;
use group::{Curve, Group};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

use self::called::Called;
use crate::arithmetic::field::backend::Backend;
use crate::arithmetic::field::emulated::Emulated;
use crate::arithmetic::field::lanes::{Field, Lanes, MAX_LANES};
use crate::arithmetic::field::library;
use crate::arithmetic::field::limbs::{P_WORDS, WORDS};
use crate::arithmetic::field::portable::Portable;
use crate::arithmetic::field::radix52::Radix52;

/// Something that holds for every implementation of the lanes.
trait Law {
    fn check<L: Lanes>(&self, lanes: L, name: &str);
}

/// Checks a law on each implementation that this processor has, whose operations are calls.
fn for_each_implementation(law: &impl Law) {
    for_each_as_it_is(&InCalls(law));
}

struct InCalls<'a, T>(&'a T);

impl<T: Law> Law for InCalls<'_, T> {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        self.0.check(Called(lanes), name);
    }
}

/// Checks a law on each implementation that this processor has: what it enters is what programs enter.
fn for_each_as_it_is(law: &impl Law) {
    law.check(Portable, "portable");
    law.check(Radix52(Emulated::<4>), "emulated");
    #[cfg(target_arch = "x86_64")]
    match Backend::vector() {
        Some(Backend::Ifma(ifma)) => law.check(Radix52(ifma), "ifma"),
        _ => eprintln!("SKIPPED: this processor has no AVX-512 IFMA"),
    }
}

/// The paths of this processor.
fn paths() -> Vec<Backend> {
    [Some(Backend::Portable), Backend::vector()]
        .into_iter()
        .flatten()
        .collect()
}

/// Integers below p at which carries, borrows and comparisons change, and random ones.
fn integers(rng: &mut ChaCha20Rng) -> Vec<[u64; WORDS]> {
    let minus = |n: u64| {
        let mut words = P_WORDS;
        words[0] -= n;
        words
    };
    let mut half = library::to_words(&library::inverse(&library::from_words(&[2, 0, 0, 0, 0, 0])));
    let mut integers = vec![
        [0; WORDS],
        [1, 0, 0, 0, 0, 0],
        [4, 0, 0, 0, 0, 0],
        minus(1),
        minus(2),
    ];
    // (p + 1)/2 and (p − 1)/2.
    integers.push(half);
    half[0] -= 1;
    integers.push(half);
    // Limbs and words of ones.
    integers.push([
        u64::MAX,
        u64::MAX,
        u64::MAX,
        u64::MAX,
        u64::MAX,
        0x1a00_ffff_ffff_ffff,
    ]);
    integers.push([(1 << 52) - 1, 0, 0, 0, 0, 0]);
    integers.push([0, 0, 0, 0, 0, 1 << 60]);
    while integers.len() < 40 {
        integers.push(library::to_words(&random_fp(rng)));
    }
    integers
}

fn random_fp(rng: &mut ChaCha20Rng) -> blst_fp {
    let mut words = [0; WORDS];
    words.iter_mut().for_each(|word| *word = rng.next_u64());
    words[WORDS - 1] >>= 4;
    library::from_words(&words)
}

/// Eight of the list, from `at` on, around its end.
fn eight<T: Copy>(list: &[T], at: usize) -> [T; MAX_LANES] {
    std::array::from_fn(|i| list[(at + i) % list.len()])
}

fn in_subgroup(rng: &mut ChaCha20Rng) -> G1Affine {
    (G1Projective::generator() * Scalar::random(rng)).to_affine()
}

/// A random point of the curve; in the subgroup with a chance of 2⁻¹²⁶.
fn on_curve(rng: &mut ChaCha20Rng) -> G1Affine {
    loop {
        let x = random_fp(rng);
        let square = library::add(
            &library::mul(&library::sqr(&x), &x),
            &library::from_words(&[4, 0, 0, 0, 0, 0]),
        );
        if let Some(y) = root(&square) {
            return affine(x, y);
        }
    }
}

#[allow(unsafe_code)]
fn root(square: &blst_fp) -> Option<blst_fp> {
    let mut y = blst_fp::default();
    // SAFETY: the library reads one element and writes one.
    unsafe { blst::blst_fp_sqrt(&mut y, square) }.then_some(y)
}

fn affine(x: blst_fp, y: blst_fp) -> G1Affine {
    let mut point = G1Affine::default();
    *point.as_mut() = blst_p1_affine { x, y };
    point
}

/// (0, 2), of order 3.
fn of_order_3() -> G1Affine {
    affine(blst_fp::default(), library::from_words(&[2, 0, 0, 0, 0, 0]))
}

/// A point of order 11: the cofactor is 3·11²·… (the exponent of its 11-part is 11).
fn of_order_11(rng: &mut ChaCha20Rng) -> G1Affine {
    // h·r/121, of the group's order h·r; h = (x − 1)²/3 with x − 1 divisible by 33.
    let x_minus_1_third_eleventh = 0xd201_0000_0001_0001_u64 / 33;
    loop {
        // (x − 1)²/(3·121) = 3·((x − 1)/33)², then r: by r as (r − 1) and one more.
        let mut point = G1Projective::from(on_curve(rng));
        for factor in [3, x_minus_1_third_eleventh, x_minus_1_third_eleventh] {
            point = times(&point, factor);
        }
        let r_minus_1 = -Scalar::ONE;
        let point = double_and_add(&point, &r_minus_1) + point;
        if !bool::from(point.is_identity()) {
            assert!(bool::from(times(&point, 11).is_identity()));
            return point.to_affine();
        }
    }
}

fn times(point: &G1Projective, factor: u64) -> G1Projective {
    (0..64).rev().fold(G1Projective::identity(), |sum, bit| {
        let double = sum.double();
        if factor >> bit & 1 == 1 {
            double + point
        } else {
            double
        }
    })
}

/// A multiple of any point of the curve; the library's own is right in the subgroup alone.
fn double_and_add(point: &G1Projective, scalar: &Scalar) -> G1Projective {
    scalar
        .to_bytes_be()
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .fold(G1Projective::identity(), |sum, bit| {
            let double = sum.double();
            if bit == 1 { double + point } else { double }
        })
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Points with every special case: infinite, repeated, opposite, of small order.
fn awkward_points(len: usize, rng: &mut ChaCha20Rng) -> Vec<G1Affine> {
    let mut points: Vec<G1Affine> = Vec::with_capacity(len);
    while points.len() < len {
        let earlier = points.get(rng.gen_range(0..points.len().max(1))).copied();
        points.push(match (rng.gen_range(0..8), earlier) {
            (0, _) => G1Affine::default(),
            (1, Some(point)) => point,
            (2, Some(point)) => -point,
            (3, _) => of_order_3(),
            (4, _) => -of_order_3(),
            _ => on_curve(rng),
        });
    }
    points
}

/// The part of a digit that plane `j` has: its sign, or that where the bit is set.
fn part(digit: i32, j: usize) -> i32 {
    let bit = if j == 0 {
        1
    } else {
        (digit.abs() / 2) >> (j - 1) & 1
    };
    digit.signum() * bit
}
