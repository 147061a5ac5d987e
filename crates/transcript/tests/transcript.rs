//! Transcripts: what is written is accepted, and whatever is not true is refused.
//!
//! Each fault of the published verifier of Ethereum's ceremony is a test here, with its
//! neighbours (`known-faults.md`, Cryptography and decoding).

#![allow(clippy::unwrap_used)]

mod fixtures;
mod support;

use std::sync::OnceLock;

use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use fixtures::{rng, small_order_g1, small_order_g2};
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use support::{data_file, unhex};
use tauline_transcript::chain::*;
use tauline_transcript::identity::Identity;
use tauline_transcript::signature;
use tauline_transcript::transcript::{Format, Transcript, TranscriptWriter, WriteError};
use tauline_transcript::{
    Check, DocumentError, Element, Encoding, Invalid, PointError, Size, Sizes, contribute,
};

const SIZES: &str = "4:2,8:3,16:4,32:4";
const CONTRIBUTIONS: usize = 5;

fn options(sizes: &str) -> Options {
    Options {
        sizes: ExpectedSizes::These(sizes.parse().unwrap()),
        ..Options::default()
    }
}

fn ethereum_key(n: usize) -> SigningKey {
    SigningKey::from_slice(&[n as u8 + 1; 32]).unwrap()
}

/// Contributors 1, 2, 4 and 5 sign with Ethereum keys, 3 is of GitHub.
fn identity(n: usize) -> Identity {
    match n {
        3 => Identity::github(33, "Three").unwrap(),
        n => Identity::eth(signature::eth_address(ethereum_key(n).verifying_key())),
    }
}

fn honest() -> &'static Transcript {
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

fn honest_document() -> Value {
    serde_json::from_slice(&honest().write(Vec::new(), Format::Json).unwrap()).unwrap()
}

fn verify_with(document: &[u8], options: &Options) -> Result<Report, TranscriptError> {
    verify_transcript(document, options, &mut rng(2), &|_| {})
}

fn verify(document: &Value) -> Result<Report, TranscriptError> {
    verify_with(document.to_string().as_bytes(), &options(SIZES))
}

#[track_caller]
fn refused(document: &Value) -> Box<Refused> {
    match verify(document) {
        Err(TranscriptError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

/// What is wrong, in short: sub-ceremony, code, entry.
fn faults(refused: &Refused) -> Vec<(Option<usize>, &'static str, Option<u64>)> {
    let short = |it: &Failure| (it.sub_ceremony.map(|sub| sub.index), it.code(), it.entry);
    refused.failures.iter().map(short).collect()
}

fn g1(scalar: u64) -> Value {
    hex_value(
        &(G1Projective::generator() * Scalar::from(scalar))
            .to_affine()
            .to_compressed(),
    )
}

fn g2(scalar: u64) -> Value {
    hex_value(
        &(G2Projective::generator() * Scalar::from(scalar))
            .to_affine()
            .to_compressed(),
    )
}

fn hex_value(bytes: &[u8]) -> Value {
    json!(format!("0x{}", hex::encode(bytes)))
}

fn infinity_g1() -> Value {
    hex_value(&G1Affine::identity().to_compressed())
}

fn infinity_g2() -> Value {
    hex_value(&G2Affine::identity().to_compressed())
}

/// Every list of witnesses and participants, to change all in the same way.
fn every_list(document: &mut Value, mut change: impl FnMut(&mut Vec<Value>)) {
    for sub in document["transcripts"].as_array_mut().unwrap() {
        for name in ["runningProducts", "potPubkeys", "blsSignatures"] {
            change(sub["witness"][name].as_array_mut().unwrap());
        }
    }
    for name in ["participantIds", "participantEcdsaSignatures"] {
        change(document[name].as_array_mut().unwrap());
    }
}

// What is true is accepted.

#[test]
fn an_honest_transcript_is_accepted_in_every_format() {
    let formats = [
        Format::Json,
        Format::PrettyJson,
        Format::MessagePack(Encoding::Compressed),
        Format::MessagePack(Encoding::Uncompressed),
    ];
    for format in formats {
        let document = honest().write(Vec::new(), format).unwrap();
        let report = verify_with(&document, &options(SIZES)).unwrap();
        assert_eq!(report.contributions, 5, "{format:?}");
        assert_eq!(
            report.participants,
            Participants {
                ethereum: 4,
                github: 1,
                invited: 0
            }
        );
        assert_eq!(
            report.ecdsa_signatures,
            Tally {
                valid: 4,
                invalid: 0,
                absent: 1
            }
        );
        for sub in &report.sub_ceremonies {
            assert_eq!(sub.links_valid, 5);
            assert_eq!(
                sub.bls_signatures,
                Tally {
                    valid: 5,
                    invalid: 0,
                    absent: 0
                }
            );
            assert_eq!(sub.no_entropy, 0);
        }
        assert_eq!(
            verify_with(
                &document,
                &Options {
                    sizes: ExpectedSizes::AsStated,
                    signed_sizes: None
                }
            )
            .unwrap(),
            report
        );
    }
}

#[test]
fn the_start_of_a_ceremony_is_accepted() {
    let sizes: Sizes = SIZES.parse().unwrap();
    let start = Transcript::initial(&sizes)
        .write(Vec::new(), Format::Json)
        .unwrap();
    let report = verify_with(&start, &options(SIZES)).unwrap();
    assert_eq!(report.contributions, 0);
    assert_eq!(report.ecdsa_signatures, Tally::default());
    assert_eq!(report.sub_ceremonies[3].links_valid, 0);
}

#[test]
fn more_entries_than_a_batch_are_all_checked() {
    // Contributions with known secrets: products are cheap to make, powers are not needed before
    // the last. 200 entries are four batches.
    let sizes: Sizes = "2:2".parse().unwrap();
    let mut transcript = Transcript::initial(&sizes);
    let mut rng = rng(3);
    for n in 0..200_u8 {
        let id = Identity::eth([n; 20]);
        let update = contribute(transcript.base(), &mut rng, &[], &|_| {});
        transcript
            .accept(id.clone(), &update.sign(&id, None), &mut rng)
            .unwrap();
    }
    let bytes = transcript.write(Vec::new(), Format::Json).unwrap();
    let report = verify_with(&bytes, &options("2:2")).unwrap();
    assert_eq!(report.contributions, 200);
    assert_eq!(report.sub_ceremonies[0].links_valid, 200);
    assert_eq!(report.sub_ceremonies[0].bls_signatures.valid, 200);

    let mut document: Value = serde_json::from_slice(&bytes).unwrap();
    for k in [1, 63, 64, 65, 127, 128, 199, 200] {
        let key = document["transcripts"][0]["witness"]["potPubkeys"][k].take();
        document["transcripts"][0]["witness"]["potPubkeys"][k] = g2(5);
        match verify_with(document.to_string().as_bytes(), &options("2:2")) {
            Err(TranscriptError::Refused(refused)) => {
                assert_eq!(faults(&refused), [(Some(0), "UpdateProof", Some(k as u64))]);
                assert_eq!(refused.report.sub_ceremonies[0].links_valid, 199);
                assert_eq!(refused.report.sub_ceremonies[0].bls_signatures.invalid, 1);
            }
            other => panic!("{k}: {other:?}"),
        }
        document["transcripts"][0]["witness"]["potPubkeys"][k] = key;
    }
}

#[test]
fn the_names_of_the_first_schema_are_read() {
    let text = honest_document()
        .to_string()
        .replace("\"transcripts\"", "\"subTranscripts\"");
    assert_eq!(
        verify_with(text.as_bytes(), &options(SIZES))
            .unwrap()
            .contributions,
        5
    );
}

// The published verifier's faults.

#[test]
fn forged_running_products_are_refused() {
    let mut document = honest_document();
    document["transcripts"][2]["witness"]["runningProducts"][3] = g1(77);
    // Neither the update to it nor the one from it is proven.
    let refused = refused(&document);
    assert_eq!(
        faults(&refused),
        [
            (Some(2), "UpdateProof", Some(3)),
            (Some(2), "UpdateProof", Some(4))
        ]
    );
    assert_eq!(
        refused.failures[0].to_string(),
        "sub-ceremony 2 (16 powers): the update of contribution 3 is not proven: running product \
         3 is not the one before times the secret of pot pubkey 3"
    );
    assert_eq!(refused.report.sub_ceremonies[2].links_valid, 3);
    assert_eq!(refused.report.sub_ceremonies[1].links_valid, 5);
}

#[test]
fn forged_public_keys_are_refused() {
    for k in 1..=CONTRIBUTIONS {
        for sub in 0..4 {
            let mut document = honest_document();
            document["transcripts"][sub]["witness"]["potPubkeys"][k] = g2(77);
            let refused = refused(&document);
            assert_eq!(
                faults(&refused),
                [(Some(sub), "UpdateProof", Some(k as u64))]
            );
            let tally = Tally {
                valid: 4,
                invalid: 1,
                absent: 0,
            };
            assert_eq!(refused.report.sub_ceremonies[sub].bls_signatures, tally);
        }
    }
}

#[test]
fn a_whole_forged_history_is_refused() {
    // One forger claims all contributions; the powers stay.
    let mut document = honest_document();
    let witness = &mut document["transcripts"][0]["witness"];
    for k in 1..CONTRIBUTIONS {
        witness["runningProducts"][k] = g1(2 << k);
        witness["potPubkeys"][k] = g2(2);
    }
    let refused = refused(&document);
    // 1·2 ≠ 4, then each is twice the one before; only the last step is wrong again.
    assert_eq!(
        faults(&refused),
        [
            (Some(0), "UpdateProof", Some(1)),
            (Some(0), "UpdateProof", Some(5))
        ]
    );
}

#[test]
fn all_powers_at_infinity_tau_zero_are_refused() {
    let mut document = honest_document();
    let sub = &mut document["transcripts"][1];
    sub["powersOfTau"]["G1Powers"] = json!(vec![infinity_g1(); 8]);
    sub["powersOfTau"]["G2Powers"] = json!(vec![infinity_g2(); 3]);
    for k in 0..=CONTRIBUTIONS {
        sub["witness"]["runningProducts"][k] = infinity_g1();
        sub["witness"]["potPubkeys"][k] = infinity_g2();
    }
    let refused = refused(&document);
    let found = faults(&refused);
    assert!(found.contains(&(Some(1), "Start", Some(0))), "{found:?}");
    for k in 0..=CONTRIBUTIONS as u64 {
        assert!(found.contains(&(Some(1), "Identity", Some(k))), "{found:?}");
    }
    assert!(found.contains(&(Some(1), "Generator", None)), "{found:?}");
    assert_eq!(refused.report.sub_ceremonies[1].links_valid, 0);
}

#[test]
fn tau_zero_behind_a_good_start_is_refused() {
    // P = g, 0, 0, … and Q = g, 0, 0, … satisfy every ratio.
    let mut document = honest_document();
    let sub = &mut document["transcripts"][1];
    for (name, len, infinity) in [
        ("G1Powers", 8, infinity_g1()),
        ("G2Powers", 3, infinity_g2()),
    ] {
        for i in 1..len {
            sub["powersOfTau"][name][i] = infinity.clone();
        }
    }
    sub["witness"]["runningProducts"][5] = infinity_g1();
    sub["witness"]["potPubkeys"][5] = infinity_g2();
    let refused = refused(&document);
    assert_eq!(
        faults(&refused),
        [
            (Some(1), "Identity", Some(5)),
            (Some(1), "Identity", Some(5)),
            (Some(1), "LastProduct", None),
            (Some(1), "ZeroPower", None),
        ]
    );
    let text = refused.failures[3].to_string();
    assert!(text.contains("point at infinity"), "{text}");
}

#[test]
fn a_file_with_one_of_the_four_sub_ceremonies_is_refused() {
    let mut document = honest_document();
    document["transcripts"].as_array_mut().unwrap().truncate(1);
    let refused = refused(&document);
    assert_eq!(faults(&refused), [(None, "SubCeremonyCount", None)]);
    assert_eq!(
        refused.to_string(),
        "4 sub-ceremonies expected, 1 in the transcript"
    );
}

#[test]
fn a_small_ceremony_is_not_taken_for_ethereums() {
    let document = honest_document().to_string();
    match verify_with(document.as_bytes(), &Options::default()) {
        Err(TranscriptError::Refused(refused)) => {
            let sizes = (0..4).map(|sub| (Some(sub), "Size", None));
            assert_eq!(faults(&refused), sizes.collect::<Vec<_>>());
            assert_eq!(
                refused.failures[0].to_string(),
                "sub-ceremony 0 (4 powers): size 4096:65 expected, 4:2 in the transcript"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_sub_ceremonies_at_all_are_refused() {
    let mut document = honest_document();
    document["transcripts"] = json!([]);
    assert_eq!(
        faults(&refused(&document)),
        [
            (None, "SubCeremonyCount", None),
            (None, "Empty", None),
            (None, "ListLength", None),
            (None, "ListLength", None),
        ]
    );
}

#[test]
fn lists_of_another_length_are_refused() {
    for sub in 0..4 {
        for name in ["potPubkeys", "blsSignatures"] {
            let mut document = honest_document();
            let list = &mut document["transcripts"][sub]["witness"][name];
            list.as_array_mut().unwrap().pop();
            let refused = refused(&document);
            assert_eq!(faults(&refused)[0], (Some(sub), "ListLength", None));
            let text = refused.failures[0].to_string();
            assert!(text.contains(&format!("{name} has 5 entries, ")), "{text}");
        }
    }
    for name in ["participantIds", "participantEcdsaSignatures"] {
        let mut shorter = honest_document();
        shorter[name].as_array_mut().unwrap().pop();
        assert_eq!(faults(&refused(&shorter)), [(None, "ListLength", None)]);
        let mut longer = honest_document();
        longer[name].as_array_mut().unwrap().push(json!(""));
        assert_eq!(faults(&refused(&longer)), [(None, "ListLength", None)]);
        let mut without = honest_document();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(faults(&refused(&without)), [(None, "ListLength", None)]);
    }
    let mut short = honest_document();
    short["transcripts"][3]["witness"]["runningProducts"]
        .as_array_mut()
        .unwrap()
        .pop();
    assert_eq!(
        faults(&refused(&short)),
        [
            (Some(3), "ListLength", None),
            (Some(3), "LastProduct", None)
        ]
    );
    let mut more = honest_document();
    let longer = more["transcripts"][3]["witness"]["runningProducts"]
        .as_array_mut()
        .unwrap();
    longer.push(longer.last().unwrap().clone());
    assert_eq!(faults(&refused(&more)), [(Some(3), "ListLength", None)]);
}

#[test]
fn signatures_that_are_wrong_are_counted_not_overlooked() {
    let mut document = honest_document();
    let other = document["transcripts"][0]["witness"]["blsSignatures"][2].clone();
    let witness = &mut document["transcripts"][0]["witness"];
    witness["blsSignatures"][1] = other;
    witness["blsSignatures"][3] = json!("rubbish");
    witness["blsSignatures"][4] = Value::Null;
    witness["blsSignatures"][5] = infinity_g1();
    document["transcripts"][1]["witness"]["blsSignatures"][1] = json!("");
    document["transcripts"][2]["witness"]["blsSignatures"][1] = json!({"x": [1]});
    let other = document["participantEcdsaSignatures"][2].clone();
    document["participantEcdsaSignatures"][1] = other.clone();
    document["participantEcdsaSignatures"][3] = other;
    document["participantEcdsaSignatures"][4] = json!("0x00");
    let report = verify(&document).unwrap();
    let bls: Vec<_> = report
        .sub_ceremonies
        .iter()
        .map(|it| it.bls_signatures)
        .collect();
    assert_eq!(
        bls[0],
        Tally {
            valid: 1,
            invalid: 3,
            absent: 1
        }
    );
    assert_eq!(
        bls[1],
        Tally {
            valid: 4,
            invalid: 0,
            absent: 1
        }
    );
    assert_eq!(
        bls[2],
        Tally {
            valid: 4,
            invalid: 1,
            absent: 0
        }
    );
    assert_eq!(
        bls[3],
        Tally {
            valid: 5,
            invalid: 0,
            absent: 0
        }
    );
    assert_eq!(
        report.ecdsa_signatures,
        Tally {
            valid: 2,
            invalid: 3,
            absent: 0
        }
    );
}

#[test]
fn signatures_by_somebody_else_are_invalid() {
    let mut document = honest_document();
    document["participantIds"][1] = json!(identity(9).as_str());
    let report = verify(&document).unwrap();
    for sub in &report.sub_ceremonies {
        assert_eq!(
            sub.bls_signatures,
            Tally {
                valid: 4,
                invalid: 1,
                absent: 0
            }
        );
    }
    assert_eq!(
        report.ecdsa_signatures,
        Tally {
            valid: 3,
            invalid: 1,
            absent: 1
        }
    );
}

#[test]
fn non_ascii_hex_is_refused_without_panic() {
    for (text, what) in [
        ("0x९९", "character 2 is not a lower-case hex digit"),
        ("ü", "hex does not start with 0x"),
        ("0x", "0 bytes instead of 48"),
        ("0xab", "1 bytes instead of 48"),
        ("0xabc", "hex has an odd number of digits, 3"),
        ("", "hex does not start with 0x"),
    ] {
        let mut document = honest_document();
        document["transcripts"][0]["witness"]["runningProducts"][2] = json!(text);
        let refused = refused(&document);
        assert_eq!(
            refused.failures[0].to_string(),
            format!("sub-ceremony 0 (4 powers): running product 2 does not decode: {what}")
        );
    }
    let mut document = honest_document();
    let upper = document["transcripts"][3]["witness"]["potPubkeys"][2]
        .as_str()
        .unwrap();
    let upper = format!("0x{}", upper[2..].to_uppercase());
    document["transcripts"][3]["witness"]["potPubkeys"][2] = json!(upper);
    assert_eq!(
        faults(&refused(&document)),
        [(Some(3), "Decoding", Some(2))]
    );
}

// Their neighbours.

#[test]
fn a_changed_entry_0_is_refused() {
    for (list, value) in [("runningProducts", g1(2)), ("potPubkeys", g2(2))] {
        let mut document = honest_document();
        document["transcripts"][1]["witness"][list][0] = value;
        let refused = refused(&document);
        assert_eq!(faults(&refused)[0], (Some(1), "Start", Some(0)), "{list}");
        assert_eq!(
            refused.failures[0].to_string(),
            format!("sub-ceremony 1 (8 powers): entry 0 of {list} is not the generator")
        );
    }
    let mut signed = honest_document();
    signed["transcripts"][1]["witness"]["blsSignatures"][0] = g1(3);
    assert_eq!(faults(&refused(&signed)), [(Some(1), "Start", Some(0))]);
    let mut named = honest_document();
    named["participantIds"][0] = json!(identity(1).as_str());
    assert_eq!(faults(&refused(&named)), [(None, "Start", Some(0))]);
    let mut signed = honest_document();
    signed["participantEcdsaSignatures"][0] = signed["participantEcdsaSignatures"][1].clone();
    assert_eq!(faults(&refused(&signed)), [(None, "Start", Some(0))]);
}

#[test]
fn a_chain_that_starts_elsewhere_is_refused() {
    // All of it holds together, on a start that somebody knows the exponent of.
    let mut document = honest_document();
    every_list(&mut document, |list| {
        list.remove(0);
    });
    let found = faults(&refused(&document));
    for sub in 0..4 {
        assert!(found.contains(&(Some(sub), "Start", Some(0))), "{found:?}");
    }
}

#[test]
fn a_contribution_removed_is_refused() {
    for k in 1..=CONTRIBUTIONS {
        let mut document = honest_document();
        every_list(&mut document, |list| {
            list.remove(k);
        });
        let found = faults(&refused(&document));
        for sub in 0..4 {
            let fault = match k {
                // Nothing follows: the powers tell.
                CONTRIBUTIONS => (Some(sub), "LastProduct", None),
                _ => (Some(sub), "UpdateProof", Some(k as u64)),
            };
            assert!(found.contains(&fault), "{k}: {found:?}");
        }
        assert_eq!(found.len(), 4);
    }
}

#[test]
fn a_contribution_repeated_is_refused() {
    for k in 1..=CONTRIBUTIONS {
        let mut document = honest_document();
        every_list(&mut document, |list| list.insert(k, list[k].clone()));
        let found = faults(&refused(&document));
        let repeated = (0..4).map(|sub| (Some(sub), "UpdateProof", Some(k as u64 + 1)));
        assert_eq!(found, repeated.collect::<Vec<_>>());
    }
}

#[test]
fn contributions_reordered_are_refused() {
    for k in 1..CONTRIBUTIONS {
        let mut document = honest_document();
        every_list(&mut document, |list| list.swap(k, k + 1));
        let refused = refused(&document);
        for sub in 0..4 {
            assert!(faults(&refused).contains(&(Some(sub), "UpdateProof", Some(k as u64))));
        }
    }
}

#[test]
fn a_contribution_moved_between_sub_ceremonies_is_refused() {
    let mut document = honest_document();
    for name in ["runningProducts", "potPubkeys", "blsSignatures"] {
        let moved = document["transcripts"][0]["witness"][name][3].clone();
        document["transcripts"][1]["witness"][name][3] = moved;
    }
    assert_eq!(
        faults(&refused(&document)),
        [
            (Some(1), "UpdateProof", Some(3)),
            (Some(1), "UpdateProof", Some(4))
        ]
    );
}

#[test]
fn whole_witnesses_exchanged_between_sub_ceremonies_are_refused() {
    let mut document = honest_document();
    let first = document["transcripts"][0]["witness"].take();
    let second = std::mem::replace(&mut document["transcripts"][1]["witness"], first);
    document["transcripts"][0]["witness"] = second;
    let refused = refused(&document);
    assert_eq!(
        faults(&refused),
        [
            (Some(0), "LastProduct", None),
            (Some(1), "LastProduct", None)
        ]
    );
    assert_eq!(
        refused.to_string(),
        "sub-ceremony 0 (4 powers): the last running product does not match the powers (and 1 \
         more)"
    );
}

#[test]
fn sub_ceremonies_in_another_order_are_refused() {
    let mut document = honest_document();
    document["transcripts"].as_array_mut().unwrap().swap(1, 2);
    let refused = refused(&document);
    assert_eq!(
        faults(&refused),
        [(Some(1), "Size", None), (Some(2), "Size", None)]
    );
}

#[test]
fn the_last_product_changed_together_with_the_powers_is_refused() {
    // Powers of another τ, consistent among themselves, and the last product with them.
    let mut document = honest_document();
    let sub = &mut document["transcripts"][0];
    for i in 0..4 {
        sub["powersOfTau"]["G1Powers"][i] = g1(7_u64.pow(i as u32));
    }
    sub["powersOfTau"]["G2Powers"][1] = g2(7);
    sub["witness"]["runningProducts"][5] = g1(7);
    assert_eq!(
        faults(&refused(&document)),
        [(Some(0), "UpdateProof", Some(5))]
    );
}

#[test]
fn powers_changed_alone_are_refused() {
    let mut document = honest_document();
    let sub = &mut document["transcripts"][0];
    for i in 0..4 {
        sub["powersOfTau"]["G1Powers"][i] = g1(7_u64.pow(i as u32));
    }
    sub["powersOfTau"]["G2Powers"][1] = g2(7);
    assert_eq!(
        faults(&refused(&document)),
        [(Some(0), "LastProduct", None)]
    );
}

#[test]
fn a_wrong_final_power_is_named() {
    let mut document = honest_document();
    document["transcripts"][3]["powersOfTau"]["G1Powers"]
        .as_array_mut()
        .unwrap()
        .swap(20, 21);
    let refused = refused(&document);
    assert_eq!(faults(&refused), [(Some(3), "G1Powers", None)]);
    match &refused.failures[0].check {
        TranscriptCheck::Powers(Invalid { check, index, .. }) => {
            assert_eq!((check, *index), (&Check::G1Powers, Some(20)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn too_few_powers_are_refused() {
    let mut document = honest_document();
    document["transcripts"][3]["powersOfTau"]["G2Powers"]
        .as_array_mut()
        .unwrap()
        .pop();
    let refused = refused(&document);
    assert_eq!(
        refused.to_string(),
        "sub-ceremony 3 (32 powers): 4 G2 powers expected, 3 given"
    );
}

#[test]
fn points_outside_of_the_subgroup_are_refused() {
    let mut document = honest_document();
    let product = document["transcripts"][0]["witness"]["runningProducts"][4].clone();
    let product = G1Affine::from_compressed(&unhex(&product)).unwrap();
    for order in [3, 11] {
        let small = small_order_g1(order);
        // Alone, and as a part of the right point.
        for point in [small, (G1Projective::from(product) + small).to_affine()] {
            let place = &mut document["transcripts"][0]["witness"]["runningProducts"][4];
            *place = hex_value(&point.to_compressed());
            let refused = refused(&document);
            assert_eq!(faults(&refused), [(Some(0), "Subgroup", Some(4))]);
            assert_eq!(
                refused.to_string(),
                "sub-ceremony 0 (4 powers): running product 4 is not in the prime-order subgroup"
            );
        }
    }
    let mut document = honest_document();
    let key = document["transcripts"][0]["witness"]["potPubkeys"][4].clone();
    let key = G2Affine::from_compressed(&unhex(&key)).unwrap();
    for point in [
        small_order_g2(),
        (G2Projective::from(key) + small_order_g2()).to_affine(),
    ] {
        let place = &mut document["transcripts"][0]["witness"]["potPubkeys"][4];
        *place = hex_value(&point.to_compressed());
        assert_eq!(
            faults(&refused(&document)),
            [(Some(0), "Subgroup", Some(4))]
        );
    }
}

#[test]
fn a_contribution_without_entropy_is_reported_not_refused() {
    let mut document = honest_document();
    every_list(&mut document, |list| list.insert(3, list[2].clone()));
    for sub in 0..4 {
        document["transcripts"][sub]["witness"]["potPubkeys"][3] = g2(1);
    }
    let report = verify(&document).unwrap();
    for sub in &report.sub_ceremonies {
        assert_eq!(
            (sub.no_entropy, sub.no_entropy_entries.as_slice()),
            (1, [3].as_slice())
        );
        assert_eq!(sub.links_valid, 6);
    }
}

#[test]
fn a_participant_without_identity_is_refused() {
    for text in ["", "bob", "eth|0x00", "git|7"] {
        let mut document = honest_document();
        document["participantIds"][2] = json!(text);
        let refused = refused(&document);
        assert_eq!(faults(&refused), [(None, "Participant", Some(2))], "{text}");
        assert_eq!(refused.report.ecdsa_signatures.invalid, 1);
    }
}

#[test]
fn a_github_login_may_be_listed_with_an_at_sign() {
    let mut document = honest_document();
    document["participantIds"][3] = json!("git|33|@Three");
    assert_eq!(
        verify(&document).unwrap().sub_ceremonies[0]
            .bls_signatures
            .valid,
        5
    );
}

#[test]
fn many_failures_are_counted_and_the_first_are_listed() {
    let mut document = honest_document();
    every_list(&mut document, |list| {
        for _ in 0..100 {
            list.push(list[1].clone());
        }
    });
    let refused = refused(&document);
    assert_eq!(refused.failures.len(), MAX_LISTED);
    // Of each sub-ceremony: 100 links, and the last product.
    assert_eq!(refused.failure_count, 4 * 101);
    assert!(refused.to_string().ends_with("(and 403 more)"));
}

// Documents that are none.

#[track_caller]
fn not_a_document(bytes: &[u8]) -> String {
    match verify_with(bytes, &options(SIZES)) {
        Err(TranscriptError::Document(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_truncated_document_is_refused_wherever_it_ends() {
    for format in [Format::Json, Format::MessagePack(Encoding::Compressed)] {
        let sizes: Sizes = "2:2".parse().unwrap();
        let bytes = Transcript::initial(&sizes)
            .write(Vec::new(), format)
            .unwrap();
        for len in 0..bytes.len() {
            not_a_document(&bytes[..len]);
        }
        verify_with(&bytes, &options("2:2")).unwrap();
    }
}

#[test]
fn bytes_after_the_document_are_refused() {
    for format in [Format::Json, Format::MessagePack(Encoding::Uncompressed)] {
        let mut bytes = honest().write(Vec::new(), format).unwrap();
        bytes.push(b'{');
        not_a_document(&bytes);
    }
    let mut spaced = honest().write(Vec::new(), Format::Json).unwrap();
    spaced.extend_from_slice(b"\r\n\t ");
    verify_with(&spaced, &options(SIZES)).unwrap();
}

#[test]
fn fields_unknown_or_given_twice_are_refused() {
    let text = honest_document().to_string();
    for (from, to, problem) in [
        (
            "{\"participant",
            "{\"x\":1,\"participant",
            "unknown field `x`",
        ),
        (
            "\"powersOfTau\":{",
            "\"powersOfTau\":{\"x\":[],",
            "unknown field `x`",
        ),
        (
            "\"witness\":{",
            "\"witness\":{\"potPubkeys\":[],",
            "given twice",
        ),
        (
            "\"numG1Powers\":4,",
            "\"numG1Powers\":4,\"numG1Powers\":4,",
            "given twice",
        ),
        ("\"numG1Powers\":4,", "", "no field `numG1Powers`"),
        (
            "\"numG1Powers\":4,",
            "\"numG1Powers\":-4,",
            "not a number of powers",
        ),
        (
            "\"numG1Powers\":4,",
            "\"numG1Powers\":4e3,",
            "not a number of powers",
        ),
        (
            "\"numG1Powers\":4,",
            "\"numG1Powers\":99999999999999999999,",
            "not a number of powers",
        ),
        ("\"potPubkeys\"", "\"potpubkeys\"", "no field `potPubkeys`"),
        ("\"transcripts\"", "\"transcript\"", "unknown field"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let error = not_a_document(changed.as_bytes());
        assert!(error.contains(problem), "{error}");
    }
    for (from, to) in [
        (
            "\"witness\":{",
            "\"witness\":{\"comment\":{\"a\":[1,null,\"x\"]},",
        ),
        ("\"numG1Powers\":4,", "\"comment\":true,\"numG1Powers\":4,"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        verify_with(changed.as_bytes(), &options(SIZES)).unwrap();
    }
}

#[test]
fn deep_documents_are_refused_without_overflow() {
    let deep = "[".repeat(1_000_000);
    not_a_document(deep.as_bytes());
    not_a_document(format!("{{\"transcripts\":[{{\"x\":{deep}").as_bytes());
    // MessagePack: {"transcripts": [{"x": [[[[…
    let mut deep = b"\x81\xabtranscripts\x91\x81\xa1x".to_vec();
    deep.resize(1_000_000, 0x91);
    not_a_document(&deep);
}

#[test]
fn promised_lengths_are_not_believed() {
    // Lists and values of 2^32 - 1 items, and nothing in them.
    for tail in [
        b"\xdd\xff\xff\xff\xff".as_slice(),
        b"\x91\xdf\xff\xff\xff\xff",
    ] {
        let mut bytes = b"\x81\xabtranscripts".to_vec();
        bytes.extend_from_slice(tail);
        not_a_document(&bytes);
    }
    for tail in [
        b"\xc6\xff\xff\xff\xff".as_slice(),
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff",
    ] {
        let mut bytes = b"\x81\xabtranscripts\x91\x81\xa1x".to_vec();
        bytes.extend_from_slice(tail);
        not_a_document(&bytes);
    }
}

#[test]
fn other_things_are_no_transcripts() {
    for bytes in [
        b"".as_slice(),
        b"null",
        b"[]",
        b"{}",
        b"\"x\"",
        b"\xff\xfe",
        b"\x00",
        b"\x80",
        b"\x1f\x8b\x08\x00",
        b"{\"transcripts\":7}",
        b"{\"transcripts\":[7]}",
        b"{\"transcripts\":null}",
        b"{\"transcripts\":[]}garbage",
        b"{\"transcripts\":[{}]}",
    ] {
        not_a_document(bytes);
    }
    let mut no_text = honest_document();
    no_text["participantIds"][1] = json!(7);
    not_a_document(no_text.to_string().as_bytes());
    let mut no_point = honest_document();
    no_point["transcripts"][0]["witness"]["potPubkeys"][1] = Value::Null;
    not_a_document(no_point.to_string().as_bytes());
    let mut many = honest_document();
    many["transcripts"] = json!(vec![many["transcripts"][0].clone(); 17]);
    assert!(not_a_document(many.to_string().as_bytes()).contains("more than 16 sub-ceremonies"));
}

#[test]
fn one_document_has_one_point_encoding() {
    let compressed = honest()
        .write(Vec::new(), Format::MessagePack(Encoding::Compressed))
        .unwrap();
    let generator = G1Affine::generator();
    // The first witness point in the other encoding.
    let mut from = b"\xafrunningProducts\x96\xc4\x30".to_vec();
    from.extend(generator.to_compressed());
    let mut to = b"\xafrunningProducts\x96\xc4\x60".to_vec();
    to.extend(generator.to_uncompressed());
    let at = compressed
        .windows(from.len())
        .position(|it| it == from)
        .unwrap();
    let mut mixed = compressed[..at].to_vec();
    mixed.extend(&to);
    mixed.extend(&compressed[at + from.len()..]);
    match verify_with(&mixed, &options(SIZES)) {
        Err(TranscriptError::Refused(refused)) => {
            let error = PointError::Length {
                expected: 48,
                got: 96,
            };
            let element = Element::RunningProduct;
            let check = TranscriptCheck::Decoding { element, error };
            assert!(
                refused.failures.iter().any(|it| it.check == check),
                "{refused:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_source_that_fails_is_not_a_wrong_transcript() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk on fire"))
        }
    }
    impl Source for Broken {
        type Reader<'a> = Self;
        fn open(&self, _: u64) -> std::io::Result<Self> {
            Ok(Self)
        }
    }
    match verify_transcript(&Broken, &options(SIZES), &mut rng(1), &|_| {}) {
        Err(error @ TranscriptError::Read(_)) => {
            assert_eq!(
                error.to_string(),
                "the transcript cannot be read: disk on fire"
            );
        }
        other => panic!("{other:?}"),
    }
}

// Published transcripts.

#[test]
fn the_truncated_test_phase_is_refused_for_its_last_products_alone() {
    let Some(bytes) = data_file("transcripts/truncated_test_phase_10.json") else {
        return;
    };
    let full = Sizes::ethereum();
    let options = Options {
        sizes: ExpectedSizes::AsStated,
        signed_sizes: Some(full.iter().collect()),
    };
    let Err(TranscriptError::Refused(refused)) = verify_with(&bytes, &options) else {
        panic!("accepted")
    };
    let last_products = (0..4).map(|sub| (Some(sub), "LastProduct", None));
    assert_eq!(faults(&refused), last_products.collect::<Vec<_>>());
    for failure in &refused.failures {
        let text = failure.to_string();
        assert!(
            text.ends_with(": the last running product does not match the powers"),
            "{text}"
        );
    }
    let report = &refused.report;
    assert_eq!(report.contributions, 9);
    assert_eq!(
        report
            .sub_ceremonies
            .iter()
            .map(|it| it.links_valid)
            .sum::<u64>(),
        36
    );
    let bls = report.sub_ceremonies.iter().map(|it| it.bls_signatures);
    assert_eq!(bls.clone().map(|it| it.valid).sum::<u64>(), 16);
    assert_eq!(bls.map(|it| it.invalid).sum::<u64>(), 0);
    assert_eq!(
        report.ecdsa_signatures,
        Tally {
            valid: 4,
            invalid: 0,
            absent: 5
        }
    );

    // As a transcript of Ethereum's ceremony it has the wrong sizes as well.
    let Err(TranscriptError::Refused(refused)) = verify_with(&bytes, &Options::default()) else {
        panic!("accepted")
    };
    assert_eq!(refused.failure_count, 8);
    assert_eq!(refused.report.ecdsa_signatures.valid, 4);
}

#[test]
fn the_chain_of_small_bad_signatures_holds_and_no_signature_does() {
    let Some(bytes) = data_file("transcripts/small_bad_signatures.json") else {
        return;
    };
    let options = Options {
        sizes: ExpectedSizes::AsStated,
        signed_sizes: None,
    };
    let Err(TranscriptError::Refused(refused)) = verify_with(&bytes, &options) else {
        panic!("accepted")
    };
    let report = &refused.report;
    for sub in &report.sub_ceremonies {
        assert_eq!(sub.links_valid, 5);
        assert_eq!(sub.bls_signatures.valid, 0);
        assert!(sub.bls_signatures.invalid > 0);
        assert_eq!(sub.no_entropy_entries, [2]);
    }
    assert_eq!(report.ecdsa_signatures.valid, 0);
    assert!(report.ecdsa_signatures.invalid > 0);
    // What refuses it: it starts elsewhere, lists differ in length, one size is impossible.
    let codes: std::collections::BTreeSet<_> = refused.failures.iter().map(Failure::code).collect();
    assert!(!codes.contains("UpdateProof"), "{codes:?}");
    assert!(
        codes.contains("Start") && codes.contains("ListLength"),
        "{codes:?}"
    );
    assert!(codes.contains("ImpossibleSize"), "{codes:?}");
}

// Writing.

#[test]
fn a_transcript_with_uneven_lists_cannot_be_written() {
    let powers = &honest().base().powers()[0];
    let point = || Ok(G1Affine::generator().to_compressed());
    let key = || Ok(G2Affine::generator().to_compressed());
    for (products, keys, signatures, list) in [
        (1, 2, 2, "runningProducts"),
        (3, 2, 2, "runningProducts"),
        (2, 1, 2, "potPubkeys"),
        (2, 2, 3, "blsSignatures"),
    ] {
        let mut writer = TranscriptWriter::new(Vec::new(), Format::Json, 1, 2).unwrap();
        let result = writer.sub_ceremony(
            powers,
            (0..products).map(|_| point()),
            (0..keys).map(|_| key()),
            (0..signatures).map(|_| Ok(None)),
        );
        assert!(matches!(result, Err(WriteError::Length { list: it, .. }) if it == list));
    }
    let writer = TranscriptWriter::new(Vec::new(), Format::Json, 1, 0).unwrap();
    let none = std::iter::empty::<std::io::Result<&str>>();
    let result = writer.finish(none, []);
    assert!(matches!(
        result,
        Err(WriteError::SubCeremonies {
            expected: 1,
            got: 0
        })
    ));
}

#[test]
fn an_error_of_the_store_ends_the_writing() {
    let powers = &honest().base().powers()[0];
    let mut writer = TranscriptWriter::new(Vec::new(), Format::Json, 1, 1).unwrap();
    let result = writer.sub_ceremony(powers, [Err(std::io::Error::other("row 7"))], [], []);
    assert_eq!(
        result.unwrap_err().to_string(),
        "the transcript cannot be written: row 7"
    );
}

#[test]
fn powers_of_a_transcript_are_read_back() {
    for format in [
        Format::PrettyJson,
        Format::MessagePack(Encoding::Uncompressed),
    ] {
        let document = honest().write(Vec::new(), format).unwrap();
        let powers = read_powers(document.as_slice(), 16).unwrap().unwrap();
        assert_eq!(&powers, &honest().base().powers()[2]);
        assert_eq!(powers.size(), Size { g1: 16, g2: 4 });
        assert!(read_powers(document.as_slice(), 17).unwrap().is_none());
    }
    assert!(matches!(
        read_powers(b"{}".as_slice(), 16),
        Err(TranscriptError::Document(DocumentError::Json(_)))
    ));
}
