//! Square roots in the base field: a^((p + 1)/4), a sliding window over the fixed exponent.

use super::lanes::Field;
use super::limbs::{P_WORDS, WORDS};

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

/// (p + 1)/4.
const ROOT: Chain = Chain::new(root_exponent());

const fn root_exponent() -> [u64; WORDS] {
    let mut exponent = [0; WORDS];
    let mut i = 0;
    while i < WORDS {
        exponent[i] = P_WORDS[i] >> 2;
        if i + 1 < WORDS {
            exponent[i] |= P_WORDS[i + 1] << 62;
        }
        i += 1;
    }
    // p = 3 modulo 4.
    exponent[0] += 1;
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
            let mut low = if at > WINDOW { at - WINDOW } else { 0 };
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

/// A root of each lane of `a` and of `b` that has one, something else for the others. Operands
/// are below 17 bits. Two vectors, since one waits for its own results.
#[inline(always)]
pub(crate) fn root_candidates<F: Field>(field: F, a: F::V, b: F::V) -> (F::V, F::V) {
    let (square_a, square_b) = (field.sqr(a), field.sqr(b));
    let mut powers = [(a, b); TABLE];
    let mut i = 1;
    while i < TABLE {
        let (last_a, last_b) = powers[i - 1];
        powers[i] = (field.mul(last_a, square_a), field.mul(last_b, square_b));
        i += 1;
    }
    let (mut x, mut y) = powers[ROOT.steps[0].factor.unwrap_or(0)];
    for step in &ROOT.steps[1..ROOT.len] {
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
