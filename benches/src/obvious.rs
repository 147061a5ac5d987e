//! The obvious verifier, which one writes with `blst` in an afternoon. It is the baseline against
//! which the verifier is measured.
//!
//! Documents are read with `serde_json` and `rmp-serde`. Each point is decoded and tested for its
//! subgroup on its own. The ratio of a sub-ceremony's powers is checked with two Pippenger sums
//! with random 128-bit coefficients. Every equation has a pairing check of its own: two Miller
//! loops and one final exponentiation. A participant's work is one multiplication for each point.
//!
//! It is not a straw man: the points of a list are converted to affine coordinates with one
//! inversion, texts are borrowed from the document, the two Miller loops of a check share their
//! squarings, and the powers in G2 are combined at random, too.

mod contribution;
mod points;
mod powers;
mod transcript;

pub use contribution::{contribute, verify_json, verify_msgpack};
pub use transcript::verify_transcript;

#[cfg(test)]
mod tests;
