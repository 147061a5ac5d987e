//! Files of every kind given to the verbs that read files: what they say, and their exit codes.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{SIZES, identity, json, key, shared_data, stderr, stdout, tauline, transcript};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tauline_protocol::Identity;
use tauline_protocol::receipt::Receipt;
use tauline_transcript::transcript::Format;

/// Runs the program in `dir`; gives exit code, standard output and standard error.
#[track_caller]
fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = tauline().current_dir(dir).args(args).output().unwrap();
    let exit = output.status.code().expect("an exit code, not a signal");
    (exit, stdout(&output), stderr(&output))
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A directory with a ceremony: `t.json` of two contributions, and what is exported of it.
fn ceremony() -> tempfile::TempDir {
    let dir = temporary();
    let document = transcript(SIZES, 2)
        .write(Vec::new(), Format::Json)
        .unwrap();
    fs::write(dir.path().join("t.json"), document).unwrap();
    for (format, name) in [("c-kzg", "setup.txt"), ("consensus", "setup.json")] {
        let args = [
            "export",
            "t.json",
            "--sub-ceremony",
            "64",
            "--format",
            format,
            "-o",
            name,
        ];
        assert_eq!(run(dir.path(), &args).0, 0);
    }
    dir
}

fn found(name: &str) -> Option<PathBuf> {
    shared_data(&format!("found/{name}"))
}

/// A verb and a file, the exit code, and words that are said on either output.
fn says(dir: &Path, args: &[&str], exit: i32, words: &[&str]) {
    let (got, output, error) = run(dir, args);
    let said = output + &error;
    assert_eq!(got, exit, "{args:?}: {said}");
    for words in words {
        assert!(
            said.contains(words),
            "{args:?} does not say {words:?}: {said}"
        );
    }
}

#[test]
fn files_that_were_found_get_the_right_answer() {
    let Some(folder) = found("README.md") else {
        return;
    };
    let dir = folder.parent().unwrap();
    let powers = |name, exit, words: &[&str]| says(dir, &["verify-powers", name], exit, words);
    for name in [
        "ok_4_4.json",
        "ok_4_4.txt",
        "raw_4_4.bin",
        "json_no_0x.json",
        "text_0x.txt",
        "text_upper.txt",
    ] {
        let fingerprint = "b535426a1fdf0d12bb68546ed1c3529b6c0f54ae43b2518cae5242a310eb56da";
        powers(name, 0, &["is valid", fingerprint, "tests alone", "1337"]);
    }
    powers(
        "tau_is_1.json",
        1,
        &["NOT valid", "the secret is known: tau = 1"],
    );
    powers(
        "minimal_4_65.txt",
        0,
        &["4 powers in G1, 65 in G2", "is valid"],
    );
    powers("raw_4_4_last_g2_cut.bin", 0, &["4 powers in G1, 3 in G2"]);
    for expected in ["4:4", "ok_4_4.json", "ok_4_4.txt"] {
        says(
            dir,
            &[
                "verify-powers",
                "raw_4_4_last_g2_cut.bin",
                "--expect",
                expected,
            ],
            1,
            &["not what is expected"],
        );
        says(
            dir,
            &["verify-powers", "raw_4_4.bin", "--expect", expected],
            0,
            &["is valid"],
        );
    }
    says(
        dir,
        &[
            "verify-powers",
            "raw_4_4_last_g2_cut.bin",
            "--ceremony",
            "4:4",
        ],
        1,
        &["4:3, not 4:4"],
    );
    powers(
        "lagrange_missing.json",
        0,
        &["there are no Lagrange points"],
    );
    says(
        dir,
        &["verify-powers", "lagrange_missing.json", "--lagrange"],
        1,
        &["there are no Lagrange points"],
    );
    says(dir, &["verify-powers", "ok_4_4.json", "--lagrange"], 0, &[]);
    powers(
        "contribution_stated_17_has_16.json",
        1,
        &["states 17 powers in G1 and holds 16"],
    );
    powers("raw_uncompressed.bin", 0, &["raw points, uncompressed"]);
    powers("contribution_bom.json", 0, &["is valid"]);
    powers(
        "raw_g1_only.bin",
        1,
        &["no split into powers in G1 and in G2 fits", "G1 alone"],
    );
    powers("contribution_signature_first.json", 0, &["is valid"]);
    powers(
        "contribution_point_as_text.msgpack",
        1,
        &["a text that is not UTF-8"],
    );
    powers(
        "same_tau_contribution.json",
        0,
        &["several sets have one tau"],
    );
    for name in ["transcript_ids_first.json", "transcript_sorted_keys.json"] {
        says(
            dir,
            &["verify", name, "--ceremony", SIZES],
            0,
            &["is valid"],
        );
        powers(
            name,
            1,
            &["it is a transcript", &format!("tauline verify {name}")],
        );
    }
    let twice = [
        "verify",
        "transcript_same_identity_twice.json",
        "--ceremony",
        SIZES,
    ];
    says(
        dir,
        &twice,
        0,
        &[
            "is valid",
            "invite|p0 stands there twice: contributions 1 and 2",
        ],
    );
    says(
        dir,
        &[&twice[..], &["--strict"]].concat(),
        1,
        &["invite|p0"],
    );
}

#[test]
fn foreign_files_are_named_by_every_verb() {
    let Some(folder) = found("README.md") else {
        return;
    };
    let dir = folder.parent().unwrap();
    for (name, words) in [
        ("html.json", "it is a web page (HTML)"),
        ("git_lfs_pointer.json", "it is a Git LFS pointer"),
        ("bn128_6.ptau", "for the curve BN254 (bn128)"),
    ] {
        for verb in every_verb(name) {
            let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
            says(dir, &verb, 3, &[words, "help: "]);
        }
    }
    for verb in every_verb("array.json") {
        let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
        says(dir, &verb, 1, &["JSON of another shape: a list"]);
    }
}

/// Each verb that reads files, with this file.
fn every_verb(name: &str) -> Vec<Vec<String>> {
    let verb = |text: &str| text.split(' ').map(|it| it.replace('%', name)).collect();
    [
        "verify %",
        "verify-powers %",
        "verify-contribution % --base init_16_32_64_128.json --ceremony 16:4,32:4,64:4,128:4",
        "verify-contribution contribution_bom.json --base %",
        "export % --sub-ceremony 16 --format c-kzg",
        "compute --base % --identity invite|a",
        "verify init_16_32_64_128.json --ceremony 16:4,32:4,64:4,128:4 --receipt %",
        "verify-powers ok_4_4.json --expect %",
        "verify-powers ok_4_4.json --transcript %",
    ]
    .map(verb)
    .to_vec()
}

// `docs/spec/known-faults.md#first-bytes`.
#[test]
fn each_of_our_documents_at_the_wrong_verb_is_sent_to_the_right_one() {
    let dir = ceremony();
    let dir = dir.path();
    let compute = [
        "compute",
        "--base",
        "t.json",
        "--ceremony",
        SIZES,
        "--identity",
        "invite|a",
        "-o",
        "c.json",
    ];
    assert_eq!(run(dir, &compute).0, 0);
    let receipt = Receipt::new(identity(1), [&[1; 96][..]]).sign(&key(9));
    fs::write(dir.join("r.json"), serde_json::to_vec(&receipt).unwrap()).unwrap();
    for (args, kind, verb) in [
        (
            &["verify", "c.json"][..],
            "a contribution or base",
            "tauline verify-contribution c.json",
        ),
        (
            &["verify", "setup.txt"],
            "a set of powers in text",
            "tauline verify-powers setup.txt",
        ),
        (
            &["verify", "setup.json"],
            "a set of powers in JSON",
            "tauline verify-powers setup.json",
        ),
        (
            &["verify", "r.json"],
            "a receipt",
            "tauline verify TRANSCRIPT --receipt r.json",
        ),
        (
            &["verify-powers", "t.json"],
            "a transcript",
            "tauline verify t.json",
        ),
        (
            &["verify-powers", "r.json"],
            "a receipt",
            "--receipt r.json",
        ),
        (
            &["verify-contribution", "t.json", "--base", "c.json"],
            "a transcript",
            "tauline verify t.json",
        ),
        (
            &["verify-contribution", "c.json", "--base", "setup.txt"],
            "a set of powers in text",
            "verify-powers",
        ),
        (
            &["compute", "--base", "r.json", "--identity", "invite|a"],
            "a receipt",
            "--receipt r.json",
        ),
        (
            &[
                "export",
                "c.json",
                "--sub-ceremony",
                "64",
                "--format",
                "c-kzg",
            ],
            "a contribution",
            "verify-contribution",
        ),
        (
            &["verify", "t.json", "--receipt", "t.json"],
            "a transcript",
            "tauline verify t.json",
        ),
    ] {
        says(dir, args, 1, &[&format!("it is {kind}"), verb]);
    }
}

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

#[test]
fn a_fingerprint_is_the_same_in_every_report() {
    let dir = ceremony();
    let dir = dir.path();
    let json = |args: &[&str]| -> Value {
        let (exit, output, error) = run(dir, &[args, &["--json"]].concat());
        assert_eq!(exit, 0, "{error}");
        serde_json::from_str(&output).unwrap()
    };
    let report = json(&["verify", "t.json", "--ceremony", SIZES]);
    let sha256 = hex::encode(Sha256::digest(fs::read(dir.join("t.json")).unwrap()));
    assert_eq!(report["sha256"], sha256);
    let fingerprint = report["report"]["subCeremonies"][2]["fingerprint"]
        .as_str()
        .unwrap();
    for name in ["setup.txt", "setup.json"] {
        let set = &json(&["verify-powers", name])["sets"][0];
        assert_eq!(set["fingerprint"], fingerprint);
        assert_eq!(set["tauG1"], report["report"]["subCeremonies"][2]["tauG1"]);
        assert_eq!(set["tauG1"].as_str().unwrap().len(), 98);
        assert_eq!(set["tauG2"].as_str().unwrap().len(), 194);
        assert_eq!(set["knownSecret"], Value::Null);
    }
    let export = [
        "export",
        "t.json",
        "--sub-ceremony",
        "64",
        "--format",
        "c-kzg",
    ];
    let (_, output, error) = run(dir, &export);
    assert!(error.contains(fingerprint), "{error}");
    assert!(!output.contains(fingerprint));
    fs::write(dir.join("note"), &error).unwrap();

    let other = transcript(SIZES, 1)
        .write(Vec::new(), Format::Json)
        .unwrap();
    fs::write(dir.join("other.json"), other).unwrap();
    let upper = fingerprint.to_uppercase();
    for expected in [
        fingerprint,
        &upper,
        "setup.txt",
        "setup.json",
        "t.json",
        "note",
        "64:4",
    ] {
        says(
            dir,
            &["verify-powers", "setup.txt", "--expect", expected],
            0,
            &["is valid"],
        );
    }
    says(
        dir,
        &["verify-powers", "setup.json", "--transcript", "t.json"],
        0,
        &["is valid"],
    );
    let first = if fingerprint.starts_with('0') {
        "1"
    } else {
        "0"
    };
    let wrong = format!("{first}{}", &fingerprint[1..]);
    for expected in [&wrong[..], "other.json", "64:5", "64:4,64:4"] {
        says(
            dir,
            &["verify-powers", "setup.txt", "--expect", expected],
            1,
            &["NOT valid: not what is expected"],
        );
    }
    let args = [
        "verify-powers",
        "setup.txt",
        "--transcript",
        "other.json",
        "--json",
    ];
    let (exit, output, error) = run(dir, &args);
    assert_eq!(exit, 1, "{error}");
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["valid"], false);
    assert_eq!(report["sets"][0]["fingerprint"], fingerprint);
    assert!(error.contains("another tau than other.json"), "{error}");
    says(
        dir,
        &["verify-powers", "setup.txt", "--expect", "missing"],
        3,
        &["--expect takes a fingerprint"],
    );
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
    let export = [
        "export",
        "t.json",
        "--sub-ceremony",
        "16",
        "--format",
        "c-kzg",
    ];
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

#[test]
fn malformed_signatures_and_equal_secrets_of_a_contribution_are_told() {
    let Some(folder) = found("README.md") else {
        return;
    };
    let dir = folder.parent().unwrap();
    let verify = |name: &str, more: &[&str]| {
        let args = [
            "verify-contribution",
            name,
            "--base",
            "init_16_32_64_128.json",
            "--ceremony",
            SIZES,
        ];
        run(dir, &[&args[..], more].concat())
    };
    let (exit, output, error) = verify("contribution_malformed_bls_signature.json", &[]);
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("  malformed "), "{output}");
    assert!(
        output.contains("malformed BLS signature in the sub-ceremonies 0"),
        "{output}"
    );
    let (_, output, _) = verify("contribution_malformed_bls_signature.json", &["--json"]);
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["subCeremonies"][0]["blsSignature"], "malformed");
    assert_eq!(report["subCeremonies"][1]["blsSignature"], "unchecked");
    let (exit, output, error) = verify("same_tau_contribution.json", &[]);
    assert_eq!(exit, 0, "{error}");
    assert!(
        output.contains("the sub-ceremonies 0, 1, 2 and 3 have one secret"),
        "{output}"
    );
    let (exit, _, error) = verify("contribution_stated_17_has_16.json", &[]);
    assert_eq!(exit, 1);
    assert!(error.contains("17 given"), "{error}");
    let (exit, _, error) = verify("contribution_point_as_text.msgpack", &[]);
    assert_eq!(exit, 1);
    assert!(error.contains("not UTF-8"), "{error}");
    let name = "contribution_bom.json";
    assert_eq!(verify(name, &[]).0, 0, "{name}");
}

#[test]
fn a_temporary_directory_that_is_missing_is_named() {
    let dir = ceremony();
    let dir = dir.path();
    let bytes = fs::read(dir.join("t.json")).unwrap();
    fs::write(dir.join("t.zst"), zstd::encode_all(&bytes[..], 1).unwrap()).unwrap();
    let output = tauline()
        .current_dir(dir)
        .env("TMPDIR", "/no/such/directory")
        .args(["verify", "t.zst", "--ceremony", SIZES])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let error = stderr(&output);
    assert!(
        error.contains("cannot make a temporary file in /no/such/directory"),
        "{error}"
    );
    assert!(error.contains("TMPDIR"), "{error}");
}

// `docs/spec/known-faults.md#limits-after-expense`.
#[test]
fn what_grows_without_end_is_refused_before_it_is_written() {
    let dir = temporary();
    let dir = dir.path();
    // 1 GB of white space behind a brace, in some 30 KB.
    let mut bomb = zstd::Encoder::new(Vec::new(), 3).unwrap();
    bomb.write_all(b"{\"contributions\":[").unwrap();
    for _ in 0..1024 {
        bomb.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    fs::write(dir.join("bomb.zst"), bomb).unwrap();
    let verbs: [&[&str]; 3] = [
        &["verify-powers", "bomb.zst"],
        &["verify", "bomb.zst"],
        &["compute", "--base", "bomb.zst", "--identity", "invite|a"],
    ];
    for args in verbs {
        says(dir, args, 1, &["bomb.zst is too large: more than 13"]);
    }
}

#[cfg(unix)]
#[test]
fn a_device_without_end_is_no_document() {
    let dir = temporary();
    for args in [
        &["verify", "/dev/zero"][..],
        &["verify-powers", "/dev/zero"],
        &["verify-contribution", "/dev/zero", "--base", "/dev/zero"],
        &["compute", "--base", "/dev/zero", "--identity", "invite|a"],
    ] {
        let since = Instant::now();
        says(dir.path(), args, 1, &["error: "]);
        assert!(since.elapsed() < Duration::from_secs(60), "{args:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_that_stays_open_is_refused_by_its_start() {
    // More than the program looks at, and then nothing: it must not wait for the end.
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("tauline"))
        .args(["verify", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let page = [&b"<html>"[..], &vec![b' '; 1 << 16]].concat();
    // The program may be gone before all of it is written.
    let _ = stdin.write_all(&page);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let mut error = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert!(
        error.contains("standard input is not a transcript: it is a web page"),
        "{error}"
    );
    drop(stdin);
}

/// Documents with `word` where a number, a name, a text or a point stands, each alone.
fn with_word_everywhere(word: &str) -> Vec<(&'static str, String)> {
    let quoted = format!("\"{word}\"");
    let powers = r#"{"G1Powers":[],"G2Powers":[]}"#;
    vec![
        (
            "number.json",
            format!(
                r#"{{"contributions":[{{"numG1Powers":{word},"numG2Powers":2,"powersOfTau":{powers},"potPubkey":"0x"}}]}}"#
            ),
        ),
        (
            "pubkey.json",
            format!(
                r#"{{"contributions":[{{"numG1Powers":4,"numG2Powers":2,"powersOfTau":{powers},"potPubkey":{quoted}}}]}}"#
            ),
        ),
        (
            "point.json",
            format!(
                r#"{{"contributions":[{{"numG1Powers":1,"numG2Powers":0,"powersOfTau":{{"G1Powers":[{quoted}],"G2Powers":[]}},"potPubkey":"0x"}}]}}"#
            ),
        ),
        ("name.json", format!(r#"{{{quoted}:1,"contributions":[]}}"#)),
        (
            "transcript-number.json",
            format!(
                r#"{{"transcripts":[{{"numG1Powers":{word},"numG2Powers":2}}],"participantIds":[""],"participantEcdsaSignatures":[""]}}"#
            ),
        ),
        (
            "transcript-text.json",
            format!(
                r#"{{"transcripts":[],"participantIds":["",{quoted}],"participantEcdsaSignatures":[""]}}"#
            ),
        ),
        (
            "transcript-name.json",
            format!(r#"{{{quoted}:1,"transcripts":[]}}"#),
        ),
        (
            "powers.json",
            format!(r#"{{"g1_monomial":[{quoted}],"g2_monomial":[{word}]}}"#),
        ),
        ("powers.txt", format!("4\n2\n{word}\n")),
        ("count.txt", format!("{word}\n{word}\n")),
        (
            "receipt.json",
            format!(r#"{{"receipt":{quoted},"signature":{word}}}"#),
        ),
    ]
}

/// Each of these given to each verb that reads it or names it.
fn to_every_verb(dir: &Path, documents: &[(&str, String)], check: impl Fn(&str, &[&str])) {
    for (name, text) in documents {
        fs::write(dir.join(name), text).unwrap();
        for args in [
            &["verify", name, "--ceremony", "4:2"][..],
            &["verify-powers", name],
            &["verify-contribution", name, "--base", name],
            &["export", name, "--sub-ceremony", "4", "--format", "c-kzg"],
        ] {
            check(name, args);
        }
        fs::remove_file(dir.join(name)).unwrap();
    }
}

#[test]
fn no_message_is_longer_than_a_screen_whatever_a_file_holds() {
    let dir = temporary();
    let documents = with_word_everywhere(&"1".repeat(1 << 20));
    to_every_verb(dir.path(), &documents, |name, args| {
        let (exit, output, error) = run(dir.path(), args);
        assert!(exit == 1 || exit == 3, "{name} {args:?}: {exit}");
        let said = output.len() + error.len();
        assert!(said < 2_000, "{name} {args:?}: {said} bytes");
        assert!(!error.is_empty(), "{name} {args:?}");
    });
}

/// No word of a document is long, so a long one is not kept: not in text, and not in MessagePack.
#[cfg(target_os = "linux")]
#[test]
fn a_text_of_hundreds_of_megabytes_takes_no_memory() {
    let dir = temporary();
    let bytes = 200 << 20;
    let documents = with_word_everywhere(&"1".repeat(bytes));
    let limited = |args: &[&str]| {
        // In kilobytes of address space: far less than the text.
        let program = tauline().get_program().to_owned();
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 180000; exec \"$0\" \"$@\""])
            .arg(program)
            .args(args)
            .env("RAYON_NUM_THREADS", "1")
            .env("MALLOC_ARENA_MAX", "1")
            .current_dir(dir.path())
            .output()
            .unwrap();
        (output.status.code(), stderr(&output))
    };
    to_every_verb(dir.path(), &documents, |name, args| {
        let (exit, error) = limited(args);
        assert!(
            matches!(exit, Some(1 | 3)),
            "{name} {args:?}: {exit:?}, {error}"
        );
        assert!(!error.contains("memory"), "{name} {args:?}: {error}");
    });
    let mut text = b"\x81\xadcontributions\x91\x81\xa9potPubkey\xc6".to_vec();
    text.extend(u32::try_from(bytes).unwrap().to_be_bytes());
    text.resize(text.len() + bytes, b'x');
    fs::write(dir.path().join("long.msgpack"), text).unwrap();
    for args in [
        &[
            "verify-contribution",
            "long.msgpack",
            "--base",
            "long.msgpack",
        ][..],
        &["verify-powers", "long.msgpack"],
    ] {
        let (exit, _, error) = run(dir.path(), args);
        assert!(exit == 1 || exit == 3, "{args:?}: {error}");
    }
}
