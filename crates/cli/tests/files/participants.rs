//! What a transcript says about its participants: contributions that are looked up, and signatures.

use std::fs;

use serde_json::Value;
use tauline_protocol::Identity;
use tauline_protocol::receipt::Receipt;

use crate::common::{SIZES, identity, json, key, run, says, temporary, transcript};

#[test]
fn a_contribution_is_found_by_its_receipt_and_its_name() {
    let dir = temporary();
    let dir = dir.path();
    let transcript = transcript(SIZES, 3);
    let document = json(&transcript);
    fs::write(dir.join("t.json"), document.to_string()).unwrap();
    let keys: Vec<Vec<u8>> = (document["transcripts"].as_array().unwrap().iter())
        .map(|sub| sub["witness"]["potPubkeys"][2].as_str().unwrap())
        .map(|text| hex::decode(&text[2..]).unwrap())
        .collect();
    let receipt = |identity: Identity, keys: &[Vec<u8>]| {
        let signed = Receipt::new(identity, keys.iter().map(Vec::as_slice)).sign(&key(9));
        fs::write(dir.join("r.json"), serde_json::to_vec(&signed).unwrap()).unwrap();
    };
    let verify = ["verify", "t.json", "--ceremony", SIZES];
    let ask = [&verify[..], &["--receipt", "r.json"]].concat();
    receipt(identity(2), &keys);
    says(
        dir,
        &ask,
        0,
        &["is contribution 2 of 3", "t.json is valid."],
    );
    receipt(identity(7), &keys);
    says(
        dir,
        &ask,
        1,
        &["contribution 2, which is NOT", "is valid, but the receipt"],
    );
    receipt(identity(2), &vec![vec![7; 96]; 4]);
    says(
        dir,
        &ask,
        1,
        &["is there as contribution 2, with OTHER public keys"],
    );
    receipt(identity(2), &keys[..3]);
    says(dir, &ask, 1, &["OTHER public keys"]);
    receipt(identity(7), &vec![vec![7; 96]; 4]);
    says(dir, &ask, 1, &["is NOT there"]);
    fs::write(dir.join("r.json"), r#"{"receipt":"{}","signature":"00"}"#).unwrap();
    says(dir, &ask, 1, &["r.json is not a receipt"]);

    let own = identity(3).to_string();
    let bare = own
        .strip_prefix("eth|")
        .unwrap()
        .to_uppercase()
        .replace("0X", "0x");
    for id in [&own, &bare] {
        let ask = [&verify[..], &["--identity", id]].concat();
        says(
            dir,
            &ask,
            0,
            &["is contribution 3 of 3, with 4 BLS signatures and an Ethereum signature"],
        );
    }
    let other = [&verify[..], &["--identity", "invite|nobody"]].concat();
    says(
        dir,
        &other,
        1,
        &["invite|nobody is not among the participants"],
    );
    let (_, output, _) = run(dir, &[&other[..], &["--json"]].concat());
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["mine"][0]["isThere"], false);
    assert_eq!(report["valid"], true);
}

#[test]
fn the_first_line_tells_of_the_signatures_and_strict_asks_for_them() {
    let dir = temporary();
    let dir = dir.path();
    let good = json(&transcript(SIZES, 3));
    let check = |document: &Value, line: &str, strict: i32| {
        fs::write(dir.join("t.json"), document.to_string()).unwrap();
        let verify = ["verify", "t.json", "--ceremony", SIZES];
        let (exit, output, error) = run(dir, &verify);
        assert_eq!(exit, 0, "{error}");
        assert!(output.lines().next().unwrap().starts_with(line), "{output}");
        let (exit, _, error) = run(dir, &[&verify[..], &["--strict"]].concat());
        assert_eq!(exit, strict, "{line}: {error}");
    };
    check(&good, "15 signatures present, all valid.", 0);
    let mut swapped = good.clone();
    swapped["participantIds"].as_array_mut().unwrap().swap(1, 2);
    let line = format!(
        "15 signatures present, 10 INVALID: of {} (contribution 1) and {} (contribution 2).",
        identity(2),
        identity(1)
    );
    check(&swapped, &line, 1);
    let mut replaced = good.clone();
    replaced["participantIds"][3] = "invite|mallory".into();
    check(
        &replaced,
        "15 signatures present, 5 INVALID: of invite|mallory (contribution 3).",
        1,
    );
    let mut exchanged = good.clone();
    let list = exchanged["transcripts"][1]["witness"]["blsSignatures"]
        .as_array_mut()
        .unwrap();
    list[2] = list[3].clone();
    let line = format!(
        "15 signatures present, 1 INVALID: of {} (contribution 2).",
        identity(2)
    );
    check(&exchanged, &line, 1);
    // A contribution that changes nothing.
    let mut idle = good;
    for sub in idle["transcripts"].as_array_mut().unwrap() {
        for name in ["runningProducts", "potPubkeys"] {
            let list = sub["witness"][name].as_array_mut().unwrap();
            let same = if name == "potPubkeys" {
                list[0].clone()
            } else {
                list[3].clone()
            };
            list.push(same);
        }
        sub["witness"]["blsSignatures"]
            .as_array_mut()
            .unwrap()
            .push("".into());
    }
    idle["participantIds"]
        .as_array_mut()
        .unwrap()
        .push("invite|idle".into());
    idle["participantEcdsaSignatures"]
        .as_array_mut()
        .unwrap()
        .push("".into());
    check(&idle, "15 signatures present, all valid.", 1);
}
