//! What several test files need: the published data, and a way to skip loudly without it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::PathBuf;

use serde_json::Value;

/// Where the published data is: `TAULINE_SHARED_DATA`, or `shared/data` beside the repository.
pub(crate) fn data_file(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("TAULINE_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    if !folder.is_dir() {
        eprintln!("SKIPPED: {name} is not checked, shared data is missing at {folder:?}");
        return None;
    }
    // With the folder there, a missing file is a mistake in the test.
    Some(std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// A published JSON file.
pub(crate) fn data_json(name: &str) -> Option<Value> {
    Some(serde_json::from_slice(&data_file(name)?).expect("published JSON"))
}

/// The bytes of a hex string with `0x`.
pub(crate) fn unhex<const N: usize>(text: &Value) -> [u8; N] {
    let digits = text
        .as_str()
        .and_then(|text| text.strip_prefix("0x"))
        .expect("0x");
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).expect("hex");
    bytes
}
