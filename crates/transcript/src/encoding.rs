//! Points as bytes and as hex: strict, canonical, without panics.
//!
//! The format is Zcash's (`docs/spec/ceremony.md#points`): big-endian coordinates with three flags in the
//! first byte; in G2 the coordinate of u comes first. A point has one encoding of each kind. A
//! field element that is not below the modulus, a flag without a meaning and an infinity with stray
//! bits are errors, each with a name of its own. Membership in the subgroup is a separate question.

use std::fmt;

use blst::BLST_ERROR;
use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;
use serde::{Deserialize, Serialize};

/// How the points of a document are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One coordinate and a sign: 48 bytes in G1, 96 in G2. The only one in JSON.
    #[default]
    Compressed,
    /// Both coordinates: 96 bytes in G1, 192 in G2. Costs the reader no square root.
    Uncompressed,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compressed => "compressed",
            Self::Uncompressed => "uncompressed",
        })
    }
}

/// Why bytes, or hex text, are not a point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PointError {
    /// The number of bytes is not that of the point's encoding.
    #[error("{got} bytes instead of {expected}")]
    Length {
        /// The number of bytes of the encoding.
        expected: usize,
        /// The number of bytes given.
        got: usize,
    },
    /// The hex text does not start with `0x`.
    #[error("hex does not start with 0x")]
    MissingPrefix,
    /// The hex text has an odd number of digits.
    #[error("hex has an odd number of digits, {digits}")]
    OddLength {
        /// The number of digits after `0x`.
        digits: usize,
    },
    /// A byte of the hex text is not one of `0123456789abcdef`; upper case is not canonical.
    #[error("character {} is not a lower-case hex digit", at + 1)]
    Digit {
        /// Its place in the text from 0, in bytes, counting `0x`. Messages count from 1.
        at: usize,
    },
    /// The flag of compressed points is missing where a compressed point must be.
    #[error("the point is not compressed")]
    NotCompressed,
    /// A flag is set that an uncompressed point does not have.
    #[error("an uncompressed point has a flag of compressed points")]
    NotUncompressed,
    /// The flag of the point at infinity is set, and so is another bit that then must not be.
    #[error("the point at infinity is not encoded as such: all other bits must be zero")]
    Infinity,
    /// A coordinate is not below the field's modulus.
    #[error("{coordinate} is not below the field's modulus")]
    NotCanonical {
        /// The coordinate: `x` or `y` in G1, with `.c0` or `.c1` in G2.
        #[serde(deserialize_with = "read_coordinate")]
        coordinate: CoordinateName,
    },
    /// No point of the curve has these coordinates.
    #[error("the point is not on the curve")]
    NotOnCurve,
    /// The point is on the curve, but not in the subgroup of prime order.
    #[error("the point is not in the prime-order subgroup")]
    NotInSubgroup,
}

/// The name of a coordinate. (By another name than its type's, of which serde thinks that it borrows.)
type CoordinateName = &'static str;

fn read_coordinate<'de, D: serde::Deserializer<'de>>(from: D) -> Result<CoordinateName, D::Error> {
    const NAMES: [&str; 6] = ["x", "y", "x.c0", "x.c1", "y.c0", "y.c1"];
    let read = String::deserialize(from)?;
    let known = NAMES.into_iter().find(|name| *name == read);
    known.ok_or_else(|| serde::de::Error::unknown_variant(&read, &NAMES))
}

/// Set in the first byte of every compressed point.
const FLAG_COMPRESSED: u8 = 0x80;
/// Set in the first byte of the point at infinity.
const FLAG_INFINITY: u8 = 0x40;
/// Set in the first byte of a compressed point whose y is the larger of the two.
const FLAG_SIGN: u8 = 0x20;
/// The three flags; a field element has 381 bits, so they are free.
const FLAGS: u8 = FLAG_COMPRESSED | FLAG_INFINITY | FLAG_SIGN;

/// Bytes of a base field element.
const FP_LEN: usize = 48;

/// The modulus of the base field, big-endian.
const MODULUS: [u8; FP_LEN] = [
    0x1a, 0x01, 0x11, 0xea, 0x39, 0x7f, 0xe6, 0x9a, 0x4b, 0x1b, 0xa7, 0xb6, 0x43, 0x4b, 0xac, 0xd7,
    0x64, 0x77, 0x4b, 0x84, 0xf3, 0x85, 0x12, 0xbf, 0x67, 0x30, 0xd2, 0xa0, 0xf6, 0xb0, 0xf6, 0x24,
    0x1e, 0xab, 0xff, 0xfe, 0xb1, 0x53, 0xff, 0xff, 0xb9, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xaa, 0xab,
];

/// (p − 1) / 2, big-endian: of y and −y the one above it is the larger.
const HALF: [u8; FP_LEN] = {
    let mut half = [0; FP_LEN];
    let (mut at, mut carry) = (0, 0);
    while at < FP_LEN {
        half[at] = MODULUS[at] >> 1 | carry;
        carry = (MODULUS[at] & 1) << 7;
        at += 1;
    }
    half
};

mod sealed {
    pub trait Sealed {}
    impl Sealed for blstrs::G1Affine {}
    impl Sealed for blstrs::G2Affine {}
}

/// A point of G1 or of G2, as documents hold it.
pub trait Point: sealed::Sealed + PrimeCurveAffine + Copy + Send + Sync + fmt::Debug {
    /// The group's name, `G1` or `G2`.
    const GROUP: &'static str;

    /// Bytes of a compressed point. An uncompressed one has twice as many.
    const COMPRESSED_LEN: usize;

    /// Bytes of a point in `encoding`.
    #[must_use]
    fn encoded_len(encoding: Encoding) -> usize {
        match encoding {
            Encoding::Compressed => Self::COMPRESSED_LEN,
            Encoding::Uncompressed => 2 * Self::COMPRESSED_LEN,
        }
    }

    /// The encoding that has `len` bytes, if there is one.
    #[must_use]
    fn encoding_of_len(len: usize) -> Option<Encoding> {
        [Encoding::Compressed, Encoding::Uncompressed]
            .into_iter()
            .find(|&encoding| Self::encoded_len(encoding) == len)
    }

    /// The point that `bytes` encode (`docs/spec/ceremony.md#check-2`): on the curve, perhaps not
    /// in the subgroup, perhaps the point at infinity.
    ///
    /// # Errors
    ///
    /// When the bytes are not the one encoding of a point.
    fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, PointError>;

    /// Appends the encoding of the point to `out`.
    fn encode(&self, encoding: Encoding, out: &mut Vec<u8>);

    /// Whether the point is in the subgroup of prime order (`docs/spec/ceremony.md#check-3`). The
    /// point at infinity is.
    fn in_subgroup(&self) -> bool;
}

/// Calls one of the library's decoders on bytes that [`check_canonical`] has accepted. What can
/// still be wrong is that no point of the curve has the coordinates.
macro_rules! on_curve {
    ($point:ty, $decoder:path, $bytes:expr) => {{
        let mut point = <$point>::identity();
        // SAFETY: the decoder writes one affine point, and reads as many bytes as the array that
        // `exact` has made of the input has.
        #[allow(unsafe_code)]
        let result = unsafe { $decoder(point.as_mut(), $bytes.as_ptr()) };
        match result {
            // The second is the library's answer for (0, ±2) alone, two points of the curve whose
            // order is 3. The subgroup check refuses them like every other such point.
            BLST_ERROR::BLST_SUCCESS | BLST_ERROR::BLST_POINT_NOT_IN_GROUP => Ok(point),
            _ => Err(PointError::NotOnCurve),
        }
    }};
}

impl Point for G1Affine {
    const GROUP: &'static str = "G1";
    const COMPRESSED_LEN: usize = FP_LEN;

    fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, PointError> {
        match encoding {
            Encoding::Compressed => {
                let bytes: &[u8; 48] = exact(bytes)?;
                check_canonical(bytes, encoding, &["x"])?;
                on_curve!(Self, blst::blst_p1_uncompress, bytes)
            }
            Encoding::Uncompressed => {
                let bytes: &[u8; 96] = exact(bytes)?;
                check_canonical(bytes, encoding, &["x", "y"])?;
                on_curve!(Self, blst::blst_p1_deserialize, bytes)
            }
        }
    }

    fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Compressed => out.extend_from_slice(&self.to_compressed()),
            Encoding::Uncompressed => out.extend_from_slice(&self.to_uncompressed()),
        }
    }

    fn in_subgroup(&self) -> bool {
        self.is_torsion_free().into()
    }
}

impl Point for G2Affine {
    const GROUP: &'static str = "G2";
    const COMPRESSED_LEN: usize = 2 * FP_LEN;

    fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, PointError> {
        match encoding {
            Encoding::Compressed => {
                let bytes: &[u8; 96] = exact(bytes)?;
                check_canonical(bytes, encoding, &["x.c1", "x.c0"])?;
                on_curve!(Self, blst::blst_p2_uncompress, bytes)
            }
            Encoding::Uncompressed => {
                let bytes: &[u8; 192] = exact(bytes)?;
                check_canonical(bytes, encoding, &["x.c1", "x.c0", "y.c1", "y.c0"])?;
                on_curve!(Self, blst::blst_p2_deserialize, bytes)
            }
        }
    }

    fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Compressed => out.extend_from_slice(&self.to_compressed()),
            Encoding::Uncompressed => out.extend_from_slice(&self.to_uncompressed()),
        }
    }

    fn in_subgroup(&self) -> bool {
        self.is_torsion_free().into()
    }
}

/// The bytes as an array, when there are as many as must be.
fn exact<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], PointError> {
    bytes.try_into().map_err(|_| PointError::Length {
        expected: N,
        got: bytes.len(),
    })
}

/// Checks flags and coordinates of an encoded point. What remains is the curve's equation.
fn check_canonical(
    bytes: &[u8],
    encoding: Encoding,
    coordinates: &[&'static str],
) -> Result<(), PointError> {
    let flags = bytes[0] & FLAGS;
    match encoding {
        Encoding::Compressed if flags & FLAG_COMPRESSED == 0 => {
            return Err(PointError::NotCompressed);
        }
        Encoding::Uncompressed if flags & (FLAG_COMPRESSED | FLAG_SIGN) != 0 => {
            return Err(PointError::NotUncompressed);
        }
        _ => {}
    }
    if flags & FLAG_INFINITY != 0 {
        let only_flag = flags & FLAG_SIGN == 0
            && bytes[0] & !FLAGS == 0
            && bytes[1..].iter().all(|&byte| byte == 0);
        return if only_flag {
            Ok(())
        } else {
            Err(PointError::Infinity)
        };
    }
    for (i, (field, &coordinate)) in bytes.chunks_exact(FP_LEN).zip(coordinates).enumerate() {
        let first = if i == 0 { field[0] & !FLAGS } else { field[0] };
        if (first, &field[1..]) >= (MODULUS[0], &MODULUS[1..]) {
            return Err(PointError::NotCanonical { coordinate });
        }
    }
    Ok(())
}

/// Writes the compressed encoding of a point, given the uncompressed one, over the first half of
/// it. Of bytes that are no point, something comes out that depends on all of x and little of y.
pub(crate) fn compress(uncompressed: &mut [u8]) {
    let (x, y) = uncompressed.split_at_mut(uncompressed.len() / 2);
    let decides = y
        .chunks_exact(FP_LEN)
        .find(|coordinate| coordinate.iter().any(|&byte| byte != 0));
    // y of the point at infinity is 0, which is no larger than itself.
    if decides.is_some_and(|coordinate| coordinate > &HALF[..]) {
        x[0] |= FLAG_SIGN;
    }
    x[0] |= FLAG_COMPRESSED;
}

/// The value of each lower-case hex digit; `NO_DIGIT` for every other byte.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    digits
};
const NO_DIGIT: u8 = 0xff;

/// Appends to `out` the bytes that `text`, lower-case hex with `0x`, stands for
/// (`docs/spec/ceremony.md#hex`).
///
/// On an error `out` is as it was.
///
/// # Errors
///
/// When the prefix is missing, when the number of digits is odd or not `2 * len`, when a
/// character is not a lower-case hex digit. Characters outside of ASCII are the last of these.
pub fn decode_hex(text: &str, len: usize, out: &mut Vec<u8>) -> Result<(), PointError> {
    let digits = text
        .as_bytes()
        .strip_prefix(b"0x")
        .ok_or(PointError::MissingPrefix)?;
    let start = out.len();
    if digits.len() == 2 * len {
        let value = |c: u8| DIGITS[usize::from(c)];
        let mut all = 0;
        out.extend(digits.chunks_exact(2).map(|pair| {
            let (high, low) = (value(pair[0]), value(pair[1]));
            all |= high | low;
            high << 4 | low
        }));
        // Of values above 15, one only is in the table.
        if all != NO_DIGIT {
            return Ok(());
        }
        out.truncate(start);
    }
    // The characters first: `0xzz` is better told "not a digit" than "too short".
    if let Some(at) = digits
        .iter()
        .position(|&c| DIGITS[usize::from(c)] == NO_DIGIT)
    {
        return Err(PointError::Digit { at: at + 2 });
    }
    if !digits.len().is_multiple_of(2) {
        return Err(PointError::OddLength {
            digits: digits.len(),
        });
    }
    Err(PointError::Length {
        expected: len,
        got: digits.len() / 2,
    })
}

/// `bytes` as lower-case hex with `0x`.
#[must_use]
pub fn encode_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    text.push_str(&hex::encode(bytes));
    text
}
