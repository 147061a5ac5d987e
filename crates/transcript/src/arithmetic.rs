//! The arithmetic on many points: decoding, sums, multiplications and pairings.
//!
//! | room | holds |
//! |---|---|
//! | `field` | the base field and its quadratic extension, on as many elements as there are lanes; the backends |
//! | `curve` | points of G1 and G2: additions, decoding, lists, the subgroup |
//! | `sums` | sums of many points times public coefficients, and points times secrets |
//! | `pairing` | Miller loops of many pairs, and products that have to be 1 |
//!
//! Only what is listed below is used outside. Two thirds of the work of a verification are
//! [`List::decode`] and [`List::window_sums`](sums::windows); where they are proven right is said in
//! `sums/windows.rs`.
#![doc = include_str!("arithmetic/NOTES.md")]

mod curve;
mod field;
mod pairing;
mod sums;
#[cfg(test)]
mod testing;

pub use field::backend::use_portable_arithmetic;

pub(crate) use {
    self::pairing::miller::miller_product,
    self::pairing::{pairings_equal, product_is_one},
    curve::decode::Undecodable,
    curve::groups::{Curve, G1, G2},
    curve::library::{Arithmetic, COEFFICIENT_LEN, linear_combination, normalize},
    curve::list::{G1List, G2List, List},
    field::backend::Backend,
    field::library::product,
    sums::combination::Combination,
    sums::pairs::sums_of_two,
    sums::scalars::Coefficient,
    sums::windows::{Digits, WindowSums},
};
