//! The operator's socket: one JSON request a line, one JSON answer a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::status::CeremonyStatus;

/// Name of the Unix socket inside the data directory.
pub const SOCKET_NAME: &str = "admin.sock";

/// What the operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do", deny_unknown_fields)]
pub enum AdminRequest {
    /// The ceremony's status.
    Status,
    /// Take no new entries, serve everyone in line, then halt.
    Drain,
    /// Take entries again.
    Open,
    /// Stop all deadlines; nobody is called.
    Pause,
    /// Go on in the mode before the pause.
    Resume,
    /// Let an identity that was used up without contributing join again; goes into the public log.
    Pardon {
        /// The identity to pardon.
        id: Identity,
    },
    /// Write a consistent copy of the ceremony's data.
    Backup {
        /// An absolute path on the coordinator's machine, which must not exist yet.
        to: PathBuf,
    },
}

/// The coordinator's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "answer")]
pub enum AdminAnswer {
    /// Done; this is the status afterwards.
    Done {
        /// The ceremony's status after the request.
        status: Box<CeremonyStatus>,
        /// True when the ceremony is halted with people in line: paused.
        paused: bool,
    },
    /// Refused, and why.
    Refused {
        /// A sentence that says what to do.
        error: String,
    },
}
