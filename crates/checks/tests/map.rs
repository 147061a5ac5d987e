//! `ARCHITECTURE.md` names files that exist, and every file of the rooms that it maps.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use tauline_checks::{root, rust_files, shown};

/// Folders that are mapped down to the file.
const MAPPED: [&str; 3] = [
    "crates/queue-core/src",
    "crates/server/src/coordinator",
    "crates/transcript/src",
];

/// Tests beside the sources; the map names their folder.
const TESTS: &str = "testing";

/// The names of Rust files between backticks, as they are written.
fn named() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let spans = text.split('`').skip(1).step_by(2);
    let names = spans.flat_map(|span| span.split_whitespace().map(str::to_owned));
    names
        .filter(|name| name.ends_with(".rs"))
        .map(|name| name.trim_start_matches("../").to_owned())
        .collect()
}

fn all_files() -> Vec<PathBuf> {
    ["crates", "benches"]
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .collect()
}

#[test]
fn every_file_on_the_map_exists() {
    let files = all_files();
    let gone: Vec<String> = named()
        .into_iter()
        .filter(|name| name != "x.rs" && !files.iter().any(|file| file.ends_with(name)))
        .collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md names {gone:?}");
}

#[test]
fn every_file_of_a_mapped_folder_is_on_the_map() {
    let names = named();
    let missing: Vec<String> = MAPPED
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .filter(|file| !file.components().any(|part| part.as_os_str() == TESTS))
        .filter(|file| !names.iter().any(|name| file.ends_with(name)))
        .map(|file| shown(&file))
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks {missing:#?}");
}
