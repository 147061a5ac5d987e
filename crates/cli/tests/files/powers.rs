//! Files of powers: encodings, fingerprints, lists that are no powers, known secrets.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tauline_transcript::transcript::Format;

use crate::ceremony;
use crate::common::{SIZES, export, run, says, temporary, transcript};

#[test]
fn text_in_every_encoding_is_read() {
    let dir = ceremony();
    let dir = dir.path();
    for name in ["t.json", "setup.json", "setup.txt"] {
        let text = fs::read_to_string(dir.join(name)).unwrap();
        let utf16 = |mark: bool, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let mark = mark.then_some(0xfeff);
            mark.into_iter()
                .chain(text.encode_utf16())
                .flat_map(order)
                .collect()
        };
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&utf16(true, u16::to_le_bytes)).unwrap();
        for (form, bytes) in [
            (
                "UTF-8 with a mark",
                [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(),
            ),
            ("UTF-16 LE", utf16(true, u16::to_le_bytes)),
            ("UTF-16 BE", utf16(true, u16::to_be_bytes)),
            ("UTF-16 LE without a mark", utf16(false, u16::to_le_bytes)),
            ("UTF-16 BE without a mark", utf16(false, u16::to_be_bytes)),
            ("UTF-16 LE in gzip", gzip.finish().unwrap()),
        ] {
            fs::write(dir.join("f"), bytes).unwrap();
            let args: &[&str] = match name {
                "t.json" => &["verify", "f", "--ceremony", SIZES],
                _ => &["verify-powers", "f"],
            };
            let (exit, output, error) = run(dir, args);
            assert_eq!(exit, 0, "{name} as {form}: {error}");
            assert!(
                output.ends_with("f is valid.\n"),
                "{name} as {form}: {output}"
            );
        }
    }
}

/// The fingerprint of the sub-ceremony of 64 powers in `t.json`.
fn fingerprint(dir: &Path) -> String {
    let report = json(dir, &["verify", "t.json", "--ceremony", SIZES]);
    let fingerprint = report["report"]["subCeremonies"][2]["fingerprint"].as_str();
    fingerprint.unwrap().to_owned()
}

/// What a verb that succeeds prints with `--json`.
#[track_caller]
fn json(dir: &Path, args: &[&str]) -> Value {
    let (exit, output, error) = run(dir, &[args, &["--json"]].concat());
    assert_eq!(exit, 0, "{error}");
    serde_json::from_str(&output).unwrap()
}

#[test]
fn a_fingerprint_is_the_same_in_every_report() {
    let dir = ceremony();
    let dir = dir.path();
    let report = json(dir, &["verify", "t.json", "--ceremony", SIZES]);
    let sha256 = hex::encode(Sha256::digest(fs::read(dir.join("t.json")).unwrap()));
    assert_eq!(report["sha256"], sha256);
    let fingerprint = fingerprint(dir);
    for name in ["setup.txt", "setup.json"] {
        let set = &json(dir, &["verify-powers", name])["sets"][0];
        assert_eq!(set["fingerprint"], fingerprint);
        assert_eq!(set["tauG1"], report["report"]["subCeremonies"][2]["tauG1"]);
        assert_eq!(set["tauG1"].as_str().unwrap().len(), 98);
        assert_eq!(set["tauG2"].as_str().unwrap().len(), 194);
        assert_eq!(set["knownSecret"], Value::Null);
    }
    let (_, output, error) = run(dir, &export("64", "c-kzg"));
    assert!(error.contains(&fingerprint), "{error}");
    assert!(!output.contains(&fingerprint));
}

#[test]
fn powers_are_compared_with_whatever_tells_their_fingerprint() {
    let dir = ceremony();
    let dir = dir.path();
    let fingerprint = fingerprint(dir);
    let (_, _, error) = run(dir, &export("64", "c-kzg"));
    fs::write(dir.join("note"), &error).unwrap();
    let other = transcript(SIZES, 1)
        .write(Vec::new(), Format::Json)
        .unwrap();
    fs::write(dir.join("other.json"), other).unwrap();
    let expect = |expected: &str, exit, words| {
        let args = ["verify-powers", "setup.txt", "--expect", expected];
        says(dir, &args, exit, &[words]);
    };
    for name in ["setup.txt", "setup.json", "t.json", "note", "64:4"] {
        expect(name, 0, "is valid");
    }
    expect(&fingerprint, 0, "is valid");
    expect(&fingerprint.to_uppercase(), 0, "is valid");
    let with = ["verify-powers", "setup.json", "--transcript", "t.json"];
    says(dir, &with, 0, &["is valid"]);
    let first = match fingerprint.starts_with('0') {
        true => "1",
        false => "0",
    };
    let wrong = format!("{first}{}", &fingerprint[1..]);
    for expected in [&wrong[..], "other.json", "64:5", "64:4,64:4"] {
        expect(expected, 1, "NOT valid: not what is expected");
    }
    expect("missing", 3, "--expect takes a fingerprint");

    let with = ["verify-powers", "setup.txt", "--transcript", "other.json"];
    let (exit, output, error) = run(dir, &[&with[..], &["--json"]].concat());
    assert_eq!(exit, 1, "{error}");
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["valid"], false);
    assert_eq!(report["sets"][0]["fingerprint"], fingerprint);
    assert!(error.contains("another tau than other.json"), "{error}");
}

#[test]
fn lists_that_are_not_looked_at_are_named() {
    let dir = ceremony();
    let text = fs::read_to_string(dir.path().join("setup.json")).unwrap();
    let more = text.replacen(
        '{',
        "{\"g2_lagrange\":[\"0x00\"],\"roots_of_unity\":[1],\"note\":\"x\",",
        1,
    );
    fs::write(dir.path().join("more.json"), more).unwrap();
    let words = "Not looked at: g2_lagrange and roots_of_unity";
    says(dir.path(), &["verify-powers", "more.json"], 0, &[words]);
}

// `docs/spec/known-faults.md#valid-of-what`.
#[test]
fn powers_of_a_known_secret_are_exported_only_by_force() {
    let dir = temporary();
    let dir = dir.path();
    assert_eq!(
        run(dir, &["init", "--ceremony", SIZES, "-o", "t.json"]).0,
        0
    );
    let export = export("16", "c-kzg");
    says(
        dir,
        &export,
        1,
        &[
            "the secret of these powers is known: tau = 1",
            "nobody has contributed",
            "--force",
        ],
    );
    let to_file = [&export[..], &["-o", "s.txt"]].concat();
    says(dir, &to_file, 1, &["the secret of these powers is known"]);
    assert!(!dir.join("s.txt").exists());
    says(
        dir,
        &[&to_file[..], &["--force"]].concat(),
        0,
        &["WARNING", "tau = 1"],
    );
    says(dir, &[&export[..], &["--force"]].concat(), 0, &["WARNING"]);
    for verb in [
        &["verify-powers", "s.txt"][..],
        &["verify-powers", "s.txt", "--json"],
    ] {
        says(dir, verb, 1, &["the secret is known: tau = 1"]);
    }
    let (_, output, _) = run(dir, &["verify", "t.json", "--ceremony", SIZES, "--json"]);
    let report: Value = serde_json::from_str(&output).unwrap();
    let known = report["report"]["subCeremonies"][0]["knownSecret"]
        .as_str()
        .unwrap();
    assert!(known.contains("tau = 1"), "{known}");
    says(
        dir,
        &["verify", "t.json", "--ceremony", SIZES, "--strict"],
        1,
        &["Nobody has contributed"],
    );
}
