//! Transcripts of many contributions, whose points and equations are checked many at a time: the
//! same is found as in one of few.

use std::sync::OnceLock;

use crate::fixtures::{rng, sizes, small_order_g1, small_order_g2};
use crate::history::{ethereum_key, faults, hex_value, infinity_g1, infinity_g2, options};
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use ff::Field;
use group::{Curve, Group};
use rayon::prelude::*;
use serde_json::{Value, json};
use tauline_transcript::identity::Identity;
use tauline_transcript::signature::{bls_sign, ecdsa_sign, eip712_digest, eth_address};
use tauline_transcript::transcript::*;
use tauline_transcript::{Encoding, RawPoints, RawPowers, SubCeremony};

const SIZES: &str = "4:2,8:3";

/// More than a batch, and not a multiple of anything.
const CONTRIBUTIONS: usize = 600;

/// Every 50th participant signs the second spelling of a GitHub identity, others their own.
fn identity(k: usize) -> Identity {
    match k % 50 {
        10 | 20 => Identity::github(k as u64, "Octo-Cat").unwrap(),
        _ => Identity::eth(eth_address(ethereum_key(k % 200).verifying_key())),
    }
}

fn powers_of<P: group::prime::PrimeCurveAffine<Scalar = Scalar>>(tau: Scalar, len: usize) -> Vec<P>
where
    P::Curve: Curve<AffineRepr = P>,
{
    let powers = std::iter::successors(Some(Scalar::ONE), |power| Some(power * tau));
    powers
        .take(len)
        .map(|power| (P::generator() * power).to_affine())
        .collect()
}

fn write_document() -> Vec<u8> {
    let mut rng = rng(1);
    let identities: Vec<Identity> = (1..=CONTRIBUTIONS).map(identity).collect();
    let out = Vec::new();
    let mut writer = TranscriptWriter::new(out, Format::Json, 2, CONTRIBUTIONS as u64).unwrap();
    let mut digests = vec![Vec::new(); CONTRIBUTIONS];
    for (index, size) in sizes(SIZES).iter().enumerate() {
        let secrets: Vec<Scalar> = (0..CONTRIBUTIONS)
            .map(|_| Scalar::random(&mut rng))
            .collect();
        let taus: Vec<Scalar> = secrets
            .iter()
            .scan(Scalar::ONE, |tau, secret| {
                *tau *= secret;
                Some(*tau)
            })
            .collect();
        let products: Vec<_> = (taus.par_iter())
            .map(|tau| {
                (G1Projective::generator() * tau)
                    .to_affine()
                    .to_compressed()
            })
            .collect();
        let pubkeys: Vec<_> = (secrets.par_iter())
            .map(|secret| {
                (G2Projective::generator() * secret)
                    .to_affine()
                    .to_compressed()
            })
            .collect();
        let signatures: Vec<_> = (secrets.par_iter().zip(&identities).enumerate())
            .map(|(i, (secret, identity))| match (i + 1) % 50 {
                10 => {
                    let id = format!("git|{}|@octo-cat", i + 1);
                    let hash = tauline_transcript::signature::bls_message_point(id.as_bytes());
                    Some((hash * secret).to_affine().to_compressed())
                }
                30 => None,
                _ => bls_sign(identity, secret),
            })
            .collect();
        for (digest, pubkey) in digests.iter_mut().zip(&pubkeys) {
            digest.push((size, *pubkey));
        }
        let tau = *taus.last().unwrap();
        let raw = RawPowers {
            g1: RawPoints::encode(&powers_of::<G1Affine>(tau, size.g1), Encoding::Compressed),
            g2: RawPoints::encode(&powers_of::<G2Affine>(tau, size.g2), Encoding::Compressed),
        };
        let powers = raw.decode(SubCeremony { index, size }).unwrap();
        let products = products.into_iter().map(Ok);
        let pubkeys = pubkeys.into_iter().map(Ok);
        let signatures = signatures.into_iter().map(Ok);
        writer
            .sub_ceremony(&powers, products, pubkeys, signatures)
            .unwrap();
    }
    let signatures: Vec<_> = (digests.par_iter().enumerate())
        .map(|(i, digest)| {
            let is_ethereum = !matches!((i + 1) % 50, 10 | 20);
            is_ethereum.then(|| ecdsa_sign(&eip712_digest(digest), &ethereum_key((i + 1) % 200)))
        })
        .collect();
    let identities = identities.iter().map(|it| Ok(it.as_str()));
    writer
        .finish(identities, signatures.into_iter().map(Ok))
        .unwrap()
}

fn document() -> Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| serde_json::from_slice(&write_document()).unwrap());
    document.clone()
}

fn verify(document: &Value) -> Result<Report, TranscriptError> {
    let bytes = document.to_string();
    verify_transcript(bytes.as_bytes(), &options(SIZES), &mut rng(2), &|_| {})
}

#[track_caller]
fn refused(document: &Value) -> Box<RefusedTranscript> {
    match verify(document) {
        Err(TranscriptError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

fn bls(report: &Report) -> [Tally; 2] {
    [0, 1].map(|sub| report.sub_ceremonies[sub].bls_signatures)
}

const HONEST_BLS: Tally = Tally {
    valid: 588,
    invalid: 0,
    absent: 12,
};

#[test]
fn an_honest_transcript_is_accepted() {
    let report = verify(&document()).unwrap();
    assert_eq!(report.contributions, CONTRIBUTIONS as u64);
    assert_eq!(bls(&report), [HONEST_BLS; 2]);
    let ecdsa = Tally {
        valid: 576,
        invalid: 0,
        absent: 24,
    };
    assert_eq!(report.ecdsa_signatures, ecdsa);
    for sub in &report.sub_ceremonies {
        assert_eq!(sub.links_valid, CONTRIBUTIONS as u64);
        assert_eq!(sub.no_entropy, 0);
    }
}

#[test]
fn an_honest_transcript_of_one_spelling_is_accepted() {
    // Nothing stands in the way of one product for each batch.
    let mut document = document();
    for k in (10..=CONTRIBUTIONS).step_by(50) {
        for sub in 0..2 {
            document["transcripts"][sub]["witness"]["blsSignatures"][k] = json!("");
        }
    }
    let report = verify(&document).unwrap();
    let tally = Tally {
        valid: 576,
        invalid: 0,
        absent: 24,
    };
    assert_eq!(bls(&report), [tally; 2]);
}

/// The first, the last and middle entries of batches.
const ENTRIES: [usize; 5] = [1, 300, 511, 512, CONTRIBUTIONS];

#[test]
fn a_wrong_update_is_named() {
    let point = (G1Projective::generator() * Scalar::from(77)).to_affine();
    for k in ENTRIES {
        let mut document = document();
        document["transcripts"][1]["witness"]["runningProducts"][k] =
            hex_value(&point.to_compressed());
        let refused = refused(&document);
        let last = k == CONTRIBUTIONS;
        let second = match last {
            true => (Some(1), "LastProduct", None),
            false => (Some(1), "UpdateProof", Some(k as u64 + 1)),
        };
        assert_eq!(
            faults(&refused),
            [(Some(1), "UpdateProof", Some(k as u64)), second]
        );
        assert_eq!(bls(&refused.report), [HONEST_BLS; 2]);
    }
}

#[test]
fn updates_whose_errors_cancel_are_named() {
    // Without coefficients, the product of the pairings would be right.
    let mut document = document();
    let keys = &mut document["transcripts"][0]["witness"]["potPubkeys"];
    let (first, second) = (keys[300].take(), keys[301].take());
    (keys[300], keys[301]) = (second, first);
    let refused = refused(&document);
    let expected = [300, 301].map(|k| (Some(0), "UpdateProof", Some(k)));
    assert_eq!(faults(&refused), expected);
    let [first, second] = bls(&refused.report);
    assert_eq!((first.valid, first.invalid), (586, 2));
    assert_eq!(second, HONEST_BLS);
}

#[test]
fn points_outside_of_the_subgroup_are_named() {
    let generator = G1Projective::generator();
    for (k, point) in [
        (300, small_order_g1(3)),
        (512, (generator + small_order_g1(3)).to_affine()),
    ] {
        let mut document = document();
        document["transcripts"][1]["witness"]["runningProducts"][k] =
            hex_value(&point.to_compressed());
        assert_eq!(
            faults(&refused(&document)),
            [(Some(1), "Subgroup", Some(k as u64))]
        );
    }
    for k in [3, 550] {
        let mut document = document();
        document["transcripts"][0]["witness"]["potPubkeys"][k] =
            hex_value(&small_order_g2().to_compressed());
        assert_eq!(
            faults(&refused(&document)),
            [(Some(0), "Subgroup", Some(k as u64))]
        );
    }
}

#[test]
fn a_pair_of_points_that_cancel_outside_of_the_subgroup_is_named() {
    let mut document = document();
    let products = &mut document["transcripts"][0]["witness"]["runningProducts"];
    for (k, negative) in [(40, false), (90, true)] {
        let bytes = hex::decode(&products[k].as_str().unwrap()[2..]).unwrap();
        let point = G1Affine::from_compressed(&bytes.try_into().unwrap()).unwrap();
        let small = small_order_g1(3);
        let small = if negative { -small } else { small };
        let sum = (G1Projective::from(point) + small).to_affine();
        products[k] = hex_value(&sum.to_compressed());
    }
    let expected = [40, 90].map(|k| (Some(0), "Subgroup", Some(k)));
    assert_eq!(faults(&refused(&document)), expected);
}

#[test]
fn a_signature_outside_of_the_subgroup_is_invalid() {
    let mut document = document();
    document["transcripts"][0]["witness"]["blsSignatures"][5] =
        hex_value(&small_order_g1(3).to_compressed());
    let report = verify(&document).unwrap();
    let [first, second] = bls(&report);
    assert_eq!((first.valid, first.invalid), (587, 1));
    assert_eq!(second, HONEST_BLS);
    assert_eq!(report.sub_ceremonies[0].links_valid, CONTRIBUTIONS as u64);
}

#[test]
fn wrong_signatures_are_counted() {
    let mut document = document();
    let signatures = &mut document["transcripts"][1]["witness"]["blsSignatures"];
    // Another's, in the same batch and the next; the identity; no point; too short.
    signatures[2] = signatures[400].clone();
    signatures[513] = signatures[400].clone();
    signatures[3] = infinity_g1();
    signatures[4] = json!(format!("0x{}", "ff".repeat(48)));
    signatures[5] = json!("0x00");
    let report = verify(&document).unwrap();
    let [first, second] = bls(&report);
    assert_eq!(first, HONEST_BLS);
    assert_eq!((second.valid, second.invalid), (583, 5));
}

#[test]
fn what_is_wrong_is_told_in_the_order_of_entries() {
    let mut document = document();
    let other = hex_value(&small_order_g1(3).to_compressed());
    let witness = &mut document["transcripts"][1]["witness"];
    witness["runningProducts"][400] = other;
    witness["potPubkeys"][400] = infinity_g2();
    witness["potPubkeys"][20] = json!("0x12");
    document["participantIds"][400] = json!("nobody");
    document["transcripts"][0]["witness"]["runningProducts"][590] = infinity_g1();
    assert_eq!(
        faults(&refused(&document)),
        [
            (Some(1), "Decoding", Some(20)),
            (Some(1), "Subgroup", Some(400)),
            (Some(1), "Identity", Some(400)),
            (None, "Participant", Some(400)),
            (Some(0), "Identity", Some(590)),
        ]
    );
}
