//! An honest transcript of four sub-ceremonies and five contributions, to be tampered with.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;

use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use tauline_transcript::contribute;
use tauline_transcript::identity::Identity;
use tauline_transcript::signature;
use tauline_transcript::transcript::*;

use crate::fixtures::rng;

pub(crate) const SIZES: &str = "4:2,8:3,16:4,32:4";
pub(crate) const CONTRIBUTIONS: usize = 5;

pub(crate) fn options(sizes: &str) -> Options {
    Options {
        sizes: ExpectedSizes::These(sizes.parse().unwrap()),
        ..Options::default()
    }
}

pub(crate) fn ethereum_key(n: usize) -> SigningKey {
    SigningKey::from_slice(&[n as u8 + 1; 32]).unwrap()
}

/// Contributors 1, 2, 4 and 5 sign with Ethereum keys, 3 is of GitHub.
pub(crate) fn identity(n: usize) -> Identity {
    match n {
        3 => Identity::github(33, "Three").unwrap(),
        n => Identity::eth(signature::eth_address(ethereum_key(n).verifying_key())),
    }
}

pub(crate) fn honest() -> &'static Transcript {
    static HONEST: OnceLock<Transcript> = OnceLock::new();
    HONEST.get_or_init(|| {
        let mut rng = rng(1);
        let mut transcript = Transcript::initial(&SIZES.parse().unwrap());
        for n in 1..=CONTRIBUTIONS {
            let update = contribute(transcript.base(), &mut rng, &[], &|_| {});
            let key = (n != 3).then(|| ethereum_key(n));
            let contribution = update.sign(&identity(n), key.as_ref());
            transcript
                .accept(identity(n), &contribution, &mut rng)
                .unwrap();
        }
        transcript
    })
}

pub(crate) fn honest_document() -> Value {
    serde_json::from_slice(&honest().write(Vec::new(), Format::Json).unwrap()).unwrap()
}

pub(crate) fn verify_with(document: &[u8], options: &Options) -> Result<Report, TranscriptError> {
    verify_transcript(document, options, &mut rng(2), &|_| {})
}

pub(crate) fn verify(document: &Value) -> Result<Report, TranscriptError> {
    verify_with(document.to_string().as_bytes(), &options(SIZES))
}

/// Sizes as the document states them, and signatures over those.
pub(crate) fn as_stated() -> Options {
    Options {
        sizes: ExpectedSizes::AsStated,
        signed_sizes: None,
    }
}

#[track_caller]
pub(crate) fn refused_with(document: &[u8], options: &Options) -> Box<RefusedTranscript> {
    match verify_with(document, options) {
        Err(TranscriptError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn refused(document: &Value) -> Box<RefusedTranscript> {
    refused_with(document.to_string().as_bytes(), &options(SIZES))
}

/// What is wrong, in short: sub-ceremony, code, entry.
pub(crate) fn faults(
    refused: &RefusedTranscript,
) -> Vec<(Option<usize>, &'static str, Option<u64>)> {
    let short =
        |it: &TranscriptFailure| (it.sub_ceremony.map(|sub| sub.index), it.code(), it.entry);
    refused.failures.iter().map(short).collect()
}

pub(crate) fn g1(scalar: u64) -> Value {
    hex_value(
        &(G1Projective::generator() * Scalar::from(scalar))
            .to_affine()
            .to_compressed(),
    )
}

pub(crate) fn g2(scalar: u64) -> Value {
    hex_value(
        &(G2Projective::generator() * Scalar::from(scalar))
            .to_affine()
            .to_compressed(),
    )
}

pub(crate) fn hex_value(bytes: &[u8]) -> Value {
    json!(format!("0x{}", hex::encode(bytes)))
}

pub(crate) fn infinity_g1() -> Value {
    hex_value(&G1Affine::identity().to_compressed())
}

pub(crate) fn infinity_g2() -> Value {
    hex_value(&G2Affine::identity().to_compressed())
}

/// Every list of witnesses and participants, to change all in the same way.
pub(crate) fn every_list(document: &mut Value, mut change: impl FnMut(&mut Vec<Value>)) {
    for sub in document["transcripts"].as_array_mut().unwrap() {
        for name in ["runningProducts", "potPubkeys", "blsSignatures"] {
            change(sub["witness"][name].as_array_mut().unwrap());
        }
    }
    for name in ["participantIds", "participantEcdsaSignatures"] {
        change(document[name].as_array_mut().unwrap());
    }
}
