//! Errors of the stored data, with advice.

use std::io;
use std::path::{Path, PathBuf};

use tauline_protocol::public_log::EntryError;

use crate::names::{DATABASE_NAME, SIGNED_NAME};

/// Why the ceremony's data cannot be used. Each text says what to do.
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
    /// Another process holds the directory.
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
    /// The file is not the database of a ceremony.
    #[error(
        "{} is not the data of a ceremony; choose another directory with --data-dir",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The ceremony has other sizes.
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
    /// Files show that there was a ceremony, but its database is gone.
    #[error(
        "the ceremony's data is gone from {}: {} there, but {what}. Nothing was begun in its place. If a disk is not mounted, mount it; else restore the last backup (`tauline admin --data-dir NEW restore FILE`). To begin a new ceremony, choose an empty directory",
        path.display(),
        words(remains)
    )]
    Gone {
        /// The directory.
        path: PathBuf,
        /// These files.
        remains: Vec<String>,
        /// What is wrong with the database, as a clause.
        what: &'static str,
    },
    /// The ceremony of a certain coordinator was asked for, and there is none.
    #[error(
        "there is no ceremony in {}, and --coordinator-address asks for that of {pinned}. Nothing was made there. If a disk is not mounted, mount it; else name the ceremony's directory with --data-dir, or restore its last backup. A new ceremony has a new address: to begin one, leave --coordinator-address out",
        path.display()
    )]
    NoCeremony {
        /// The directory.
        path: PathBuf,
        /// The address asked for.
        pinned: String,
    },
    /// The ceremony is another coordinator's than the one asked for.
    #[error(
        "the ceremony in {} is that of coordinator {found}, and --coordinator-address asks for {pinned}: name the right directory with --data-dir, or the right address",
        path.display()
    )]
    OtherCoordinator {
        /// The database.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// The address asked for.
        pinned: String,
    },
    /// The database does not contain the records that the mark tells of.
    #[error(
        "the data in {} is not what was durable: {what}. Something was lost or exchanged, and nothing was changed now. Put back what is missing (a file {wal} belongs to the database), or restore the last backup into an empty directory (`tauline admin --data-dir NEW restore FILE`). `tauline admin check` says what a file or directory holds. To go on without what is lost, copy {DATABASE_NAME} alone into an empty directory, and start there",
        path.display(),
        wal = format_args!("{DATABASE_NAME}-wal")
    )]
    Lost {
        /// The directory.
        path: PathBuf,
        /// What the mark tells, and what the database holds.
        what: String,
    },
    /// The database does not contain what was signed in the public log.
    #[error(
        "the public log would take back what was signed: {what}. Whoever has that checkpoint could show that entries are gone, so nothing is signed and nothing was changed. Put back the database that it was signed from. A backup that is older can only be taken up as another log, by a new ceremony or by a handover"
    )]
    Signed {
        /// What was signed, and what the data holds.
        what: String,
    },
    /// Nothing tells how much of the public log was signed.
    #[error(
        "the public log of this ceremony was signed before, and {SIGNED_NAME}, which tells how far, is not in {}. If the data was moved or restored, copy that file from the old data directory. If it is lost, and you are sure that this is the latest data, start once with --accept-missing-guard",
        path.display()
    )]
    Unguarded {
        /// The data directory.
        path: PathBuf,
    },
    /// The mark, or the file that tells what was signed, cannot be understood.
    #[error(
        "{} is not what was written: the disk or somebody has changed it. `tauline admin check` says what the database beside it holds; if that is all there should be, remove the file and start again",
        path.display()
    )]
    Mark {
        /// The file.
        path: PathBuf,
    },
    /// Parts of the data contradict each other; how.
    #[error(
        "the data contradicts itself: {0}. Nothing was changed. Restore the last backup into an empty directory (`tauline admin --data-dir NEW restore FILE`) and keep this one for inspection"
    )]
    Damaged(String),
    /// A file exists that must not.
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
    /// The URL of a database cannot be used; why. It is not repeated, since it may hold a password.
    #[error("the database's URL cannot be used: {0}; give postgres://USER:PASSWORD@HOST/DATABASE")]
    Url(String),
    /// The PostgreSQL database is not one that can be used; why, and what to do.
    #[error("the database {database} {what}")]
    Refused {
        /// Its URL without the password.
        database: String,
        /// What is wrong, as a clause, and what to do.
        what: String,
    },
    /// The PostgreSQL database could not be reached for longer than is waited for.
    #[error(
        "the database {database} cannot be reached: {source}. Whether what was written last is durable shows when it is back; look after the database and the way to it, then start again"
    )]
    Away {
        /// Its URL without the password.
        database: String,
        /// What the last attempt came to.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another replica leads now, so nothing was written. If the connection was lost meanwhile, what was
    /// written last may be durable; then the one that leads has it.
    #[error("another replica leads now; nothing more is written here")]
    Fenced,
    /// This replica only reads.
    #[error("this replica does not lead, so it writes nothing; ask the one that does")]
    NotLeading,
    /// Where powers are kept apart did not do what it was asked.
    #[error(
        "powers of a contribution cannot be {action} {place}: {source}. Look at whether it is there, and at the credentials; what was not kept was not acknowledged"
    )]
    Objects {
        /// What was tried, as a participle and a preposition.
        action: &'static str,
        /// The object store's URL.
        place: String,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Powers are kept apart, and nobody has said where.
    #[error(
        "the powers of a contribution are kept in an object store: say where with --blobs, as when they were stored"
    )]
    Apart,
    /// The URL of an object store cannot be used.
    #[error("{url} is no place for powers: {why}. Give s3://BUCKET/PREFIX, or file:///DIRECTORY")]
    NoPlace {
        /// The URL, without secrets.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database failed.
    #[error("the database failed: {0}; check the disk's space and health, then start again")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn words(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

impl StoreError {
    /// The error for a file with which this could not be done. `action` is a verb.
    pub(crate) fn file(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// The error for data that contradicts itself.
    #[must_use]
    pub fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }
}

impl From<EntryError> for StoreError {
    fn from(error: EntryError) -> Self {
        Self::damaged(error.to_string())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::damaged(format!("the database says: {error}"))
            }
            _ => Self::Database(Box::new(error)),
        }
    }
}
