//! The machine under the arithmetic of 52-bit limbs: vectors of 64-bit words.

use crate::arithmetic::field::lanes::{Lanes, MAX_LANES, Mask, Task};
use crate::arithmetic::field::limbs::LIMBS;

/// One element: 52-bit limbs from the lowest, a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Limbs(pub(crate) [u64; LIMBS]);

/// Vectors of as many 64-bit words as lanes, and what the machine does with them.
pub(crate) trait Machine: Copy + Send + Sync {
    /// The number of lanes.
    const N: usize;
    /// A word in every lane.
    type W: Copy;
    /// Runs a task with the machine's instructions enabled.
    fn enter<L: Lanes, T: Task<L>>(self, lanes: L, task: T) -> T::Output;
    /// The same word in every lane.
    fn splat(self, word: u64) -> Self::W;
    /// `sum` + the low 52 bits of a·b, of a and b the low 52 bits.
    fn multiply_add_low(self, sum: Self::W, a: Self::W, b: Self::W) -> Self::W;
    /// `sum` + bits 52 to 103 of a·b, of a and b the low 52 bits.
    fn multiply_add_high(self, sum: Self::W, a: Self::W, b: Self::W) -> Self::W;
    /// a + b modulo 2⁶⁴.
    fn add(self, a: Self::W, b: Self::W) -> Self::W;
    /// a − b modulo 2⁶⁴.
    fn sub(self, a: Self::W, b: Self::W) -> Self::W;
    /// The low 52 bits.
    fn limb(self, a: Self::W) -> Self::W;
    /// a / 2⁵², rounded down, of signed words.
    fn carry(self, a: Self::W) -> Self::W;
    /// Bitwise or.
    fn or(self, a: Self::W, b: Self::W) -> Self::W;
    /// Bitwise exclusive or.
    fn xor(self, a: Self::W, b: Self::W) -> Self::W;
    /// The lanes that are zero.
    fn zero_mask(self, a: Self::W) -> Mask;
    /// The lanes whose sign bit is set.
    fn negative_mask(self, a: Self::W) -> Mask;
    /// a in the lanes of `mask`, b in the others, in constant time.
    fn select(self, mask: Mask, a: Self::W, b: Self::W) -> Self::W;
    /// Transposes elements into vectors of limbs.
    fn load(self, elements: [&Limbs; MAX_LANES]) -> [Self::W; LIMBS];
    /// Transposes vectors of limbs into elements.
    fn store(self, v: &[Self::W; LIMBS], out: &mut [Limbs; MAX_LANES]);
    /// [`multiply`](crate::arithmetic::field::radix52::multiply), as a call: its registers leave no room to inline it.
    fn multiply(self, a: &[Self::W; LIMBS], b: &[Self::W; LIMBS]) -> [Self::W; LIMBS];
    /// [`square`](crate::arithmetic::field::radix52::square), as a call.
    fn square(self, a: &[Self::W; LIMBS]) -> [Self::W; LIMBS];
    /// Asks for a cache line.
    fn prefetch(self, element: &Limbs);
}
