//! Golden files: every byte that leaves a process, pinned.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Compares with `tests/golden/NAME`; with TAULINE_UPDATE_GOLDEN set, writes it instead, for the
/// change to be reviewed.
#[track_caller]
pub fn assert_golden(name: &str, text: &str) {
    let path = golden_path(name);
    if std::env::var_os("TAULINE_UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{text}\n")).unwrap();
        return;
    }
    let golden = golden(name);
    assert!(
        golden == text,
        "{name} has changed, and others read these bytes.\n golden: {golden}\n    now: {text}\n\
         If this is meant, run with TAULINE_UPDATE_GOLDEN=1 and look at the difference."
    );
}

/// The content of a golden file, without its last line feed.
#[track_caller]
pub fn golden(name: &str) -> String {
    let path = golden_path(name);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

fn golden_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// A file of the published data that tests read, or `None`, said loudly, where it is missing.
pub fn shared_data(name: &str) -> Option<String> {
    let root = std::env::var_os("TAULINE_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let text = fs::read_to_string(root.join(name)).ok();
    if text.is_none() {
        eprintln!(
            "SKIPPED: {name} of the shared data is missing ({})",
            root.display()
        );
    }
    text
}
