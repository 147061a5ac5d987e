//! The base field's modulus and constants, in 64-bit words and in 52-bit limbs.

/// Limbs of a field element: 8·52 = 416 bits for a modulus of 381.
pub(crate) const LIMBS: usize = 8;

/// Bits of a limb: what one multiply-add instruction of AVX-512 IFMA takes.
pub(crate) const LIMB_BITS: u32 = 52;

/// The low bits of a word that are a limb.
pub(crate) const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// Words of a field element in the library's form.
pub(crate) const WORDS: usize = 6;

/// The modulus p of the base field, little-endian.
pub(crate) const P_WORDS: [u64; WORDS] = [
    0xb9fe_ffff_ffff_aaab,
    0x1eab_fffe_b153_ffff,
    0x6730_d2a0_f6b0_f624,
    0x6477_4b84_f385_12bf,
    0x4b1b_a7b6_434b_acd7,
    0x1a01_11ea_397f_e69a,
];

/// The modulus in limbs.
pub(crate) const P: [u64; LIMBS] = to_limbs(P_WORDS);

/// (p − 1)/2 in limbs: the greatest y that is not the larger of two.
pub(crate) const HALF: [u64; LIMBS] = to_limbs(half_of_p());

/// −p⁻¹ modulo 2⁵².
pub(crate) const P_INVERSE: u64 = {
    // Newton's iteration: each round doubles the number of right bits, from one.
    let mut inverse = 1_u64;
    let mut round = 0;
    while round < 6 {
        let error = 2_u64.wrapping_sub(P_WORDS[0].wrapping_mul(inverse));
        inverse = inverse.wrapping_mul(error);
        round += 1;
    }
    inverse.wrapping_neg() & LIMB_MASK
};

/// The exponent of two of the library's Montgomery form.
const BLST_EXPONENT: u32 = 384;

/// The exponent of two of this module's Montgomery form, R = 2⁴¹⁶.
const EXPONENT: u32 = LIMBS as u32 * LIMB_BITS;

/// R modulo p: one.
pub(crate) const ONE: [u64; LIMBS] = power_of_two(EXPONENT);

/// R² modulo p: its product with an integer is the integer in Montgomery form.
pub(crate) const R_SQUARED: [u64; LIMBS] = power_of_two(2 * EXPONENT);

/// Turns the library's a·2³⁸⁴ into a·2⁴¹⁶: their Montgomery product is divided by R.
pub(crate) const FROM_BLST: [u64; LIMBS] = power_of_two(2 * EXPONENT - BLST_EXPONENT);

/// Turns a·2⁴¹⁶ into the library's a·2³⁸⁴: their Montgomery product is divided by R.
pub(crate) const TO_BLST: [u64; LIMBS] = power_of_two(BLST_EXPONENT);

/// Turns the library's inverse of a·2⁴¹⁶, taken for a·2³²·2³⁸⁴, into a⁻¹·2⁴¹⁶ by the library's
/// product: the inverse is a⁻¹·2³⁵², the factor 2⁴⁴⁸.
pub(crate) const INVERSE_FROM_BLST: [u64; WORDS] = to_words(power_of_two(448));

/// The 416-bit number in limbs.
pub(crate) const fn to_limbs(words: [u64; WORDS]) -> [u64; LIMBS] {
    let mut limbs = [0; LIMBS];
    let mut i = 0;
    while i < LIMBS {
        let bit = i as u32 * LIMB_BITS;
        let (word, shift) = ((bit / 64) as usize, bit % 64);
        let mut limb = if word < WORDS {
            words[word] >> shift
        } else {
            0
        };
        if shift > 64 - LIMB_BITS && word + 1 < WORDS {
            limb |= words[word + 1] << (64 - shift);
        }
        limbs[i] = limb & LIMB_MASK;
        i += 1;
    }
    limbs
}

/// The number in words, when it is below 2³⁸⁴.
pub(crate) const fn to_words(limbs: [u64; LIMBS]) -> [u64; WORDS] {
    let mut words = [0; WORDS + 1];
    let mut i = 0;
    while i < LIMBS {
        let bit = i as u32 * LIMB_BITS;
        let (word, shift) = ((bit / 64) as usize, bit % 64);
        words[word] |= limbs[i] << shift;
        if shift > 64 - LIMB_BITS {
            words[word + 1] |= limbs[i] >> (64 - shift);
        }
        i += 1;
    }
    let [a, b, c, d, e, f, _] = words;
    [a, b, c, d, e, f]
}

/// a − p, or a where that is negative, in constant time. Below p for a below 2p.
pub(crate) const fn subtract_p_once(a: [u64; WORDS]) -> [u64; WORDS] {
    let (difference, borrow) = subtract(a, P_WORDS);
    let keep = (borrow as u64).wrapping_neg();
    let mut out = [0; WORDS];
    let mut i = 0;
    while i < WORDS {
        out[i] = (a[i] & keep) | (difference[i] & !keep);
        i += 1;
    }
    out
}

/// Whether `words` are below the modulus, in variable time.
pub(crate) const fn is_below_p(words: [u64; WORDS]) -> bool {
    subtract(words, P_WORDS).1
}

const fn subtract(a: [u64; WORDS], b: [u64; WORDS]) -> ([u64; WORDS], bool) {
    let mut out = [0; WORDS];
    let mut borrow = false;
    let mut i = 0;
    while i < WORDS {
        let (d, borrow_a) = a[i].overflowing_sub(b[i]);
        let (d, borrow_b) = d.overflowing_sub(borrow as u64);
        out[i] = d;
        borrow = borrow_a | borrow_b;
        i += 1;
    }
    (out, borrow)
}

/// `multiple`·p in limbs, for a multiple below 2³⁴: the product has at most 415 bits.
pub(crate) const fn multiple_of_p(multiple: u64) -> [u64; LIMBS] {
    let mut limbs = [0; LIMBS];
    let mut carry = 0_u128;
    let mut i = 0;
    while i < LIMBS {
        let sum = P[i] as u128 * multiple as u128 + carry;
        limbs[i] = sum as u64 & LIMB_MASK;
        carry = sum >> LIMB_BITS;
        i += 1;
    }
    limbs
}

/// 2^`exponent` modulo p in limbs.
const fn power_of_two(exponent: u32) -> [u64; LIMBS] {
    let mut words = [1, 0, 0, 0, 0, 0];
    let mut i = 0;
    while i < exponent {
        let mut doubled = [0; WORDS];
        let mut carry = 0;
        let mut j = 0;
        while j < WORDS {
            doubled[j] = words[j] << 1 | carry;
            carry = words[j] >> 63;
            j += 1;
        }
        words = subtract_p_once(doubled);
        i += 1;
    }
    to_limbs(words)
}

/// (p − 1)/2.
pub(crate) const fn half_of_p() -> [u64; WORDS] {
    let mut words = [0; WORDS];
    let mut i = 0;
    while i < WORDS {
        words[i] = P_WORDS[i] >> 1;
        if i + 1 < WORDS {
            words[i] |= P_WORDS[i + 1] << 63;
        }
        i += 1;
    }
    words
}
