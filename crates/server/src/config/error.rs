//! Settings that cannot be served with.

use std::path::PathBuf;

/// Settings that cannot be served with. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A flag or an environment variable; also `--help` and `--version`.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// The settings file cannot be read.
    #[error("the settings file {} cannot be read: {error}", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The settings file is not TOML, or holds something that is no setting.
    #[error("the settings file {} is not right: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Two settings do not go together, or one makes no sense.
    #[error("{0}")]
    Conflict(String),
}
