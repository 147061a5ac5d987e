//! `POST /contribute`: every way to be refused, in the sequencer's codes and words
//! (`docs/spec/sequencer.md#errors`), and what a document may look like
//! (`docs/spec/ceremony.md#lenient-signatures`).

use serde_json::{Value, json};
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error;
use tauline_protocol::receipt::Receipt;
use tauline_protocol::sequencer::Code;

use crate::common::spoil::{self, KINDS, spoilt, subs};
use crate::common::{alter_json, raw::Raw};
use crate::support::{POLL, Scene, When, assert_said};

/// What the sequencer says of each kind of [`KINDS`], by its name there.
fn said_of(kind: &str) -> (Code, &'static str) {
    match kind {
        "a sub-ceremony is missing" => (
            Code::UnexpectedNumContributions,
            "contribution invalid: Unexpected number of contributions: expected 4, got 3",
        ),
        "a sub-ceremony stands twice" => (
            Code::UnexpectedNumContributions,
            "contribution invalid: Unexpected number of contributions: expected 4, got 5",
        ),
        "a power is missing in G1" => (
            Code::UnexpectedNumG1Powers,
            "contribution invalid: Error in contribution 1: Unexpected number of G1 powers: expected 32, got 31",
        ),
        "a power too many in G2" => (
            Code::UnexpectedNumG2Powers,
            "contribution invalid: Error in contribution 0: Unexpected number of G2 powers: expected 4, got 5",
        ),
        "the stated number is another" => (
            Code::UnexpectedNumG1Powers,
            "contribution invalid: Error in contribution 2: Unexpected number of G1 powers: expected 64, got 18446744073709551615",
        ),
        "two sub-ceremonies are exchanged" => (
            Code::UnexpectedNumG1Powers,
            "contribution invalid: Error in contribution 0: Unexpected number of G1 powers: expected 16, got 32",
        ),
        "a coordinate is above the modulus" => (
            Code::InvalidG1Power,
            "contribution invalid: Error in contribution 0: Error parsing G1 power 3: \
             Error in extension field component 0: Number is too large for the prime field",
        ),
        "a point of order 3 in G1" => (
            Code::InvalidG1Power,
            "contribution invalid: Error in contribution 3: Error parsing G1 power 7: \
             curve point is not in prime order subgroup",
        ),
        "the public key is the identity" => (
            Code::ZeroPubkey,
            "contribution invalid: Error in contribution 1: pubkey is zero",
        ),
        "the first power in G1 is not the generator" => (
            Code::InvalidG1FirstValue,
            "contribution invalid: Error in contribution 0: G1 power 0 is not the generator",
        ),
        "the first power in G2 is not the generator" => (
            Code::InvalidG2FirstValue,
            "contribution invalid: Error in contribution 0: G2 power 0 is not the generator",
        ),
        "the second power is the identity" => (
            Code::ZeroG1,
            "contribution invalid: Error in contribution 2: G1 power 1 is zero",
        ),
        "the public key is of another secret" => (
            Code::PubKeyPairingFailed,
            "contribution invalid: Error in contribution 0: Pubkey pairing check failed",
        ),
        "two powers in G1 are exchanged" => (
            Code::G1PairingFailed,
            "contribution invalid: Error in contribution 3: G1 pairing check failed",
        ),
        "two powers in G2 are exchanged" => (
            Code::G2PairingFailed,
            "contribution invalid: Error in contribution 3: G2 pairing check failed",
        ),
        "nothing is changed" => (
            Code::ContributionNoEntropy,
            "contribution invalid: Error in contribution 0: its secret is 1 and changes nothing",
        ),
        "one sub-ceremony is not changed" => (
            Code::ContributionNoEntropy,
            "contribution invalid: Error in contribution 2: its secret is 1 and changes nothing",
        ),
        other => panic!("nothing is said of: {other}"),
    }
}

// `docs/spec/sequencer.md#sizes-differ`, `docs/spec/sequencer.md#no-change-refused`.
#[tokio::test]
async fn every_failed_check_is_said_as_the_sequencer_said_it() {
    for (_, name, spoil) in KINDS {
        let scene = Scene::set(When::Contributing).await;
        let base = scene.base.as_ref().unwrap();
        let good = scene.subject.contribution(base);
        let answer = scene.contribute(spoilt(&good, base, *spoil)).await;
        let (code, text) = said_of(name);
        println!("{name}");
        assert_said(&answer, code, text);
        // The turn is over, and so is the stay.
        let again = scene.contribute(scene.good()).await;
        assert_said(&again, Code::NotUsersTurn, "not your turn to participate");
    }
}

#[tokio::test]
async fn a_bad_public_key_is_reported_as_the_power_0_in_g2() {
    let scene = Scene::set(When::Contributing).await;
    let good = scene.subject.contribution(scene.base.as_ref().unwrap());
    let body = alter_json(&good, |document| {
        subs(document)[2]["potPubkey"] = format!("0x9f{}", "ff".repeat(95)).into();
    });
    let answer = scene.contribute(body).await;
    assert_said(
        &answer,
        Code::InvalidG2Power,
        "contribution invalid: Error in contribution 2: Error parsing G2 power 0: \
         Error in extension field component 1: Number is too large for the prime field",
    );
}

#[tokio::test]
async fn a_point_that_is_none_is_named_with_what_is_wrong() {
    for (point, cause) in [
        (format!("0x0{}", "1".repeat(95)), "Point is not compressed"),
        (
            format!("0xc0{}01", "00".repeat(46)),
            "Point at infinity must have zero x coordinate",
        ),
        (
            format!("0x80{}01", "00".repeat(46)),
            "not a valid x coordinate",
        ),
        (
            spoil::order_three(),
            "curve point is not in prime order subgroup",
        ),
    ] {
        let scene = Scene::set(When::Contributing).await;
        let good = scene.subject.contribution(scene.base.as_ref().unwrap());
        let body = alter_json(&good, |document| {
            spoil::g1(document, 1)[5] = point.clone().into();
        });
        let answer = scene.contribute(body).await;
        let text = format!(
            "contribution invalid: Error in contribution 1: Error parsing G1 power 5: {cause}"
        );
        assert_said(&answer, Code::InvalidG1Power, &text);
    }
}

/// Changes to a good document after which it is none.
type Change = (&'static str, fn(&mut Value));

#[tokio::test]
async fn a_body_that_is_no_document_costs_nothing() {
    const CHANGES: [Change; 8] = [
        ("unknown field at the top", |document| {
            document["more"] = 1.into();
        }),
        ("unknown field in powersOfTau", |document| {
            subs(document)[0]["powersOfTau"]["G3Powers"] = json!([]);
        }),
        ("missing powers", |document| {
            subs(document)[0]["powersOfTau"]
                .as_object_mut()
                .unwrap()
                .remove("G2Powers");
        }),
        ("missing public key", |document| {
            subs(document)[3]
                .as_object_mut()
                .unwrap()
                .remove("potPubkey");
        }),
        ("upper-case hex", |document| {
            let text = spoil::g1(document, 0)[1].as_str().unwrap();
            let text = format!("0x{}", text[2..].to_ascii_uppercase());
            spoil::g1(document, 0)[1] = text.into();
        }),
        ("hex without 0x", |document| {
            let text = spoil::g1(document, 0)[1].as_str().unwrap()[2..].to_owned();
            spoil::g1(document, 0)[1] = text.into();
        }),
        ("short hex", |document| {
            spoil::g1(document, 0)[1] = "0x80".into();
        }),
        ("a number for a point", |document| {
            spoil::g1(document, 0)[1] = 5.into();
        }),
    ];
    let scene = Scene::set(When::Contributing).await;
    let good = scene.subject.contribution(scene.base.as_ref().unwrap());
    for (name, change) in CHANGES {
        let answer = scene.contribute(alter_json(&good, change)).await;
        assert_eq!(answer.status, 422, "{name}: {}", answer.text());
        let text = "Failed to deserialize the JSON body into the target type: ";
        assert!(answer.text().starts_with(text), "{name}: {}", answer.text());
    }
    for broken in [&b""[..], b"nothing", b"{\"contributions\":["] {
        let answer = scene.contribute(broken.to_vec()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        let text = answer.expect_error(error::Code::MalformedBody);
        assert!(
            text.starts_with("Failed to parse the request body as JSON: "),
            "{text}"
        );
    }
    scene.turn_goes_on().await;
}

#[tokio::test]
async fn signatures_may_be_empty_null_or_absent_and_unknown_fields_stand_inside() {
    const CHANGES: [Change; 6] = [
        ("empty", |document| {
            document["ecdsaSignature"] = "".into();
            subs(document)[0]["blsSignature"] = "".into();
        }),
        ("null", |document| {
            document["ecdsaSignature"] = Value::Null;
            subs(document)[1]["blsSignature"] = Value::Null;
        }),
        ("absent", |document| {
            document.as_object_mut().unwrap().remove("ecdsaSignature");
            for sub in subs(document) {
                sub.as_object_mut().unwrap().remove("blsSignature");
            }
        }),
        ("bls_signature beside", |document| {
            for sub in subs(document) {
                sub["bls_signature"] = sub["blsSignature"].clone();
            }
        }),
        ("a field of the client's own", |document| {
            subs(document)[0]["client"] = json!({"name": "x"});
        }),
        ("signatures that are none", |document| {
            document["ecdsaSignature"] = format!("0x{}", "00".repeat(65)).into();
            subs(document)[2]["blsSignature"] = format!("0x{}", "c0".repeat(48)).into();
        }),
    ];
    for (name, change) in CHANGES {
        let scene = Scene::set(When::Contributing).await;
        let good = scene.subject.contribution(scene.base.as_ref().unwrap());
        let answer = scene.contribute(alter_json(&good, change)).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
}

// `docs/spec/sequencer.md#base`.
#[tokio::test]
async fn the_base_is_compact_json_with_nothing_in_it_that_is_not_the_contracts() {
    let scene = Scene::set(When::SignedIn).await;
    let answer = scene.subject.post(POLL).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document: Value = answer.json();
    let text = answer.text();
    assert!(!text.contains([' ', '\n']), "compact");
    let begins =
        r#"{"contributions":[{"numG1Powers":16,"numG2Powers":4,"powersOfTau":{"G1Powers":["0x"#;
    assert!(text.starts_with(begins));
    assert_eq!(document["ecdsaSignature"], "");
    let generator = "0x93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049\
         334cf11213945d57e5ac7d055d042b7e024aa2b2f08f0a91260805272dc51051\
         c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8";
    for (sub, g1) in document["contributions"]
        .as_array()
        .unwrap()
        .iter()
        .zip([16, 32, 64, 128])
    {
        let fields: Vec<&str> = sub
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut sorted = fields.clone();
        sorted.sort_unstable();
        assert_eq!(
            sorted,
            [
                "blsSignature",
                "numG1Powers",
                "numG2Powers",
                "potPubkey",
                "powersOfTau"
            ]
        );
        assert_eq!(sub["numG1Powers"], g1);
        assert_eq!(sub["numG2Powers"], 4);
        assert_eq!(sub["blsSignature"], "");
        assert_eq!(sub["potPubkey"], generator);
        assert_eq!(sub["powersOfTau"].as_object().unwrap().len(), 2);
        assert_eq!(sub["powersOfTau"]["G1Powers"].as_array().unwrap().len(), g1);
    }
}

#[tokio::test]
async fn the_receipt_is_indented_by_two_and_signed_by_the_address_of_the_status() {
    let scene = Scene::set(When::Contributing).await;
    let status: Value = scene.subject.get("/info/status").await.json();
    assert_eq!(status["num_contributions"], 0);
    let body = scene.good();
    let answer = scene.contribute(body.clone()).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let signed: SignedReceipt = answer.json();
    let SignedReceipt { receipt, signature } = &signed;
    let quoted = serde_json::to_string(receipt).unwrap();
    assert_eq!(
        answer.text(),
        format!("{{\n  \"receipt\": {quoted},\n  \"signature\": \"{signature}\"\n}}")
    );
    assert_eq!(signature.len(), 130);
    assert!(
        signature
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    );
    assert!(receipt.starts_with("{\"identity\":\"eth|0x"), "{receipt}");
    assert!(receipt.contains("\",\"witness\":[\"0x"), "{receipt}");
    let status: Value = scene.subject.get("/info/status").await.json();
    let address = status["sequencer_address"].as_str().unwrap();
    let Receipt { identity, witness } = signed.verify(address).unwrap();
    assert_eq!(identity, scene.subject.identity());
    let document: Value = serde_json::from_slice(&body).unwrap();
    for (said, sub) in witness
        .iter()
        .zip(document["contributions"].as_array().unwrap())
    {
        assert_eq!(*said, sub["potPubkey"]);
    }
    assert_eq!(status["num_contributions"], 1);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_the_session_is_looked_at() {
    const LIMIT: usize = 10_485_760;
    let scene = Scene::set(When::Contributing).await;
    let (url, token) = (scene.server.url(), scene.subject.token.as_deref());
    for token in [None, token] {
        let mut raw = Raw::connect(&url).await;
        let headers = format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            LIMIT + 1
        );
        raw.head("POST", "/contribute", token, &headers).await;
        let answer = raw.answer().await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (413, "length limit exceeded")
        );
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/plain")
        );
    }
    scene.turn_goes_on().await;
}

#[tokio::test]
async fn a_body_without_a_length_is_taken_up_to_the_limit() {
    let scene = Scene::set(When::Contributing).await;
    let chunked = |body: Vec<u8>| {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> = body
            .chunks(64 * 1024)
            .map(|piece| Ok(piece.to_vec()))
            .collect();
        reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
    };
    let mut long = scene.good();
    long.resize(10_485_761, b' ');
    let answer = scene
        .subject
        .post_bytes("/contribute", "application/json", chunked(long))
        .await;
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (
            413,
            "Failed to buffer the request body: length limit exceeded"
        )
    );
    let answer = scene
        .subject
        .post_bytes("/contribute", "application/json", chunked(scene.good()))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
