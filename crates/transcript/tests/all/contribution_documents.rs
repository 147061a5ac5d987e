//! Contributions as JSON and MessagePack: every byte written is pinned, what is not the document
//! is refused with its place, and nothing makes the readers panic.

use std::path::Path;

use blstrs::{G1Affine, G2Affine};
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use tauline_transcript::identity::Identity;
use tauline_transcript::signature::eth_address;
use tauline_transcript::{
    Base, DocumentError, Encoding, Point, RawContribution, RawPoints, Sizes, contribute_with,
};

use crate::fixtures::{check, next_turn, point, raw, secrets, sizes};

/// A signed contribution of known secrets, 17 and 18, to the start of `4:2,8:3`.
fn signed_contribution() -> (Base, RawContribution) {
    let base = Base::initial(&sizes("4:2,8:3"));
    let key = SigningKey::from_slice(&[1; 32]).unwrap();
    let identity = Identity::eth(eth_address(key.verifying_key()));
    let update = contribute_with(&base, secrets(base.sizes(), 17), &|_| {}).unwrap();
    let contribution = update.sign(&identity, Some(&key));
    (base, contribution)
}

/// Compares with a golden file; writes it when `TAULINE_UPDATE_GOLDEN` is set.
fn golden(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("TAULINE_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let pinned = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    assert!(
        bytes == pinned,
        "{name} changed: documents are an interface. If it was meant to, run with TAULINE_UPDATE_GOLDEN=1"
    );
}

#[test]
fn documents_are_pinned() {
    let (base, signed) = signed_contribution();
    golden("base.json", &base.to_json().unwrap());
    golden("contribution.json", &signed.to_json().unwrap());
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        golden(
            &format!("base.{encoding}.msgpack"),
            &base.to_msgpack(encoding).unwrap(),
        );
        golden(
            &format!("contribution.{encoding}.msgpack"),
            &signed.to_msgpack(encoding).unwrap(),
        );
    }
}

#[test]
fn a_digest_is_the_same_in_every_form_and_is_of_all_that_is_checked() {
    let (base, signed) = signed_contribution();
    let uncompressed = signed.to_encoding(Encoding::Uncompressed).unwrap();
    assert_eq!(uncompressed.digest(), signed.digest());
    let json = RawContribution::from_json(&signed.to_json().unwrap()).unwrap();
    assert_eq!(json.digest(), signed.digest());
    let mut unsigned = signed.clone();
    unsigned.ecdsa_signature = None;
    unsigned.sub_contributions[0].bls_signature = None;
    assert_eq!(unsigned.digest(), signed.digest());
    for sub in [&signed, &uncompressed].map(|it| &it.sub_contributions[1]) {
        let power = check(&base, &signed).unwrap().witness()[1].running_product;
        assert_eq!(sub.running_product(), Some(power.to_compressed().to_vec()));
        let key = sub.pot_pubkey.decode().unwrap();
        assert_eq!(sub.pot_pubkey.to_compressed_bytes(), key.to_compressed());
    }

    let other = base.to_raw(Encoding::Compressed);
    let mut changed = vec![signed.clone(); 6];
    changed[0].sub_contributions[1].num_g1_powers += 1;
    changed[1].sub_contributions[0].num_g2_powers += 1;
    changed[2].sub_contributions[1].powers.g1 = other.sub_contributions[1].powers.g1.clone();
    changed[3].sub_contributions[0].powers.g2 = other.sub_contributions[0].powers.g2.clone();
    changed[4].sub_contributions[0].pot_pubkey = other.sub_contributions[0].pot_pubkey.clone();
    changed[5].sub_contributions.pop();
    for (number, changed) in changed.iter().enumerate() {
        assert_ne!(changed.digest(), signed.digest(), "{number}");
    }
}

#[test]
fn every_form_reads_back_and_verifies() {
    let (base, signed) = signed_contribution();
    let json = signed.to_json().unwrap();
    assert_eq!(RawContribution::from_json(&json).as_ref(), Ok(&signed));
    let mut lens = vec![json.len()];
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        let bytes = signed.to_msgpack(encoding).unwrap();
        let read = RawContribution::from_msgpack(&bytes).unwrap();
        assert_eq!(read.encoding(), encoding);
        assert_eq!(read.to_encoding(Encoding::Compressed).as_ref(), Ok(&signed));
        assert_eq!(
            read.to_json().as_ref(),
            Ok(&json),
            "JSON is always compressed"
        );
        let verified = check(&base, &read).unwrap();
        assert_eq!(verified.ecdsa_signature(), signed.ecdsa_signature.as_ref());
        lens.push(bytes.len());
    }
    assert!(
        lens[1] < lens[0],
        "MessagePack is the smaller one: {lens:?}"
    );
}

#[test]
fn json_is_compact_and_in_the_specifications_order() {
    let base = Base::initial(&sizes("2:2"));
    let g1 = "0x97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";
    let g2 = "0x93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8";
    let expected = format!(
        r#"{{"contributions":[{{"numG1Powers":2,"numG2Powers":2,"powersOfTau":{{"G1Powers":["{g1}","{g1}"],"G2Powers":["{g2}","{g2}"]}},"potPubkey":"{g2}","blsSignature":""}}],"ecdsaSignature":""}}"#
    );
    assert_eq!(
        String::from_utf8(base.to_json().unwrap()).unwrap(),
        expected
    );
}

fn document() -> Value {
    let (_, signed) = signed_contribution();
    serde_json::from_slice(&signed.to_json().unwrap()).unwrap()
}

fn read(document: &Value) -> Result<RawContribution, DocumentError> {
    RawContribution::from_json(document.to_string().as_bytes())
}

/// What the reader says to the document after `change`.
fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut document = document();
    change(&mut document);
    read(&document).expect_err("refused").to_string()
}

#[test]
fn older_names_are_read() {
    let (_, signed) = signed_contribution();
    let mut older = document();
    let mut subs = older["contributions"].take();
    for sub in subs.as_array_mut().unwrap() {
        let signature = sub.as_object_mut().unwrap().remove("blsSignature").unwrap();
        sub["bls_signature"] = signature;
    }
    let renamed = json!({
        "subContributions": subs,
        "ecdsaSignature": older["ecdsaSignature"],
    });
    assert_eq!(read(&renamed), Ok(signed.clone()));
    // Both names at once: whichever holds a signature.
    let mut both = renamed;
    both["subContributions"][0]["blsSignature"] = json!("");
    assert_eq!(read(&both), Ok(signed));
}

#[test]
fn absent_and_malformed_signatures_read_as_none() {
    let (_, signed) = signed_contribution();
    let hex = document()["contributions"][0]["blsSignature"].clone();
    let hex = hex.as_str().unwrap();
    let deep = (0..100).fold(json!(0), |inner, _| json!([inner]));
    for garbage in [
        json!(""),
        json!(null),
        json!("0x"),
        json!("rubbish"),
        json!(hex.to_uppercase()),
        json!(&hex[2..]),
        json!(&hex[..hex.len() - 2]),
        json!("0xé"),
        json!(5),
        json!(-5.5),
        json!(true),
        json!([1, 2, [3]]),
        json!({"a": {"b": []}}),
        deep,
    ] {
        let mut unsigned = document();
        unsigned["contributions"][0]["blsSignature"] = garbage.clone();
        unsigned["ecdsaSignature"] = garbage.clone();
        let read = read(&unsigned).unwrap_or_else(|error| panic!("{garbage}: {error}"));
        assert_eq!(read.ecdsa_signature, None, "{garbage}");
        assert_eq!(read.sub_contributions[0].bls_signature, None, "{garbage}");
        let other = &read.sub_contributions[1];
        assert_eq!(
            other.bls_signature,
            signed.sub_contributions[1].bls_signature
        );
    }
    let mut absent = document();
    absent.as_object_mut().unwrap().remove("ecdsaSignature");
    let sub = absent["contributions"][0].as_object_mut().unwrap();
    sub.remove("blsSignature");
    let read = read(&absent).unwrap();
    assert_eq!(read.ecdsa_signature, None);
    assert_eq!(read.sub_contributions[0].bls_signature, None);
}

// `docs/spec/ceremony.md#unknown-fields`.
#[test]
fn unknown_fields_are_errors_at_the_top_and_in_powers_of_tau_alone() {
    let top = refusal(|document| document["comment"] = json!("hello"));
    assert!(top.contains("unknown field `comment`"), "{top}");
    let powers = refusal(|document| {
        document["contributions"][1]["powersOfTau"]["G3Powers"] = json!([]);
    });
    assert!(
        powers.contains("contributions: [1]: powersOfTau: unknown field `G3Powers`"),
        "{powers}"
    );
    let mut elsewhere = document();
    elsewhere["contributions"][0]["comment"] = json!({"any": ["thing"]});
    assert_eq!(read(&elsewhere), Ok(signed_contribution().1));
}

#[test]
fn missing_fields_are_named() {
    for (pointer, field) in [
        ("", "contributions"),
        ("/contributions/0", "numG1Powers"),
        ("/contributions/0", "numG2Powers"),
        ("/contributions/1", "powersOfTau"),
        ("/contributions/1", "potPubkey"),
        ("/contributions/1/powersOfTau", "G1Powers"),
        ("/contributions/1/powersOfTau", "G2Powers"),
    ] {
        let text = refusal(|document| {
            let object = document
                .pointer_mut(pointer)
                .unwrap()
                .as_object_mut()
                .unwrap();
            object.remove(field).unwrap();
        });
        assert!(text.contains(&format!("missing field `{field}`")), "{text}");
    }
}

#[test]
fn repeated_fields_are_errors() {
    let text = document().to_string();
    for (field, value) in [
        ("ecdsaSignature", r#""""#),
        ("numG1Powers", "4"),
        ("potPubkey", r#""0x""#),
        ("blsSignature", r#""""#),
        ("G1Powers", "[]"),
    ] {
        let repeated = text.replacen(
            &format!("\"{field}\":"),
            &format!("\"{field}\":{value},\"{field}\":"),
            1,
        );
        let error = RawContribution::from_json(repeated.as_bytes()).unwrap_err();
        let named = format!("duplicate field `{field}`");
        // An invalid point is told before its repetition.
        assert!(
            error.to_string().contains(&named) || field == "potPubkey",
            "{error}"
        );
    }
    let twice = r#"{"contributions":[],"subContributions":[]}"#;
    let error = RawContribution::from_json(twice.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("duplicate field `contributions`"), "{error}");
}

#[test]
fn malformed_points_are_refused_with_their_place() {
    let good = document()["contributions"][1]["powersOfTau"]["G1Powers"][2].clone();
    let good = good.as_str().unwrap();
    for (bad, reason) in [
        (json!(""), "does not start with 0x"),
        (json!(&good[2..]), "does not start with 0x"),
        (json!("0x"), "0 bytes instead of 48"),
        (json!(&good[..96]), "47 bytes instead of 48"),
        (json!(&good[..97]), "odd number of digits, 95"),
        (json!(format!("{good}00")), "49 bytes instead of 48"),
        (
            json!(format!("0x{}", good[2..].to_uppercase())),
            "lower-case hex digit",
        ),
        (
            json!(format!("{}é", &good[..96])),
            "character 97 is not a lower-case hex digit",
        ),
        (json!(null), "invalid type: null"),
        (json!(5), "invalid type: integer `5`"),
        (json!([good]), "invalid type: sequence"),
        (json!({ "x": good }), "invalid type: map"),
    ] {
        let text = refusal(|document| {
            document["contributions"][1]["powersOfTau"]["G1Powers"][2] = bad.clone();
        });
        let place = "contributions: [1]: powersOfTau: G1Powers: [2]: ";
        assert!(
            text.contains(place) && text.contains(reason),
            "{bad}: {text}"
        );
        assert!(text.contains("at line 1 column "), "{text}");
    }
    let text = refusal(|document| document["contributions"][0]["potPubkey"] = json!(good));
    assert!(
        text.contains("contributions: [0]: potPubkey: 48 bytes instead of 96"),
        "{text}"
    );
}

#[test]
fn wrong_types_are_refused() {
    for (pointer, value) in [
        ("", json!([])),
        ("", json!("text")),
        ("", json!(null)),
        ("/contributions", json!({})),
        ("/contributions", json!(null)),
        ("/contributions/0", json!([])),
        ("/contributions/0", json!(null)),
        ("/contributions/0/numG1Powers", json!("4")),
        ("/contributions/0/numG1Powers", json!(4.0)),
        ("/contributions/0/numG1Powers", json!(-4)),
        ("/contributions/0/numG2Powers", json!(null)),
        ("/contributions/0/powersOfTau", json!([[], []])),
        ("/contributions/0/powersOfTau/G1Powers", json!("0x")),
        ("/contributions/0/powersOfTau/G2Powers", json!({})),
    ] {
        let text = refusal(|document| *document.pointer_mut(pointer).unwrap() = value.clone());
        assert!(
            text.starts_with("not a valid JSON document: "),
            "{pointer} {value}: {text}"
        );
    }
    let huge = document()
        .to_string()
        .replacen("\"numG1Powers\":4", "\"numG1Powers\":1e400", 1);
    assert!(
        RawContribution::from_json(huge.as_bytes()).is_err(),
        "a huge number"
    );
    let huge = document()
        .to_string()
        .replacen(":4,", ":99999999999999999999999999,", 1);
    assert!(
        RawContribution::from_json(huge.as_bytes()).is_err(),
        "a huge integer"
    );
}

#[test]
fn truncated_documents_are_refused_at_every_byte() {
    let (_, signed) = signed_contribution();
    let json = signed.to_json().unwrap();
    for end in 0..json.len() {
        assert!(
            RawContribution::from_json(&json[..end]).is_err(),
            "{end} bytes of JSON"
        );
    }
    let msgpack = signed.to_msgpack(Encoding::Uncompressed).unwrap();
    for end in 0..msgpack.len() {
        assert!(
            RawContribution::from_msgpack(&msgpack[..end]).is_err(),
            "{end} bytes"
        );
    }
}

#[test]
fn bytes_after_the_document_are_refused() {
    let (_, signed) = signed_contribution();
    let mut json = signed.to_json().unwrap();
    json.extend(b" \n");
    assert!(
        RawContribution::from_json(&json).is_ok(),
        "white space is not more"
    );
    json.extend(b"{}");
    assert!(RawContribution::from_json(&json).is_err());
    let mut msgpack = signed.to_msgpack(Encoding::Compressed).unwrap();
    msgpack.push(0xc0);
    let error = RawContribution::from_msgpack(&msgpack)
        .unwrap_err()
        .to_string();
    assert!(error.contains("1 bytes follow the end"), "{error}");
}

/// 2 MB of opening brackets, wherever a value may stand.
#[test]
fn deep_nesting_is_refused_without_overflowing_the_stack() {
    let brackets = "[".repeat(2_000_000);
    let objects = r#"{"a":"#.repeat(400_000);
    for deep in [&brackets, &objects] {
        for around in [
            "",
            r#"{"contributions":"#,
            r#"{"contributions":[{"comment":"#,
            r#"{"contributions":[{"blsSignature":"#,
            r#"{"ecdsaSignature":"#,
            r#"{"contributions":[{"powersOfTau":{"G1Powers":["#,
        ] {
            let text = format!("{around}{deep}");
            assert!(
                RawContribution::from_json(text.as_bytes()).is_err(),
                "{around}"
            );
        }
    }
    // One-element arrays, and maps from nil to the next.
    for deep in [vec![0x91; 2_000_000], [0x81, 0xc0].repeat(1_000_000)] {
        for around in [
            &b""[..],
            b"\x81\xadcontributions",
            b"\x81\xadcontributions\x91\x81\xa7comment",
            b"\x81\xadcontributions\x91\x81\xacblsSignature",
            b"\x81\xaeecdsaSignature",
        ] {
            let bytes = [around, &deep].concat();
            assert!(RawContribution::from_msgpack(&bytes).is_err(), "{around:?}");
        }
    }
}

/// A length field that promises 4 G elements costs nothing: memory follows the bytes there are.
#[test]
fn promised_lengths_are_not_believed() {
    let powers = b"\x81\xadcontributions\x91\x81\xabpowersOfTau\x81\xa8G1Powers";
    for promise in [
        &b"\xdd\xff\xff\xff\xff"[..],                // array of 4 G
        b"\xdd\xff\xff\xff\xff\xc6\xff\xff\xff\xff", // whose first is a byte string of 4 GB
        b"\xdf\xff\xff\xff\xff",                     // map of 4 G
        b"\xdb\xff\xff\xff\xff",                     // text of 4 GB
    ] {
        for around in [&b""[..], powers] {
            let bytes = [around, promise].concat();
            assert!(RawContribution::from_msgpack(&bytes).is_err(), "{bytes:x?}");
        }
    }
}

#[test]
fn error_texts_stay_short() {
    let long = "x".repeat(1_000_000);
    for text in [
        refusal(|document| document[&long] = json!(1)),
        refusal(|document| document["contributions"] = json!(long)),
        refusal(|document| document["contributions"][0]["powersOfTau"][&long] = json!(1)),
    ] {
        assert!(text.len() < 400, "{} bytes", text.len());
    }
}

#[test]
fn msgpack_points_are_byte_strings_of_one_encoding() {
    let (_, signed) = signed_contribution();
    // The same document with one element in the other encoding.
    let mixed = |change: &dyn Fn(&mut RawContribution)| {
        let mut document = signed.clone();
        change(&mut document);
        rmp_serde::to_vec_named(&document).unwrap()
    };
    let of = |bytes: &[u8]| RawContribution::from_msgpack(bytes).unwrap_err();
    let pubkey = mixed(&|document| {
        let sub = &mut document.sub_contributions[1];
        let point = sub.pot_pubkey.decode().unwrap();
        sub.pot_pubkey = tauline_transcript::RawPoint::encode(&point, Encoding::Uncompressed);
    });
    let expected = DocumentError::MixedEncodings {
        at: "contributions[1].potPubkey".to_owned(),
        got: Encoding::Uncompressed,
        first: Encoding::Compressed,
    };
    assert_eq!(of(&pubkey), expected);
    let list = mixed(&|document| {
        let list = &mut document.sub_contributions[0].powers.g1;
        let points: Vec<G1Affine> = (0..4).map(|i| point(list, i)).collect();
        *list = RawPoints::encode(&points, Encoding::Uncompressed);
    });
    assert!(matches!(of(&list), DocumentError::MixedEncodings { .. }));

    // Within one list; as text; as a list of numbers; of no known length.
    let good = signed.to_msgpack(Encoding::Compressed).unwrap();
    let g1 = signed.sub_contributions[0].powers.g1.iter().nth(1).unwrap();
    let with = |replacement: Vec<u8>| {
        let bin = [&[0xc4, 48], g1].concat();
        let at = good.windows(50).position(|window| window == bin).unwrap();
        [&good[..at], &replacement, &good[at + 50..]].concat()
    };
    let mut uncompressed = vec![0xc4, 96];
    point::<G1Affine>(&signed.sub_contributions[0].powers.g1, 1)
        .encode(Encoding::Uncompressed, &mut uncompressed);
    let text = format!("0x{}", hex::encode(g1)).into_bytes();
    for (replacement, reason) in [
        (uncompressed, "one document has one encoding"),
        ([&[0xd9, 98][..], &text].concat(), "invalid type: string"),
        (
            [&[0xdc, 0, 48][..], &[1; 48]].concat(),
            "invalid type: sequence",
        ),
        ([&[0xc4, 47][..], &g1[..47]].concat(), "invalid length 47"),
        (vec![0xc4, 0], "invalid length 0"),
        (vec![0xc0], "invalid type: unit value"),
    ] {
        let error = of(&with(replacement)).to_string();
        assert!(
            error.contains("contributions: [0]: powersOfTau: G1Powers: [1]: "),
            "{error}"
        );
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn conversion_of_a_point_that_is_none_names_its_place() {
    let (_, mut document) = next_turn("4:2,8:3");
    crate::fixtures::set_bytes(&mut document.sub_contributions[1].powers.g2, 2, &[0; 96]);
    let error = document.to_msgpack(Encoding::Uncompressed).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("contributions[1].G2Powers[2]: "),
        "{error}"
    );
    assert!(document.to_json().is_ok(), "nothing to convert");
}

#[test]
fn pretty_and_uncompressed_documents_are_within_the_body_limits() {
    for text in ["2:2", "4:4,8:4,16:4", "700:65"] {
        let sizes: Sizes = text.parse().unwrap();
        let base = Base::initial(&sizes);
        let mut contribution = base.to_raw(Encoding::Compressed);
        contribution.ecdsa_signature = Some([0xff; 65]);
        for sub in &mut contribution.sub_contributions {
            sub.bls_signature = Some([0xff; 48]);
            sub.pot_pubkey = raw(&crate::fixtures::g2(3));
        }
        let pretty = serde_json::to_vec_pretty(&contribution).unwrap();
        assert!(
            pretty.len() <= sizes.max_json_len(),
            "{text}: {}",
            pretty.len()
        );
        assert!(
            sizes.max_json_len() < 3 * pretty.len() + 16384,
            "{text}: not without measure"
        );
        let msgpack = contribution.to_msgpack(Encoding::Uncompressed).unwrap();
        assert!(
            msgpack.len() <= sizes.max_msgpack_len(),
            "{text}: {}",
            msgpack.len()
        );
        assert!(
            sizes.max_msgpack_len() < 2 * msgpack.len() + 16384,
            "{text}: not without measure"
        );
    }
    // Published: 6,937,413 bytes for an indented contribution of full size.
    assert!(Sizes::ethereum().max_json_len() > 7_600_000);
    assert!(Sizes::ethereum().max_json_len() < 12_000_000);
}

#[test]
fn points_of_raw_lists_are_counted() {
    let mut list: RawPoints<G2Affine> = RawPoints::encode(
        &[crate::fixtures::g2(1), crate::fixtures::g2(2)],
        Encoding::Compressed,
    );
    assert_eq!(
        (list.len(), list.is_empty(), list.bytes().len()),
        (2, false, 192)
    );
    list = RawPoints::from_bytes(Encoding::Uncompressed, Vec::new()).unwrap();
    assert_eq!((list.len(), list.is_empty()), (0, true));
    assert!(RawPoints::<G1Affine>::from_bytes(Encoding::Compressed, vec![0; 49]).is_err());
}
