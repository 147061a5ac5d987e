//! The quadratic extension, a + b·u with u² = −1, on the lanes of the base field.

use crate::arithmetic::field::lanes::{Field, Lanes, MAX_LANES, Mask};

/// Arithmetic on [a, b] for a + b·u, of the lanes' elements.
///
/// Bounds are those of the components. A product's is four times the base field's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fp2<L>(pub(crate) L);

impl<L: Lanes> Fp2<L> {
    /// Components that are products of the base field times this are a product's bound.
    const BASE_BITS: u32 = L::PRODUCT_BITS;

    /// Most bits of what is squared.
    const SQUARE_BITS: u32 = (L::OPERAND_BITS - 2) / 2;
}

impl<L: Lanes> Field for Fp2<L> {
    const N: usize = L::N;
    const PRODUCT_BITS: u32 = L::PRODUCT_BITS + 2;
    const OPERAND_BITS: u32 = L::OPERAND_BITS - 2;
    type Elem = [L::Elem; 2];
    const ZERO: [L::Elem; 2] = [L::ZERO; 2];
    type V = [L::V; 2];

    #[inline(always)]
    fn splat(self, element: &Self::Elem) -> Self::V {
        [self.0.splat(&element[0]), self.0.splat(&element[1])]
    }

    #[inline(always)]
    fn load(self, elements: [&Self::Elem; MAX_LANES]) -> Self::V {
        let mut components = [[&elements[0][0]; MAX_LANES], [&elements[0][1]; MAX_LANES]];
        let mut i = 0;
        while i < MAX_LANES {
            components[0][i] = &elements[i][0];
            components[1][i] = &elements[i][1];
            i += 1;
        }
        [self.0.load(components[0]), self.0.load(components[1])]
    }

    #[inline(always)]
    fn store(self, v: Self::V, out: &mut [Self::Elem; MAX_LANES]) {
        let mut components = [[L::ZERO; MAX_LANES]; 2];
        self.0.store(v[0], &mut components[0]);
        self.0.store(v[1], &mut components[1]);
        for (i, element) in out.iter_mut().take(L::N).enumerate() {
            *element = [components[0][i], components[1][i]];
        }
    }

    /// Karatsuba's three products; the sums in front of one cost the two bits of
    /// [`OPERAND_BITS`](Field::OPERAND_BITS).
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        let base = self.0;
        let low = base.mul(a[0], b[0]);
        let high = base.mul(a[1], b[1]);
        let cross = base.mul(base.add(a[0], a[1]), base.add(b[0], b[1]));
        [
            base.sub(low, high, base.offset(1 << Self::BASE_BITS)),
            base.sub(
                cross,
                base.add(low, high),
                base.offset(2 << Self::BASE_BITS),
            ),
        ]
    }

    /// (a + b)(a − b) and 2ab.
    #[inline(always)]
    fn sqr(self, a: Self::V) -> Self::V {
        let base = self.0;
        let difference = base.sub(a[0], a[1], base.offset(1 << Self::SQUARE_BITS));
        [
            base.mul(base.add(a[0], a[1]), difference),
            base.mul(base.add(a[0], a[0]), a[1]),
        ]
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        [self.0.add(a[0], b[0]), self.0.add(a[1], b[1])]
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V, offset: Self::V) -> Self::V {
        [
            self.0.sub(a[0], b[0], offset[0]),
            self.0.sub(a[1], b[1], offset[1]),
        ]
    }

    #[inline(always)]
    fn times<const K: u64>(self, a: Self::V) -> Self::V {
        [self.0.times::<K>(a[0]), self.0.times::<K>(a[1])]
    }

    /// b = 4·(1 + u): twelve times (a − b) + (a + b)·u.
    #[inline(always)]
    fn times_3b(self, a: Self::V) -> Self::V {
        let base = self.0;
        let difference = base.sub(a[0], a[1], base.offset(4 << Self::PRODUCT_BITS));
        self.times::<12>([difference, base.add(a[0], a[1])])
    }

    #[inline(always)]
    fn reduce(self, v: Self::V) -> Self::V {
        [self.0.reduce(v[0]), self.0.reduce(v[1])]
    }

    #[inline(always)]
    fn offset(self, multiple: u64) -> Self::V {
        [self.0.offset(multiple); 2]
    }

    #[inline(always)]
    fn zero_mask(self, v: Self::V) -> Mask {
        self.0.zero_mask(v[0]) & self.0.zero_mask(v[1])
    }

    #[inline(always)]
    fn null_mask(self, v: Self::V) -> Mask {
        self.0.null_mask(v[0]) & self.0.null_mask(v[1])
    }

    #[inline(always)]
    fn select(self, mask: Mask, a: Self::V, b: Self::V) -> Self::V {
        [
            self.0.select(mask, a[0], b[0]),
            self.0.select(mask, a[1], b[1]),
        ]
    }

    fn one() -> Self::Elem {
        [L::one(), L::Elem::default()]
    }

    /// (a − b·u)/(a² + b²): −1 is no square, so the norm of what is not zero is not zero.
    #[inline(always)]
    fn invert(self, v: Self::V) -> Option<Self::V> {
        let base = self.0;
        let norm = base.add(base.sqr(v[0]), base.sqr(v[1]));
        let inverse = base.invert(base.reduce(norm))?;
        let imaginary = base.mul(v[1], inverse);
        let zero = base.offset(0);
        Some([
            base.mul(v[0], inverse),
            base.sub(zero, imaginary, base.offset(1 << Self::BASE_BITS)),
        ])
    }

    #[inline(always)]
    fn prefetch(self, element: &Self::Elem) {
        self.0.prefetch(&element[0]);
        self.0.prefetch(&element[1]);
    }
}
