//! Points of G1 from bytes, as many side by side as there are lanes.
//!
//! Only the ordinary case is done here: a canonical encoding of a finite point of the curve. Any
//! other goes to [`Point::decode`], which knows the errors; so both say the same, always.

use blstrs::G1Affine;

use crate::encoding::{Encoding, Point};
use crate::error::PointError;

use super::affine::Affine;
use super::lanes::{Lanes, MAX_LANES, Mask, Task};
use super::limbs::{WORDS, is_below_p};
use super::roots::root_candidates;

/// Bytes of a coordinate.
const FP_LEN: usize = 8 * WORDS;

/// The flags in the first byte: compressed, infinity, sign (`ceremony.md`, Documents).
const COMPRESSED: u8 = 0x80;
const INFINITY: u8 = 0x40;
const SIGN: u8 = 0x20;
const FLAGS: u8 = COMPRESSED | INFINITY | SIGN;

/// Why a list does not decode: the lowest bad index, and what is wrong with that point.
pub(crate) type Undecodable = (usize, PointError);

/// Appends the points of `bytes` to `out`.
pub(crate) struct Decode<'a, E> {
    pub(crate) bytes: &'a [u8],
    pub(crate) encoding: Encoding,
    pub(crate) out: &'a mut Vec<Affine<E>>,
}

impl<L: Lanes> Task<L> for Decode<'_, L::Elem> {
    type Output = Result<(), Undecodable>;

    #[inline(always)]
    fn run(self, lanes: L) -> Result<(), Undecodable> {
        match self.encoding {
            Encoding::Compressed => decode_compressed(lanes, self.bytes, self.out),
            Encoding::Uncompressed => decode_uncompressed(lanes, self.bytes, self.out),
        }
    }
}

/// A big-endian number, without the flags in its first byte.
fn words(bytes: &[u8]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks_exact(8)) {
        *word = bytes
            .iter()
            .fold(0, |word, &byte| word << 8 | u64::from(byte));
    }
    words[WORDS - 1] &= !(u64::from(FLAGS) << 56);
    words
}

/// Coordinates of as many points as lanes; what is not ordinary reads as zero.
#[derive(Clone, Copy, Default)]
struct Numbers {
    x: [[u64; WORDS]; MAX_LANES],
    y: [[u64; WORDS]; MAX_LANES],
    ordinary: Mask,
    signs: Mask,
}

impl Numbers {
    fn compressed<'a>(points: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut numbers = Self::default();
        for (lane, bytes) in points.enumerate() {
            let x = words(bytes);
            if bytes[0] & (COMPRESSED | INFINITY) == COMPRESSED && is_below_p(x) {
                numbers.x[lane] = x;
                numbers.ordinary |= 1 << lane;
                numbers.signs |= Mask::from(bytes[0] & SIGN != 0) << lane;
            }
        }
        numbers
    }

    fn uncompressed<'a>(points: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut numbers = Self::default();
        for (lane, bytes) in points.enumerate() {
            let (x, y) = (words(&bytes[..FP_LEN]), words(&bytes[FP_LEN..]));
            let has_flags = (bytes[0] | bytes[FP_LEN]) & FLAGS != 0;
            if !has_flags && is_below_p(x) && is_below_p(y) {
                numbers.x[lane] = x;
                numbers.y[lane] = y;
                numbers.ordinary |= 1 << lane;
            }
        }
        numbers
    }
}

/// x³ + 4, below 2 bits.
#[inline(always)]
fn curve<L: Lanes>(lanes: L, x: L::V) -> L::V {
    let four = lanes.from_integers(&[[4, 0, 0, 0, 0, 0]; MAX_LANES]);
    lanes.add(lanes.mul(lanes.sqr(x), x), four)
}

/// The lanes where y² is the number, which is below 2 bits.
#[inline(always)]
fn is_root<L: Lanes>(lanes: L, y: L::V, square: L::V) -> Mask {
    lanes.zero_mask(lanes.sub(lanes.sqr(y), square, lanes.offset(4)))
}

#[inline(always)]
fn decode_compressed<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    out: &mut Vec<Affine<L::Elem>>,
) -> Result<(), Undecodable> {
    let encoding = Encoding::Compressed;
    for (i, chunk) in bytes.chunks(2 * L::N * FP_LEN).enumerate() {
        let (low, high) = chunk.split_at(chunk.len().min(L::N * FP_LEN));
        let halves = [low, high].map(|half| Numbers::compressed(half.chunks(FP_LEN)));
        let a = lanes.from_integers(&halves[0].x);
        let b = lanes.from_integers(&halves[1].x);
        let (square_a, square_b) = (curve(lanes, a), curve(lanes, b));
        let (root_a, root_b) = root_candidates(lanes, square_a, square_b);
        let vectors = [(a, square_a, root_a, low), (b, square_b, root_b, high)];
        for (half, (x, square, root, bytes)) in vectors.into_iter().enumerate() {
            let numbers = &halves[half];
            let good = numbers.ordinary & is_root(lanes, root, square);
            let wrong_sign = lanes.greater_mask(root) ^ numbers.signs;
            let zero = lanes.splat(&L::Elem::default());
            let y = lanes.select(wrong_sign, lanes.sub(zero, root, lanes.offset(2)), root);
            let first = (2 * i + half) * L::N;
            append(lanes, x, y, good, bytes, encoding, first, out)?;
        }
    }
    Ok(())
}

#[inline(always)]
fn decode_uncompressed<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    out: &mut Vec<Affine<L::Elem>>,
) -> Result<(), Undecodable> {
    let encoding = Encoding::Uncompressed;
    for (i, chunk) in bytes.chunks(L::N * 2 * FP_LEN).enumerate() {
        let numbers = Numbers::uncompressed(chunk.chunks(2 * FP_LEN));
        let (x, y) = (
            lanes.from_integers(&numbers.x),
            lanes.from_integers(&numbers.y),
        );
        let good = numbers.ordinary & is_root(lanes, y, curve(lanes, x));
        append(lanes, x, y, good, chunk, encoding, i * L::N, out)?;
    }
    Ok(())
}

/// Appends the good lanes as they are, and what the other points' decoder says about the rest.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn append<L: Lanes>(
    lanes: L,
    x: L::V,
    y: L::V,
    good: Mask,
    bytes: &[u8],
    encoding: Encoding,
    first: usize,
    out: &mut Vec<Affine<L::Elem>>,
) -> Result<(), Undecodable> {
    let mut xs = [L::Elem::default(); MAX_LANES];
    let mut ys = [L::Elem::default(); MAX_LANES];
    lanes.store(x, &mut xs);
    lanes.store(y, &mut ys);
    for (lane, bytes) in bytes.chunks(G1Affine::encoded_len(encoding)).enumerate() {
        if good >> lane & 1 == 1 {
            out.push(Affine {
                x: xs[lane],
                y: ys[lane],
            });
        } else {
            let point = G1Affine::decode(bytes, encoding).map_err(|error| (first + lane, error))?;
            from_library(lanes, &[point], out);
        }
    }
    Ok(())
}

/// Appends the library's points to `out`.
#[inline(always)]
pub(crate) fn from_library<L: Lanes>(
    lanes: L,
    points: &[G1Affine],
    out: &mut Vec<Affine<L::Elem>>,
) {
    for chunk in points.chunks(L::N) {
        let mut x = [blst::blst_fp::default(); MAX_LANES];
        let mut y = [blst::blst_fp::default(); MAX_LANES];
        for (lane, point) in chunk.iter().enumerate() {
            (x[lane], y[lane]) = (point.as_ref().x, point.as_ref().y);
        }
        let mut xs = [L::Elem::default(); MAX_LANES];
        let mut ys = [L::Elem::default(); MAX_LANES];
        lanes.store(lanes.from_library(&x), &mut xs);
        lanes.store(lanes.from_library(&y), &mut ys);
        let pairs = xs.into_iter().zip(ys).take(chunk.len());
        out.extend(pairs.map(|(x, y)| Affine { x, y }));
    }
}

/// Appends points of a list, as the library has them, to `out`.
#[inline(always)]
pub(crate) fn to_library<L: Lanes>(lanes: L, points: &[Affine<L::Elem>], out: &mut Vec<G1Affine>) {
    for chunk in points.chunks(L::N) {
        let mut xs = [L::Elem::default(); MAX_LANES];
        let mut ys = [L::Elem::default(); MAX_LANES];
        for (lane, point) in chunk.iter().enumerate() {
            (xs[lane], ys[lane]) = (point.x, point.y);
        }
        let x = lanes.to_library(lanes.load(xs.each_ref()));
        let y = lanes.to_library(lanes.load(ys.each_ref()));
        out.extend((0..chunk.len()).map(|lane| {
            let mut point = G1Affine::default();
            *point.as_mut() = blst::blst_p1_affine {
                x: x[lane],
                y: y[lane],
            };
            point
        }));
    }
}
