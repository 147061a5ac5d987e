//! What is remarkable about transcripts that are valid: signatures that are not, participants who
//! stand there twice, equal secrets, known secrets; and whose contributions are in there.

use crate::fixtures::{rng, secret};
use crate::history::*;
use crate::support::data_file;
use serde_json::{Value, json};
use tauline_transcript::identity::Identity;
use tauline_transcript::known_secret::KnownSecret;
use tauline_transcript::transcript::*;
use tauline_transcript::{Encoding, contribute_with};

/// Entry, kind, sub-ceremony and fault of the signatures that are not valid.
fn faulty(report: &Report) -> Vec<(u64, Option<usize>, SignatureFault)> {
    let faulty = report.signatures.faulty.first.iter();
    faulty
        .map(|it| (it.entry, it.sub_ceremony, it.fault))
        .collect()
}

#[test]
fn an_honest_transcript_is_unremarkable() {
    let report = verify(&honest_document()).unwrap();
    assert!(report.is_unremarkable());
    // 5 BLS signatures in 4 sub-ceremonies, and 4 of Ethereum.
    assert_eq!(
        (report.signatures.present, report.signatures.valid),
        (24, 24)
    );
    for (sub, powers) in report.sub_ceremonies.iter().zip(honest().base().powers()) {
        assert_eq!(sub.mark.as_ref(), Some(&powers.mark()));
        assert_eq!(sub.known_secret, None);
    }
}

#[test]
fn signatures_that_are_not_valid_are_named_with_their_owner() {
    let mut document = honest_document();
    let other = document["transcripts"][0]["witness"]["blsSignatures"][2].clone();
    let witness = &mut document["transcripts"][0]["witness"];
    witness["blsSignatures"][1] = other;
    witness["blsSignatures"][3] = json!("rubbish");
    witness["blsSignatures"][5] = infinity_g1();
    document["transcripts"][2]["witness"]["blsSignatures"][1] = json!("0x1234");
    let other = document["participantEcdsaSignatures"][2].clone();
    document["participantEcdsaSignatures"][1] = other;
    document["participantEcdsaSignatures"][4] = json!(format!("0x{}", "00".repeat(65)));
    let report = verify(&document).unwrap();
    use SignatureFault::{Invalid, Malformed};
    assert_eq!(
        faulty(&report),
        [
            (1, Some(0), Invalid),
            (1, Some(2), Malformed),
            (1, None, Invalid),
            (3, Some(0), Malformed),
            (4, None, Malformed),
            (5, Some(0), Malformed),
        ]
    );
    assert_eq!(
        (report.signatures.present, report.signatures.valid),
        (24, 18)
    );
    let first = &report.signatures.faulty.first[0];
    assert_eq!(first.identity, identity(1).as_str());
    assert!(!report.is_unremarkable());
}

#[test]
fn swapped_and_replaced_names_show() {
    let mut swapped = honest_document();
    swapped["participantIds"].as_array_mut().unwrap().swap(1, 4);
    let report = verify(&swapped).unwrap();
    let entries: Vec<u64> = report
        .signatures
        .faulty
        .first
        .iter()
        .map(|it| it.entry)
        .collect();
    assert_eq!(entries, [1, 1, 1, 1, 1, 4, 4, 4, 4, 4]);
    let mut replaced = honest_document();
    replaced["participantIds"][3] = json!("invite|mallory");
    let report = verify(&replaced).unwrap();
    assert_eq!(report.signatures.faulty.count, 4);
    assert!(
        report
            .signatures
            .faulty
            .first
            .iter()
            .all(|it| it.identity == "invite|mallory")
    );
}

#[test]
fn whoever_stands_there_twice_is_named() {
    let mut document = honest_document();
    // An account of GitHub is its number.
    document["participantIds"][5] = json!("git|33|renamed");
    document["participantIds"][4] = json!(identity(1).as_str());
    let report = verify(&document).unwrap();
    assert_eq!(report.repeated_participants.count, 2);
    assert_eq!(
        report.repeated_participants.first,
        [
            Repeated {
                identity: identity(1).to_string(),
                first: 1,
                again: 4
            },
            Repeated {
                identity: "git|33|renamed".to_owned(),
                first: 3,
                again: 5
            },
        ]
    );
    assert!(!report.is_unremarkable());
}

#[test]
fn repeated_participants_are_found_in_long_transcripts() {
    // More than one reading has room for.
    let contributions = 40_000_u64;
    let start = Transcript::initial(&"2:2".parse().unwrap());
    let document = start.write(Vec::new(), Format::Json).unwrap();
    let mut document: Value = serde_json::from_slice(&document).unwrap();
    every_list(&mut document, |list| {
        let first = list[0].clone();
        list.resize(contributions as usize + 1, first);
    });
    for (k, id) in document["participantIds"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .enumerate()
        .skip(1)
    {
        *id = json!(format!("invite|{}", if k % 10_000 == 0 { 1 } else { k }));
    }
    let report = verify_with(document.to_string().as_bytes(), &options("2:2")).unwrap();
    let again: Vec<u64> = report
        .repeated_participants
        .first
        .iter()
        .map(|it| it.again)
        .collect();
    assert_eq!(again, [10_000, 20_000, 30_000, 40_000]);
    assert_eq!(
        report.sub_ceremonies[0].known_secret,
        Some(KnownSecret::One)
    );
}

#[test]
fn one_secret_for_several_sub_ceremonies_is_named() {
    let mut rng = rng(4);
    let mut transcript = Transcript::initial(&SIZES.parse().unwrap());
    for secrets in [[5, 7, 5, 5], [7, 8, 9, 10], [2, 3, 2, 3]] {
        let secrets = secrets.map(|x| secret(x + (1 << 40))).into_iter().collect();
        let update = contribute_with(transcript.base(), secrets, &|_| {}).unwrap();
        let name = Identity::invite(&format!("n{}", transcript.contributions())).unwrap();
        transcript
            .accept(name, &update.unsigned(), &mut rng)
            .unwrap();
    }
    let document = transcript.write(Vec::new(), Format::Json).unwrap();
    let report = verify_with(&document, &options(SIZES)).unwrap();
    assert_eq!(report.equal_secrets.count, 3);
    let found: Vec<_> = report
        .equal_secrets
        .first
        .iter()
        .map(|it| (it.entry, &it.sub_ceremonies[..]))
        .collect();
    assert_eq!(found, [(1, &[0, 2, 3][..]), (3, &[0, 2]), (3, &[1, 3])]);
}

#[test]
fn signatures_over_other_sizes_are_no_forgeries() {
    let Some(bytes) = data_file("transcripts/truncated_test_phase_10.json") else {
        return;
    };
    let refused = refused_with(&bytes, &as_stated());
    let signatures = &refused.report.signatures;
    assert_eq!(signatures.faulty.count, 0);
    assert_eq!(signatures.over_other_sizes, 4);
    assert_eq!(signatures.other_sizes[3].to_string(), "32768:65");
    assert_eq!(
        refused.report.ecdsa_signatures,
        Tally {
            valid: 4,
            invalid: 0,
            absent: 5
        }
    );
    // A transcript of small sizes that is expected to be Ethereum's has the wrong sizes, and signatures
    // that are right.
    let document = honest_document().to_string();
    let refused = refused_with(document.as_bytes(), &Options::default());
    assert_eq!(refused.report.ecdsa_signatures.invalid, 0);
    assert_eq!(refused.report.signatures.faulty.count, 0);
}

#[test]
fn entries_are_found_by_name_and_by_keys() {
    let keys = |k: usize, document: &Value| -> Vec<[u8; 96]> {
        let subs = document["transcripts"].as_array().unwrap().iter();
        subs.map(|sub| crate::support::unhex(&sub["witness"]["potPubkeys"][k]))
            .collect()
    };
    let document = honest_document();
    let forms = [
        honest().write(Vec::new(), Format::Json).unwrap(),
        honest()
            .write(Vec::new(), Format::MessagePack(Encoding::Compressed))
            .unwrap(),
        honest()
            .write(Vec::new(), Format::MessagePack(Encoding::Uncompressed))
            .unwrap(),
    ];
    for form in forms {
        for k in 1..=CONTRIBUTIONS {
            let by_name = EntrySearch {
                identity: Some(identity(k)),
                ..EntrySearch::default()
            };
            let by_keys = EntrySearch {
                pot_pubkeys: keys(k, &document),
                ..EntrySearch::default()
            };
            for (wanted, is_identity) in [(by_name, true), (by_keys, false)] {
                let found = find_entries(&form[..], &wanted).unwrap();
                assert_eq!(found.len(), 1);
                assert_eq!(found[0].entry, k as u64);
                assert_eq!(found[0].identity, identity(k).as_str());
                assert_eq!(found[0].is_identity, is_identity);
                assert_eq!(found[0].bls_signatures, 4);
                assert_eq!(found[0].has_ecdsa_signature, k != 3);
                let own: Vec<_> = keys(k, &document).into_iter().map(Some).collect();
                assert_eq!(found[0].pot_pubkeys, own);
            }
        }
        let nobody = EntrySearch {
            identity: Some(identity(9)),
            pot_pubkeys: vec![[7; 96]; 4],
        };
        assert_eq!(find_entries(&form[..], &nobody).unwrap(), []);
        // The start is nobody's.
        let start = EntrySearch {
            pot_pubkeys: keys(0, &document),
            ..EntrySearch::default()
        };
        assert_eq!(find_entries(&form[..], &start).unwrap(), []);
    }
}
