//! The operations of AVX-512 IFMA: eight lanes, a multiply-add of 52-bit limbs a cycle.
//!
//! A value of [`Ifma`] exists only where the processor was found to have the instructions: it is
//! the proof on which every `unsafe` block of this file rests. The intrinsics are inlined into
//! [`enabled`], [`multiply_call`] and [`square_call`], the only functions compiled for them.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi64, _mm512_and_si512,
    _mm512_cmpeq_epi64_mask, _mm512_load_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_mask_blend_epi64, _mm512_movepi64_mask, _mm512_or_si512, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_srai_epi64, _mm512_store_si512,
    _mm512_sub_epi64, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use crate::arithmetic::field::lanes::{Lanes, MAX_LANES, Mask, Task};
use crate::arithmetic::field::limbs::{LIMB_MASK, LIMBS};
use crate::arithmetic::field::machine::{Limbs, Machine};
use crate::arithmetic::field::radix52::{multiply, square};

/// The proof that this processor has AVX-512 F, DQ, VL, BW and IFMA.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ifma(());

impl Ifma {
    /// The proof, if it holds.
    pub(crate) fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512ifma");
        all.then_some(Self(()))
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
fn enabled<L: Lanes, T: Task<L>>(lanes: L, task: T) -> T::Output {
    task.run(lanes)
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
fn multiply_call(m: Ifma, a: &[__m512i; LIMBS], b: &[__m512i; LIMBS]) -> [__m512i; LIMBS] {
    multiply(m, a, b)
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
fn square_call(m: Ifma, a: &[__m512i; LIMBS]) -> [__m512i; LIMBS] {
    square(m, a)
}

/// The method of [`Machine`] that is one intrinsic.
macro_rules! intrinsics {
    ($($name:ident($($argument:ident),*) -> $result:ty = $intrinsic:expr;)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($argument: __m512i),*) -> $result {
                // SAFETY: `self` proves that the processor has the instruction.
                unsafe { $intrinsic($($argument),*) }
            }
        )*
    };
}

impl Machine for Ifma {
    const N: usize = 8;
    type W = __m512i;

    #[inline(always)]
    fn enter<L: Lanes, T: Task<L>>(self, lanes: L, task: T) -> T::Output {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { enabled(lanes, task) }
    }

    intrinsics! {
        multiply_add_low(sum, a, b) -> __m512i = _mm512_madd52lo_epu64;
        multiply_add_high(sum, a, b) -> __m512i = _mm512_madd52hi_epu64;
        add(a, b) -> __m512i = _mm512_add_epi64;
        sub(a, b) -> __m512i = _mm512_sub_epi64;
        carry(a) -> __m512i = _mm512_srai_epi64::<52>;
        or(a, b) -> __m512i = _mm512_or_si512;
        xor(a, b) -> __m512i = _mm512_xor_si512;
        negative_mask(a) -> Mask = _mm512_movepi64_mask;
    }

    #[inline(always)]
    fn splat(self, word: u64) -> __m512i {
        // SAFETY: `self` proves that the processor has the instruction.
        unsafe { _mm512_set1_epi64(word.cast_signed()) }
    }

    #[inline(always)]
    fn limb(self, a: __m512i) -> __m512i {
        // SAFETY: `self` proves that the processor has the instruction.
        unsafe { _mm512_and_si512(a, self.splat(LIMB_MASK)) }
    }

    #[inline(always)]
    fn zero_mask(self, a: __m512i) -> Mask {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { _mm512_cmpeq_epi64_mask(a, _mm512_setzero_si512()) }
    }

    #[inline(always)]
    fn select(self, mask: Mask, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves that the processor has the instruction.
        unsafe { _mm512_mask_blend_epi64(mask, b, a) }
    }

    #[inline(always)]
    fn load(self, elements: [&Limbs; MAX_LANES]) -> [__m512i; LIMBS] {
        let mut rows = [self.splat(0); LIMBS];
        let mut i = 0;
        while i < LIMBS {
            // SAFETY: `self` proves that the processor has the instruction; an element is 64
            // bytes, aligned to 64.
            rows[i] = unsafe { _mm512_load_si512(elements[i].0.as_ptr().cast()) };
            i += 1;
        }
        self.transpose(&rows)
    }

    #[inline(always)]
    fn store(self, v: &[__m512i; LIMBS], out: &mut [Limbs; MAX_LANES]) {
        let rows = self.transpose(v);
        let mut i = 0;
        while i < LIMBS {
            // SAFETY: `self` proves that the processor has the instruction; an element is 64
            // bytes, aligned to 64.
            unsafe { _mm512_store_si512(out[i].0.as_mut_ptr().cast(), rows[i]) };
            i += 1;
        }
    }

    #[inline(always)]
    fn multiply(self, a: &[__m512i; LIMBS], b: &[__m512i; LIMBS]) -> [__m512i; LIMBS] {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { multiply_call(self, a, b) }
    }

    #[inline(always)]
    fn square(self, a: &[__m512i; LIMBS]) -> [__m512i; LIMBS] {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { square_call(self, a) }
    }

    #[inline(always)]
    fn prefetch(self, element: &Limbs) {
        // SAFETY: a prefetch reads nothing, and every processor with this target has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(element.0.as_ptr().cast()) }
    }
}

impl Ifma {
    /// Rows to columns of an 8 × 8 matrix of words.
    #[inline(always)]
    fn transpose(self, r: &[__m512i; LIMBS]) -> [__m512i; LIMBS] {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe {
            // Words 0 and 1, 2 and 3, … of neighbouring rows interleaved: even and odd columns.
            let even01 = _mm512_unpacklo_epi64(r[0], r[1]);
            let odd01 = _mm512_unpackhi_epi64(r[0], r[1]);
            let even23 = _mm512_unpacklo_epi64(r[2], r[3]);
            let odd23 = _mm512_unpackhi_epi64(r[2], r[3]);
            let even45 = _mm512_unpacklo_epi64(r[4], r[5]);
            let odd45 = _mm512_unpackhi_epi64(r[4], r[5]);
            let even67 = _mm512_unpacklo_epi64(r[6], r[7]);
            let odd67 = _mm512_unpackhi_epi64(r[6], r[7]);
            // Two columns of four rows each: 0 and 4, 2 and 6, 1 and 5, 3 and 7.
            let low04 = _mm512_shuffle_i64x2::<0x88>(even01, even23);
            let low26 = _mm512_shuffle_i64x2::<0xdd>(even01, even23);
            let low15 = _mm512_shuffle_i64x2::<0x88>(odd01, odd23);
            let low37 = _mm512_shuffle_i64x2::<0xdd>(odd01, odd23);
            let high04 = _mm512_shuffle_i64x2::<0x88>(even45, even67);
            let high26 = _mm512_shuffle_i64x2::<0xdd>(even45, even67);
            let high15 = _mm512_shuffle_i64x2::<0x88>(odd45, odd67);
            let high37 = _mm512_shuffle_i64x2::<0xdd>(odd45, odd67);
            [
                _mm512_shuffle_i64x2::<0x88>(low04, high04),
                _mm512_shuffle_i64x2::<0x88>(low15, high15),
                _mm512_shuffle_i64x2::<0x88>(low26, high26),
                _mm512_shuffle_i64x2::<0x88>(low37, high37),
                _mm512_shuffle_i64x2::<0xdd>(low04, high04),
                _mm512_shuffle_i64x2::<0xdd>(low15, high15),
                _mm512_shuffle_i64x2::<0xdd>(low26, high26),
                _mm512_shuffle_i64x2::<0xdd>(low37, high37),
            ]
        }
    }
}
