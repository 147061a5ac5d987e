//! One lane on the library's own field arithmetic: every processor has it.

use blst::blst_fp;

use super::library;
use crate::arithmetic::field::lanes::{Field, Lanes, MAX_LANES, Mask, Task};
use crate::arithmetic::field::limbs::{HALF, WORDS, to_words};

/// The library's arithmetic. Its elements are reduced always.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

/// (p − 1)/2, little-endian.
const HALF_WORDS: [u64; WORDS] = to_words(HALF);

impl Field for Portable {
    const N: usize = 1;
    const PRODUCT_BITS: u32 = 0;
    const OPERAND_BITS: u32 = 64;
    type Elem = blst_fp;
    const ZERO: blst_fp = blst_fp { l: [0; WORDS] };
    type V = blst_fp;

    #[inline(always)]
    fn splat(self, element: &blst_fp) -> blst_fp {
        *element
    }

    #[inline(always)]
    fn load(self, elements: [&blst_fp; MAX_LANES]) -> blst_fp {
        *elements[0]
    }

    #[inline(always)]
    fn store(self, v: blst_fp, out: &mut [blst_fp; MAX_LANES]) {
        out[0] = v;
    }

    #[inline(always)]
    fn mul(self, a: blst_fp, b: blst_fp) -> blst_fp {
        library::mul(&a, &b)
    }

    #[inline(always)]
    fn sqr(self, a: blst_fp) -> blst_fp {
        library::sqr(&a)
    }

    #[inline(always)]
    fn add(self, a: blst_fp, b: blst_fp) -> blst_fp {
        library::add(&a, &b)
    }

    #[inline(always)]
    fn sub(self, a: blst_fp, b: blst_fp, _offset: blst_fp) -> blst_fp {
        library::sub(&a, &b)
    }

    #[inline(always)]
    fn times<const K: u64>(self, a: blst_fp) -> blst_fp {
        let mut sum = a;
        for bit in (0..K.ilog2()).rev() {
            sum = library::add(&sum, &sum);
            if K >> bit & 1 == 1 {
                sum = library::add(&sum, &a);
            }
        }
        sum
    }

    #[inline(always)]
    fn times_3b(self, a: blst_fp) -> blst_fp {
        self.times::<12>(a)
    }

    #[inline(always)]
    fn reduce(self, v: blst_fp) -> blst_fp {
        v
    }

    #[inline(always)]
    fn offset(self, _multiple: u64) -> blst_fp {
        blst_fp::default()
    }

    #[inline(always)]
    fn zero_mask(self, v: blst_fp) -> Mask {
        Mask::from(v.l.iter().fold(0, |all, word| all | word) == 0)
    }

    #[inline(always)]
    fn null_mask(self, v: blst_fp) -> Mask {
        self.zero_mask(v)
    }

    #[inline(always)]
    fn select(self, mask: Mask, a: blst_fp, b: blst_fp) -> blst_fp {
        let take = std::hint::black_box(u64::from(mask & 1).wrapping_neg());
        let mut out = blst_fp::default();
        for ((out, a), b) in out.l.iter_mut().zip(a.l).zip(b.l) {
            *out = (a & take) | (b & !take);
        }
        out
    }

    fn one() -> blst_fp {
        library::from_words(&[1, 0, 0, 0, 0, 0])
    }

    #[inline(always)]
    fn invert(self, v: blst_fp) -> Option<blst_fp> {
        (self.zero_mask(v) == 0).then(|| library::inverse(&v))
    }
}

impl Lanes for Portable {
    #[inline(always)]
    fn enter<T: Task<Self>>(self, task: T) -> T::Output {
        task.run(self)
    }

    #[inline(always)]
    fn import(self, elements: &[blst_fp; MAX_LANES]) -> blst_fp {
        elements[0]
    }

    #[inline(always)]
    fn export(self, v: blst_fp) -> [blst_fp; MAX_LANES] {
        [v; MAX_LANES]
    }

    #[inline(always)]
    fn integers(self, words: &[[u64; WORDS]; MAX_LANES]) -> blst_fp {
        library::from_words(&words[0])
    }

    #[inline(always)]
    fn greater_mask(self, v: blst_fp) -> Mask {
        let words = library::to_words(&v);
        Mask::from(words.iter().rev().gt(HALF_WORDS.iter().rev()))
    }
}
