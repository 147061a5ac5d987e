//! Scalars in two halves, and halves in signed digits, in constant time.
//!
//! On the subgroup of G1, multiplication by x² is (x, y) ↦ (βx, −y), for the curve's parameter x
//! and a cube root β of one. So k = k₁ + k₂·x² costs two scalars of half the length, which share
//! their doublings.

use blstrs::Scalar;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::arithmetic::curve::endomorphism::X;
use crate::arithmetic::field::lanes::Mask;

/// x², which is 2^127.43; the order of the groups is x⁴ − x² + 1.
const X_SQUARED: u128 = X as u128 * X as u128;

/// Bits of a digit, which is from −16 to 16: the table has 16 multiples of the point. 4 and 6
/// bits cost more additions in all.
const DIGIT_BITS: usize = 5;

/// The largest digit.
pub(crate) const MAX_DIGIT: usize = 1 << (DIGIT_BITS - 1);

/// Doublings between two digits.
pub(crate) const DOUBLINGS: usize = DIGIT_BITS;

/// Digits of a number of 128 bits, and one bit more for the last borrow.
pub(crate) const MAX_DIGITS: usize = (u128::BITS as usize + 1).div_ceil(DIGIT_BITS);

/// k₁ and k₂ of k₁ + k₂·x².
pub(crate) type Halves = [u128; 2];

/// Quotient and remainder of a scalar by x², in constant time.
pub(crate) fn split(scalar: &Scalar) -> Halves {
    let bytes = Zeroizing::new(scalar.to_bytes_le());
    let (low, high) = bytes.split_at(16);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |n, &byte| n << 8 | u128::from(byte))
    };
    // The scalar is below 2²⁵⁵, so its upper half is below x²: the quotient has 128 bits.
    let (mut remainder, low) = (number(high), number(low));
    let mut quotient = 0;
    for bit in (0..u128::BITS).rev() {
        let carry = remainder >> 127;
        remainder = remainder << 1 | (low >> bit & 1);
        let (difference, borrow) = remainder.overflowing_sub(X_SQUARED);
        let fits = carry | (u128::from(borrow) ^ 1);
        let mask = std::hint::black_box(fits.wrapping_neg());
        remainder = (difference & mask) | (remainder & !mask);
        quotient = quotient << 1 | fits;
    }
    [remainder, quotient]
}

/// A coefficient of 128 random bits, a + b·x² for a and b of 64 bits: half the doublings of a
/// plain one, and as good, for different pairs are different modulo the groups' order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coefficient([u64; 2]);

impl Coefficient {
    /// x².
    pub(crate) const HIGH_UNIT: Self = Self([0, 1]);

    /// The coefficient of these bits.
    pub(crate) fn from_bytes(bytes: &[u8; 16]) -> Self {
        let number = u128::from_le_bytes(*bytes);
        Self([number as u64, (number >> 64) as u64])
    }

    /// Its bits from 8·`place`; those of b come after those of a.
    pub(crate) fn byte(self, place: usize) -> u8 {
        self.0[place / 8].to_le_bytes()[place % 8]
    }

    /// The number that it stands for.
    pub(crate) fn to_scalar(self) -> Scalar {
        let x = Scalar::from(X);
        Scalar::from(self.0[0]) + Scalar::from(self.0[1]) * x * x
    }

    pub(crate) fn halves(self) -> Halves {
        self.0.map(u128::from)
    }

    /// How many digits a half has that are not always zero.
    pub(crate) const DIGITS: usize = (u64::BITS as usize + 1).div_ceil(DIGIT_BITS);
}

/// The digits of the halves of as many scalars as lanes. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct LaneDigits {
    /// Absolute values, a byte for each lane.
    magnitudes: [[u64; 2]; MAX_DIGITS],
    negative: [[Mask; 2]; MAX_DIGITS],
}

impl LaneDigits {
    /// Booth's digits: of six bits, the lowest from the digit below, in constant time.
    pub(crate) fn new(scalars: &[Halves]) -> Self {
        let mut digits = Self {
            magnitudes: [[0; 2]; MAX_DIGITS],
            negative: [[0; 2]; MAX_DIGITS],
        };
        for (lane, halves) in scalars.iter().enumerate() {
            for (half, &number) in halves.iter().enumerate() {
                for place in 0..MAX_DIGITS {
                    let from = place * DIGIT_BITS;
                    let bits = if from == 0 {
                        number << 1
                    } else {
                        number >> (from - 1)
                    };
                    let bits = bits as u64 & ((2 << DIGIT_BITS) - 1);
                    let negative = bits >> DIGIT_BITS;
                    // −2⁵ + …, and its absolute value by the two's complement.
                    let digit = ((bits + 1) >> 1).wrapping_sub(negative << DIGIT_BITS);
                    let sign = negative.wrapping_neg();
                    let magnitude = (digit ^ sign).wrapping_sub(sign);
                    digits.magnitudes[place][half] |= magnitude << (8 * lane);
                    digits.negative[place][half] |= (negative as Mask) << lane;
                }
            }
        }
        digits
    }

    /// The lanes whose digit is ±`magnitude`, in constant time.
    #[inline(always)]
    pub(crate) fn equal(&self, place: usize, half: usize, magnitude: usize) -> Mask {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let different = self.magnitudes[place][half] ^ (ONES * magnitude as u64);
        // Bytes are below 2⁷: bit 7 of the sum is set where the byte is not zero.
        let zero_bytes = !(different + 0x7f * ONES) >> 7 & ONES;
        // Gathers the lowest bit of each byte into the highest byte.
        (zero_bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56) as Mask
    }

    /// The lanes whose digit is negative, or is minus zero.
    #[inline(always)]
    pub(crate) fn negative(&self, place: usize, half: usize) -> Mask {
        self.negative[place][half]
    }
}

#[cfg(test)]
mod tests {
    use ff::Field;
    use rand::{RngCore, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::arithmetic::field::lanes::MAX_LANES;

    fn scalars() -> Vec<Scalar> {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let x = Scalar::from(X);
        let mut scalars = vec![Scalar::ZERO, Scalar::ONE, -Scalar::ONE, x, x * x, -x * x];
        scalars.extend([
            x * x - Scalar::ONE,
            x * x + Scalar::ONE,
            Scalar::from(u64::MAX),
        ]);
        scalars.extend((0..100).map(|_| Scalar::random(&mut rng)));
        scalars
    }

    fn from_u128(number: u128) -> Scalar {
        let two_to_64 = Scalar::from(u64::MAX) + Scalar::ONE;
        Scalar::from((number >> 64) as u64) * two_to_64 + Scalar::from(number as u64)
    }

    #[test]
    fn halves_are_quotient_and_remainder() {
        for scalar in scalars() {
            let [remainder, quotient] = split(&scalar);
            assert!(remainder < X_SQUARED);
            assert!(quotient <= X_SQUARED);
            let sum = from_u128(remainder) + from_u128(quotient) * from_u128(X_SQUARED);
            assert_eq!(sum, scalar);
        }
    }

    #[test]
    fn digits_add_up() {
        let mut halves: Vec<Halves> = scalars().iter().map(split).collect();
        halves.extend([
            [u128::MAX, 0],
            [u128::MAX / 3, u128::MAX / 3 * 2],
            [15, 16],
            [17, 31],
        ]);
        for halves in halves.chunks(MAX_LANES) {
            let digits = LaneDigits::new(halves);
            for (lane, numbers) in halves.iter().enumerate() {
                for (half, &number) in numbers.iter().enumerate() {
                    let mut sum = Scalar::ZERO;
                    for place in (0..MAX_DIGITS).rev() {
                        let found: Vec<usize> = (0..=MAX_DIGIT)
                            .filter(|&m| digits.equal(place, half, m) >> lane & 1 == 1)
                            .collect();
                        assert_eq!(found.len(), 1, "one magnitude fits");
                        let digit = Scalar::from(found[0] as u64);
                        let is_negative = digits.negative(place, half) >> lane & 1 == 1;
                        sum *= Scalar::from(1 << DIGIT_BITS);
                        sum += if is_negative { -digit } else { digit };
                    }
                    assert_eq!(sum, from_u128(number), "{number:x}");
                }
            }
        }
    }

    #[test]
    fn coefficients_of_64_bit_halves_need_no_more_digits_than_counted() {
        let digits = LaneDigits::new(&[[u128::from(u64::MAX); 2]]);
        for place in Coefficient::DIGITS..MAX_DIGITS {
            assert_eq!(digits.equal(place, 0, 0) & digits.equal(place, 1, 0) & 1, 1);
        }
    }

    #[test]
    fn coefficients_stand_for_their_scalars() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for _ in 0..10 {
            let coefficient = Coefficient([rng.next_u64(), rng.next_u64()]);
            let [low, high] = split(&coefficient.to_scalar());
            assert_eq!([low, high], coefficient.halves());
        }
    }
}
