//! The faults in this folder still fit the rules: each patch finds exactly one place for each of its
//! hunks. `.ci/faults` shows that the tests notice every one of them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The lines that a hunk expects, in the file that it changes.
struct Hunk {
    file: PathBuf,
    before: String,
    after: String,
}

fn hunks(patch: &str) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut file = PathBuf::new();
    for line in patch.lines() {
        if let Some(path) = line.strip_prefix("--- a/") {
            file = path.into();
        } else if line.starts_with("@@ ") {
            hunks.push(Hunk {
                file: file.clone(),
                before: String::new(),
                after: String::new(),
            });
        } else if let Some(hunk) = hunks.last_mut()
            && !line.starts_with("+++ ")
            && let Some((sign, text)) = line.split_at_checked(1)
        {
            let text = format!("{text}\n");
            match sign {
                "-" => hunk.before += &text,
                "+" => hunk.after += &text,
                _ => {
                    hunk.before += &text;
                    hunk.after += &text;
                }
            }
        }
    }
    hunks
}

#[test]
fn every_fault_still_has_a_rule_to_break() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut faults = 0;
    for entry in fs::read_dir(here.join("tests/faults")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "patch")
        {
            continue;
        }
        faults += 1;
        let name = path.display();
        let patch = fs::read_to_string(&path).unwrap();
        assert!(
            ["yes", "no"]
                .iter()
                .any(|costs| { patch.contains(&format!("\nCosts somebody something: {costs}\n")) }),
            "{name} does not say whether it costs somebody something"
        );
        let hunks = hunks(&patch);
        assert!(!hunks.is_empty(), "{name} changes nothing");
        for Hunk {
            file,
            before,
            after,
        } in hunks
        {
            let rules = fs::read_to_string(here.join(&file)).unwrap();
            let places = rules.matches(&before).count();
            assert_eq!(
                places,
                1,
                "{name}: places in {} for\n{before}",
                file.display()
            );
            assert_ne!(before, after, "{name} changes nothing");
        }
    }
    assert_eq!(faults, 39, "faults in tests/faults");
}
