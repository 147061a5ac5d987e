//! What the files look like, without reading them.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::config::TlsFiles;

/// What tells two states of the files apart, without reading them. Where a file is not there, nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([Option<Seen>; 2]);

/// Device, file, length, and when it was last written and changed.
type Seen = (u64, u64, u64, (i64, i64), (i64, i64));

impl Stamp {
    /// That of the files now.
    pub(super) fn of(files: &TlsFiles) -> Self {
        Self([&files.certificate, &files.key].map(|path| seen(path)))
    }
}

fn seen(path: &Path) -> Option<Seen> {
    let file = std::fs::metadata(path).ok()?;
    let written = (file.mtime(), file.mtime_nsec());
    let changed = (file.ctime(), file.ctime_nsec());
    Some((file.dev(), file.ino(), file.len(), written, changed))
}
