//! Lists of points from bytes and from the library's points, and back, lane by lane.

use group::prime::PrimeCurveAffine;

use crate::arithmetic::curve::affine::Affine;
use crate::arithmetic::curve::groups::{Coordinates, Curve, Elem, FP_LEN, Integers, Over};
use crate::arithmetic::field::lanes::{Field, Lanes, MAX_LANES, Mask, Task};
use crate::arithmetic::field::limbs::{WORDS, is_below_p};
use crate::encoding::{Encoding, Point, PointError};

/// Flags in the first byte (`docs/spec/ceremony.md#points`).
const COMPRESSED: u8 = 0x80;
const INFINITY: u8 = 0x40;
const SIGN: u8 = 0x20;
const FLAGS: u8 = COMPRESSED | INFINITY | SIGN;

/// Why a list does not decode: the lowest bad index, and what is wrong with that point.
pub(crate) type Undecodable = (usize, PointError);

/// Appends the points of `bytes`, a multiple of a point's length, to `out`.
pub(crate) struct Decode<'a, C: Curve, L: Lanes> {
    pub(crate) bytes: &'a [u8],
    pub(crate) encoding: Encoding,
    pub(crate) out: &'a mut Vec<Affine<Elem<C, L>>>,
}

impl<C: Curve, L: Lanes> Task<L> for Decode<'_, C, L> {
    type Output = Result<(), Undecodable>;

    #[inline(always)]
    fn run(self, lanes: L) -> Result<(), Undecodable> {
        match self.encoding {
            Encoding::Compressed => compressed::<C, L>(lanes, self.bytes, self.out),
            Encoding::Uncompressed => uncompressed::<C, L>(lanes, self.bytes, self.out),
        }
    }
}

/// Two vectors at a time, whose roots are taken side by side.
#[inline(always)]
fn compressed<C: Curve, L: Lanes>(
    lanes: L,
    bytes: &[u8],
    out: &mut Vec<Affine<Elem<C, L>>>,
) -> Result<(), Undecodable> {
    let field = C::over(lanes);
    let vector_len = L::N * C::COMPONENTS * FP_LEN;
    for (i, bytes) in bytes.chunks(2 * vector_len).enumerate() {
        let (low, high) = bytes.split_at(bytes.len().min(vector_len));
        let numbers = [low, high].map(|bytes| Numbers::read::<C>(bytes, Encoding::Compressed));
        let (a, b) = (numbers[0].x::<C, L>(lanes), numbers[1].x::<C, L>(lanes));
        let (square_a, square_b) = (C::cubic(lanes, a), C::cubic(lanes, b));
        let [root_a, root_b] = C::roots(lanes, square_a, square_b);
        let vectors = [(a, square_a, root_a, low), (b, square_b, root_b, high)];
        for (half, (x, square, y, bytes)) in vectors.into_iter().enumerate() {
            let numbers = &numbers[half];
            let good = numbers.ordinary & is_root(field, y, square);
            let wrong_sign = C::sign(lanes, y) ^ numbers.signs;
            let negative = field.sub(field.offset(0), y, field.offset(1 << L::PRODUCT_BITS));
            let y = field.select(wrong_sign, negative, y);
            let first = (2 * i + half) * L::N;
            let source = Source {
                bytes,
                encoding: Encoding::Compressed,
                first,
            };
            append::<C, L>(lanes, [x, y], good, source, out)?;
        }
    }
    Ok(())
}

#[inline(always)]
fn uncompressed<C: Curve, L: Lanes>(
    lanes: L,
    bytes: &[u8],
    out: &mut Vec<Affine<Elem<C, L>>>,
) -> Result<(), Undecodable> {
    let encoding = Encoding::Uncompressed;
    let vector_len = L::N * 2 * C::COMPONENTS * FP_LEN;
    for (i, bytes) in bytes.chunks(vector_len).enumerate() {
        let numbers = Numbers::read::<C>(bytes, encoding);
        let (x, y) = (numbers.x::<C, L>(lanes), numbers.y::<C, L>(lanes));
        let good = numbers.ordinary & is_root(C::over(lanes), y, C::cubic(lanes, x));
        let source = Source {
            bytes,
            encoding,
            first: i * L::N,
        };
        append::<C, L>(lanes, [x, y], good, source, out)?;
    }
    Ok(())
}

/// The lanes where y² is the number, at most twice a product's bound.
#[inline(always)]
fn is_root<F: Field>(field: F, y: F::V, square: F::V) -> Mask {
    field.zero_mask(field.sub(field.sqr(y), square, field.offset(2 << F::PRODUCT_BITS)))
}

/// Encoded points, one for a lane.
#[derive(Clone, Copy)]
struct Source<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    /// The first one's index.
    first: usize,
}

/// Appends the good lanes as they are, and what the other points' decoder says about the rest.
#[inline(always)]
fn append<C: Curve, L: Lanes>(
    lanes: L,
    xy: Coordinates<C, L>,
    good: Mask,
    source: Source<'_>,
    out: &mut Vec<Affine<Elem<C, L>>>,
) -> Result<(), Undecodable> {
    let len = C::Point::encoded_len(source.encoding);
    let points = store(C::over(lanes), xy);
    for (lane, bytes) in source.bytes.chunks_exact(len).enumerate() {
        if good >> lane & 1 == 1 {
            out.push(points[lane]);
        } else {
            let point = C::Point::decode(bytes, source.encoding)
                .map_err(|error| (source.first + lane, error))?;
            from_library::<C, L>(lanes, &[point], out);
        }
    }
    Ok(())
}

/// The points of all lanes.
#[inline(always)]
pub(crate) fn store<F: Field>(field: F, [x, y]: [F::V; 2]) -> [Affine<F::Elem>; MAX_LANES] {
    let mut xs = [F::ZERO; MAX_LANES];
    let mut ys = [F::ZERO; MAX_LANES];
    field.store(x, &mut xs);
    field.store(y, &mut ys);
    let mut points = [Affine::default(); MAX_LANES];
    for (point, (x, y)) in points.iter_mut().zip(xs.into_iter().zip(ys)) {
        *point = Affine { x, y };
    }
    points
}

/// At most as many points as lanes; where there are fewer, the rest is infinity.
#[inline(always)]
pub(crate) fn load<F: Field>(field: F, points: &[Affine<F::Elem>]) -> [F::V; 2] {
    let mut xs = [F::ZERO; MAX_LANES];
    let mut ys = [F::ZERO; MAX_LANES];
    for ((x, y), point) in xs.iter_mut().zip(&mut ys).zip(points) {
        (*x, *y) = (point.x, point.y);
    }
    [field.load(xs.each_ref()), field.load(ys.each_ref())]
}

/// Appends the library's points to `out`.
#[inline(always)]
pub(crate) fn from_library<C: Curve, L: Lanes>(
    lanes: L,
    points: &[C::Point],
    out: &mut Vec<Affine<Elem<C, L>>>,
) {
    for chunk in points.chunks(L::N) {
        let mut lane_points = [C::Point::identity(); MAX_LANES];
        lane_points[..chunk.len()].copy_from_slice(chunk);
        let field = C::over(lanes);
        let xy = C::read(lanes, &lane_points);
        out.extend_from_slice(&store(field, xy)[..chunk.len()]);
    }
}

/// Appends points, of the lowest level, as the library has them, to `out`.
#[inline(always)]
pub(crate) fn to_library<C: Curve, L: Lanes>(
    lanes: L,
    points: &[Affine<Elem<C, L>>],
    out: &mut Vec<C::Point>,
) {
    for chunk in points.chunks(L::N) {
        let xy = load(C::over(lanes), chunk);
        out.extend_from_slice(&C::write(lanes, xy)[..chunk.len()]);
    }
}

/// The numbers of as many encoded points as lanes; those of a point that is not ordinary are zero.
struct Numbers {
    /// Of x and of y, in the order of the encoding.
    coordinates: [[Integers; 2]; 2],
    /// The lanes whose flags are those of a finite point, and whose numbers are below p.
    ordinary: Mask,
    /// The lanes with the sign's flag.
    signs: Mask,
}

impl Numbers {
    /// Reads at most as many points as lanes; `bytes` is a multiple of a point's length.
    fn read<C: Curve>(bytes: &[u8], encoding: Encoding) -> Self {
        let (count, flags, expected) = match encoding {
            Encoding::Compressed => (C::COMPONENTS, COMPRESSED | INFINITY, COMPRESSED),
            Encoding::Uncompressed => (2 * C::COMPONENTS, FLAGS, 0),
        };
        let mut numbers = Self {
            coordinates: [[[[0; WORDS]; MAX_LANES]; 2]; 2],
            ordinary: 0,
            signs: 0,
        };
        for (lane, point) in bytes.chunks_exact(count * FP_LEN).enumerate() {
            let mut read = [[0; WORDS]; 4];
            let mut is_ordinary = point[0] & flags == expected;
            for (i, (words, bytes)) in read.iter_mut().zip(point.chunks_exact(FP_LEN)).enumerate() {
                *words = big_endian(bytes);
                if i == 0 {
                    words[WORDS - 1] &= !(u64::from(FLAGS) << 56);
                }
                is_ordinary &= is_below_p(*words);
            }
            if is_ordinary {
                for (i, words) in read.into_iter().take(count).enumerate() {
                    place::<C>(&mut numbers, i)[lane] = words;
                }
                numbers.ordinary |= 1 << lane;
                numbers.signs |= Mask::from(point[0] & SIGN != 0) << lane;
            }
        }
        numbers
    }

    #[inline(always)]
    fn x<C: Curve, L: Lanes>(&self, lanes: L) -> <Over<C, L> as Field>::V {
        C::element(lanes, &self.coordinates[0])
    }

    #[inline(always)]
    fn y<C: Curve, L: Lanes>(&self, lanes: L) -> <Over<C, L> as Field>::V {
        C::element(lanes, &self.coordinates[1])
    }
}

/// Where the i-th number of a point belongs.
fn place<C: Curve>(numbers: &mut Numbers, i: usize) -> &mut Integers {
    &mut numbers.coordinates[i / C::COMPONENTS][i % C::COMPONENTS]
}

fn big_endian(bytes: &[u8]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks_exact(8)) {
        *word = bytes
            .iter()
            .fold(0, |word, &byte| word << 8 | u64::from(byte));
    }
    words
}
