//! `ARCHITECTURE.md` and `CONTRIBUTING.md` name files that exist, and the first names every file of
//! the rooms that it maps.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use tauline_checks::{root, rust_files, shown};

/// Folders that are mapped down to the file.
const MAPPED: [&str; 4] = [
    "crates/log/src",
    "crates/queue-core/src",
    "crates/server/src/coordinator",
    "crates/transcript/src",
];

/// Names that stand for any file's.
const EXAMPLES: [&str; 2] = ["x.rs", "mod.rs"];

/// Tests beside the sources; the map names their folder.
const TESTS: &str = "testing";

/// The names of Rust files between backticks in a document, as they are written.
fn named_in(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
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
fn every_file_that_is_named_exists() {
    let files = all_files();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let mut gone = named_in(document);
        gone.retain(|name| !EXAMPLES.contains(&name.as_str()));
        gone.retain(|name| !files.iter().any(|file| file.ends_with(name)));
        assert!(gone.is_empty(), "{document} names {gone:?}");
    }
}

#[test]
fn every_file_of_a_mapped_folder_is_on_the_map() {
    let names = named_in("ARCHITECTURE.md");
    let missing: Vec<String> = MAPPED
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .filter(|file| !file.components().any(|part| part.as_os_str() == TESTS))
        .filter(|file| !names.iter().any(|name| file.ends_with(name)))
        .map(|file| shown(&file))
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks {missing:#?}");
}
