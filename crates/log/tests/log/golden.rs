//! Golden files: every byte that leaves a process, pinned.

use std::fs;
use std::path::Path;

/// Compares with `tests/golden/NAME`; with `TAULINE_UPDATE_GOLDEN` set, writes it instead, for the change
/// to be reviewed.
#[track_caller]
pub(crate) fn assert_golden(name: &str, bytes: impl AsRef<[u8]>) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")).join(name);
    if std::env::var_os("TAULINE_UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        return;
    }
    let golden = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(
        golden == bytes.as_ref(),
        "{name} has changed, and others read these bytes.\n golden: {}\n    now: {}\n\
         If this is meant, run with TAULINE_UPDATE_GOLDEN=1 and look at the difference.",
        String::from_utf8_lossy(&golden),
        String::from_utf8_lossy(bytes.as_ref())
    );
}
