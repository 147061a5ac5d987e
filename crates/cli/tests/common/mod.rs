//! What the tests share: the program, small ceremonies, the shared data.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test file uses a part of it")]

#[cfg(unix)]
pub(crate) mod holder;
pub(crate) mod proxy;
pub(crate) mod server;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use k256::ecdsa::SigningKey;
use serde_json::Value;
use tauline_protocol::Identity;
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

/// A file of the shared data, which lies beside the repository; nothing, said loudly, without it.
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
