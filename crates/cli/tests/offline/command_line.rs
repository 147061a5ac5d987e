//! Help, wrong command lines, files and coordinators that are not there.

use std::fs;
use std::path::Path;

use crate::common::{run, temporary};

#[test]
fn every_help_page_is_as_reviewed() {
    let verbs = [
        "",
        "contribute",
        "status",
        "watch",
        "verify",
        "verify-contribution",
        "verify-powers",
        "audit",
        "export",
        "init",
        "transcript",
        "compute",
        "submit",
        "rehearse",
        "admin",
        "completions",
        "man",
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
fn shells_complete_verbs_and_flags() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (exit, script, error) = run(Path::new("."), &["completions", shell]);
        assert_eq!(exit, 0, "{shell}: {error}");
        for word in [
            "tauline",
            "verify-powers",
            "watch",
            "coordinator-address",
            "report",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn each_verb_has_a_manual_page() {
    let dir = temporary();
    // The second time they are replaced.
    for _ in 0..2 {
        let (exit, said, error) = run(dir.path(), &["man", "pages/man1"]);
        assert_eq!(exit, 0, "{error}");
        assert!(said.contains("man -l pages/man1/tauline.1"), "{said}");
    }
    let pages = dir.path().join("pages/man1");
    for name in [
        "tauline",
        "tauline-contribute",
        "tauline-watch",
        "tauline-admin-drain",
    ] {
        let page = fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".TH"), "{page}");
    }
    let (exit, _, error) = run(&pages, &["man", "tauline.1"]);
    assert_eq!(exit, 3, "{error}");
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
        &["watch"],
        &["watch", "ceremony.example.org"],
        &["watch", "http://localhost:1", "--plain", "--json"],
        &[
            "rehearse",
            "--server",
            "http://localhost:1",
            "--participants",
            "1",
            "--force",
        ],
        &[
            "rehearse",
            "--server",
            "http://localhost:1",
            "--participants",
            "1",
            "--report",
            "no-such-directory/report.html",
        ],
        &["admin", "pardon", "nobody"],
        &["admin", "expel", "7"],
        &["admin", "expel", "seven", "--reason", "it floods"],
        &["admin", "expel", "7", "--reason", " "],
        &["admin", "expel", "7", "--reason", "two\nlines"],
        &["admin", "expel", "7", "--reason", &"x".repeat(501)],
        &["admin", "drain", "--at", "tomorrow"],
        &["admin", "open", "--at", "2020-01-01T00:00:00Z"],
        &["admin", "handover", "-o", "bundle"],
        &["admin", "handover", "--to", "02", "-o", "bundle"],
        // No point of the curve has these coordinates.
        &[
            "admin",
            "handover",
            "--to",
            &format!("02{}", "0".repeat(64)),
            "-o",
            "bundle",
        ],
        &["audit", "--log", "a", "--max-age", "60"],
        &["init", "--force"],
        &["completions", "csh"],
        &["man"],
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
    // Nobody listens on port 1.
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
