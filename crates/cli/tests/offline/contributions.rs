//! `compute` and `verify-contribution`.

use std::fs;

use crate::common::{self, SIZES, identity, run, shared_data, stderr, tauline, temporary};

#[test]
fn a_contribution_is_computed_without_a_network_and_verified() {
    let dir = temporary();
    let key = hex::encode(common::key(7).to_bytes());
    fs::write(dir.path().join("key"), &key).unwrap();
    fs::write(dir.path().join("dice"), "4 2 6 6 1 3").unwrap();
    let id = identity(7).to_string();
    let run = |args: &[&str]| run(dir.path(), args);
    assert_eq!(run(&["init", "--ceremony", SIZES, "-o", "t.json"]).0, 0);
    let base = ["--base", "t.json", "--ceremony", SIZES];
    for (form, name) in [
        ("json", "a"),
        ("msgpack", "b"),
        ("msgpack-uncompressed", "c"),
    ] {
        let compute = [
            "compute",
            "--identity",
            &id,
            "--key",
            "key",
            "--entropy-file",
            "dice",
        ];
        let output = ["--form", form, "-o", name];
        let (exit, out, error) = run(&[&compute[..], &base, &output].concat());
        assert_eq!(exit, 0, "{error}");
        assert!(
            !out.contains(&key) && !error.contains(&key),
            "the key is printed"
        );
        let verify = ["verify-contribution", name, "--identity", &id];
        let (exit, output, error) = run(&[&verify[..], &base].concat());
        assert_eq!(exit, 0, "{error}");
        assert!(output.contains("Ethereum signature: valid"), "{output}");
        assert_eq!(output.matches("  valid ").count(), 4, "{output}");
        // The next contribution builds on this one.
        let next = [
            "compute",
            "--identity",
            "invite|bob",
            "--base",
            name,
            "-o",
            "next",
            "--force",
        ];
        assert_eq!(run(&next).0, 0);
        assert_eq!(run(&["verify-contribution", "--base", name, "next"]).0, 0);
        let (exit, _, error) = run(&["verify-contribution", "--base", name, name]);
        assert_eq!(exit, 1);
        assert!(
            error.contains("builds on other powers than it was handed"),
            "{error}"
        );
        assert!(error.contains("[UpdateProof]"), "{error}");
    }
    let (exit, output, _) = run(&[
        "verify-contribution",
        "--base",
        "c",
        "next",
        "--identity",
        &id,
    ]);
    assert_eq!(exit, 0);
    assert!(
        !output.contains("  valid "),
        "somebody else's signatures: {output}"
    );
    assert!(output.contains("  invalid "), "{output}");
}

#[test]
fn a_key_of_another_account_is_refused_before_the_work() {
    let dir = temporary();
    fs::write(dir.path().join("key"), hex::encode([7; 32])).unwrap();
    let id = identity(8).to_string();
    let args = [
        "compute",
        "--base",
        "t.json",
        "--identity",
        &id,
        "--key",
        "key",
    ];
    let (exit, _, error) = run(dir.path(), &args);
    assert_eq!(exit, 2, "{error}");
    assert!(error.contains("is not"), "{error}");
    assert!(
        !error.contains(&"07".repeat(32)),
        "the key is printed: {error}"
    );
}

#[test]
fn verify_contribution_reports_as_json() {
    let dir = temporary();
    let run = |args: &[&str]| run(dir.path(), args);
    assert_eq!(run(&["init", "--ceremony", "16:4,32:4", "-o", "t"]).0, 0);
    let base = ["--base", "t", "--ceremony", "16:4,32:4"];
    assert_eq!(
        run(&[&["compute", "--identity", "invite|a", "-o", "c"][..], &base].concat()).0,
        0
    );
    let (exit, output, _) = run(&[
        &[
            "verify-contribution",
            "c",
            "--json",
            "--identity",
            "invite|a",
        ][..],
        &base,
    ]
    .concat());
    assert_eq!(exit, 0);
    let report: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["valid"], true);
    assert_eq!(report["subCeremonies"][1]["blsSignature"], "valid");
    assert_eq!(report["ecdsaSignature"], "absent");
    let (exit, output, _) = run(&["verify-contribution", "--base", "c", "c", "--json"]);
    assert_eq!(exit, 1);
    let report: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["valid"], false);
    assert_eq!(report["failure"]["code"], "UpdateProof");
    assert_eq!(report["failure"]["subCeremony"], 0);
}

#[test]
fn the_published_contribution_verifies_against_the_published_start() {
    let Some(base) = shared_data("contributions/initialContribution.json") else {
        return;
    };
    let Some(update) = shared_data("contributions/updatedContribution.json") else {
        return;
    };
    tauline()
        .args(["verify-contribution", "--base"])
        .args([&base, &update])
        .assert()
        .code(0);
    let output = tauline()
        .args(["verify-contribution", "--base"])
        .args([&base, &base])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no entropy"),
        "{}",
        stderr(&output)
    );
}
