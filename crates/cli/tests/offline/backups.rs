//! `admin check` and `admin restore`.

use std::fs;
use std::path::Path;

use crate::common::{run, temporary};

/// A ceremony's database, as `tauline admin backup` writes it.
fn backup(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(include_str!("../../../server/tests/data/before_sums.sql"))
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
    // SQLite itself notices an overwritten page only when it needs that page.
    backup(&dir.path().join("torn"));
    let mut bytes = fs::read(dir.path().join("torn")).unwrap();
    let len = bytes.len();
    bytes[len - 4096..].fill(0);
    fs::write(dir.path().join("torn"), bytes).unwrap();
    let (exit, _, error) = run(&["admin", "check", "torn"]);
    assert_eq!(exit, 1, "{error}");
}
