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

mod points;
mod transcript;

use anyhow::{Context, Result, ensure};
use blst::{Pairing, blst_fp12, blst_p1_affine, blst_p2_affine};
use blstrs::{G1Affine, G2Affine, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;
use rand::RngCore;
use rand::rngs::OsRng;
use serde::Deserialize;
use serde_bytes::Bytes;
use tauline_transcript::{Base, Powers};

pub use transcript::verify_transcript;

use points::Point;

/// Bytes as a document writes them: hex or plain.
trait Encoded {
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
struct Contribution<T> {
    contributions: Vec<SubContribution<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubContribution<T> {
    num_g1_powers: usize,
    num_g2_powers: usize,
    powers_of_tau: PowersOfTau<T>,
    pot_pubkey: T,
}

#[derive(Deserialize)]
struct PowersOfTau<T> {
    #[serde(rename = "G1Powers")]
    g1: Vec<T>,
    #[serde(rename = "G2Powers")]
    g2: Vec<T>,
}

/// Reads and checks a contribution in JSON.
///
/// # Errors
/// The first check that fails.
pub fn verify_json(base: &Base, body: &[u8]) -> Result<()> {
    verify(base, &serde_json::from_slice::<Contribution<&str>>(body)?)
}

/// Reads and checks a contribution in MessagePack.
///
/// # Errors
/// The first check that fails.
pub fn verify_msgpack(base: &Base, body: &[u8]) -> Result<()> {
    verify(base, &rmp_serde::from_slice::<Contribution<&Bytes>>(body)?)
}

fn verify<T: Encoded>(base: &Base, contribution: &Contribution<T>) -> Result<()> {
    let subs = &contribution.contributions;
    ensure!(subs.len() == base.powers().len(), "check 1");
    for (before, sub) in base.powers().iter().zip(subs) {
        let size = before.size();
        let listed = &sub.powers_of_tau;
        ensure!(
            (listed.g1.len(), listed.g2.len()) == (size.g1, size.g2),
            "check 1"
        );
        ensure!(
            (sub.num_g1_powers, sub.num_g2_powers) == (size.g1, size.g2),
            "check 1"
        );
        let pubkey: blst_p2_affine = decode(&sub.pot_pubkey)?;
        let powers = decode_powers(listed)?;
        check_subgroup(&powers)?;
        ensure!(pubkey.in_subgroup(), "check 3");
        ensure!(pubkey != blst_p2_affine::default(), "check 4");
        let update = [(*before.g1()[1].as_ref(), pubkey), negated(powers.0[1])];
        ensure!(product_is_one(&update), "check 5");
        check_powers(&powers)?;
        ensure!(pubkey != generator_g2(), "no entropy");
    }
    Ok(())
}

type PowersOfBoth = (Vec<blst_p1_affine>, Vec<blst_p2_affine>);

fn decode<P: Point, T: Encoded>(encoded: &T) -> Result<P> {
    P::decode(encoded.write(&mut [0; 192])?)
}

fn decode_powers<T: Encoded>(powers: &PowersOfTau<T>) -> Result<PowersOfBoth> {
    let g1: Result<Vec<_>> = powers.g1.iter().map(decode).collect();
    let g2: Result<Vec<_>> = powers.g2.iter().map(decode).collect();
    Ok((g1?, g2?))
}

/// Check 3 (`docs/spec/ceremony.md#check-3`).
fn check_subgroup((g1, g2): &PowersOfBoth) -> Result<()> {
    ensure!(g1.iter().all(Point::in_subgroup), "check 3");
    ensure!(g2.iter().all(Point::in_subgroup), "check 3");
    Ok(())
}

/// Checks 4, 6 and 7 (same place).
fn check_powers((g1, g2): &PowersOfBoth) -> Result<()> {
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

fn generator_g1() -> blst_p1_affine {
    *G1Affine::generator().as_ref()
}

fn generator_g2() -> blst_p2_affine {
    *G2Affine::generator().as_ref()
}

/// The pair of a point and −g₂: the right side of an equation whose left side is paired.
fn negated(right: blst_p1_affine) -> (blst_p1_affine, blst_p2_affine) {
    (right, *(-G2Affine::generator()).as_ref())
}

/// One pairing check.
fn product_is_one(pairs: &[(blst_p1_affine, blst_p2_affine)]) -> bool {
    let mut product = Pairing::new(false, &[]);
    for (p, q) in pairs {
        product.raw_aggregate(q, p);
    }
    product.commit();
    product.as_fp12().final_exp() == blst_fp12::default()
}

/// The powers after a contribution with these secrets, one for each sub-ceremony.
#[must_use]
pub fn contribute(base: &Base, secrets: &[Scalar]) -> Vec<PowersOfBoth> {
    let subs = base.powers().iter().zip(secrets);
    subs.map(|(powers, x)| multiply(powers, x)).collect()
}

fn multiply(powers: &Powers, x: &Scalar) -> PowersOfBoth {
    let g1: Vec<_> = powers.g1().iter().map(|point| *point.as_ref()).collect();
    let g2: Vec<_> = powers.g2().iter().map(|point| *point.as_ref()).collect();
    let mut scalars = Vec::with_capacity(g1.len());
    let mut power = Scalar::ONE;
    for _ in 0..g1.len() {
        scalars.push(power.to_bytes_le());
        power *= x;
    }
    (
        blst_p1_affine::products(&g1, &scalars),
        blst_p2_affine::products(&g2, &scalars),
    )
}

#[cfg(test)]
mod tests;
