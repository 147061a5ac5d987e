//! The data directory: private, and one process's at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Name of the database inside the data directory. A backup is such a file.
pub const DATABASE_NAME: &str = "tauline.db";

/// Name of the lock file inside the data directory. It holds the number of the process.
pub const LOCK_NAME: &str = "lock";

/// A data directory that this process holds until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // The lock is the system's, on the open file: it ends with the process, however that ends.
    _lock: File,
}

impl DataDir {
    /// Takes the directory, making it (mode 0700) when it is missing.
    ///
    /// # Errors
    /// When it cannot be written, or another process holds it.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let unwritable = |source| StoreError::Unwritable {
            path: path.to_owned(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unwritable)?;
        let path = fs::canonicalize(path).map_err(unwritable)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK_NAME))
            .map_err(|source| StoreError::Unwritable {
                path: path.clone(),
                source,
            })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The number is a courtesy: without it the message is still right.
                let _ = lock.read_to_string(&mut text);
                return Err(StoreError::InUse {
                    path,
                    pid: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::Unwritable { path, source });
            }
        }
        let number = |lock: &mut File| -> io::Result<()> {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", std::process::id())
        };
        number(&mut lock).map_err(|source| StoreError::Unwritable {
            path: path.clone(),
            source,
        })?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database inside it, made empty (mode 0600) when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn database(&self) -> Result<PathBuf, StoreError> {
        let path = self.path.join(DATABASE_NAME);
        // SQLite gives the files beside the database the mode of the database. A backup that was
        // copied here may have any: it holds the coordinator's key.
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .and_then(|file| file.set_permissions(fs::Permissions::from_mode(0o600)))
            .map_err(|source| StoreError::Unwritable {
                path: self.path.clone(),
                source,
            })?;
        Ok(path)
    }
}

/// Makes the entry of a new or renamed file durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
