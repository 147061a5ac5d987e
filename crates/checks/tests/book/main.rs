//! The book in `docs`, and the documents around it: every link leads somewhere, every page has its place in
//! the summary, and every command exists.

#![allow(clippy::unwrap_used)]

mod commands;
mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tauline_checks::{root, shown};
use walkdir::{DirEntry, WalkDir};

use self::commands::Known;
use self::page::Page;

/// What is made by tools, or comes from elsewhere.
const LEFT_OUT: [&str; 7] = [
    "target",
    "node_modules",
    ".git",
    "corpus",
    "artifacts",
    "tauline-data",
    "dist",
];

/// Documents outside of the book whose commands are read by users.
const FOR_USERS: [&str; 2] = ["README.md", "deploy/README.md"];

/// Variables that the tests and benchmarks take, and no program.
const OF_TESTS: [&str; 1] = ["TAULINE_SHARED_DATA"];

/// The files below a folder whose names end in this, in order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let is_kept = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let is_below = entry.depth() > 0 && entry.file_type().is_dir();
        !(is_below && LEFT_OUT.contains(&name.as_ref()))
    };
    let mut files: Vec<PathBuf> = WalkDir::new(folder)
        .into_iter()
        .filter_entry(is_kept)
        .filter_map(Result::ok)
        .map(DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    files.sort();
    files
}

fn book() -> PathBuf {
    root().join("docs")
}

fn read(path: &Path) -> Page {
    Page::parse(&std::fs::read_to_string(path).unwrap())
}

/// A link's file and anchor, seen from the document that it stands in; none if it leads out of the repository.
fn target(from: &Path, link: &str) -> Option<(PathBuf, String)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = match path {
        "" => from.to_owned(),
        path => from.parent().unwrap().join(path),
    };
    Some((path, anchor.to_owned()))
}

/// Why a link leads nowhere, if it does. Files that are no document may have any anchors.
fn fault(path: &Path, anchor: &str, documents: &BTreeMap<PathBuf, Page>) -> Option<String> {
    let Ok(path) = path.canonicalize() else {
        return Some("there is no such file".to_owned());
    };
    let anchors = documents.get(&path).map(|page| &page.anchors)?;
    let leads = anchor.is_empty() || anchors.iter().any(|it| it == anchor);
    (!leads).then(|| "there is no such place in it".to_owned())
}

#[test]
fn every_link_leads_somewhere() {
    let pages = files(&root(), "md").into_iter();
    let documents: BTreeMap<PathBuf, Page> = pages
        .map(|path| (path.canonicalize().unwrap(), read(&path)))
        .collect();
    assert!(documents.len() > 20, "{:?}", documents.keys());
    let mut dead = Vec::new();
    for (document, page) in &documents {
        for (line, link) in &page.links {
            let Some((path, anchor)) = target(document, link) else {
                continue;
            };
            if let Some(why) = fault(&path, &anchor, &documents) {
                dead.push(format!("{}:{line}: {link}: {why}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

/// The book may stand somewhere without the repository around it.
#[test]
fn no_link_of_the_book_leads_out_of_its_folder() {
    let folder = book().canonicalize().unwrap();
    let mut out = Vec::new();
    for page in files(&book(), "md") {
        for (line, link) in read(&page).links {
            let Some((path, _)) = target(&page, &link) else {
                continue;
            };
            let whole = path.canonicalize();
            if whole.is_ok_and(|whole| !whole.starts_with(&folder)) {
                out.push(format!("{}:{line}: {link}", shown(&page)));
            }
        }
    }
    assert!(out.is_empty(), "name these as paths: {out:#?}");
}

#[test]
fn every_page_is_in_the_summary_once() {
    let summary = book().join("SUMMARY.md");
    let mut listed: Vec<PathBuf> = read(&summary)
        .links
        .iter()
        .filter_map(|(_, link)| Some(target(&summary, link)?.0))
        .collect();
    listed.sort();
    let mut pages = files(&book(), "md");
    pages.retain(|page| *page != summary);
    assert!(pages.len() > 15, "{pages:?}");
    assert_eq!(listed, pages);
}

#[test]
fn every_picture_is_shown_and_told_in_words() {
    let mut linked = BTreeSet::new();
    for page in files(&book(), "md") {
        let read = read(&page);
        assert_eq!(read.mute, [0; 0], "{}: pictures without text", shown(&page));
        let targets = read
            .links
            .iter()
            .filter_map(|(_, link)| target(&page, link));
        linked.extend(targets.filter_map(|(path, _)| path.canonicalize().ok()));
    }
    let pictures = files(&book().join("pictures"), "svg");
    assert!(pictures.len() >= 5, "{pictures:?}");
    for picture in pictures {
        let whole = picture.canonicalize().unwrap();
        assert!(linked.contains(&whole), "{} is on no page", shown(&picture));
    }
}

#[test]
fn every_command_in_the_book_exists() {
    let mut known = Known::read();
    let of_tests = OF_TESTS.iter().map(|name| (*name).to_owned());
    known.variables.extend(of_tests);
    let mut documents = files(&book(), "md");
    documents.extend(FOR_USERS.iter().map(|name| root().join(name)));
    let mut unknown = Vec::new();
    for document in documents {
        for (line, code) in read(&document).code {
            for name in known.unknown_in(&code) {
                unknown.push(format!("{}:{line}: {name}", shown(&document)));
            }
        }
    }
    assert!(unknown.is_empty(), "no program takes these: {unknown:#?}");
}

#[test]
fn every_example_is_explained() {
    let embedding = std::fs::read_to_string(book().join("embedding.md")).unwrap();
    let crates = std::fs::read_dir(root().join("crates")).unwrap();
    let folders = crates.map(|it| it.unwrap().path().join("examples"));
    let examples: Vec<PathBuf> = folders
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .map(|it| it.unwrap().path())
        .collect();
    assert!(examples.len() >= 5, "{examples:?}");
    for example in examples {
        let name = example.file_stem().unwrap().to_string_lossy();
        let command = format!("--example {name}");
        assert!(
            embedding.contains(&command),
            "docs/embedding.md lacks {command}"
        );
    }
}
