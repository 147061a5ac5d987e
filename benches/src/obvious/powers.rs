//! Powers as a document holds them, decoded and checked point by point.

use anyhow::{Context, Result, ensure};
use blst::{Pairing, blst_fp12, blst_p1_affine, blst_p2_affine};
use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;
use rand::RngCore;
use rand::rngs::OsRng;
use serde::Deserialize;
use serde_bytes::Bytes;

use super::points::Point;

/// Bytes as a document writes them: hex or plain.
pub(super) trait Encoded {
    /// The bytes, at the start of the buffer.
    fn write<'b>(&self, buffer: &'b mut [u8; 192]) -> Result<&'b [u8]>;
}

impl Encoded for &str {
    fn write<'b>(&self, buffer: &'b mut [u8; 192]) -> Result<&'b [u8]> {
        let digits = self.strip_prefix("0x").context("hex without 0x")?;
        let out = buffer.get_mut(..digits.len() / 2).context("too long")?;
        hex::decode_to_slice(digits, out)?;
        Ok(out)
    }
}

impl Encoded for &Bytes {
    fn write<'b>(&self, buffer: &'b mut [u8; 192]) -> Result<&'b [u8]> {
        let out = buffer.get_mut(..self.len()).context("too long")?;
        out.copy_from_slice(self);
        Ok(out)
    }
}

#[derive(Deserialize)]
pub(super) struct PowersOfTau<T> {
    #[serde(rename = "G1Powers")]
    pub(super) g1: Vec<T>,
    #[serde(rename = "G2Powers")]
    pub(super) g2: Vec<T>,
}

/// The points of a list in G1 and of one in G2.
pub(super) type PowersOfBoth = (Vec<blst_p1_affine>, Vec<blst_p2_affine>);

pub(super) fn decode<P: Point, T: Encoded>(encoded: &T) -> Result<P> {
    P::decode(encoded.write(&mut [0; 192])?)
}

pub(super) fn decode_powers<T: Encoded>(powers: &PowersOfTau<T>) -> Result<PowersOfBoth> {
    let g1: Result<Vec<_>> = powers.g1.iter().map(decode).collect();
    let g2: Result<Vec<_>> = powers.g2.iter().map(decode).collect();
    Ok((g1?, g2?))
}

/// Check 3 (`docs/spec/ceremony.md#check-3`).
pub(super) fn check_subgroup((g1, g2): &PowersOfBoth) -> Result<()> {
    ensure!(g1.iter().all(Point::in_subgroup), "check 3");
    ensure!(g2.iter().all(Point::in_subgroup), "check 3");
    Ok(())
}

/// Checks 4, 6 and 7 (same place).
pub(super) fn check_powers((g1, g2): &PowersOfBoth) -> Result<()> {
    ensure!(
        g1[0] == generator_g1() && g2[0] == generator_g2(),
        "check 4"
    );
    ensure!(g1[1] != blst_p1_affine::default(), "check 4");

    let mut coefficients = vec![[0; 16]; g1.len() - 1];
    OsRng.fill_bytes(coefficients.as_flattened_mut());
    let before = Point::sum(&g1[..g1.len() - 1], &coefficients);
    let after = Point::sum(&g1[1..], &coefficients);
    ensure!(
        product_is_one(&[(before, g2[1]), negated(after)]),
        "check 6"
    );

    let mut coefficients = vec![[0; 16]; g2.len()];
    OsRng.fill_bytes(coefficients.as_flattened_mut());
    let in_g1 = Point::sum(&g1[..g2.len()], &coefficients);
    let in_g2 = Point::sum(g2, &coefficients);
    ensure!(
        product_is_one(&[(generator_g1(), in_g2), negated(in_g1)]),
        "check 7"
    );
    Ok(())
}

pub(super) fn generator_g1() -> blst_p1_affine {
    *G1Affine::generator().as_ref()
}

pub(super) fn generator_g2() -> blst_p2_affine {
    *G2Affine::generator().as_ref()
}

/// A point paired with −g₂, as the right side of an equation.
pub(super) fn negated(right: blst_p1_affine) -> (blst_p1_affine, blst_p2_affine) {
    (right, *(-G2Affine::generator()).as_ref())
}

/// Whether the product of these pairings is one.
pub(super) fn product_is_one(pairs: &[(blst_p1_affine, blst_p2_affine)]) -> bool {
    let mut product = Pairing::new(false, &[]);
    for (p, q) in pairs {
        product.raw_aggregate(q, p);
    }
    product.commit();
    product.as_fp12().final_exp() == blst_fp12::default()
}
