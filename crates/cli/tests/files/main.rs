//! Files of every kind given to the verbs that read files: what they say, and their exit codes.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod found;
mod kinds;
mod limits;
mod participants;
mod powers;

use common::{export, run, with_transcript};

/// A directory with a ceremony: `t.json` of two contributions, and what is exported of it.
fn ceremony() -> tempfile::TempDir {
    let dir = with_transcript(2);
    for (format, name) in [("c-kzg", "setup.txt"), ("consensus", "setup.json")] {
        let args = [&export("64", format)[..], &["-o", name]].concat();
        assert_eq!(run(dir.path(), &args).0, 0);
    }
    dir
}
