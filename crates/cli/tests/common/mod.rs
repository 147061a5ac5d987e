//! What the tests share: the program, small ceremonies, the shared data.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test file uses a part of it")]

#[cfg(unix)]
pub(crate) mod front;
#[cfg(unix)]
pub(crate) mod holder;
pub(crate) mod proxy;
pub(crate) mod server;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use k256::ecdsa::SigningKey;
use serde_json::Value;
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_transcript::signature::eth_address;
use tauline_transcript::transcript::{Format, Transcript};
use tauline_transcript::{Sizes, contribute};

/// The sizes of the tests' ceremonies.
pub(crate) const SIZES: &str = "16:4,32:4,64:4,128:4";

/// The program, with nothing in its environment that could change what it does.
pub(crate) fn tauline() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("tauline"));
    for name in [
        "TAULINE_SERVER",
        "TAULINE_INVITE",
        "TAULINE_DATA_DIR",
        "TAULINE_COORDINATOR_ADDRESS",
        "DISPLAY",
        "WAYLAND_DISPLAY",
    ] {
        command.env_remove(name);
    }
    command
}

/// The key of the participant with this number.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

/// The identity of that key's account.
pub(crate) fn identity(number: u8) -> Identity {
    Identity::eth(eth_address(key(number).verifying_key()))
}

/// A transcript of this many contributions by Ethereum accounts, signed in all ways.
pub(crate) fn transcript(sizes: &str, contributions: u8) -> Transcript {
    let mut rng = rand_core::OsRng;
    let mut transcript = Transcript::initial(&sizes.parse::<Sizes>().unwrap());
    for number in 1..=contributions {
        let update = contribute(transcript.base(), &mut rng, b"", &|_| {});
        let contribution = update.sign(&identity(number), Some(&key(number)));
        transcript
            .accept(identity(number), &contribution, &mut rng)
            .unwrap();
    }
    transcript
}

/// The document of a transcript.
pub(crate) fn json(transcript: &Transcript) -> Value {
    serde_json::from_slice(&transcript.write(Vec::new(), Format::Json).unwrap()).unwrap()
}

/// A file of the shared data, which is beside the repository. None, with a message, if it is
/// missing.
pub(crate) fn shared_data(path: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("TAULINE_SHARED_DATA") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    let file = root.join(path);
    if !file.exists() {
        eprintln!(
            "SKIPPED: {} is not there: shared data is missing",
            file.display()
        );
        return None;
    }
    Some(file)
}

/// Standard output as text.
pub(crate) fn stdout(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub(crate) fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs the program in `dir`. Returns the exit code, standard output and standard error.
#[track_caller]
pub(crate) fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = tauline().current_dir(dir).args(args).output().unwrap();
    let exit = output.status.code().expect("an exit code, not a signal");
    (exit, stdout(&output), stderr(&output))
}

/// Runs the program in `dir`. Returns the exit code and both outputs in one text.
#[track_caller]
pub(crate) fn run_said(dir: &Path, args: &[&str]) -> (i32, String) {
    let (exit, output, error) = run(dir, args);
    (exit, output + &error)
}

/// Runs the program in `dir`, and checks the exit code and that each of `words` is in one of its
/// outputs.
#[track_caller]
pub(crate) fn says(dir: &Path, args: &[&str], exit: i32, words: &[&str]) {
    let (got, said) = run_said(dir, args);
    assert_eq!(got, exit, "{args:?}: {said}");
    for words in words {
        assert!(
            said.contains(words),
            "{args:?} does not say {words:?}: {said}"
        );
    }
}

pub(crate) fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A directory with the transcript of this many contributions, `t.json`.
pub(crate) fn with_transcript(contributions: u8) -> tempfile::TempDir {
    let dir = temporary();
    let document = transcript(SIZES, contributions)
        .write(Vec::new(), Format::Json)
        .unwrap();
    fs::write(dir.path().join("t.json"), document).unwrap();
    dir
}

/// The arguments that export a sub-ceremony of `t.json`.
pub(crate) fn export<'a>(sub_ceremony: &'a str, format: &'a str) -> [&'a str; 6] {
    let from = ["export", "t.json", "--sub-ceremony"];
    [from[0], from[1], from[2], sub_ceremony, "--format", format]
}

/// A receipt in a file.
pub(crate) fn receipt(path: &Path) -> SignedReceipt {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
