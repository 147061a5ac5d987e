//! Why a ceremony cannot be recovered.

use std::io;
use std::path::{Path, PathBuf};

use tauline_store::StoreError;
use tauline_transcript::transcript::TranscriptError;

/// Why a ceremony cannot be recovered. Nothing was made. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoverError {
    /// The data directory cannot be used, or what was made in it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is another ceremony.
    #[error(
        "there is another ceremony in {} than the one that was recovered from this log: choose an empty directory with --data-dir, or leave the --recover-… settings out",
        directory.display()
    )]
    AnotherCeremony {
        /// The data directory.
        directory: PathBuf,
    },
    /// A certain coordinator was asked for.
    #[error(
        "a ceremony that is recovered gets a coordinator with a new key, so it cannot be {pinned}: leave --coordinator-address out for this start"
    )]
    Pinned {
        /// The address asked for.
        pinned: String,
    },
    /// The new log would have the name of the old one.
    #[error(
        "the log to recover from is {origin}, and the new one would have the same name: whoever knows the old one would take it for a log from which entries were taken away. Give another host by --public-url"
    )]
    SameOrigin {
        /// The name.
        origin: String,
    },
    /// The ceremony has other sizes.
    #[error(
        "the ceremony to recover has the sizes {found}, not {asked}: start with --ceremony {found}"
    )]
    OtherSizes {
        /// Those of the ceremony.
        found: String,
        /// Those asked for.
        asked: String,
    },
    /// The copy of the log cannot be relied on.
    #[error("the copy of the log in {} cannot be used: {why}", directory.display())]
    Log {
        /// Where it is.
        directory: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The transcript cannot be relied on.
    #[error("the transcript {} cannot be used: {why}", path.display())]
    Transcript {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RecoverError {
    /// The error for a file that cannot be read.
    pub(super) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Unreadable { path, source }
    }

    /// The error for a copy of the log that cannot be relied on.
    pub(super) fn log(directory: &Path, why: impl Into<String>) -> Self {
        Self::Log {
            directory: directory.to_owned(),
            why: why.into(),
        }
    }

    /// The error for a transcript that cannot be relied on.
    pub(super) fn transcript(path: &Path, why: impl Into<String>) -> Self {
        Self::Transcript {
            path: path.to_owned(),
            why: why.into(),
        }
    }

    /// What was found when a transcript was read.
    pub(super) fn of_transcript(path: &Path, error: TranscriptError) -> Self {
        match error {
            TranscriptError::Read(source) => Self::unreadable(path)(source),
            error => Self::transcript(path, format!("it is not valid: {error}")),
        }
    }
}
