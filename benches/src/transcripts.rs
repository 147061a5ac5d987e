//! Transcripts of any length, in which every contribution has all its signatures.

use std::io::{self, Write};

use anyhow::{Context, Result};
use blstrs::{G1Projective, G2Projective, Scalar};
use ff::Field;
use group::{Curve, Group};
use k256::ecdsa::SigningKey;
use rayon::prelude::*;
use tauline_transcript::identity::Identity;
use tauline_transcript::signature::{bls_sign, ecdsa_sign, eip712_digest, eth_address};
use tauline_transcript::transcript::{Format, TranscriptWriter};
use tauline_transcript::{Base, Size, Sizes, contribute_with};

use crate::turns::{known_scalar, secret};

/// How many items of a list are computed at a time, on all cores: a few hundred milliseconds of
/// work.
const AT_A_TIME: u32 = 4096;

/// The number of the first participant's secret. Other benchmarks use those below.
const FIRST_SECRET: u32 = 1000;

/// A transcript in JSON, in memory.
///
/// # Errors
/// As for [`write_transcript`].
pub fn transcript(sizes: &Sizes, contributions: u32) -> Result<Vec<u8>> {
    write_transcript(Vec::new(), Format::Json, sizes, contributions)
}

/// Writes a transcript whose participants are Ethereum accounts, with a BLS signature for each
/// sub-ceremony and one EIP-712 signature each.
///
/// The secrets are known, so a contribution takes only a few multiplications, and the final powers
/// are computed once. Only these and a few thousand items of one list are in memory. What two lists
/// have in common is computed twice.
///
/// # Errors
/// When the output fails, and for billions of contributions, which would share secrets.
pub fn write_transcript<W: Write>(
    out: W,
    format: Format,
    sizes: &Sizes,
    contributions: u32,
) -> Result<W> {
    let chain = Chain {
        sizes: sizes.iter().collect(),
        contributions,
    };
    let secrets = (0..chain.sizes.len())
        .map(|sub| secret(&chain.last_tau(sub)?))
        .collect::<Result<_>>()?;
    let update = contribute_with(&Base::initial(sizes), secrets, &|_| ())?;
    let mut writer = TranscriptWriter::new(out, format, sizes.len(), u64::from(contributions))?;
    for (sub, powers) in update.base().powers().iter().enumerate() {
        writer.sub_ceremony(
            powers,
            chain.running_products(sub),
            chain.list(|k| Ok(compressed_key(&chain.secret(sub, k)?))),
            chain.list(|k| Ok(bls_sign(&identity(k)?, &chain.secret(sub, k)?))),
        )?;
    }
    Ok(writer.finish(
        chain.list(identity),
        chain.list(|k| chain.ecdsa_signature(k).map(Some)),
    )?)
}

/// What the lists of a transcript are computed from.
struct Chain {
    sizes: Vec<Size>,
    contributions: u32,
}

impl Chain {
    /// The secret of the k-th participant, from 0.
    fn secret(&self, sub: usize, k: u32) -> Result<Scalar> {
        let number = u64::from(FIRST_SECRET) + u64::from(k) * self.sizes.len() as u64 + sub as u64;
        known_scalar(u32::try_from(number).context("too many contributions")?)
    }

    fn last_tau(&self, sub: usize) -> Result<Scalar> {
        (0..self.contributions)
            .map(|k| self.secret(sub, k))
            .product()
    }

    /// The participants' numbers, in groups that are computed together.
    fn chunks(&self) -> impl Iterator<Item = std::ops::Range<u32>> {
        let end = self.contributions;
        (0..end)
            .step_by(AT_A_TIME as usize)
            .map(move |first| first..end.min(first.saturating_add(AT_A_TIME)))
    }

    /// A list whose items do not depend on each other.
    fn list<T: Send>(
        &self,
        item: impl Fn(u32) -> Result<T> + Sync,
    ) -> impl Iterator<Item = io::Result<T>> {
        self.chunks().flat_map(move |numbers| {
            let items = numbers.into_par_iter().map(&item);
            let items = items.map(|item| item.map_err(io::Error::other));
            items.collect::<Vec<_>>()
        })
    }

    fn running_products(&self, sub: usize) -> impl Iterator<Item = io::Result<[u8; 48]>> {
        let mut tau = Scalar::ONE;
        self.chunks().flat_map(move |numbers| {
            let taus: Vec<_> = numbers
                .map(|k| {
                    tau *= self.secret(sub, k).map_err(io::Error::other)?;
                    Ok(tau)
                })
                .collect();
            let products = taus.into_par_iter().map(|tau: io::Result<Scalar>| {
                let product = G1Projective::generator() * tau?;
                Ok(product.to_affine().to_compressed())
            });
            products.collect::<Vec<_>>()
        })
    }

    fn ecdsa_signature(&self, k: u32) -> Result<[u8; 65]> {
        let signed = (self.sizes.iter().enumerate())
            .map(|(sub, &size)| Ok((size, compressed_key(&self.secret(sub, k)?))))
            .collect::<Result<Vec<_>>>()?;
        Ok(ecdsa_sign(&eip712_digest(&signed), &account(k)?))
    }
}

fn compressed_key(secret: &Scalar) -> [u8; 96] {
    let key = G2Projective::generator() * secret;
    key.to_affine().to_compressed()
}

fn identity(k: u32) -> Result<Identity> {
    Ok(Identity::eth(eth_address(account(k)?.verifying_key())))
}

fn account(k: u32) -> Result<SigningKey> {
    let scalar = known_scalar(k)?.to_bytes_be();
    SigningKey::from_slice(&scalar).context("a number below the order of secp256k1")
}

#[cfg(test)]
mod tests {
    use rand::rngs::OsRng;
    use tauline_transcript::Encoding;
    use tauline_transcript::transcript::{ExpectedSizes, Options, verify_transcript};

    use super::*;

    #[test]
    fn a_transcript_is_valid_and_signed_by_all() {
        let sizes: Sizes = "4:2,8:3".parse().expect("sizes");
        for format in [Format::Json, Format::MessagePack(Encoding::Uncompressed)] {
            let document = write_transcript(Vec::new(), format, &sizes, 5).expect("a transcript");
            let options = Options {
                sizes: ExpectedSizes::These(sizes.clone()),
                ..Options::default()
            };
            let report = verify_transcript(document.as_slice(), &options, &mut OsRng, &|_| ())
                .expect("valid");
            assert_eq!(report.contributions, 5);
            assert_eq!(report.ecdsa_signatures.valid, 5);
            for sub in &report.sub_ceremonies {
                assert_eq!(sub.bls_signatures.valid, 5);
            }
        }
    }
}
