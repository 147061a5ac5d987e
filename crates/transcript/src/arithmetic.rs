//! Sums over many points: the one place where the arithmetic may be replaced.

mod curve;
mod field;
mod pairing;
mod sums;
#[cfg(test)]
mod testing;

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
