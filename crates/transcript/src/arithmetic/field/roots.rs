//! Square roots, by one power with a fixed exponent and a sliding window.
//!
//! p is 3 modulo 4. With e = a^((p − 3)/4), a·e² is 1 where a is a square, −1 where it is not, 0
//! for 0; so a·e is a root of a or of −a.

use crate::arithmetic::field::lanes::{Lanes, MAX_LANES};
use crate::arithmetic::field::limbs::{P_WORDS, WORDS, half_of_p};

/// Bits of a window: the widest for which the table of odd powers still pays.
const WINDOW: u32 = 5;

/// Odd powers a, a³, … a³¹.
const TABLE: usize = 1 << (WINDOW - 1);

/// Squarings, then a product with an odd power.
#[derive(Clone, Copy)]
struct Step {
    squarings: u32,
    /// Place of the power in the table, if there is a product.
    factor: Option<usize>,
}

/// An exponent as steps; the first step's squarings are of one.
struct Chain {
    steps: [Step; 80],
    len: usize,
}

/// 1/2 = (p + 1)/2.
const HALF_OF_ONE: [u64; WORDS] = {
    let mut half = half_of_p();
    half[0] += 1;
    half
};

/// (p − 3)/4.
const INVERSE_ROOT: Chain = Chain::new(inverse_root_exponent());

const fn inverse_root_exponent() -> [u64; WORDS] {
    let mut exponent = [0; WORDS];
    let mut i = 0;
    while i < WORDS {
        exponent[i] = P_WORDS[i] >> 2;
        if i + 1 < WORDS {
            exponent[i] |= P_WORDS[i + 1] << 62;
        }
        i += 1;
    }
    exponent
}

impl Chain {
    const fn new(exponent: [u64; WORDS]) -> Self {
        let mut steps = [Step {
            squarings: 0,
            factor: None,
        }; 80];
        let mut len = 0;
        let mut squarings = 0;
        // Bits from `at` down are still to do.
        let mut at = 64 * WORDS as u32;
        while at > 0 {
            if bit(&exponent, at - 1) == 0 {
                squarings += 1;
                at -= 1;
                continue;
            }
            let mut low = at.saturating_sub(WINDOW);
            while bit(&exponent, low) == 0 {
                low += 1;
            }
            let mut power = 0;
            while at > low {
                at -= 1;
                power = power << 1 | bit(&exponent, at) as usize;
                squarings += 1;
            }
            steps[len] = Step {
                squarings,
                factor: Some(power / 2),
            };
            len += 1;
            squarings = 0;
        }
        steps[len] = Step {
            squarings,
            factor: None,
        };
        Self {
            steps,
            len: len + 1,
        }
    }
}

const fn bit(words: &[u64; WORDS], at: u32) -> u64 {
    words[(at / 64) as usize] >> (at % 64) & 1
}

/// A root of each lane of `a` and of `b` that has one, of the opposite of the others. Operands
/// are below 17 bits.
#[inline(always)]
pub(crate) fn roots<L: Lanes>(lanes: L, a: L::V, b: L::V) -> (L::V, L::V) {
    let (x, y) = inverse_roots(lanes, a, b);
    (lanes.mul(a, x), lanes.mul(b, y))
}

/// Candidates for a root of each lane of `a` and of `b` in the extension; a root where there is
/// one. Operands are below 16 bits.
///
/// Of a = a₀ + a₁·u with the norm's root s, s² = a₀² + a₁²: let t = (a₀ + s)/2, e as above of t,
/// and y = t·e. If t is a square, y + a₁·e/2·u is a root of a; if not, y² = −t and
/// −a₁·e/2 + y·u is, since a₁²/(4t) = (s − a₀)/2. Where t is 0, so is a₁, and a₀ takes its place.
#[inline(always)]
pub(crate) fn extension_roots<L: Lanes>(
    lanes: L,
    a: [L::V; 2],
    b: [L::V; 2],
) -> ([L::V; 2], [L::V; 2]) {
    let f = lanes;
    let norm = |a: [L::V; 2]| f.add(f.sqr(a[0]), f.sqr(a[1]));
    let half = f.integers(&[HALF_OF_ONE; MAX_LANES]);
    let (s, t) = roots(f, norm(a), norm(b));
    let numbers = [(a, s), (b, t)].map(|(a, s)| {
        let t = f.mul(f.add(a[0], s), half);
        f.select(f.zero_mask(t), a[0], t)
    });
    let (e, g) = inverse_roots(f, numbers[0], numbers[1]);
    let root = |a: [L::V; 2], t: L::V, e: L::V| {
        let y = f.mul(t, e);
        let other = f.mul(f.mul(a[1], e), half);
        // t·e² − 1.
        let is_square = f.zero_mask(f.sub(f.mul(y, e), f.splat(&L::one()), f.offset(1)));
        let negative = f.sub(f.offset(0), other, f.offset(2));
        [
            f.select(is_square, y, negative),
            f.select(is_square, other, y),
        ]
    };
    (root(a, numbers[0], e), root(b, numbers[1], g))
}

/// a^((p − 3)/4) and b^((p − 3)/4). Operands are below 17 bits. Two vectors, since one waits for
/// its own results.
#[inline(always)]
fn inverse_roots<L: Lanes>(field: L, a: L::V, b: L::V) -> (L::V, L::V) {
    let (square_a, square_b) = (field.sqr(a), field.sqr(b));
    let mut powers = [(a, b); TABLE];
    let mut i = 1;
    while i < TABLE {
        let (last_a, last_b) = powers[i - 1];
        powers[i] = (field.mul(last_a, square_a), field.mul(last_b, square_b));
        i += 1;
    }
    let (mut x, mut y) = powers[INVERSE_ROOT.steps[0].factor.unwrap_or(0)];
    for step in &INVERSE_ROOT.steps[1..INVERSE_ROOT.len] {
        for _ in 0..step.squarings {
            x = field.sqr(x);
            y = field.sqr(y);
        }
        if let Some(factor) = step.factor {
            let (power_a, power_b) = powers[factor];
            x = field.mul(x, power_a);
            y = field.mul(y, power_b);
        }
    }
    (x, y)
}
