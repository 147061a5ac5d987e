//! The verbs that need no coordinator: what they print, and their exit codes.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use common::{SIZES, identity, shared_data, stderr, stdout, tauline, transcript};
use sha2::{Digest, Sha256};
use tauline_transcript::Encoding;
use tauline_transcript::transcript::Format;

/// Runs the program in `dir`; gives exit code, standard output and standard error.
#[track_caller]
fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = tauline().current_dir(dir).args(args).output().unwrap();
    (
        output.status.code().expect("an exit code, not a signal"),
        stdout(&output),
        stderr(&output),
    )
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn every_help_page_is_as_reviewed() {
    let verbs = [
        "",
        "contribute",
        "status",
        "verify",
        "verify-contribution",
        "verify-powers",
        "export",
        "init",
        "transcript",
        "compute",
        "rehearse",
        "admin",
    ];
    let mut pages = String::new();
    for verb in verbs {
        let args: Vec<&str> = [verb, "--help"]
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect();
        let (exit, page, _) = run(Path::new("."), &args);
        assert_eq!(exit, 0, "{verb}");
        pages.push_str(&format!("$ tauline {}\n{page}\n", args.join(" ")));
    }
    insta::assert_snapshot!(pages);
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let dir = temporary();
    for args in [
        &[][..],
        &["no-such-verb"],
        &["verify"],
        &["verify", "a", "--ceremony", "16"],
        &["verify", "a", "--ceremony", ""],
        &["init", "--ceremony", "16:4,16:4"],
        &["init", "--ceremony", "4:16"],
        &["status"],
        &["status", "--server", "localhost:3000"],
        &["status", "--server", "http://user:password@localhost"],
        &[
            "contribute",
            "--server",
            "http://localhost:1",
            "--key",
            "a",
            "--invite",
            "b",
        ],
        &["compute", "--base", "a", "--identity", "eth|0x12"],
        &["export", "a", "--sub-ceremony", "x", "--format", "c-kzg"],
        &["export", "a", "--sub-ceremony", "16", "--format", "pdf"],
        &[
            "rehearse",
            "--server",
            "http://localhost:1",
            "--participants",
            "0",
        ],
        &[
            "rehearse",
            "--server",
            "http://localhost:1",
            "--participants",
            "1",
            "--dropouts",
            "2",
        ],
        &["admin", "pardon", "nobody"],
        &["init", "--force"],
    ] {
        let (exit, _, error) = run(dir.path(), args);
        assert_eq!(exit, 2, "{args:?}: {error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_cannot_be_read_exits_with_3() {
    let dir = temporary();
    for args in [
        &["verify", "missing"][..],
        &["verify", "."],
        &["verify-powers", "missing"],
        &["verify-contribution", "--base", "missing", "missing"],
        &[
            "export",
            "missing",
            "--sub-ceremony",
            "16",
            "--format",
            "c-kzg",
        ],
        &["compute", "--base", "missing", "--identity", "invite|a"],
        &[
            "compute",
            "--base",
            "missing",
            "--identity",
            "invite|a",
            "--key",
            "missing",
        ],
        &[
            "compute",
            "--base",
            "missing",
            "--identity",
            "invite|a",
            "--entropy-file",
            "missing",
        ],
        &["admin", "--data-dir", "missing", "status"],
        &["admin", "--data-dir", ".", "status"],
        &["admin", "--data-dir", "new", "restore", "missing"],
    ] {
        let (exit, output, error) = run(dir.path(), args);
        assert_eq!(exit, 3, "{args:?}: {error}");
        assert!(error.starts_with("error: "), "{args:?}: {error}");
        assert_eq!(output, "", "{args:?}");
        assert!(!error.contains("os error"), "{args:?}: {error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_coordinator_that_does_not_answer_exits_with_3() {
    let dir = temporary();
    // Port 1 is nobody's; port 9 of 127.0.0.1 neither.
    for args in [
        &["status", "--server", "http://127.0.0.1:1"][..],
        &[
            "contribute",
            "--server",
            "http://127.0.0.1:1",
            "--key",
            "key",
        ],
        &[
            "transcript",
            "--server",
            "http://127.0.0.1:1",
            "-o",
            "t.json",
        ],
        &[
            "rehearse",
            "--server",
            "http://127.0.0.1:1",
            "--participants",
            "2",
        ],
    ] {
        let (exit, output, error) = run(dir.path(), args);
        assert_eq!(exit, 3, "{args:?}: {error}");
        assert!(
            error.contains("cannot reach http://127.0.0.1:1/: Connection refused"),
            "{error}"
        );
        assert!(error.contains("help: "), "{error}");
        assert_eq!(output, "");
    }
    assert!(
        !dir.path().join("key").exists(),
        "no key is made for a wrong address"
    );
}

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
    let mut document = common::json(&transcript(SIZES, 2));
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
fn exported_powers_verify_in_both_formats() {
    let dir = temporary();
    let document = transcript(SIZES, 2)
        .write(Vec::new(), Format::Json)
        .unwrap();
    fs::write(dir.path().join("t.json"), document).unwrap();
    for (format, name) in [("c-kzg", "setup.txt"), ("consensus", "setup.json")] {
        let export = [
            "export",
            "t.json",
            "--sub-ceremony",
            "64",
            "--format",
            format,
            "-o",
            name,
        ];
        let (exit, _, error) = run(dir.path(), &export);
        assert_eq!(exit, 0, "{error}");
        let (exit, output, error) = run(dir.path(), &["verify-powers", name]);
        assert_eq!(exit, 0, "{error}");
        assert!(output.contains("64 powers in G1, 4 in G2"), "{output}");
        assert!(
            output.contains("the Lagrange points match the G1 powers"),
            "{output}"
        );
        // To standard output, the same.
        let (exit, output, _) = run(dir.path(), &export[..6]);
        assert_eq!(exit, 0);
        assert_eq!(output.as_bytes(), fs::read(dir.path().join(name)).unwrap());
    }
    let missing = [
        "export",
        "t.json",
        "--sub-ceremony",
        "4096",
        "--format",
        "c-kzg",
    ];
    let (exit, _, error) = run(dir.path(), &missing);
    assert_eq!(exit, 1);
    assert!(
        error.contains("t.json has no sub-ceremony of 4096 powers"),
        "{error}"
    );
}

#[test]
fn powers_that_are_wrong_are_refused() {
    let dir = temporary();
    let document = transcript(SIZES, 1)
        .write(Vec::new(), Format::Json)
        .unwrap();
    fs::write(dir.path().join("t.json"), document).unwrap();
    let export = [
        "export",
        "t.json",
        "--sub-ceremony",
        "16",
        "--format",
        "c-kzg",
        "-o",
        "good",
    ];
    assert_eq!(run(dir.path(), &export).0, 0);
    let good = fs::read_to_string(dir.path().join("good")).unwrap();
    let swapped = |a: usize, b: usize| {
        let mut lines: Vec<&str> = good.lines().collect();
        lines.swap(a, b);
        lines.join("\n") + "\n"
    };
    // Lines: 2 counts, 16 Lagrange, 4 in G2, 16 in G1.
    for (text, words) in [
        (swapped(2 + 3, 2 + 9), "Lagrange"),
        (swapped(18 + 2, 18 + 3), "G2 power 2"),
        (swapped(22 + 5, 22 + 9), "G1 power 5"),
        (good.replacen("16", "15", 1), "15 points in G1"),
        ("powers".to_owned(), "not a file of powers"),
        (String::new(), "not a file of powers"),
    ] {
        fs::write(dir.path().join("bad"), text).unwrap();
        let (exit, output, error) = run(dir.path(), &["verify-powers", "bad"]);
        assert_eq!(exit, 1, "{words}: {error}");
        assert!(error.contains(words), "{words}: {error}");
        assert!(!output.contains("is valid"), "{output}");
        let (exit, output, _) = run(dir.path(), &["verify-powers", "bad", "--json"]);
        assert_eq!(exit, 1);
        let report: serde_json::Value = serde_json::from_str(&output).unwrap();
        assert_eq!(report["valid"], false, "{words}");
    }
    let (exit, _, error) = run(dir.path(), &["verify-powers", "t.json"]);
    assert_eq!(exit, 1);
    assert!(error.contains("tauline verify t.json"), "{error}");
}

/// A ceremony's database, as `tauline admin backup` writes it.
fn backup(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(include_str!("../../server/tests/data/before_sums.sql"))
        .unwrap();
}

#[test]
fn a_backup_is_restored_only_to_a_new_directory() {
    let dir = temporary();
    let run = |args: &[&str]| run(dir.path(), args);
    let refused = |file: &str| {
        let (exit, _, error) = run(&["admin", "--data-dir", "new", "restore", file]);
        assert_eq!(exit, 1, "{error}");
        assert!(!dir.path().join("new").exists(), "{file}");
        error
    };
    fs::write(dir.path().join("notes"), "SQLite is mentioned here").unwrap();
    let error = refused("notes");
    assert!(error.contains("notes is not a backup"), "{error}");
    fs::write(dir.path().join("head"), b"SQLite format 3\0 and so on").unwrap();
    let error = refused("head");
    assert!(error.contains("head is not a backup"), "{error}");
    fs::write(dir.path().join("empty"), b"").unwrap();
    let error = refused("empty");
    assert!(error.contains("empty is not a backup"), "{error}");

    backup(&dir.path().join("backup"));
    let (exit, output, error) = run(&["admin", "--data-dir", "new", "restore", "backup"]);
    assert_eq!(exit, 0, "{error}");
    for said in [
        "tauline-server --data-dir new --ceremony 4:2,8:2",
        "4 of eth|",
        "2026-11-25T11:16:2",
    ] {
        assert!(output.contains(said), "{output}");
    }
    assert_eq!(
        fs::read(dir.path().join("new/tauline.db")).unwrap(),
        fs::read(dir.path().join("backup")).unwrap()
    );
    let mark = fs::read_to_string(dir.path().join("new/tauline.mark")).unwrap();
    assert!(mark.contains("\"contributions\":4"), "{mark}");
    let mut names: Vec<_> = fs::read_dir(dir.path().join("new"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["tauline.db", "tauline.mark"]);
    let (exit, _, error) = run(&["admin", "--data-dir", "new", "restore", "backup"]);
    assert_eq!(exit, 2);
    assert!(error.contains("new is not empty"), "{error}");
    let (exit, _, error) = run(&["admin", "--data-dir", "newer", "restore", "new"]);
    assert_eq!(exit, 2);
    assert!(error.contains("is a directory"), "{error}");
}

#[test]
fn check_shows_what_is_in_a_file_or_a_directory_and_changes_nothing() {
    let dir = temporary();
    let run = |args: &[&str]| run(dir.path(), args);
    backup(&dir.path().join("backup"));
    let before = fs::read(dir.path().join("backup")).unwrap();
    let (exit, output, error) = run(&["admin", "check", "backup"]);
    assert_eq!(exit, 0, "{error}");
    insta::assert_snapshot!("check", output);
    let (exit, output, _) = run(&["admin", "check", "backup", "--json"]);
    assert_eq!(exit, 0);
    let contents: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(contents["contributions"], 4);
    assert_eq!(contents["ceremony"], "4:2,8:2");
    assert_eq!(contents["head"]["ticket"], 4);
    assert_eq!(contents["log"]["records"], 20);
    assert_eq!(contents["digests"], false);
    assert_eq!(fs::read(dir.path().join("backup")).unwrap(), before);

    assert_eq!(run(&["admin", "--data-dir", "d", "restore", "backup"]).0, 0);
    for args in [
        &["admin", "check", "d"][..],
        &["admin", "check", "d/tauline.db"],
        &["admin", "--data-dir", "d", "check"],
    ] {
        let (exit, output, error) = run(args);
        assert_eq!(exit, 0, "{error}");
        assert!(output.contains("is sound"), "{output}");
    }
    for (args, expected, said) in [
        (&["admin", "check", "missing"][..], 3, "missing"),
        (&["admin", "check", "."], 1, "is not a backup"),
    ] {
        let (exit, _, error) = run(args);
        assert_eq!(exit, expected, "{error}");
        assert!(error.contains(said), "{error}");
    }
}

// `docs/spec/known-faults.md#restore-unchecked`.
#[test]
fn check_and_restore_find_what_a_coordinator_would_find() {
    let dir = temporary();
    let run = |args: &[&str]| run(dir.path(), args);
    for (number, (change, said)) in [
        (
            "UPDATE contributions SET witness = x'' WHERE number = 2",
            "sub-ceremonies",
        ),
        (
            "UPDATE journal SET record = zeroblob(9) WHERE seq = 4",
            "record 4",
        ),
        (
            "UPDATE blobs SET bytes = zeroblob(9)",
            "not what was stored",
        ),
        ("DELETE FROM blobs", "ticket 4 is missing"),
        ("DELETE FROM meta WHERE key = 'key'", "`key` is missing"),
        ("DELETE FROM journal WHERE seq = 19", "contribution 4"),
        (
            "UPDATE refinery_schema_history SET version = 999 WHERE version = 2",
            "newer",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("backup-{number}");
        let path = dir.path().join(&name);
        backup(&path);
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(&format!(
                "PRAGMA foreign_keys = off;
                 DROP TRIGGER journal_is_never_changed; DROP TRIGGER journal_is_never_cut;
                 DROP TRIGGER contributions_are_final; {change}"
            ))
            .unwrap();
        for args in [
            &["admin", "check", &name][..],
            &["admin", "--data-dir", "new", "restore", &name],
        ] {
            let (exit, _, error) = run(args);
            assert_eq!(exit, 1, "{change}: {error}");
            assert!(error.contains(said), "{change}: {error}");
        }
        assert!(!dir.path().join("new").exists());
    }
    // A page of the file overwritten: SQLite itself does not notice before it needs it.
    backup(&dir.path().join("torn"));
    let mut bytes = fs::read(dir.path().join("torn")).unwrap();
    let len = bytes.len();
    bytes[len - 4096..].fill(0);
    fs::write(dir.path().join("torn"), bytes).unwrap();
    let (exit, _, error) = run(&["admin", "check", "torn"]);
    assert_eq!(exit, 1, "{error}");
}

#[test]
fn ethereums_powers_verify() {
    for name in [
        "ckzg_trusted_setup_4096.txt",
        "trusted_setup_4096.json",
        "powers_32768.bin",
    ] {
        let Some(file) = shared_data(&format!("srs/{name}")) else {
            return;
        };
        tauline()
            .arg("verify-powers")
            .arg(file)
            .assert()
            .code(0)
            .stdout(predicates::str::contains("powers in G1, 65 in G2"));
    }
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
