//! Points of the curves of G1 and G2, many side by side.

pub(crate) mod affine;
pub(crate) mod decode;
pub(crate) mod endomorphism;
pub(crate) mod groups;
pub(crate) mod level;
pub(crate) mod library;
pub(crate) mod list;
pub(crate) mod projective;
pub(crate) mod subgroup;
