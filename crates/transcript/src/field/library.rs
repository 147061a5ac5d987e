//! The library's arithmetic on single elements of the base field, as safe functions.
#![allow(unsafe_code)]

use blst::blst_fp;

use super::limbs::WORDS;

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
