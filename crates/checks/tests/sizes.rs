//! Files stay short enough to be read in one go. How long a function may be is said in `clippy.toml`.

#![allow(clippy::unwrap_used)]

use tauline_checks::{rust_files, shown, source_folders};

/// Lines that a source file may have.
const MAX_LINES: usize = 400;

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let mut long = Vec::new();
    for file in source_folders()
        .iter()
        .flat_map(|folder| rust_files(folder))
    {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        if lines > MAX_LINES {
            long.push(format!("{}: {lines} lines", shown(&file)));
        }
    }
    assert!(long.is_empty(), "files to be split by topic: {long:#?}");
}

#[test]
fn no_source_folder_mixes_two_ways_to_name_a_modules_file() {
    let old: Vec<String> = source_folders()
        .iter()
        .flat_map(|folder| rust_files(folder))
        .filter(|file| file.ends_with("mod.rs"))
        .map(|file| shown(&file))
        .collect();
    assert!(
        old.is_empty(),
        "x.rs beside x/ is this workspace's way: {old:?}"
    );
}
