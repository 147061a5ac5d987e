//! Why invitations cannot be used or changed.

use std::path::PathBuf;

/// Why a file of invitations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvitesError {
    /// The file cannot be read.
    #[error("the invitations {} cannot be read: {error}; give --invites a file with one `name code` a line", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line is wrong. The text never shows a code.
    #[error("line {line} of the invitations: {problem}")]
    Line {
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A name that cannot be invited or revoked.
    #[error("{0}")]
    Name(String),
    /// The file cannot be written.
    #[error("the invitations {} cannot be written: {error}; nothing changed. Edit the file by hand and have it read again: tauline admin reload", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}
