//! What holds of the workspace's own sources, told from their text. The tests of this crate say what
//! they want of it; nothing else depends on it.

pub mod citations;
pub mod imports;
pub mod modules;

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The workspace's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The folders named `src` of all packages in the workspace: the root of each package's modules.
pub fn source_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["crates", "benches"]
        .iter()
        .flat_map(|top| WalkDir::new(root().join(top)).max_depth(2))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_dir() && entry.file_name() == "src")
        .map(walkdir::DirEntry::into_path)
        .collect();
    folders.sort();
    folders
}

/// The Rust files in a folder, at any depth, in the order of their names.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    files
}

/// A path as a reader knows it: from the workspace's root.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}
