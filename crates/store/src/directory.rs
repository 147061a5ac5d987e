//! The data directory: private, and one process's at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tauline_protocol::admin::SOCKET_NAME;

use crate::error::StoreError;
use crate::names::{
    DATABASE_NAME, LOCK_NAME, MARK_NAME, NEW_DATABASE_NAME, PART_NAME, SNAPSHOTS_NAME,
};

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

    /// The database inside it, if there is one, with mode 0600.
    ///
    /// # Errors
    /// When it cannot be read, is empty, or is missing while other files tell of a ceremony.
    pub(crate) fn database(&self) -> Result<Option<PathBuf>, StoreError> {
        let Some(path) = database_in(&self.path)? else {
            return Ok(None);
        };
        // SQLite gives the files beside the database the mode of the database. A backup that was
        // copied here may have any: it holds the coordinator's key.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .map_err(|source| self.unwritable(source))?;
        Ok(Some(path))
    }

    /// An empty file (mode 0600) for a database in the making, beside the name that it will have.
    /// What a start that was cut short left is removed: nobody has heard of it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new_database(&self) -> Result<PathBuf, StoreError> {
        for end in ["", "-wal", "-shm", "-journal"] {
            match fs::remove_file(self.path.join(format!("{NEW_DATABASE_NAME}{end}"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.unwritable(error));
                }
                _ => {}
            }
        }
        let path = self.path.join(NEW_DATABASE_NAME);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| self.unwritable(source))?;
        Ok(path)
    }

    /// Gives a new database its name, durably.
    ///
    /// # Errors
    /// When the system fails.
    pub(crate) fn name_database(&self, new: &Path) -> Result<PathBuf, StoreError> {
        let path = self.path.join(DATABASE_NAME);
        File::open(new)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(new, &path))
            .and_then(|()| sync_parent(&path))
            .map_err(|source| self.unwritable(source))?;
        Ok(path)
    }

    fn unwritable(&self, source: io::Error) -> StoreError {
        StoreError::Unwritable {
            path: self.path.clone(),
            source,
        }
    }
}

/// The database of a directory. None when there is no trace of a ceremony there, which is the only
/// place where one may begin.
///
/// # Errors
/// When the directory cannot be read, or a database is gone from it.
pub(crate) fn database_in(directory: &Path) -> Result<Option<PathBuf>, StoreError> {
    let gone = |remains, what| StoreError::Gone {
        path: directory.to_owned(),
        remains,
        what,
    };
    let path = directory.join(DATABASE_NAME);
    match fs::metadata(&path) {
        Ok(found) if found.len() == 0 => {
            let remains = vec![DATABASE_NAME.to_owned()];
            Err(gone(remains, "that file is empty"))
        }
        Ok(_) => Ok(Some(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let remains = remains(directory);
            match remains.is_empty() {
                true => Ok(None),
                false => Err(gone(remains, "not tauline.db, the database")),
            }
        }
        Err(source) => Err(StoreError::File {
            action: "read",
            path,
            source,
        }),
    }
}

/// What tells that a coordinator ran in a directory, or was to be restored there: all that it makes
/// but the database and the lock.
pub(crate) fn remains(directory: &Path) -> Vec<String> {
    let names = [
        "-wal", "-shm", "-journal", // Of the database.
    ]
    .map(|end| format!("{DATABASE_NAME}{end}"))
    .into_iter()
    .chain([MARK_NAME, PART_NAME, SNAPSHOTS_NAME, SOCKET_NAME].map(str::to_owned));
    names
        .filter(|name| directory.join(name).symlink_metadata().is_ok())
        .collect()
}

/// Makes the entry of a new or renamed file durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
