//! The vector path's algorithms without the library, small enough for an interpreter or a memory
//! checker: nothing here calls C or assembly.

use crate::arithmetic::curve::affine::Affine;
use crate::arithmetic::curve::level::Level;
use crate::arithmetic::field::emulated::Emulated;
use crate::arithmetic::field::lanes::{Field, Lanes, MAX_LANES};
use crate::arithmetic::field::limbs::P_WORDS;
use crate::arithmetic::field::machine::Limbs;
use crate::arithmetic::field::radix52::Radix52;
use crate::arithmetic::sums::segments::{Scratch, sum_segments};

type Machine = Radix52<Emulated<2>>;

const LANES: Machine = Radix52(Emulated::<2>);

/// The generator of G1 (`docs/spec/ceremony.md#generators`), little-endian.
const GENERATOR: [[u64; 6]; 2] = [
    [
        0xfb3a_f00a_db22_c6bb,
        0x6c55_e83f_f97a_1aef,
        0xa14e_3a3f_171b_ac58,
        0xc368_8c4f_9774_b905,
        0x2695_638c_4fa9_ac0f,
        0x17f1_d3a7_3197_d794,
    ],
    [
        0x0caa_2329_46c5_e7e1,
        0xd03c_c744_a288_8ae4,
        0x00db_18cb_2c04_b3ed,
        0xfcf5_e095_d5d0_0af6,
        0xa09e_30ed_741d_8ae4,
        0x08b3_f481_e3aa_a0f1,
    ],
];

fn elements(v: <Machine as Field>::V) -> Limbs {
    let mut elements = [Machine::ZERO; MAX_LANES];
    LANES.store(v, &mut elements);
    elements[0]
}

fn equal(a: Limbs, b: Limbs, offset: u64) -> bool {
    let difference = LANES.sub(LANES.splat(&a), LANES.splat(&b), LANES.offset(offset));
    LANES.zero_mask(difference) == 0b11
}

#[test]
fn interpreted_arithmetic_keeps_the_laws_of_a_field() {
    let [x, y] = GENERATOR.map(|words| LANES.integers(&[words; MAX_LANES]));
    let four = LANES.integers(&[[4, 0, 0, 0, 0, 0]; MAX_LANES]);
    let cube = LANES.mul(LANES.sqr(x), x);
    let square = LANES.add(cube, four);
    assert!(equal(elements(LANES.mul(y, y)), elements(square), 8));
    let inverse = LANES.invert(x).unwrap();
    assert!(equal(elements(LANES.mul(x, inverse)), Machine::one(), 8));
    let mut minus_1 = P_WORDS;
    minus_1[0] -= 1;
    let minus_1 = LANES.integers(&[minus_1; MAX_LANES]);
    assert_eq!(LANES.greater_mask(minus_1), 0b11);
    assert!(equal(elements(LANES.sqr(minus_1)), Machine::one(), 8));
}

#[test]
fn interpreted_sums_are_right_with_every_special_case() {
    let [x, y] = GENERATOR.map(|words| LANES.integers(&[words; MAX_LANES]));
    let point = Affine {
        x: elements(x),
        y: elements(y),
    };
    let negative = LANES.sub(LANES.offset(0), y, LANES.offset(2));
    let opposite = Affine {
        x: point.x,
        y: elements(negative),
    };
    let points = [point, opposite, Affine::default()];
    // P + P, P + P − P, P − P, P + ∞, −P − P + P + P + P, one, none.
    let index = [0, 0, 0, 0, 1, 0, 1, 0, 2, 1, 1, 0, 0, 0, 0];
    let mut lengths = [2, 3, 2, 2, 5, 1, 0];
    let (mut sums, mut scratch) = (Vec::new(), Scratch::new());
    let level = Level::of_products::<Machine>();
    let level = sum_segments(
        LANES,
        &points,
        level,
        &index,
        &mut lengths,
        &mut scratch,
        &mut sums,
    );
    assert!(scratch.batches.complete > 0);
    for single in [1, 3, 4, 5] {
        assert!(
            equal(sums[single].x, point.x, 1 << level.bits()),
            "{single}"
        );
        assert!(
            equal(sums[single].y, point.y, 1 << level.bits()),
            "{single}"
        );
    }
    assert_eq!(sums[2], Affine::default());
    assert_eq!(sums[6], Affine::default());
    // 2P is on the curve, and is not P.
    let (x, y) = (LANES.splat(&sums[0].x), LANES.splat(&sums[0].y));
    let four = LANES.integers(&[[4, 0, 0, 0, 0, 0]; MAX_LANES]);
    let square = LANES.add(LANES.mul(LANES.sqr(x), x), four);
    assert!(equal(elements(LANES.sqr(y)), elements(square), 8));
    assert!(!equal(sums[0].x, point.x, 1 << level.bits()));
}
