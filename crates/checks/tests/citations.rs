//! Code cites rules of the specification that exist, and each rule is cited.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tauline_checks::citations::{Page, citations, faults};
use tauline_checks::{root, shown};
use walkdir::{DirEntry, WalkDir};

/// What is no source: made by tools. This crate's own texts are examples of wrong citations.
const LEFT_OUT: [&str; 7] = [
    "target",
    "node_modules",
    ".git",
    "corpus",
    "artifacts",
    "tauline-data",
    "checks",
];

/// Kinds of files whose citations count.
const CODE: [&str; 5] = ["rs", "toml", "sql", "html", "js"];

fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let is_kept = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let is_below = entry.depth() > 0 && entry.file_type().is_dir();
        !(is_below && LEFT_OUT.contains(&name.as_ref()))
    };
    let mut files: Vec<PathBuf> = WalkDir::new(root())
        .into_iter()
        .filter_entry(is_kept)
        .filter_map(Result::ok)
        .map(DirEntry::into_path)
        .filter(|path| {
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            extensions.contains(&extension.as_ref())
        })
        .collect();
    files.sort();
    files
}

/// The pages of the specification. Its README tells of rules and has none.
fn pages() -> Vec<Page> {
    let folder = root().join("docs/spec");
    let pages: Vec<Page> = files(&["md"])
        .iter()
        .filter(|path| path.parent() == Some(&folder) && !path.ends_with("README.md"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            Page::new(&name, &read(path))
        })
        .collect();
    assert!(pages.len() >= 5, "the pages in docs/spec: {pages:?}");
    pages
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_citation_names_a_rule_that_exists() {
    let pages = pages();
    let mut wrong = Vec::new();
    for file in files(&CODE) {
        for fault in faults(&read(&file), &pages) {
            wrong.push(format!("{}:{fault}", shown(&file)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_rule_is_cited_by_code_or_a_test() {
    let cited: BTreeSet<(String, String)> = files(&CODE)
        .iter()
        .flat_map(|file| citations(&read(file)))
        .filter_map(|citation| Some((citation.page, citation.rule?)))
        .collect();
    let forgotten: Vec<String> = pages()
        .into_iter()
        .flat_map(|page| {
            page.rules
                .into_iter()
                .map(move |rule| (page.name.clone(), rule))
        })
        .filter(|rule| !cited.contains(rule))
        .map(|(page, rule)| format!("docs/spec/{page}#{rule}"))
        .collect();
    assert!(
        forgotten.is_empty(),
        "cite these where they are decided or shown: {forgotten:#?}"
    );
}

#[test]
fn no_page_has_two_rules_of_one_name() {
    for page in pages() {
        let mut seen = BTreeSet::new();
        let twice: Vec<&String> = page
            .rules
            .iter()
            .filter(|rule| !seen.insert(*rule))
            .collect();
        assert!(twice.is_empty(), "{}: {twice:?}", page.name);
    }
}

/// What is said of a text, where there is one page, `queue.md`, with the rule `grace`.
fn said_of(text: &str) -> Vec<String> {
    faults(text, &[Page::new("queue.md", "<a id=\"grace\"></a>5 s")])
}

#[test]
fn a_rule_that_exists_is_cited_without_complaint() {
    assert!(said_of("// Late by 5 s at most (`docs/spec/queue.md#grace`).").is_empty());
}

#[test]
fn a_citation_of_an_unknown_page_or_rule_is_found() {
    let text =
        "// `docs/spec/line.md#grace`\n// `docs/spec/queue.md#mercy`, `docs/spec/queue.md#grace-`";
    assert_eq!(
        said_of(text),
        [
            "1: there is no page docs/spec/line.md",
            "2: docs/spec/queue.md has no rule grace-",
            "2: docs/spec/queue.md has no rule mercy",
        ]
    );
}

#[test]
fn a_citation_without_a_rule_is_found() {
    assert_eq!(
        said_of("// docs/spec/queue.md says so."),
        ["1: docs/spec/queue.md is cited without a rule"]
    );
}

#[test]
fn a_citation_without_its_folder_is_found() {
    assert_eq!(
        said_of("// (`queue.md`, Deadlines)\n// `http-queue-api.md`"),
        [
            "1: write docs/spec/PAGE.md#RULE instead of queue.md",
            "2: write docs/spec/PAGE.md#RULE instead of http-queue-api.md",
        ]
    );
}
