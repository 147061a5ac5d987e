//! No file imports a file that leads back to it.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use tauline_checks::imports::{circles, graph};
use tauline_checks::{modules, shown, source_folders};

/// What each package's files import from each other, where that goes round.
fn circles_of_the_workspace() -> String {
    let mut told = String::new();
    for folder in source_folders() {
        let roots = ["lib.rs", "main.rs"].map(|name| folder.join(name));
        for root in roots.iter().filter(|root| root.exists()) {
            let graph = graph(&modules::read(root).unwrap()).unwrap();
            for circle in circles(&graph) {
                let _ = writeln!(told, "{} files:", circle.len());
                for file in &circle {
                    for (to, names) in graph[file].iter().filter(|(to, _)| circle.contains(to)) {
                        let _ = writeln!(told, "  {} -> {}: {names:?}", shown(file), shown(to));
                    }
                }
            }
        }
    }
    told
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let told = circles_of_the_workspace();
    assert!(told.is_empty(), "circles of imports:\n{told}");
}

#[test]
fn a_circle_is_seen_through_names_that_are_handed_on_and_within_macros() {
    let folder = std::env::temp_dir().join(format!("tauline-circles-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("a")).unwrap();
    for (file, text) in [
        ("lib.rs", "mod a; mod b; mod c; #[cfg(test)] mod d;"),
        ("a.rs", "mod x; pub use x::Y; pub mod z;"),
        ("a/x.rs", "pub struct Y; fn f() { vec![crate::b::B]; }"),
        ("a/z.rs", "use super::Y;"),
        ("b.rs", "use crate::a::Y; pub struct B;"),
        (
            "c.rs",
            "use crate::b::B; mod tests { use super::super::a; }",
        ),
    ] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    let graph = graph(&modules::read(&folder.join("lib.rs")).unwrap()).unwrap();
    let found = circles(&graph);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(found, [["a/x.rs", "b.rs"].map(|name| folder.join(name))]);
}
