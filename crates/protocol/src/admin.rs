//! The operator's socket: a line of JSON for each request and for each answer.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tauline_queue_core::Timestamp;

use crate::Identity;
use crate::notice::SuccessorKey;
use crate::status::{CeremonyStatus, EndedWord, QueueWord};

/// Name of the Unix socket inside the data directory.
pub const SOCKET_NAME: &str = "admin.sock";

/// An order or question of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do", deny_unknown_fields)]
pub enum AdminRequest {
    /// The ceremony's status.
    Status,
    /// Let nobody join any more, serve everyone in line, then halt.
    Drain {
        /// Not now but then (`docs/spec/public-log.md#planned`). Replaces the time that was planned
        /// for it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
    /// Let participants join again.
    Open {
        /// Not now but then. Replaces the time that was planned for it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
    /// Forget both times that are planned.
    Unplan,
    /// Stop all deadlines, and call nobody.
    Pause,
    /// Go on in the mode before the pause.
    Resume,
    /// Let an identity that was used up without contributing join again. Goes into the public log.
    Pardon {
        /// The identity to pardon.
        id: Identity,
    },
    /// End the stay of somebody in line or in its turn. Goes into the public log with the reason.
    Expel {
        /// The stay's ticket.
        ticket: u64,
        /// Why.
        reason: Reason,
    },
    /// Write a consistent copy of the ceremony's data.
    Backup {
        /// An absolute path on the coordinator's machine, which must not exist yet.
        to: PathBuf,
    },
    /// List who is in line: first whoever has the turn, then the line from its head.
    Queue {
        /// How many of them at most.
        first: u32,
    },
    /// List who is invited.
    Invites,
    /// Invite people, and make a code for each. If one cannot be invited, nobody is.
    Invite {
        /// Their names.
        names: Vec<String>,
    },
    /// Revoke invitations: nobody can sign in with their codes any more. Whoever is in line keeps
    /// the place.
    Revoke {
        /// Their names.
        names: Vec<String>,
    },
    /// Read the settings and invitations again that can change while the coordinator runs.
    Reload,
    /// Sign the public log with a new key from now on (`docs/spec/public-log.md#rotation`).
    RotateKey,
    /// Give the ceremony to another coordinator, for good (`docs/spec/public-log.md#handover`).
    Handover {
        /// The key of that coordinator.
        to: SuccessorKey,
        /// Where participants will reach it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The bundle to write for it: an absolute path on the coordinator's machine, which must not
        /// exist yet.
        output: PathBuf,
    },
}

/// Why the operator ends a stay: a line of text for the log and for whoever is expelled
/// (`docs/spec/queue.md#expulsion`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

impl Reason {
    /// Longest reason, in characters: a few sentences, which a status can carry.
    pub const MAX_CHARS: usize = 500;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        let text = text.trim();
        let breaks_lines = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if text.is_empty() {
            return Err(ReasonError::Empty);
        }
        if text.contains(breaks_lines) {
            return Err(ReasonError::NotOneLine);
        }
        match text.chars().count() {
            ..=Self::MAX_CHARS => Ok(Self(text.to_owned())),
            chars => Err(ReasonError::TooLong { chars }),
        }
    }
}

impl TryFrom<String> for Reason {
    type Error = ReasonError;

    fn try_from(text: String) -> Result<Self, ReasonError> {
        text.parse()
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

/// Why a text is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReasonError {
    /// Nothing is said.
    #[error("the reason is empty: say why, it goes into the log and to whoever is expelled")]
    Empty,
    /// It has line breaks or other control characters.
    #[error("the reason must be one line, without control characters")]
    NotOneLine,
    /// It is too long.
    #[error(
        "the reason has {chars} characters: {} are the most",
        Reason::MAX_CHARS
    )]
    TooLong {
        /// How many characters it has.
        chars: usize,
    },
}

/// The coordinator's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "answer")]
pub enum AdminAnswer {
    /// The order was carried out.
    Done {
        /// The ceremony's status afterwards.
        status: Box<CeremonyStatus>,
        /// Whether the ceremony is paused: halted, with people in line.
        paused: bool,
    },
    /// Who is in line.
    Queue {
        /// The first of them.
        line: Vec<InLine>,
        /// How many are in line or have the turn.
        in_all: u64,
        /// Whether the ceremony is paused, so that no deadline runs.
        paused: bool,
    },
    /// Who is invited, or was invited or revoked just now.
    Invites {
        /// The invitations, by name.
        invites: Vec<Invited>,
    },
    /// The settings were read again.
    Reloaded {
        /// The changes that took effect, a sentence each.
        changed: Vec<String>,
        /// The settings that have changed but need a restart.
        restart: Vec<String>,
    },
    /// The ceremony was handed over, and is closed here.
    HandedOver {
        /// How many entries the public log has.
        entries: u64,
        /// The root of the log's tree, in base64 as checkpoints have it.
        root: String,
        /// The bundle that the other coordinator starts with.
        output: PathBuf,
    },
    /// The request was refused.
    Refused {
        /// A sentence that says what to do.
        error: String,
    },
}

/// Somebody who is in line or has the turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InLine {
    /// 0 for whoever has the turn, 1 for the head of the line, and so on.
    pub position: u64,
    /// The ticket.
    pub ticket: u64,
    /// The identity.
    pub id: Identity,
    /// The participant's state: waiting, ready, contributing or verifying.
    pub state: QueueWord,
    /// How many of the participant's clients wait for an answer now. With at least one, the
    /// participant is present.
    pub clients: u32,
    /// How many turns went to somebody behind the participant.
    pub passed: u32,
    /// How long the participant has been in the queue, in milliseconds.
    pub age_in_ms: u64,
    /// How much time is left to check in, to start or to contribute, depending on the state, in
    /// milliseconds and without grace. While verifying, it is the coordinator's own time limit.
    pub deadline_in_ms: u64,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// The name of whoever is invited.
    pub name: String,
    /// The code, which is only told when it is made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// How far whoever was invited has come in the queue.
    pub state: QueueWord,
    /// How its last stay ended, if one has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<EndedWord>,
}
