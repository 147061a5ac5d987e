//! A contribution: reading and checking one, and computing one.

use anyhow::{Result, ensure};
use blst::{blst_p1_affine, blst_p2_affine};
use blstrs::Scalar;
use ff::Field;
use serde::Deserialize;
use serde_bytes::Bytes;
use tauline_transcript::{Base, Powers};

use super::points::Point;
use super::powers::{
    Encoded, PowersOfBoth, PowersOfTau, check_powers, check_subgroup, decode, decode_powers,
    generator_g2, negated, product_is_one,
};

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
