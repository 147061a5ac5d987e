//! `init` and `verify`.

use std::fs;
use std::io::Write;

use sha2::{Digest, Sha256};
use tauline_transcript::Encoding;
use tauline_transcript::transcript::Format;

use crate::common::{SIZES, json, run, shared_data, stdout, tauline, temporary, transcript};

#[test]
fn the_initial_transcript_is_valid_and_says_that_nobody_contributed() {
    let dir = temporary();
    let (exit, _, error) = run(dir.path(), &["init", "--ceremony", SIZES, "-o", "t.json"]);
    assert_eq!(exit, 0, "{error}");
    let (exit, output, _) = run(dir.path(), &["verify", "t.json", "--ceremony", SIZES]);
    assert_eq!(exit, 0);
    let sha256 = hex::encode(Sha256::digest(fs::read(dir.path().join("t.json")).unwrap()));
    let output = output.replace(&sha256, "[that of the file]");
    insta::assert_snapshot!(output, @r"
    No signatures are present.
    0 contributions
      sub-ceremony      links  no entropy    BLS valid    invalid     absent
                16          0           0            0          0          0
                32          0           0            0          0          0
                64          0           0            0          0          0
               128          0           0            0          0          0
      Ethereum signatures: 0 valid, 0 invalid, 0 absent
                16 powers  fingerprint 5d456b3f97748cabe2195e668ae40e7b3a2332e678d11ca3ab88f1a301fbfaff
                32 powers  fingerprint 4db0b78818b9c417514e56bbf514b7f0a651c13d851040bea608f7c2c520e596
                64 powers  fingerprint 7a2fc13621be1f09f8a66322621fc0f298c2d6c7c026f790d9de8697b4bb761c
               128 powers  fingerprint d250247ebedce5eb911d42601d15325a1e34ab27b2f9bc3950a1a8fbad167c2f
    SHA-256 of the transcript: [that of the file]
    WARNING  Nobody has contributed: the powers are those of tau = 1.
    t.json is valid.
    ");
    let (exit, _, error) = run(dir.path(), &["init", "--ceremony", SIZES, "-o", "t.json"]);
    assert_eq!(exit, 2, "a file is not replaced unasked");
    assert!(error.contains("t.json exists already"), "{error}");
    let args = ["init", "--ceremony", "16:4", "-o", "t.json", "--force"];
    assert_eq!(run(dir.path(), &args).0, 0);
    assert_eq!(
        run(dir.path(), &["verify", "t.json", "--ceremony", "16:4"]).0,
        0
    );
}

#[test]
fn a_transcript_is_read_in_every_form() {
    let dir = temporary();
    let transcript = transcript(SIZES, 2);
    let file = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    let document = |format| transcript.write(Vec::new(), format).unwrap();
    let json = document(Format::Json);
    file("plain", &json);
    file("pretty", &document(Format::PrettyJson));
    file(
        "msgpack",
        &document(Format::MessagePack(Encoding::Compressed)),
    );
    file(
        "uncompressed",
        &document(Format::MessagePack(Encoding::Uncompressed)),
    );
    file("zstd", &zstd::encode_all(json.as_slice(), 1).unwrap());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&json).unwrap();
    let gzip = gzip.finish().unwrap();
    file("gzip", &gzip);
    for name in ["plain", "pretty", "msgpack", "uncompressed", "zstd", "gzip"] {
        let (exit, output, error) = run(dir.path(), &["verify", name, "--ceremony", SIZES]);
        assert_eq!(exit, 0, "{name}: {error}");
        assert!(
            output.contains("2 contributions: 2 by Ethereum key"),
            "{output}"
        );
        assert!(output.ends_with(&format!("{name} is valid.\n")), "{output}");
    }
    for bytes in [json, gzip] {
        let mut command = tauline();
        command
            .args(["verify", "-", "--ceremony", SIZES])
            .write_stdin(bytes);
        command
            .assert()
            .code(0)
            .stdout(predicates::str::contains("standard input is valid."));
    }
}

#[test]
fn a_bad_transcript_is_told_on_both_outputs() {
    let dir = temporary();
    let mut document = json(&transcript(SIZES, 2));
    document["participantIds"].as_array_mut().unwrap().pop();
    fs::write(dir.path().join("t.json"), document.to_string()).unwrap();
    let (exit, output, error) = run(dir.path(), &["verify", "t.json", "--ceremony", SIZES]);
    assert_eq!(exit, 1);
    assert!(
        output.contains("FAILED  participantIds has 2 entries"),
        "{output}"
    );
    assert!(
        error.contains("error: t.json is NOT valid: participantIds has 2 entries"),
        "{error}"
    );
}

#[test]
fn the_truncated_transcript_is_refused_for_its_last_product_alone() {
    let Some(file) = shared_data("transcripts/truncated_test_phase_10.json") else {
        return;
    };
    let output = tauline()
        .args(["verify", "--json", "--ceremony", "as-stated"])
        .arg(file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["failureCount"], 4);
    for failure in report["failures"].as_array().unwrap() {
        assert_eq!(failure["code"], "LastProduct");
        let message = failure["message"].as_str().unwrap();
        assert!(message.ends_with("the last running product does not match the powers"));
    }
    for sub in report["report"]["subCeremonies"].as_array().unwrap() {
        assert_eq!(sub["linksValid"], 9);
        assert_eq!(sub["blsSignatures"]["valid"], 4);
        assert_eq!(sub["blsSignatures"]["invalid"], 0);
    }
}
