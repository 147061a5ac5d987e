//! The files of the shared data that were found in the wild.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{SIZES, run, says, shared_data};

/// The folder of these files. None, with a message, if the shared data is missing.
pub(crate) fn folder() -> Option<PathBuf> {
    let readme = shared_data("found/README.md")?;
    Some(readme.parent()?.to_owned())
}

fn verify_powers(dir: &Path, name: &str, more: &[&str], exit: i32, words: &[&str]) {
    says(
        dir,
        &[&["verify-powers", name][..], more].concat(),
        exit,
        words,
    );
}

#[test]
fn powers_that_were_found_are_read_in_every_form() {
    let Some(dir) = folder() else {
        return;
    };
    let powers = |name, exit, words: &[&str]| verify_powers(&dir, name, &[], exit, words);
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
    let known = "the secret is known: tau = 1";
    powers("tau_is_1.json", 1, &["NOT valid", known]);
    let minimal = ["4 powers in G1, 65 in G2", "is valid"];
    powers("minimal_4_65.txt", 0, &minimal);
    powers("raw_uncompressed.bin", 0, &["raw points, uncompressed"]);
    powers("contribution_bom.json", 0, &["is valid"]);
    powers("contribution_signature_first.json", 0, &["is valid"]);
    let equal = ["several sets have one tau"];
    powers("same_tau_contribution.json", 0, &equal);
}

#[test]
fn powers_that_were_found_cut_or_spoiled_are_told() {
    let Some(dir) = folder() else {
        return;
    };
    let powers = |name, more: &[&str], exit, words: &[&str]| {
        verify_powers(&dir, name, more, exit, words);
    };
    let cut = "raw_4_4_last_g2_cut.bin";
    powers(cut, &[], 0, &["4 powers in G1, 3 in G2"]);
    for expected in ["4:4", "ok_4_4.json", "ok_4_4.txt"] {
        let expect = ["--expect", expected];
        powers(cut, &expect, 1, &["not what is expected"]);
        powers("raw_4_4.bin", &expect, 0, &["is valid"]);
    }
    powers(cut, &["--ceremony", "4:4"], 1, &["4:3, not 4:4"]);
    let absent = ["there are no Lagrange points"];
    powers("lagrange_missing.json", &[], 0, &absent);
    powers("lagrange_missing.json", &["--lagrange"], 1, &absent);
    powers("ok_4_4.json", &["--lagrange"], 0, &[]);
    powers(
        "contribution_stated_17_has_16.json",
        &[],
        1,
        &["states 17 powers in G1 and holds 16"],
    );
    powers(
        "raw_g1_only.bin",
        &[],
        1,
        &["no split into powers in G1 and in G2 fits", "G1 alone"],
    );
    powers(
        "contribution_point_as_text.msgpack",
        &[],
        1,
        &["a text that is not UTF-8"],
    );
}

#[test]
fn transcripts_that_were_found_get_the_right_answer() {
    let Some(dir) = folder() else {
        return;
    };
    let verify = |name, more: &[&str], exit, words: &[&str]| {
        let args = [&["verify", name, "--ceremony", SIZES][..], more].concat();
        says(&dir, &args, exit, words);
    };
    for name in ["transcript_ids_first.json", "transcript_sorted_keys.json"] {
        verify(name, &[], 0, &["is valid"]);
        let right_verb = format!("tauline verify {name}");
        verify_powers(&dir, name, &[], 1, &["it is a transcript", &right_verb]);
    }
    let twice = "transcript_same_identity_twice.json";
    let warning = "invite|p0 stands there twice: contributions 1 and 2";
    verify(twice, &[], 0, &["is valid", warning]);
    verify(twice, &["--strict"], 1, &["invite|p0"]);
}

#[test]
fn malformed_signatures_and_equal_secrets_of_a_contribution_are_told() {
    let Some(dir) = folder() else {
        return;
    };
    let verify = |name: &str, more: &[&str]| {
        let args = [
            "verify-contribution",
            name,
            "--base",
            "init_16_32_64_128.json",
            "--ceremony",
            SIZES,
        ];
        run(&dir, &[&args[..], more].concat())
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
