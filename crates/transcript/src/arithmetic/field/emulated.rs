//! The machine of 52-bit multiply-adds in plain Rust, for tests: runs the algorithms of the vector
//! path on any processor, and under an interpreter that finds undefined behaviour.

use crate::arithmetic::field::lanes::{Lanes, MAX_LANES, Mask, Task};
use crate::arithmetic::field::limbs::{LIMB_BITS, LIMB_MASK, LIMBS};
use crate::arithmetic::field::machine::{Limbs, Machine};
use crate::arithmetic::field::radix52::{multiply, square};

/// A machine of `N` lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Emulated<const N: usize>;

fn product(a: u64, b: u64) -> u128 {
    u128::from(a & LIMB_MASK) * u128::from(b & LIMB_MASK)
}

impl<const N: usize> Machine for Emulated<N> {
    const N: usize = N;
    type W = [u64; N];

    fn enter<L: Lanes, T: Task<L>>(self, lanes: L, task: T) -> T::Output {
        task.run(lanes)
    }

    fn splat(self, word: u64) -> [u64; N] {
        [word; N]
    }

    fn multiply_add_low(self, sum: [u64; N], a: [u64; N], b: [u64; N]) -> [u64; N] {
        std::array::from_fn(|i| sum[i].wrapping_add(product(a[i], b[i]) as u64 & LIMB_MASK))
    }

    fn multiply_add_high(self, sum: [u64; N], a: [u64; N], b: [u64; N]) -> [u64; N] {
        std::array::from_fn(|i| sum[i].wrapping_add((product(a[i], b[i]) >> LIMB_BITS) as u64))
    }

    fn add(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }

    fn sub(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        std::array::from_fn(|i| a[i].wrapping_sub(b[i]))
    }

    fn limb(self, a: [u64; N]) -> [u64; N] {
        a.map(|a| a & LIMB_MASK)
    }

    fn carry(self, a: [u64; N]) -> [u64; N] {
        a.map(|a| (a.cast_signed() >> LIMB_BITS).cast_unsigned())
    }

    fn or(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        std::array::from_fn(|i| a[i] | b[i])
    }

    fn xor(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        std::array::from_fn(|i| a[i] ^ b[i])
    }

    fn zero_mask(self, a: [u64; N]) -> Mask {
        (0..N).fold(0, |mask, i| mask | u8::from(a[i] == 0) << i)
    }

    fn negative_mask(self, a: [u64; N]) -> Mask {
        (0..N).fold(0, |mask, i| mask | ((a[i] >> 63) as u8) << i)
    }

    fn select(self, mask: Mask, a: [u64; N], b: [u64; N]) -> [u64; N] {
        std::array::from_fn(|i| if mask >> i & 1 == 1 { a[i] } else { b[i] })
    }

    fn load(self, elements: [&Limbs; MAX_LANES]) -> [[u64; N]; LIMBS] {
        std::array::from_fn(|limb| std::array::from_fn(|i| elements[i].0[limb]))
    }

    fn store(self, v: &[[u64; N]; LIMBS], out: &mut [Limbs; MAX_LANES]) {
        for (i, element) in out.iter_mut().take(N).enumerate() {
            element.0 = std::array::from_fn(|limb| v[limb][i]);
        }
    }

    #[inline(never)]
    fn multiply(self, a: &[[u64; N]; LIMBS], b: &[[u64; N]; LIMBS]) -> [[u64; N]; LIMBS] {
        // Where an operand has outgrown its limbs, the caller's bounds are wrong.
        for operand in [a, b] {
            for limb in operand {
                assert!(limb.iter().all(|&limb| limb <= LIMB_MASK), "{operand:x?}");
            }
        }
        multiply(self, a, b)
    }

    #[inline(never)]
    fn square(self, a: &[[u64; N]; LIMBS]) -> [[u64; N]; LIMBS] {
        for limb in a {
            assert!(limb.iter().all(|&limb| limb <= LIMB_MASK), "{a:x?}");
        }
        square(self, a)
    }

    fn prefetch(self, _element: &Limbs) {}
}
