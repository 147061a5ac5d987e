//! Input without end, and documents with very long words.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::ceremony;
use crate::common::{SIZES, run, says, stderr, tauline, temporary};

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

/// Documents that each have `word` in place of one number, name, text or point.
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

/// Gives each of these documents to each verb that reads documents.
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

/// No word of a valid document is long, so long ones are not kept in memory, neither in text nor in
/// MessagePack.
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
