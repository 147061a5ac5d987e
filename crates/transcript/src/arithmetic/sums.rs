//! Sums of many points times many scalars, public and secret.

pub(crate) mod buckets;
pub(crate) mod combination;
pub(crate) mod multiples;
pub(crate) mod pairs;
pub(crate) mod scalars;
pub(crate) mod segments;
pub(crate) mod windows;
