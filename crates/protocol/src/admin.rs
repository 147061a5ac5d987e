//! The operator's socket: one JSON request a line, one JSON answer a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::status::{CeremonyStatus, EndedWord, QueueWord};

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
    /// Who is in line: who has the turn first, then the line from its head.
    Queue {
        /// How many of them at most.
        first: u32,
    },
    /// Who is invited.
    Invites,
    /// Invite these, each with a code that is made for it; all of them or, if one cannot be, none.
    Invite {
        /// Their names.
        names: Vec<String>,
    },
    /// Take invitations back: their codes sign nobody in any more. A place in line that one has is
    /// kept.
    Revoke {
        /// Their names.
        names: Vec<String>,
    },
    /// Read again what can change while the coordinator runs.
    Reload,
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
    /// Who is in line.
    Queue {
        /// The first of them.
        line: Vec<InLine>,
        /// How many are in line or have the turn.
        in_all: u64,
        /// True when no deadline runs.
        paused: bool,
    },
    /// Who is invited, or was invited or revoked just now.
    Invites {
        /// By name.
        invites: Vec<Invited>,
    },
    /// What was read again.
    Reloaded {
        /// What is in force now, a sentence each.
        changed: Vec<String>,
        /// Settings that differ from those in force, and need a restart.
        restart: Vec<String>,
    },
    /// Refused, and why.
    Refused {
        /// A sentence that says what to do.
        error: String,
    },
}

/// Somebody who is in line or has the turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InLine {
    /// 0: has the turn; 1: is the head of the line; and so on.
    pub position: u64,
    /// The ticket.
    pub ticket: u64,
    /// The identity.
    pub id: Identity,
    /// Waiting, ready, contributing or verifying.
    pub state: QueueWord,
    /// How many clients wait for an answer now: with one at least, the participant is there.
    pub clients: u32,
    /// How many turns went to somebody behind it.
    pub passed: u32,
    /// How long it has been in the queue, in milliseconds.
    pub age_in_ms: u64,
    /// How much time is left to check in, to start or to contribute, by its state, in milliseconds,
    /// without grace. While verifying it is the coordinator's own.
    pub deadline_in_ms: u64,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// Its name.
    pub name: String,
    /// The code, told once: when it is made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// How far whoever was invited has come in the queue.
    pub state: QueueWord,
    /// How its last stay ended, if one has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<EndedWord>,
}
