//! `tauline verify` on forged transcripts: every fault that the published verifier of the Ethereum
//! ceremony lets pass (`docs/spec/known-faults.md#update-not-checked` and what follows it), and similar
//! ones. Each is
//! refused with exit code 1, the right error code and the right words.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::OnceLock;

use common::{SIZES, json, stderr, stdout, tauline, transcript};
use serde_json::{Value, json as value};

const G1_INFINITY_DIGITS: usize = 94;
const G2_INFINITY_DIGITS: usize = 190;

fn good() -> Value {
    static GOOD: OnceLock<Value> = OnceLock::new();
    GOOD.get_or_init(|| json(&transcript(SIZES, 3))).clone()
}

/// Runs `verify --json` on a document. Returns the exit code, the report and standard error.
fn verify(document: &Value) -> (i32, Value, String) {
    verify_bytes(serde_json::to_vec(document).unwrap())
}

fn verify_bytes(document: Vec<u8>) -> (i32, Value, String) {
    let output = tauline()
        .args(["verify", "-", "--json", "--ceremony", SIZES])
        .write_stdin(document)
        .output()
        .unwrap();
    let report = serde_json::from_str(&stdout(&output)).unwrap_or(Value::Null);
    (output.status.code().unwrap(), report, stderr(&output))
}

/// Checks that the document is refused, first by the check `code`, with a message that contains
/// `words`.
#[track_caller]
fn refused(document: &Value, code: &str, words: &str) {
    let (exit, report, error) = verify(document);
    assert_eq!(exit, 1, "{error}");
    assert_eq!(report["valid"], false);
    let first = &report["failures"][0];
    assert_eq!(first["code"], code, "{report:#}");
    let message = first["message"].as_str().unwrap();
    assert!(
        message.contains(words),
        "{message:?} does not say {words:?}"
    );
    assert!(error.contains("is NOT valid"), "{error}");
    assert!(error.contains(message), "{error}");
}

fn sub(document: &mut Value, i: usize) -> &mut Value {
    &mut document["transcripts"][i]
}

fn list<'a>(document: &'a mut Value, i: usize, name: &str) -> &'a mut Vec<Value> {
    sub(document, i)["witness"][name].as_array_mut().unwrap()
}

/// All lists that have an entry for each contribution.
fn each_list(document: &mut Value, mut change: impl FnMut(&mut Vec<Value>)) {
    for i in 0..4 {
        for name in ["runningProducts", "potPubkeys", "blsSignatures"] {
            change(list(document, i, name));
        }
    }
    for name in ["participantIds", "participantEcdsaSignatures"] {
        change(document[name].as_array_mut().unwrap());
    }
}

#[test]
fn a_true_transcript_is_accepted() {
    let (exit, report, error) = verify(&good());
    assert_eq!(exit, 0, "{error}");
    assert_eq!(report["valid"], true);
    assert_eq!(report["report"]["contributions"], 3);
    for sub in report["report"]["subCeremonies"].as_array().unwrap() {
        assert_eq!(sub["linksValid"], 3);
        assert_eq!(
            sub["blsSignatures"],
            value!({"valid": 3, "invalid": 0, "absent": 0})
        );
    }
    let ecdsa = &report["report"]["ecdsaSignatures"];
    assert_eq!(*ecdsa, value!({"valid": 3, "invalid": 0, "absent": 0}));
}

// `docs/spec/known-faults.md#update-not-checked`.
#[test]
fn forged_running_products_are_refused() {
    for k in [1, 2] {
        let mut document = good();
        let products = list(&mut document, 2, "runningProducts");
        products[k] = products[3].clone();
        refused(
            &document,
            "UpdateProof",
            &format!("contribution {k} is not proven"),
        );
    }
}

#[test]
fn forged_public_keys_are_refused() {
    let mut document = good();
    let key = list(&mut document, 1, "potPubkeys")[1].clone();
    list(&mut document, 0, "potPubkeys")[3] = key;
    refused(
        &document,
        "UpdateProof",
        "sub-ceremony 0 (16 powers): the update of contribution 3",
    );
}

// `docs/spec/known-faults.md#tau-0`.
#[test]
fn tau_0_with_all_powers_at_infinity_is_refused() {
    let g1 = Value::from(format!("0xc0{}", "0".repeat(G1_INFINITY_DIGITS)));
    let g2 = Value::from(format!("0xc0{}", "0".repeat(G2_INFINITY_DIGITS)));
    let mut document = good();
    for i in 0..4 {
        let powers = &mut sub(&mut document, i)["powersOfTau"];
        powers["G1Powers"].as_array_mut().unwrap().fill(g1.clone());
        powers["G2Powers"].as_array_mut().unwrap().fill(g2.clone());
        list(&mut document, i, "runningProducts")[1..].fill(g1.clone());
        list(&mut document, i, "potPubkeys")[1..].fill(g2.clone());
    }
    refused(&document, "Identity", "is the point at infinity");
    // Only the powers are wrong: the chain is valid.
    let mut document = good();
    let powers = &mut sub(&mut document, 3)["powersOfTau"]["G1Powers"];
    powers.as_array_mut().unwrap()[1..].fill(g1);
    refused(
        &document,
        "LastProduct",
        "the last running product does not match the powers",
    );
}

// `docs/spec/known-faults.md#missing-sub-ceremony`.
#[test]
fn a_missing_sub_ceremony_is_refused() {
    for i in 0..4 {
        let mut document = good();
        document["transcripts"].as_array_mut().unwrap().remove(i);
        refused(
            &document,
            "SubCeremonyCount",
            "4 sub-ceremonies expected, 3 in the transcript",
        );
    }
    let mut document = good();
    document["transcripts"].as_array_mut().unwrap().clear();
    refused(
        &document,
        "SubCeremonyCount",
        "4 sub-ceremonies expected, 0 in the transcript",
    );
}

#[test]
fn one_of_ethereums_sub_ceremonies_alone_is_refused_by_default() {
    let document = json(&transcript("4096:65", 0));
    let output = tauline()
        .args(["verify", "-"])
        .write_stdin(serde_json::to_vec(&document).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("4 sub-ceremonies expected, 1 in the transcript"));
}

// `docs/spec/known-faults.md#list-lengths`.
#[test]
fn lists_of_another_length_are_refused() {
    for name in ["runningProducts", "potPubkeys", "blsSignatures"] {
        let mut document = good();
        list(&mut document, 3, name).pop();
        refused(
            &document,
            "ListLength",
            "all lists must have the same length",
        );
        let mut document = good();
        let more = list(&mut document, 1, name);
        more.push(more[0].clone());
        refused(&document, "ListLength", &format!("{name} has 5 entries"));
    }
    for name in ["participantIds", "participantEcdsaSignatures"] {
        let mut document = good();
        document[name].as_array_mut().unwrap().pop();
        refused(&document, "ListLength", &format!("{name} has 3 entries"));
        document[name].as_array_mut().unwrap().clear();
        refused(&document, "ListLength", &format!("{name} has 0 entries"));
    }
}

#[test]
fn an_entry_0_that_is_changed_is_refused() {
    for name in ["runningProducts", "potPubkeys", "blsSignatures"] {
        let mut document = good();
        let entries = list(&mut document, 2, name);
        entries[0] = entries[1].clone();
        refused(&document, "Start", &format!("entry 0 of {name} is not"));
    }
    for name in ["participantIds", "participantEcdsaSignatures"] {
        let mut document = good();
        document[name][0] = document[name][1].clone();
        refused(
            &document,
            "Start",
            &format!("entry 0 of {name} is not empty"),
        );
    }
}

#[test]
fn a_removed_contribution_is_refused() {
    for k in [1, 2] {
        let mut document = good();
        each_list(&mut document, |list| drop(list.remove(k)));
        refused(
            &document,
            "UpdateProof",
            &format!("contribution {k} is not proven"),
        );
    }
    // Without the last one, the chain is valid, but the powers are not the chain's.
    let mut document = good();
    each_list(&mut document, |list| drop(list.pop()));
    refused(
        &document,
        "LastProduct",
        "the last running product does not match the powers",
    );
}

#[test]
fn a_repeated_contribution_is_refused() {
    let mut document = good();
    each_list(&mut document, |list| list.insert(2, list[2].clone()));
    refused(&document, "UpdateProof", "contribution 3 is not proven");
}

#[test]
fn reordered_contributions_are_refused() {
    let mut document = good();
    each_list(&mut document, |list| list.swap(1, 2));
    refused(&document, "UpdateProof", "contribution 1 is not proven");
}

#[test]
fn a_contribution_moved_between_sub_ceremonies_is_refused() {
    let mut document = good();
    for name in ["runningProducts", "potPubkeys", "blsSignatures"] {
        let moved = list(&mut document, 0, name)[2].clone();
        let other = std::mem::replace(&mut list(&mut document, 1, name)[2], moved);
        list(&mut document, 0, name)[2] = other;
    }
    refused(
        &document,
        "UpdateProof",
        "sub-ceremony 0 (16 powers): the update of contribution 2",
    );
    // A chain that is moved as a whole is valid, but does not lead to the powers.
    let mut document = good();
    let moved = sub(&mut document, 0)["witness"].clone();
    let other = std::mem::replace(&mut sub(&mut document, 1)["witness"], moved);
    sub(&mut document, 0)["witness"] = other;
    refused(
        &document,
        "LastProduct",
        "the last running product does not match the powers",
    );
}

#[test]
fn a_last_product_changed_together_with_the_powers_is_refused() {
    // Powers and last product are another ceremony's, so all checks of the powers pass.
    let mut other = json(&transcript(SIZES, 3));
    let mut document = good();
    for i in 0..4 {
        sub(&mut document, i)["powersOfTau"] = sub(&mut other, i)["powersOfTau"].take();
        let product = list(&mut other, i, "runningProducts")[3].take();
        list(&mut document, i, "runningProducts")[3] = product;
    }
    refused(&document, "UpdateProof", "contribution 3 is not proven");
}

// `docs/spec/known-faults.md#signatures-not-checked`.
#[test]
fn signatures_that_are_not_valid_are_counted_and_shown() {
    let mut document = good();
    list(&mut document, 0, "blsSignatures").swap(1, 2);
    list(&mut document, 1, "blsSignatures")[3] = "not a signature".into();
    list(&mut document, 2, "blsSignatures")[1] = "".into();
    document["participantEcdsaSignatures"]
        .as_array_mut()
        .unwrap()
        .swap(2, 3);
    let (exit, report, error) = verify(&document);
    assert_eq!(exit, 0, "{error}");
    let tallies = |i: usize| report["report"]["subCeremonies"][i]["blsSignatures"].clone();
    assert_eq!(tallies(0), value!({"valid": 1, "invalid": 2, "absent": 0}));
    assert_eq!(tallies(1), value!({"valid": 2, "invalid": 1, "absent": 0}));
    assert_eq!(tallies(2), value!({"valid": 2, "invalid": 0, "absent": 1}));
    let ecdsa = &report["report"]["ecdsaSignatures"];
    assert_eq!(*ecdsa, value!({"valid": 1, "invalid": 2, "absent": 0}));
}

#[test]
fn identities_that_are_exchanged_show_in_the_signatures() {
    let mut document = good();
    document["participantIds"]
        .as_array_mut()
        .unwrap()
        .swap(1, 3);
    let (exit, report, _) = verify(&document);
    assert_eq!(exit, 0);
    let tally = &report["report"]["subCeremonies"][0]["blsSignatures"];
    assert_eq!(*tally, value!({"valid": 1, "invalid": 2, "absent": 0}));
}

#[test]
fn non_ascii_hex_does_not_panic() {
    for text in ["0xé", "é", "0x", "", "0xzz", "∞∞∞∞", "0x8é"] {
        let long = format!("0x{}", "é".repeat(48));
        for text in [text, long.as_str()] {
            let mut document = good();
            sub(&mut document, 1)["powersOfTau"]["G1Powers"][5] = text.into();
            refused(&document, "Decoding", "G1 power 5 does not decode");
            let mut document = good();
            sub(&mut document, 1)["powersOfTau"]["G2Powers"][2] = text.into();
            refused(&document, "Decoding", "G2 power 2 does not decode");
            let mut document = good();
            list(&mut document, 0, "runningProducts")[2] = text.into();
            refused(&document, "Decoding", "running product 2 does not decode");
            let mut document = good();
            list(&mut document, 0, "potPubkeys")[1] = text.into();
            refused(&document, "Decoding", "pot pubkey 1 does not decode");
            let mut document = good();
            document["participantIds"][1] = text.into();
            refused(&document, "Participant", "participant 1");
        }
    }
}

#[test]
fn powers_that_are_no_powers_are_refused_with_the_lowest_index() {
    let mut document = good();
    let powers = sub(&mut document, 3)["powersOfTau"]["G1Powers"]
        .as_array_mut()
        .unwrap();
    powers.swap(40, 90);
    refused(
        &document,
        "G1Powers",
        "sub-ceremony 3 (128 powers): G1 power 40",
    );
    let mut document = good();
    sub(&mut document, 2)["powersOfTau"]["G2Powers"]
        .as_array_mut()
        .unwrap()
        .swap(2, 3);
    refused(
        &document,
        "G2Powers",
        "sub-ceremony 2 (64 powers): G2 power 2",
    );
}

#[test]
fn powers_that_are_fewer_than_stated_are_refused() {
    let mut document = good();
    sub(&mut document, 0)["powersOfTau"]["G1Powers"]
        .as_array_mut()
        .unwrap()
        .pop();
    refused(&document, "Sizes", "16 G1 powers expected, 15 given");
    let mut document = good();
    sub(&mut document, 0)["numG1Powers"] = 17.into();
    refused(
        &document,
        "Size",
        "size 16:4 expected, 17:4 in the transcript",
    );
    sub(&mut document, 0)["numG1Powers"] = u64::MAX.into();
    assert_eq!(verify(&document).0, 1);
}

// `docs/spec/known-faults.md#exit-0`.
#[test]
fn what_is_no_transcript_is_refused() {
    let good = serde_json::to_vec(&good()).unwrap();
    let deep = format!("{{\"transcripts\":{}", "[".repeat(200_000));
    let documents: [&[u8]; 10] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"\"transcripts\"",
        b"{\"contributions\":[]}",
        &good[..good.len() / 2],
        deep.as_bytes(),
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
    ];
    for document in documents {
        let (exit, report, error) = verify_bytes(document.to_vec());
        let name = String::from_utf8_lossy(&document[..document.len().min(20)]).into_owned();
        assert_eq!(exit, 1, "{name}: {error}");
        assert!(error.contains("is not a transcript"), "{name}: {error}");
        assert_eq!(report["valid"], false, "{name}");
        assert!(report["error"].is_string(), "{name}");
    }
}
