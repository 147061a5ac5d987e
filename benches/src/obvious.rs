//! The obvious verifier: what one writes with `blst` in an afternoon, as the baseline that the
//! verifier is measured against.
//!
//! Documents are read with `serde_json` and `rmp-serde`. Each point is decoded by itself and
//! tested for its subgroup by itself. The ratio of the powers of a sub-ceremony is checked by two
//! Pippenger sums with random 128-bit coefficients, then every equation by a pairing check of its
//! own: two Miller loops, one final exponentiation. A participant's work is one multiplication
//! for each point.
//!
//! It is not a straw man: points of a list are turned to affine coordinates with one inversion,
//! texts are borrowed from the document, the two Miller loops of a check share their squarings,
//! and the G2 powers are combined at random, too.

mod contribution;
mod points;
mod powers;
mod transcript;

pub use contribution::{contribute, verify_json, verify_msgpack};
pub use transcript::verify_transcript;

#[cfg(test)]
mod tests;
