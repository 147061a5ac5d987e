//! Copying the whole database while it is in use.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::connection::connect;
use crate::directory::sync_parent;
use crate::error::StoreError;

/// Writes a copy under a temporary name, makes it durable, and then gives it its name. The name
/// never belongs to half a backup.
pub(super) fn backup(database: &Path, to: &Path) -> Result<(), StoreError> {
    write_whole(to, |partial| {
        let text = partial.to_str().ok_or_else(|| {
            StoreError::file("write", partial)(std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                "its name is not UTF-8",
            ))
        })?;
        // `VACUUM INTO` reads in one transaction, so the copy is consistent. In WAL mode nobody waits
        // for it. It accepts an empty file.
        connect(database)?.execute("VACUUM INTO ?1", [text])?;
        Ok(())
    })
}

/// Has a file written under a temporary name, where it is there and empty, makes it durable, and then
/// gives it its name.
///
/// # Errors
/// When `to` exists, or cannot be written.
pub(crate) fn write_whole(
    to: &Path,
    write: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if to.try_exists().map_err(StoreError::file("look for", to))? {
        return Err(StoreError::Exists {
            path: to.to_owned(),
        });
    }
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = to.with_file_name(name);
    let guard = Partial(&partial);
    // Made here, it has the right mode from the start.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .map_err(StoreError::file("create", &partial))?;
    write(&partial)?;
    File::open(&partial)
        .and_then(|copy| copy.sync_all())
        .map_err(StoreError::file("write", &partial))?;
    // A link, unlike a rename, fails if somebody has taken the name meanwhile.
    fs::hard_link(&partial, to).map_err(StoreError::file("create", to))?;
    drop(guard);
    sync_parent(to).map_err(StoreError::file("write", to))?;
    Ok(())
}

/// Removes the temporary file, however the backup ends.
struct Partial<'a>(&'a Path);

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}
