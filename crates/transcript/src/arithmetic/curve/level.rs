//! How large the coordinates of points may be while they are added.

use crate::arithmetic::field::lanes::Field;

/// The level l of points whose coordinates are at most (2ˡ − M)·p; see the bounds of
/// [`affine`](super::affine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level(u32);

impl Level {
    /// Below that of any point: the level of a list that is empty.
    pub(crate) const NONE: Self = Self(0);

    /// The highest level of points that are added. At it the squares of the doubling, below twice
    /// as many bits, are within [`Field::OPERAND_BITS`].
    pub(crate) const MAX: Self = Self(16);

    /// The level of products, the lowest.
    pub(crate) const fn of_products<F: Field>() -> Self {
        Self(F::PRODUCT_BITS + 1)
    }

    /// Whether points of this level can be added.
    pub(crate) const fn has_room(self) -> bool {
        self.0 < Self::MAX.0
    }

    /// The level of sums of two points of this level.
    pub(crate) const fn of_sums(self) -> Self {
        Self(self.0 + 1)
    }

    /// l.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }
}
