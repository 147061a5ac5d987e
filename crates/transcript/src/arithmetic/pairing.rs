//! Pairings of many pairs of points.

pub(crate) mod miller;
