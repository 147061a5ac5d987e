//! Whatever is not true in a transcript is refused.
//!
//! Each fault of the published verifier of Ethereum's ceremony is a test here, with its
//! neighbours (`docs/spec/known-faults.md#update-not-checked`).

use crate::fixtures::{small_order_g1, small_order_g2};
use crate::history::*;
use crate::support::unhex;
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective};
use group::Curve;
use serde_json::{Value, json};
use tauline_transcript::transcript::*;
use tauline_transcript::{Check, Invalid};

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
        ("0x९९", "character 3 is not a lower-case hex digit"),
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

// `docs/spec/ceremony.md#github-spellings`.
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
