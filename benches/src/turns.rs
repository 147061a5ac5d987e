//! Contributions to verify: a common one, and the worst that an attacker can send.
//!
//! The first contributor knows tau and can go on to any other, so a contribution after which tau is
//! 1 or −1 is valid. Each power is then the generator, or the generator and its negative in turn.
//! All x coordinates are equal, which is the worst case for sums by affine additions.

use anyhow::{Context, Result};
use blstrs::{G1Affine, Scalar};
use ff::Field;
use tauline_transcript::{
    Base, Encoding, Point, RawContribution, RawPoints, Secret, Sizes, contribute_with,
};

/// A base, and the next contribution in both forms.
pub struct Turn {
    /// The powers that were handed out.
    pub base: Base,
    /// The contribution in JSON.
    pub json: Vec<u8>,
    /// The contribution in MessagePack, uncompressed.
    pub uncompressed: Vec<u8>,
}

/// A known secret of full size, different for each number.
///
/// # Errors
/// Never in practice.
pub fn known_scalar(number: u32) -> Result<Scalar> {
    let mut bytes = [0x5a; 32];
    bytes[..5].copy_from_slice(&[0x11, 0, 0, 0, 0]);
    bytes[1..5].copy_from_slice(&number.to_be_bytes());
    Option::from(Scalar::from_bytes_be(&bytes)).context("a scalar below 2^253")
}

/// The scalar as a participant's secret.
///
/// # Errors
/// 0 and 1, which are not allowed as secrets.
pub fn secret(scalar: &Scalar) -> Result<Secret> {
    Secret::from_be_bytes(&scalar.to_bytes_be()).context("a usable secret")
}

/// The base after one contribution, with tau the known scalar in every sub-ceremony.
///
/// # Errors
/// Never in practice.
pub fn base_after_one(sizes: &Sizes) -> Result<Base> {
    let tau = known_scalar(1)?;
    let secrets = (0..sizes.len())
        .map(|_| secret(&tau))
        .collect::<Result<_>>()?;
    let update = contribute_with(&Base::initial(sizes), secrets, &|_| ())?;
    Ok(update.base().clone())
}

impl Turn {
    /// A contribution like any other.
    ///
    /// # Errors
    /// Never in practice.
    pub fn common(base: &Base) -> Result<Self> {
        Self::made(base, |i| known_scalar(100 + i))
    }

    /// A contribution to [`base_after_one`] after which tau is this.
    ///
    /// # Errors
    /// A tau that a contribution cannot get to.
    pub fn with_tau(base: &Base, tau: &Scalar) -> Result<Self> {
        let before: Option<Scalar> = known_scalar(1)?.invert().into();
        let x = before.context("tau is not 0")? * tau;
        Self::made(base, |_| Ok(x))
    }

    fn made(base: &Base, x: impl Fn(u32) -> Result<Scalar>) -> Result<Self> {
        let secrets = (0..base.sizes().len() as u32)
            .map(|i| secret(&x(i)?))
            .collect::<Result<_>>()?;
        let update = contribute_with(base, secrets, &|_| ())?;
        Self::written(base, &update.unsigned())
    }

    /// The same with another last power in G1 in the last sub-ceremony, so that a verifier finds it
    /// as late as possible.
    ///
    /// # Errors
    /// Never in practice.
    pub fn with_last_power(&self, point: &G1Affine) -> Result<Self> {
        let mut document = RawContribution::from_json(&self.json)?;
        let sub = document
            .sub_contributions
            .last_mut()
            .context("a sub-ceremony")?;
        let mut bytes = sub.powers.g1.bytes().to_vec();
        let last = bytes.len() - 48;
        bytes[last..].copy_from_slice(&point.to_compressed());
        sub.powers.g1 = RawPoints::from_bytes(Encoding::Compressed, bytes)?;
        Self::written(&self.base, &document)
    }

    fn written(base: &Base, document: &RawContribution) -> Result<Self> {
        Ok(Self {
            base: base.clone(),
            json: document.to_json()?,
            uncompressed: document.to_msgpack(Encoding::Uncompressed)?,
        })
    }
}

/// A point on the curve outside of the subgroup.
///
/// # Errors
/// Never in practice.
pub fn point_outside() -> Result<G1Affine> {
    let mut bytes = [0; 48];
    bytes[0] = 0x80;
    (1..=u8::MAX)
        .filter_map(|x| {
            bytes[47] = x;
            G1Affine::decode(&bytes, Encoding::Compressed).ok()
        })
        .find(|point| !point.in_subgroup())
        .context("nearly every point of the curve is")
}
