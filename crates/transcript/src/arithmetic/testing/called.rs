//! Lanes whose operations are calls. Without it every test of a law would be compiled with the vector
//! operations written out at each place, which takes a compiler minutes and megabytes.

use blst::blst_fp;

use crate::arithmetic::field::lanes::{Field, Lanes, MAX_LANES, Mask, Task};
use crate::arithmetic::field::limbs::WORDS;

/// The same lanes, by calls.
#[derive(Clone, Copy)]
pub(super) struct Called<L>(pub(super) L);

/// Methods that hand on to those of the lanes within.
macro_rules! calls {
    ($(fn $name:ident(self $(, $argument:ident: $kind:ty)*) $(-> $result:ty)?;)*) => {
        $(
            #[inline(never)]
            fn $name(self $(, $argument: $kind)*) $(-> $result)? {
                self.0.$name($($argument),*)
            }
        )*
    };
}

impl<L: Lanes> Field for Called<L> {
    const N: usize = L::N;
    const PRODUCT_BITS: u32 = L::PRODUCT_BITS;
    const OPERAND_BITS: u32 = L::OPERAND_BITS;
    type Elem = L::Elem;
    const ZERO: Self::Elem = L::ZERO;
    type V = L::V;

    calls! {
        fn splat(self, element: &Self::Elem) -> Self::V;
        fn load(self, elements: [&Self::Elem; MAX_LANES]) -> Self::V;
        fn store(self, v: Self::V, out: &mut [Self::Elem; MAX_LANES]);
        fn mul(self, a: Self::V, b: Self::V) -> Self::V;
        fn sqr(self, a: Self::V) -> Self::V;
        fn add(self, a: Self::V, b: Self::V) -> Self::V;
        fn sub(self, a: Self::V, b: Self::V, offset: Self::V) -> Self::V;
        fn times_3b(self, a: Self::V) -> Self::V;
        fn reduce(self, v: Self::V) -> Self::V;
        fn offset(self, multiple: u64) -> Self::V;
        fn zero_mask(self, v: Self::V) -> Mask;
        fn null_mask(self, v: Self::V) -> Mask;
        fn select(self, mask: Mask, a: Self::V, b: Self::V) -> Self::V;
        fn invert(self, v: Self::V) -> Option<Self::V>;
        fn prefetch(self, element: &Self::Elem);
    }

    #[inline(never)]
    fn times<const K: u64>(self, a: Self::V) -> Self::V {
        self.0.times::<K>(a)
    }

    fn one() -> Self::Elem {
        L::one()
    }
}

impl<L: Lanes> Lanes for Called<L> {
    calls! {
        fn import_one(self, element: &blst_fp) -> Self::V;
        fn import(self, elements: &[blst_fp; MAX_LANES]) -> Self::V;
        fn export(self, v: Self::V) -> [blst_fp; MAX_LANES];
        fn integers(self, words: &[[u64; WORDS]; MAX_LANES]) -> Self::V;
        fn greater_mask(self, v: Self::V) -> Mask;
    }

    fn enter<T: Task<Self>>(self, task: T) -> T::Output {
        self.0.enter(Within(task))
    }
}

/// A task of the calling lanes, in those that are called.
struct Within<T>(T);

impl<L: Lanes, T: Task<Called<L>>> Task<L> for Within<T> {
    type Output = T::Output;

    #[inline(always)]
    fn run(self, lanes: L) -> T::Output {
        self.0.run(Called(lanes))
    }
}
