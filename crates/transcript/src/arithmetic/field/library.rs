//! The library's arithmetic on single elements of the base field, as safe functions.
#![allow(unsafe_code)]

use blst::{blst_fp, blst_fp12};

use crate::arithmetic::field::limbs::WORDS;

/// Calls one of the library's functions that write one element, the first argument.
macro_rules! call {
    ($function:ident $(, $argument:expr)*) => {{
        let mut out = blst_fp::default();
        // SAFETY: the function writes one element to `out`, and reads elements that live
        // references point to.
        unsafe { blst::$function(&mut out $(, $argument)*) };
        out
    }};
}

#[inline(always)]
pub(crate) fn mul(a: &blst_fp, b: &blst_fp) -> blst_fp {
    call!(blst_fp_mul, a, b)
}

#[inline(always)]
pub(crate) fn sqr(a: &blst_fp) -> blst_fp {
    call!(blst_fp_sqr, a)
}

#[inline(always)]
pub(crate) fn add(a: &blst_fp, b: &blst_fp) -> blst_fp {
    call!(blst_fp_add, a, b)
}

#[inline(always)]
pub(crate) fn sub(a: &blst_fp, b: &blst_fp) -> blst_fp {
    call!(blst_fp_sub, a, b)
}

/// The inverse, zero for zero, in constant time (the library's divstep variant).
pub(crate) fn inverse(a: &blst_fp) -> blst_fp {
    call!(blst_fp_eucl_inverse, a)
}

/// The integer, below p, as an element.
pub(crate) fn from_words(words: &[u64; WORDS]) -> blst_fp {
    let mut out = blst_fp::default();
    // SAFETY: the library reads six words and writes one element.
    unsafe { blst::blst_fp_from_uint64(&mut out, words.as_ptr()) };
    out
}

/// The element as an integer below p.
pub(crate) fn to_words(a: &blst_fp) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    // SAFETY: the library reads one element and writes six words.
    unsafe { blst::blst_uint64_from_fp(words.as_mut_ptr(), a) };
    words
}

/// The product of all of these; 1 of none.
pub(crate) fn product(factors: &[blst_fp12]) -> blst_fp12 {
    let mut product = blst_fp12::default();
    for factor in factors {
        product *= *factor;
    }
    product
}

/// Raises to the power p⁶: from the Miller loop of a parameter to that of its negative.
pub(crate) fn conjugate(a: &mut blst_fp12) {
    // SAFETY: the library reads and writes one element, to which there is a live reference.
    unsafe { blst::blst_fp12_conjugate(a) };
}
