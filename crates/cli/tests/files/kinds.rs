//! Files of another kind than a verb reads.

use std::fs;

use tauline_protocol::receipt::Receipt;

use crate::ceremony;
use crate::common::{SIZES, identity, key, run, says};
use crate::found::folder;

#[test]
fn foreign_files_are_named_by_every_verb() {
    let Some(dir) = folder() else {
        return;
    };
    let dir = &dir;
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
    let contribution = "tauline verify-contribution c.json";
    let asked = "tauline verify TRANSCRIPT --receipt r.json";
    let compute = "compute --base r.json --identity invite|a";
    for (args, kind, verb) in [
        ("verify c.json", "a contribution or base", contribution),
        (
            "verify setup.txt",
            "a set of powers in text",
            "tauline verify-powers setup.txt",
        ),
        (
            "verify setup.json",
            "a set of powers in JSON",
            "tauline verify-powers setup.json",
        ),
        ("verify r.json", "a receipt", asked),
        (
            "verify-powers t.json",
            "a transcript",
            "tauline verify t.json",
        ),
        ("verify-powers r.json", "a receipt", "--receipt r.json"),
        (
            "verify-contribution t.json --base c.json",
            "a transcript",
            "tauline verify t.json",
        ),
        (
            "verify-contribution c.json --base setup.txt",
            "a set of powers in text",
            "verify-powers",
        ),
        (compute, "a receipt", "--receipt r.json"),
        (
            "export c.json --sub-ceremony 64 --format c-kzg",
            "a contribution",
            "verify-contribution",
        ),
        (
            "verify t.json --receipt t.json",
            "a transcript",
            "tauline verify t.json",
        ),
    ] {
        let args: Vec<&str> = args.split(' ').collect();
        says(dir, &args, 1, &[&format!("it is {kind}"), verb]);
    }
}
