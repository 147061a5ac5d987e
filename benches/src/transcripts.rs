//! Transcripts of any length whose every contribution has all its signatures.

use anyhow::{Context, Result};
use blstrs::{G1Projective, G2Affine, G2Projective, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use k256::ecdsa::SigningKey;
use tauline_transcript::identity::Identity;
use tauline_transcript::signature::{bls_sign, ecdsa_sign, eip712_digest, eth_address};
use tauline_transcript::transcript::{Format, TranscriptWriter};
use tauline_transcript::update::contribute_with;
use tauline_transcript::{Base, Size, Sizes};

use crate::turns::{known_scalar, secret};

/// What a contribution leaves in the witness of one sub-ceremony.
struct Entry {
    product: [u8; 48],
    pubkey: [u8; 96],
    signature: Option<[u8; 48]>,
}

/// A transcript in JSON. The secrets are known, so each contribution costs a few multiplications,
/// and the final powers are computed once.
///
/// # Errors
/// Never in practice.
pub fn transcript(sizes: &Sizes, contributions: u32) -> Result<Vec<u8>> {
    let subs = sizes.len() as u32;
    let mut taus = vec![Scalar::ONE; sizes.len()];
    let mut witnesses: Vec<Vec<Entry>> = (0..subs).map(|_| Vec::new()).collect();
    let (mut identities, mut ecdsa_signatures) = (Vec::new(), Vec::new());
    for k in 0..contributions {
        let key = account(k)?;
        let identity = Identity::eth(eth_address(key.verifying_key()));
        let mut signed: Vec<(Size, [u8; 96])> = Vec::new();
        for (i, (size, (tau, witness))) in sizes
            .iter()
            .zip(taus.iter_mut().zip(&mut witnesses))
            .enumerate()
        {
            let x = known_scalar(1000 + k * subs + i as u32)?;
            *tau *= x;
            let pubkey = (G2Projective::generator() * x).to_affine().to_compressed();
            signed.push((size, pubkey));
            witness.push(Entry {
                product: (G1Projective::generator() * *tau)
                    .to_affine()
                    .to_compressed(),
                pubkey,
                signature: bls_sign(&identity, &x),
            });
        }
        ecdsa_signatures.push(ecdsa_sign(&eip712_digest(&signed), &key));
        identities.push(identity);
    }

    let secrets = taus.iter().map(secret).collect::<Result<_>>()?;
    let update = contribute_with(&Base::initial(sizes), secrets, &|_| ())?;
    debug_assert!(
        update
            .pot_pubkeys()
            .iter()
            .all(|key| *key != G2Affine::generator())
    );
    let mut writer = TranscriptWriter::new(
        Vec::new(),
        Format::Json,
        sizes.len(),
        u64::from(contributions),
    )?;
    for (powers, witness) in update.base().powers().iter().zip(&witnesses) {
        writer.sub_ceremony(
            powers,
            witness.iter().map(|entry| Ok(entry.product)),
            witness.iter().map(|entry| Ok(entry.pubkey)),
            witness.iter().map(|entry| Ok(entry.signature)),
        )?;
    }
    Ok(writer.finish(
        identities.iter().map(Ok),
        ecdsa_signatures
            .iter()
            .map(|signature| Ok(Some(*signature))),
    )?)
}

fn account(number: u32) -> Result<SigningKey> {
    let scalar = known_scalar(number)?.to_bytes_be();
    SigningKey::from_slice(&scalar).context("a number below the order of secp256k1")
}
