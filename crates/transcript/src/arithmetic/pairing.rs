//! Pairings of points, by the library or many side by side.

pub(crate) mod miller;

use blstrs::{Bls12, G1Affine, G2Affine, G2Prepared};
use group::Group;
use pairing::{MillerLoopResult, MultiMillerLoop};

/// Whether Π e(Pᵢ, Qᵢ) = 1: a Miller loop for each pair, one final exponentiation.
pub(crate) fn product_is_one(pairs: &[(G1Affine, G2Affine)]) -> bool {
    let prepared: Vec<G2Prepared> = pairs.iter().map(|(_, q)| G2Prepared::from(*q)).collect();
    let terms: Vec<_> = pairs.iter().map(|(p, _)| p).zip(&prepared).collect();
    let product = Bls12::multi_miller_loop(&terms).final_exponentiation();
    bool::from(product.is_identity())
}

/// Whether e(a, s) = e(b, t).
pub(crate) fn pairings_equal(a: &G1Affine, s: &G2Affine, b: &G1Affine, t: &G2Affine) -> bool {
    product_is_one(&[(*a, *s), (-b, *t)])
}
