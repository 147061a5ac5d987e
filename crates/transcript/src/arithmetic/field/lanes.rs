//! What the algorithms of this module ask of a field's arithmetic on several lanes at once.
//!
//! An algorithm is written once, generic over [`Field`] or [`Lanes`], as a [`Task`]; a value of an
//! implementing type is the proof that the processor has the instructions which its methods use.
//! Tasks and everything they call in the inner loops are `#[inline(always)]`: [`Lanes::enter`]
//! compiles the whole body with these instructions enabled.
//!
//! # Bounds
//!
//! Sums and differences are not reduced. An element *below k bits* is an integer below 2ᵏ·p, in
//! each of its components. Every method states what it gives; the caller keeps count, in
//! constants or in debug assertions. A vector of 52-bit limbs has room for 35 bits, a product
//! needs operands that have at most [`Field::OPERAND_BITS`] together. The portable
//! implementation reduces always, and ignores bounds.

use blst::blst_fp;

use crate::arithmetic::field::limbs::WORDS;

/// Most lanes that an implementation has; arrays of elements to load have this length.
pub(crate) const MAX_LANES: usize = 8;

/// An algorithm to be run with the instructions of `L` enabled.
pub(crate) trait Task<L: Lanes> {
    /// What it gives.
    type Output;

    /// Runs it; implementations are `#[inline(always)]`.
    fn run(self, lanes: L) -> Self::Output;
}

/// A set of lanes, one bit for each, the lowest for the first.
pub(crate) type Mask = u8;

/// Arithmetic on [`Field::N`] elements of the base field or of its quadratic extension at once.
pub(crate) trait Field: Copy + Send + Sync {
    /// The number of lanes.
    const N: usize;

    /// A product is below 2^`PRODUCT_BITS`·p.
    const PRODUCT_BITS: u32;

    /// A product is right when its operands are below a and b bits, a + b ≤ `OPERAND_BITS`.
    const OPERAND_BITS: u32;

    /// One element, in Montgomery form; `Default` is zero.
    type Elem: Copy + Default + PartialEq + Send + Sync + std::fmt::Debug;

    /// Zero, as an integer too.
    const ZERO: Self::Elem;

    /// As many elements as lanes.
    type V: Copy;

    /// The same element in every lane.
    fn splat(self, element: &Self::Elem) -> Self::V;

    /// The first `N` of `elements`, one in each lane.
    fn load(self, elements: [&Self::Elem; MAX_LANES]) -> Self::V;

    /// Writes each lane into the first `N` of `out`.
    fn store(self, v: Self::V, out: &mut [Self::Elem; MAX_LANES]);

    /// a·b, below [`PRODUCT_BITS`](Self::PRODUCT_BITS).
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;

    /// a², with the bounds of [`mul`](Self::mul).
    fn sqr(self, a: Self::V) -> Self::V;

    /// a + b; the bounds add up.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;

    /// a − b + `offset`, where `offset`, an [`offset`](Self::offset), is at least b. The bounds
    /// of a and `offset` add up.
    fn sub(self, a: Self::V, b: Self::V, offset: Self::V) -> Self::V;

    /// `K`·a, for a K below 16; the bound grows as much.
    fn times<const K: u64>(self, a: Self::V) -> Self::V;

    /// 3b·a for the b of the curve over this field, y² = x³ + b. `a` is at most four times a
    /// product's bound M; what comes of a product is at most 60M, of 3M at most 84M.
    fn times_3b(self, a: Self::V) -> Self::V;

    /// The same element with the bounds of a product. The integer zero stays what it is.
    fn reduce(self, v: Self::V) -> Self::V;

    /// `multiple`·p in every lane and component: a zero that is not smaller than what is to be
    /// subtracted. `multiple` is below 2³⁴.
    fn offset(self, multiple: u64) -> Self::V;

    /// The lanes that are zero modulo p; costs a product.
    fn zero_mask(self, v: Self::V) -> Mask;

    /// The lanes that are the integer zero: those of infinity, and no multiple of p.
    fn null_mask(self, v: Self::V) -> Mask;

    /// a in the lanes of `mask`, b in the others, in constant time.
    fn select(self, mask: Mask, a: Self::V, b: Self::V) -> Self::V;

    /// One, in Montgomery form.
    fn one() -> Self::Elem;

    /// The inverse of each lane, below [`PRODUCT_BITS`](Self::PRODUCT_BITS); none if a lane is
    /// zero. For a product, or anything else below 1 bit in each component after a product with
    /// one. In time that does not depend on the elements.
    fn invert(self, v: Self::V) -> Option<Self::V>;

    /// Asks for the element's memory, soon to be loaded.
    #[inline(always)]
    fn prefetch(self, _element: &Self::Elem) {}
}

/// What else the base field can do: exchange with `blst`, and with bytes.
pub(crate) trait Lanes: Field {
    /// Runs `task` with the instructions of this implementation enabled.
    fn enter<T: Task<Self>>(self, task: T) -> T::Output;

    /// The library's element in this form, in every lane.
    #[inline(always)]
    fn import_one(self, element: &blst_fp) -> Self::V {
        self.import(&[*element; MAX_LANES])
    }

    /// The library's elements in this form, one in each lane.
    fn import(self, elements: &[blst_fp; MAX_LANES]) -> Self::V;

    /// The first `N` lanes in the library's form. `v` is below 33 bits.
    fn export(self, v: Self::V) -> [blst_fp; MAX_LANES];

    /// The integers, below p, as elements. `words` are little-endian.
    fn integers(self, words: &[[u64; WORDS]; MAX_LANES]) -> Self::V;

    /// The lanes whose integer, below p, is greater than (p − 1)/2: the sign of a compressed
    /// point's y. `v` is below 33 bits. Right for what is not zero, as no y of a point is: the
    /// curve's group has odd order.
    fn greater_mask(self, v: Self::V) -> Mask;
}
