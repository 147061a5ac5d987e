//! Many additions of affine points side by side.
//!
//! A batch of additions shares one inversion (Montgomery's trick), so that an addition costs five
//! products and a square. Where two points of a pair have the same abscissa, or one is infinity, a
//! mask or a product of zero shows it. Then the batch is done again with all cases told apart by
//! masks, which makes it at most half as slow again, whoever chose the points.
//!
//! # Bounds
//!
//! Write M = 2^[`Field::PRODUCT_BITS`], the bound of a product in multiples of p. Points are of
//! *level* l when their coordinates are at most (2ˡ − M)·p; products are of the lowest level,
//! [`Level::of_products`]. The sum of two points of level l has x₃ = λ² − (x₁ + x₂) + (2ˡ⁺¹ − 2M)·p, at
//! most (M + 2ˡ⁺¹ − 2M)·p, and y₃ = λ·(x₁ − x₃ + 2ˡ⁺¹·p) − y₁ + (2ˡ − M)·p, at most 2ˡ·p: it is of
//! level l + 1. Before [`Level::MAX`] is exceeded, products with one bring points down again.

use crate::arithmetic::curve::level::Level;
use crate::arithmetic::field::lanes::{Field, MAX_LANES, Mask};

/// Pairs in a batch: few enough that their points, denominators and products fit in a core's
/// second-level cache of a megabyte, so many that an inversion counts little. Measured in eight
/// lanes on lists of 32,768 points: half or twice as many cost some percent more, a quarter a
/// third more.
const BATCH: usize = 2048;

/// Vectors between a prefetch and the load; measured, and flat from 2 to 8.
const AHEAD: usize = 4;

/// An affine point of a curve y² = x³ + b, b ≠ 0; infinity is (0, 0), which is on none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Affine<E> {
    pub(crate) x: E,
    pub(crate) y: E,
}

/// Beside a place in a list: not the point there is meant but its opposite.
pub(crate) const OPPOSITE: u32 = 1 << 31;

/// A place without [`OPPOSITE`].
#[inline(always)]
pub(crate) const fn place(place: u32) -> usize {
    (place & !OPPOSITE) as usize
}

/// Two points of a list, or their opposites, and the place of the sum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) a: u32,
    pub(crate) b: u32,
    pub(crate) sum: u32,
}

/// What batches keep, used again and again.
pub(crate) struct Batches<F: Field> {
    /// The product of all denominators before each vector.
    products: Vec<F::V>,
    denominators: Vec<F::V>,
    cases: Vec<Cases>,
    /// How many needed the complete addition, for tests.
    pub(crate) complete: usize,
}

impl<F: Field> Batches<F> {
    pub(crate) fn new() -> Self {
        Self {
            products: Vec::with_capacity(BATCH / F::N),
            denominators: Vec::with_capacity(BATCH / F::N),
            cases: Vec::new(),
            complete: 0,
        }
    }
}

/// The offsets of a level: see [the module](self).
struct Offsets<F: Field> {
    point: F::V,
    sum: F::V,
    x3: F::V,
    y: F::V,
}

impl<F: Field> Offsets<F> {
    #[inline(always)]
    fn of(field: F, level: Level) -> Self {
        debug_assert!(
            (Level::of_products::<F>()..=Level::MAX).contains(&level),
            "{level:?}"
        );
        let level = level.bits();
        debug_assert!(F::PRODUCT_BITS + level + 2 <= F::OPERAND_BITS);
        debug_assert!(2 * level <= F::OPERAND_BITS);
        let product = 1 << F::PRODUCT_BITS;
        Self {
            point: field.offset(1 << level),
            sum: field.offset((2 << level) - 2 * product),
            x3: field.offset(2 << level),
            y: field.offset((1 << level) - product),
        }
    }
}

/// The vectors of a chunk of pairs; a short chunk is filled up with its last pair.
struct Loaded<'a, E> {
    a: [&'a Affine<E>; MAX_LANES],
    b: [&'a Affine<E>; MAX_LANES],
    /// The lanes whose opposite is meant, of `a` and of `b`.
    opposite: [Mask; 2],
}

impl<'a, E> Loaded<'a, E> {
    #[inline(always)]
    fn of(source: &'a [Affine<E>], pairs: &[Pair]) -> Self {
        let last = pairs.len() - 1;
        let mut a = [&source[place(pairs[0].a)]; MAX_LANES];
        let mut b = [&source[place(pairs[0].b)]; MAX_LANES];
        let mut opposite = [0; 2];
        let mut i = 0;
        while i < MAX_LANES {
            let pair = pairs[if i < last { i } else { last }];
            a[i] = &source[place(pair.a)];
            b[i] = &source[place(pair.b)];
            opposite[0] |= Mask::from(pair.a & OPPOSITE != 0) << i;
            opposite[1] |= Mask::from(pair.b & OPPOSITE != 0) << i;
            i += 1;
        }
        Self { a, b, opposite }
    }

    #[inline(always)]
    fn x<F: Field<Elem = E>>(&self, field: F) -> (F::V, F::V) {
        (load_x(field, &self.a), load_x(field, &self.b))
    }

    #[inline(always)]
    fn y<F: Field<Elem = E>>(&self, field: F, offsets: &Offsets<F>) -> (F::V, F::V) {
        let [a, b] = self.opposite;
        (
            opposite_where(field, a, load_y(field, &self.a), offsets.y),
            opposite_where(field, b, load_y(field, &self.b), offsets.y),
        )
    }
}

/// −y in the lanes of the mask, but for the 0 of infinity, which stays. `offset` is the bound of
/// y, and of what comes out.
#[inline(always)]
fn opposite_where<F: Field>(field: F, mask: Mask, y: F::V, offset: F::V) -> F::V {
    if mask == 0 {
        return y;
    }
    let negative = field.sub(field.offset(0), y, offset);
    field.select(mask & !field.null_mask(y), negative, y)
}

/// The opposite of a point of `level`, of the same level.
#[inline(always)]
pub(crate) fn opposite<F: Field>(
    field: F,
    point: &Affine<F::Elem>,
    level: Level,
) -> Affine<F::Elem> {
    let offsets = Offsets::of(field, level);
    let mut ys = [F::ZERO; MAX_LANES];
    let y = opposite_where(field, !0, field.splat(&point.y), offsets.y);
    field.store(y, &mut ys);
    Affine {
        x: point.x,
        y: ys[0],
    }
}

/// Loops, here and in other places: what `map` makes of an array is not always inlined.
#[inline(always)]
fn load_x<F: Field>(field: F, points: &[&Affine<F::Elem>; MAX_LANES]) -> F::V {
    let mut xs = [&points[0].x; MAX_LANES];
    let mut i = 0;
    while i < MAX_LANES {
        xs[i] = &points[i].x;
        i += 1;
    }
    field.load(xs)
}

#[inline(always)]
fn load_y<F: Field>(field: F, points: &[&Affine<F::Elem>; MAX_LANES]) -> F::V {
    let mut ys = [&points[0].y; MAX_LANES];
    let mut i = 0;
    while i < MAX_LANES {
        ys[i] = &points[i].y;
        i += 1;
    }
    field.load(ys)
}

/// The lanes of a vector of pairs that are no plain addition.
#[derive(Clone, Copy)]
struct Cases {
    /// Equal points, neither infinity nor of order two.
    double: Mask,
    a_infinite: Mask,
    b_infinite: Mask,
    /// Opposite points: the sum is infinity.
    opposite: Mask,
}

/// Writes the sums of pairs of `source`, whose points are of `level`, to their places in `out`.
/// They are of the next level.
#[inline(always)]
pub(crate) fn add_pairs<F: Field>(
    field: F,
    source: &[Affine<F::Elem>],
    pairs: &[Pair],
    out: &mut [Affine<F::Elem>],
    level: Level,
    batches: &mut Batches<F>,
) {
    let offsets = Offsets::of(field, level);
    for batch in pairs.chunks(BATCH) {
        if !add_distinct(field, source, batch, out, &offsets, batches) {
            batches.complete += 1;
            add_complete(field, source, batch, out, &offsets, batches);
        }
    }
}

/// Adds a batch, and returns true, if all abscissas differ and no point is infinity.
#[inline(always)]
fn add_distinct<F: Field>(
    field: F,
    source: &[Affine<F::Elem>],
    pairs: &[Pair],
    out: &mut [Affine<F::Elem>],
    offsets: &Offsets<F>,
    batches: &mut Batches<F>,
) -> bool {
    batches.products.clear();
    batches.denominators.clear();
    let mut product = field.splat(&F::one());
    for (i, chunk) in pairs.chunks(F::N).enumerate() {
        let ahead = ((i + AHEAD) * F::N).min(pairs.len());
        for pair in &pairs[ahead..(ahead + F::N).min(pairs.len())] {
            for point in [&source[place(pair.a)], &source[place(pair.b)]] {
                field.prefetch(&point.x);
                field.prefetch(&point.y);
            }
        }
        let (x1, x2) = Loaded::of(source, chunk).x(field);
        if field.null_mask(x1) | field.null_mask(x2) != 0 {
            return false;
        }
        let difference = field.sub(x2, x1, offsets.point);
        batches.denominators.push(difference);
        batches.products.push(product);
        product = field.mul(product, difference);
    }
    let Some(mut inverse) = field.invert(product) else {
        return false;
    };
    for (i, chunk) in pairs.chunks(F::N).enumerate().rev() {
        let points = Loaded::of(source, chunk);
        let denominator = field.mul(inverse, batches.products[i]);
        inverse = field.mul(inverse, batches.denominators[i]);
        let (y1, y2) = points.y(field, offsets);
        let slope = field.mul(field.sub(y2, y1, offsets.point), denominator);
        let (x1, x2) = points.x(field);
        let (x3, y3) = third_point(field, slope, x1, y1, x2, offsets);
        write(field, x3, y3, chunk, out);
    }
    true
}

/// x₃ = λ² − x₁ − x₂, y₃ = λ·(x₁ − x₃) − y₁.
#[inline(always)]
fn third_point<F: Field>(
    field: F,
    slope: F::V,
    x1: F::V,
    y1: F::V,
    x2: F::V,
    offsets: &Offsets<F>,
) -> (F::V, F::V) {
    let x3 = field.sub(field.sqr(slope), field.add(x1, x2), offsets.sum);
    let y3 = field.mul(slope, field.sub(x1, x3, offsets.x3));
    (x3, field.sub(y3, y1, offsets.y))
}

#[inline(always)]
fn write<F: Field>(field: F, x: F::V, y: F::V, pairs: &[Pair], out: &mut [Affine<F::Elem>]) {
    let mut xs = [F::ZERO; MAX_LANES];
    let mut ys = [F::ZERO; MAX_LANES];
    field.store(x, &mut xs);
    field.store(y, &mut ys);
    for (lane, pair) in pairs.iter().enumerate() {
        out[pair.sum as usize] = Affine {
            x: xs[lane],
            y: ys[lane],
        };
    }
}

/// Adds a batch of any points: equal, opposite, infinite.
#[inline(always)]
fn add_complete<F: Field>(
    field: F,
    source: &[Affine<F::Elem>],
    pairs: &[Pair],
    out: &mut [Affine<F::Elem>],
    offsets: &Offsets<F>,
    batches: &mut Batches<F>,
) {
    batches.products.clear();
    batches.denominators.clear();
    batches.cases.clear();
    let one = field.splat(&F::one());
    let zero = field.splat(&F::Elem::default());
    let mut product = one;
    for chunk in pairs.chunks(F::N) {
        let points = Loaded::of(source, chunk);
        let ((x1, x2), (y1, y2)) = (points.x(field), points.y(field, offsets));
        let mut difference = field.sub(x2, x1, offsets.point);
        let a_infinite = field.null_mask(x1) & field.null_mask(y1);
        let b_infinite = field.null_mask(x2) & field.null_mask(y2);
        let same_x = field.zero_mask(difference) & !a_infinite & !b_infinite;
        let mut double = 0;
        if same_x != 0 {
            let same_y = field.zero_mask(field.sub(y2, y1, offsets.point));
            double = same_x & same_y & !field.zero_mask(y1);
            difference = field.select(double, field.add(y1, y1), difference);
        }
        let cases = Cases {
            double,
            a_infinite,
            b_infinite,
            opposite: same_x & !double,
        };
        let no_slope = a_infinite | b_infinite | cases.opposite;
        difference = field.select(no_slope, one, difference);
        batches.cases.push(cases);
        batches.denominators.push(difference);
        batches.products.push(product);
        product = field.mul(product, difference);
    }
    // No denominator is zero: a difference of abscissas is used only where it is not, twice an
    // ordinate neither. The fallback is never taken.
    let mut inverse = field.invert(product).unwrap_or(one);
    for (i, chunk) in pairs.chunks(F::N).enumerate().rev() {
        let points = Loaded::of(source, chunk);
        let cases = batches.cases[i];
        let denominator = field.mul(inverse, batches.products[i]);
        inverse = field.mul(inverse, batches.denominators[i]);
        let ((x1, x2), (y1, y2)) = (points.x(field), points.y(field, offsets));
        let mut numerator = field.sub(y2, y1, offsets.point);
        if cases.double != 0 {
            let square = field.sqr(x1);
            let triple = field.add(field.add(square, square), square);
            numerator = field.select(cases.double, triple, numerator);
        }
        let slope = field.mul(numerator, denominator);
        let (x3, y3) = third_point(field, slope, x1, y1, x2, offsets);
        let x3 = field.select(cases.opposite, zero, x3);
        let y3 = field.select(cases.opposite, zero, y3);
        let x3 = field.select(cases.b_infinite, x1, x3);
        let y3 = field.select(cases.b_infinite, y1, y3);
        let x3 = field.select(cases.a_infinite, x2, x3);
        let y3 = field.select(cases.a_infinite, y2, y3);
        write(field, x3, y3, chunk, out);
    }
}

/// Brings points to the lowest level. Infinity stays (0, 0).
#[inline(always)]
pub(crate) fn refresh<F: Field>(field: F, points: &mut [Affine<F::Elem>]) {
    for chunk in points.chunks_mut(F::N) {
        let last = chunk.len() - 1;
        let mut xs = [F::ZERO; MAX_LANES];
        let mut ys = [F::ZERO; MAX_LANES];
        let mut i = 0;
        while i < F::N {
            let point = chunk[if i < last { i } else { last }];
            (xs[i], ys[i]) = (point.x, point.y);
            i += 1;
        }
        field.store(field.reduce(field.load(xs.each_ref())), &mut xs);
        field.store(field.reduce(field.load(ys.each_ref())), &mut ys);
        for (point, (x, y)) in chunk.iter_mut().zip(xs.into_iter().zip(ys)) {
            *point = Affine { x, y };
        }
    }
}
