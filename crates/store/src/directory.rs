//! The data directory, which belongs to one process at a time and only its owner can read.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use tauline_protocol::admin::SOCKET_NAME;

use crate::error::StoreError;
use crate::names::{
    DATABASE_NAME, LOCK_NAME, MARK_NAME, NEW_DATABASE_NAME, PART_NAME, SNAPSHOTS_NAME,
};

/// A data directory that this process holds until this is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    // The system holds the lock for the open file, so it ends with the process, however that ends.
    _lock: File,
    // Dropped last: when it is gone, so is the lock.
    held: Arc<()>,
}

impl DataDir {
    /// Takes a directory, and makes it (with mode 0700) if it is missing.
    ///
    /// # Errors
    /// When it cannot be written, or another process holds it.
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
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
                // Without the number, the message is still right.
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
        Ok(Self {
            path,
            _lock: lock,
            held: Arc::default(),
        })
    }

    /// What can be upgraded for as long as the directory is held.
    pub(crate) fn hold(&self) -> Weak<()> {
        Arc::downgrade(&self.held)
    }

    /// The absolute path of the directory.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the database, which gets mode 0600, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, is empty, or is missing while other files show that there was a
    /// ceremony.
    pub(crate) fn database(&self) -> Result<Option<PathBuf>, StoreError> {
        let Some(path) = database_in(&self.path)? else {
            return Ok(None);
        };
        // The database contains the coordinator's key. A backup that was copied here may have any
        // mode, and SQLite gives the files beside the database the same one.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .map_err(|source| self.unwritable(source))?;
        Ok(Some(path))
    }

    /// Makes an empty file (with mode 0600) for a new database, beside its later name. Files that
    /// an interrupted start has left are removed: nobody was told of that ceremony.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new_database(&self) -> Result<PathBuf, StoreError> {
        self.drop_new_database()?;
        let path = self.path.join(NEW_DATABASE_NAME);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| self.unwritable(source))?;
        Ok(path)
    }

    /// Removes a new database that has no name yet.
    ///
    /// # Errors
    /// When the system fails.
    pub(crate) fn drop_new_database(&self) -> Result<(), StoreError> {
        for end in ["", "-wal", "-shm", "-journal"] {
            match fs::remove_file(self.path.join(format!("{NEW_DATABASE_NAME}{end}"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.unwritable(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives a new database its name, and makes that durable.
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

/// The path of a directory's database. None if nothing in the directory shows that there was a
/// ceremony: only there may a new one begin.
///
/// # Errors
/// When the directory cannot be read, or its database is gone.
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
        Err(error) => Err(StoreError::file("read", &path)(error)),
    }
}

/// The files which show that a coordinator ran in a directory, or was to be restored there: all
/// that it makes except the database and the lock.
pub(crate) fn remains(directory: &Path) -> Vec<String> {
    let names = [
        "-wal", "-shm", "-journal", // SQLite's, beside the database.
    ]
    .map(|end| format!("{DATABASE_NAME}{end}"))
    .into_iter()
    .chain([MARK_NAME, PART_NAME, SNAPSHOTS_NAME, SOCKET_NAME].map(str::to_owned));
    names
        .filter(|name| directory.join(name).symlink_metadata().is_ok())
        .collect()
}

/// Puts a file there that only its owner can read, in place of the one that may be there. It gets its
/// name when it is whole.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_parent(path)
}

/// Makes the name of a new or renamed file durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
