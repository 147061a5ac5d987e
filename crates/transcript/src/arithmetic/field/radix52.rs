//! Elements in eight limbs of 52 bits, one vector for each limb.
//!
//! With R = 2⁴¹⁶, 35 bits more than p has, Montgomery products need no final subtraction: for
//! a·b ≤ 2³⁴·p² the product (a·b + m·p)/R, m < R, is below p/2 + p. So sums and differences of a
//! few operands go into the next product as they are, after one pass of carries.
//!
//! The algorithms are generic over [`Machine`], the machine's operations on vectors of 64-bit
//! words: AVX-512 IFMA, or an emulation for tests.

use blst::blst_fp;

use super::library;
use crate::arithmetic::field::lanes::{Field, Lanes, MAX_LANES, Mask, Task};
use crate::arithmetic::field::limbs::{
    FROM_BLST, HALF, INVERSE_FROM_BLST, LIMBS, ONE, P, P_INVERSE, R_SQUARED, TO_BLST, WORDS,
    multiple_of_p, subtract_p_once, to_limbs, to_words,
};
use crate::arithmetic::field::machine::{Limbs, Machine};

/// Carries from each limb into the next, of limbs that may be negative in a number that is not.
/// The highest limb keeps what is above 52 bits: nothing, within the bounds.
#[inline(always)]
fn carry<M: Machine>(m: M, mut limbs: [M::W; LIMBS]) -> [M::W; LIMBS] {
    let mut i = 0;
    while i + 1 < LIMBS {
        limbs[i + 1] = m.add(limbs[i + 1], m.carry(limbs[i]));
        limbs[i] = m.limb(limbs[i]);
        i += 1;
    }
    limbs
}

/// Montgomery's reduction of a double-length product, limb by limb from the lowest.
///
/// A word of the product is the sum of at most 16 numbers below 2⁵², the reduction adds as many
/// again, and a carry: no word reaches 2⁵⁸.
#[inline(always)]
fn reduce<M: Machine>(m: M, mut t: [M::W; 2 * LIMBS]) -> [M::W; LIMBS] {
    let inverse = m.splat(P_INVERSE);
    let zero = m.splat(0);
    let mut i = 0;
    while i < LIMBS {
        let factor = m.multiply_add_low(zero, t[i], inverse);
        let lowest = m.multiply_add_low(t[i], factor, m.splat(P[0]));
        let mut j = 1;
        while j < LIMBS {
            t[i + j] = m.multiply_add_low(t[i + j], factor, m.splat(P[j]));
            j += 1;
        }
        let mut j = 0;
        while j < LIMBS {
            t[i + j + 1] = m.multiply_add_high(t[i + j + 1], factor, m.splat(P[j]));
            j += 1;
        }
        t[i + 1] = m.add(t[i + 1], m.carry(lowest));
        i += 1;
    }
    carry(m, [t[8], t[9], t[10], t[11], t[12], t[13], t[14], t[15]])
}

/// a·b/R, below p + a·b/R.
#[inline(always)]
pub(crate) fn multiply<M: Machine>(m: M, a: &[M::W; LIMBS], b: &[M::W; LIMBS]) -> [M::W; LIMBS] {
    let mut t = [m.splat(0); 2 * LIMBS];
    let mut i = 0;
    while i < LIMBS {
        let mut j = 0;
        while j < LIMBS {
            t[i + j] = m.multiply_add_low(t[i + j], a[i], b[j]);
            j += 1;
        }
        let mut j = 0;
        while j < LIMBS {
            t[i + j + 1] = m.multiply_add_high(t[i + j + 1], a[i], b[j]);
            j += 1;
        }
        i += 1;
    }
    reduce(m, t)
}

/// a²/R: products of different limbs once, doubled.
#[inline(always)]
pub(crate) fn square<M: Machine>(m: M, a: &[M::W; LIMBS]) -> [M::W; LIMBS] {
    let mut t = [m.splat(0); 2 * LIMBS];
    let mut i = 0;
    while i < LIMBS {
        let mut j = i + 1;
        while j < LIMBS {
            t[i + j] = m.multiply_add_low(t[i + j], a[i], a[j]);
            j += 1;
        }
        let mut j = i + 1;
        while j < LIMBS {
            t[i + j + 1] = m.multiply_add_high(t[i + j + 1], a[i], a[j]);
            j += 1;
        }
        i += 1;
    }
    let mut k = 1;
    while k + 1 < 2 * LIMBS {
        t[k] = m.add(t[k], t[k]);
        k += 1;
    }
    let mut i = 0;
    while i < LIMBS {
        t[2 * i] = m.multiply_add_low(t[2 * i], a[i], a[i]);
        t[2 * i + 1] = m.multiply_add_high(t[2 * i + 1], a[i], a[i]);
        i += 1;
    }
    reduce(m, t)
}

/// The field on the machine `M`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Radix52<M>(pub(crate) M);

impl<M: Machine> Radix52<M> {
    #[inline(always)]
    fn constant(self, limbs: &[u64; LIMBS]) -> [M::W; LIMBS] {
        let m = self.0;
        let mut out = [m.splat(0); LIMBS];
        let mut i = 0;
        while i < LIMBS {
            out[i] = m.splat(limbs[i]);
            i += 1;
        }
        out
    }

    /// The Montgomery product of a number, in words, and a constant.
    #[inline(always)]
    fn times_constant(
        self,
        words: &[[u64; WORDS]; MAX_LANES],
        constant: &[u64; LIMBS],
    ) -> [M::W; LIMBS] {
        let mut elements = [Limbs([0; LIMBS]); MAX_LANES];
        for (element, words) in elements.iter_mut().zip(words) {
            *element = Limbs(to_limbs(*words));
        }
        self.mul(self.load(elements.each_ref()), self.constant(constant))
    }

    /// The integer that the Montgomery form stands for, at most p; p itself only for zero.
    #[inline(always)]
    fn to_integer(self, v: [M::W; LIMBS]) -> [M::W; LIMBS] {
        self.0
            .multiply(&v, &self.constant(&[1, 0, 0, 0, 0, 0, 0, 0]))
    }
}

/// The same number in the library's words, below p, for an element below 2p. What it stands for
/// changes, since R does.
fn words_below_p(element: &Limbs) -> blst_fp {
    blst_fp {
        l: subtract_p_once(to_words(element.0)),
    }
}

impl<M: Machine> Field for Radix52<M> {
    const N: usize = M::N;
    const PRODUCT_BITS: u32 = 1;
    const OPERAND_BITS: u32 = 34;
    type Elem = Limbs;
    const ZERO: Limbs = Limbs([0; LIMBS]);
    type V = [M::W; LIMBS];

    #[inline(always)]
    fn splat(self, element: &Limbs) -> Self::V {
        self.constant(&element.0)
    }

    #[inline(always)]
    fn load(self, elements: [&Limbs; MAX_LANES]) -> Self::V {
        self.0.load(elements)
    }

    #[inline(always)]
    fn store(self, v: Self::V, out: &mut [Limbs; MAX_LANES]) {
        self.0.store(&v, out);
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        self.0.multiply(&a, &b)
    }

    #[inline(always)]
    fn sqr(self, a: Self::V) -> Self::V {
        self.0.square(&a)
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        let m = self.0;
        let mut sum = a;
        let mut i = 0;
        while i < LIMBS {
            sum[i] = m.add(a[i], b[i]);
            i += 1;
        }
        carry(m, sum)
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V, offset: Self::V) -> Self::V {
        let m = self.0;
        let mut difference = a;
        let mut i = 0;
        while i < LIMBS {
            difference[i] = m.add(m.sub(a[i], b[i]), offset[i]);
            i += 1;
        }
        carry(m, difference)
    }

    #[inline(always)]
    fn times<const K: u64>(self, a: Self::V) -> Self::V {
        const {
            assert!(
                0 < K && K < 16,
                "limbs have room for four bits more, and a carry"
            )
        };
        let m = self.0;
        let mut out = a;
        let mut i = 0;
        while i < LIMBS {
            for bit in (0..K.ilog2()).rev() {
                out[i] = m.add(out[i], out[i]);
                if K >> bit & 1 == 1 {
                    out[i] = m.add(out[i], a[i]);
                }
            }
            i += 1;
        }
        carry(m, out)
    }

    #[inline(always)]
    fn times_3b(self, a: Self::V) -> Self::V {
        self.times::<12>(a)
    }

    #[inline(always)]
    fn reduce(self, v: Self::V) -> Self::V {
        self.mul(v, self.constant(&ONE))
    }

    #[inline(always)]
    fn offset(self, multiple: u64) -> Self::V {
        debug_assert!(multiple < 1 << 34, "{multiple}·p is too large");
        self.constant(&multiple_of_p(multiple))
    }

    #[inline(always)]
    fn zero_mask(self, v: Self::V) -> Mask {
        let m = self.0;
        let integer = self.to_integer(v);
        let (mut zero, mut p) = (integer[0], m.xor(integer[0], m.splat(P[0])));
        let mut i = 1;
        while i < LIMBS {
            zero = m.or(zero, integer[i]);
            p = m.or(p, m.xor(integer[i], m.splat(P[i])));
            i += 1;
        }
        m.zero_mask(zero) | m.zero_mask(p)
    }

    #[inline(always)]
    fn null_mask(self, v: Self::V) -> Mask {
        let m = self.0;
        let mut any = v[0];
        let mut i = 1;
        while i < LIMBS {
            any = m.or(any, v[i]);
            i += 1;
        }
        m.zero_mask(any)
    }

    #[inline(always)]
    fn select(self, mask: Mask, a: Self::V, b: Self::V) -> Self::V {
        let mut out = a;
        let mut i = 0;
        while i < LIMBS {
            out[i] = self.0.select(mask, a[i], b[i]);
            i += 1;
        }
        out
    }

    fn one() -> Limbs {
        Limbs(ONE)
    }

    /// One inversion for all lanes (Montgomery's trick), in the library's arithmetic. Numbers
    /// change hands as they are; the one inverse takes all differences in form with it.
    #[inline(always)]
    fn invert(self, v: Self::V) -> Option<Self::V> {
        if cfg!(miri) {
            return (self.zero_mask(v) == 0).then(|| self.invert_by_power(v));
        }
        let mut elements = [Limbs([0; LIMBS]); MAX_LANES];
        self.store(v, &mut elements);
        invert_elements(&mut elements[..M::N])?;
        Some(self.load(elements.each_ref()))
    }

    #[inline(always)]
    fn prefetch(self, element: &Limbs) {
        self.0.prefetch(element);
    }
}

#[inline(never)]
fn invert_elements(elements: &mut [Limbs]) -> Option<()> {
    let mut values = [blst_fp::default(); MAX_LANES];
    let mut before = [blst_fp::default(); MAX_LANES];
    let mut product = blst_fp { l: to_words(ONE) };
    let mut scale = product;
    for (i, element) in elements.iter().enumerate() {
        values[i] = words_below_p(element);
        before[i] = product;
        product = if i == 0 {
            values[0]
        } else {
            library::mul(&product, &values[i])
        };
    }
    if product == blst_fp::default() {
        return None;
    }
    scale.l = INVERSE_FROM_BLST;
    let mut inverse = library::mul(&library::inverse(&product), &scale);
    for i in (1..elements.len()).rev() {
        elements[i] = Limbs(to_limbs(library::mul(&inverse, &before[i]).l));
        inverse = library::mul(&inverse, &values[i]);
    }
    elements[0] = Limbs(to_limbs(inverse.l));
    Some(())
}

impl<M: Machine> Radix52<M> {
    /// v^(p − 2): for interpreters that cannot call the library.
    fn invert_by_power(self, v: <Self as Field>::V) -> <Self as Field>::V {
        let exponent = crate::arithmetic::field::limbs::P_WORDS;
        let mut power = v;
        for bit in (0..380).rev() {
            power = self.sqr(power);
            let word = exponent[bit / 64] - if bit < 64 { 2 } else { 0 };
            if word >> (bit % 64) & 1 == 1 {
                power = self.mul(power, v);
            }
        }
        power
    }
}

impl<M: Machine> Lanes for Radix52<M> {
    #[inline(always)]
    fn enter<T: Task<Self>>(self, task: T) -> T::Output {
        self.0.enter(self, task)
    }

    #[inline(always)]
    fn import(self, elements: &[blst_fp; MAX_LANES]) -> Self::V {
        self.times_constant(&elements.map(|element| element.l), &FROM_BLST)
    }

    #[inline(always)]
    fn export(self, v: Self::V) -> [blst_fp; MAX_LANES] {
        let mut elements = [Limbs([0; LIMBS]); MAX_LANES];
        self.store(self.mul(v, self.constant(&TO_BLST)), &mut elements);
        elements.map(|element| words_below_p(&element))
    }

    #[inline(always)]
    fn integers(self, words: &[[u64; WORDS]; MAX_LANES]) -> Self::V {
        self.times_constant(words, &R_SQUARED)
    }

    #[inline(always)]
    fn greater_mask(self, v: Self::V) -> Mask {
        let m = self.0;
        let integer = self.to_integer(v);
        let mut difference = integer;
        let mut i = 0;
        while i < LIMBS {
            difference[i] = m.sub(m.splat(HALF[i]), integer[i]);
            i += 1;
        }
        m.negative_mask(carry(m, difference)[LIMBS - 1])
    }
}
