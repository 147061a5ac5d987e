//! What can go wrong with the data, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why the ceremony's data could not be used. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made or written.
    #[error(
        "cannot write to the data directory {}: {source}; make it writable or choose another with --data-dir",
        path.display()
    )]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process serves this data.
    #[error(
        "the data directory {} is in use by another coordinator{}; stop that one first, or choose another with --data-dir",
        path.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, if it left its number.
        pid: Option<u32>,
    },
    /// A later version of this program wrote the data.
    #[error(
        "the data in {} is of version {found}, this program knows up to {known}: start it with the newer tauline-server that wrote it",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The latest version that this program knows.
        known: u32,
    },
    /// The file is not a ceremony's.
    #[error(
        "{} is not the data of a ceremony; choose another directory with --data-dir",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The data is of a ceremony of other sizes.
    #[error(
        "the data in {} is of a ceremony of sizes {found}, not {asked}: start with --ceremony {found}, or choose another directory with --data-dir",
        path.display()
    )]
    OtherSizes {
        /// The database.
        path: PathBuf,
        /// The sizes of the ceremony that is there.
        found: String,
        /// The sizes asked for.
        asked: String,
    },
    /// Parts of the data contradict each other.
    #[error(
        "the data contradicts itself: {0}. Nothing was changed. Restore the last backup into an empty directory (`tauline admin --data-dir NEW restore FILE`) and keep this one for inspection"
    )]
    Damaged(String),
    /// A file that must not exist does.
    #[error("{} exists already; choose another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database failed.
    #[error("the database failed: {0}; check the disk's space and health, then start again")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Data that contradicts itself, and how.
    #[must_use]
    pub fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}
