//! The ceremony's status and a participant's queue status.

use serde::{Deserialize, Serialize};
use tauline_queue_core::{Mode, Outcome, Phase};

use crate::Identity;
use crate::contribution::SignedReceipt;

/// The answer of `GET /ceremony/status`: what anyone may know before joining.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CeremonyStatus {
    /// Whether the ceremony takes entries, finishes its line, or stands still.
    pub mode: ModeWord,
    /// Participants in line, the one whose turn it is not counted.
    pub queue_length: u64,
    /// Contributions accepted so far.
    pub contributions: u64,
    /// The turn that runs now, if any.
    pub turn: Option<TurnStatus>,
    /// Mean of the recent whole turns, in milliseconds.
    pub mean_turn_in_ms: u64,
    /// How long a turn that begins now may last, from its start to the last byte of the
    /// contribution, in milliseconds; 0 from coordinators that do not say
    /// (`docs/spec/http-api.md#announced-limits`).
    #[serde(default)]
    pub contribution_limit_in_ms: u64,
    /// Where the limit follows the turns of late: how far it is extended for an upload whose bytes
    /// keep arriving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contribution_limit_max_in_ms: Option<u64>,
    /// Estimated wait of somebody who joins now, in milliseconds.
    pub expected_wait_in_ms: u64,
    /// When somebody who joins now may expect to start, in Unix seconds.
    pub expected_start_time: u64,
    /// The sub-ceremonies, in order.
    pub sub_ceremonies: Vec<SubCeremony>,
    /// The ways to sign in that this coordinator offers.
    pub sign_in: Vec<SignInMethod>,
    /// The EIP-55 address that receipts recover to.
    pub coordinator_address: String,
    /// The head of the public log.
    pub log: LogHead,
    /// The coordinator's clock, in Unix seconds.
    pub time: u64,
}

/// One sub-ceremony's sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubCeremony {
    /// Powers in G1.
    #[serde(rename = "numG1Powers")]
    pub num_g1_powers: u32,
    /// Powers in G2.
    #[serde(rename = "numG2Powers")]
    pub num_g2_powers: u32,
}

/// The phase and age of the turn that runs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnStatus {
    /// The ticket whose turn it is.
    pub ticket: u64,
    /// What the turn waits for.
    pub phase: QueueWord,
    /// Milliseconds since the participant was called.
    pub age_in_ms: u64,
}

/// The head of the hash chain over the durable records of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogHead {
    /// Records in the log.
    pub records: u64,
    /// Hash of the last record, which covers all before it: 64 lower-case hex digits after `0x`.
    pub hash: String,
}

/// The mode of the ceremony, as a word of the API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ModeWord {
    /// New entries are taken.
    #[default]
    Open,
    /// No new entries; everyone in line is served.
    Draining,
    /// Nobody is called and no deadline runs.
    Halted,
}

impl From<Mode> for ModeWord {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Open => Self::Open,
            Mode::Draining => Self::Draining,
            Mode::Halted => Self::Halted,
        }
    }
}

impl ModeWord {
    /// The word as it stands in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Draining => "draining",
            Self::Halted => "halted",
        }
    }
}

/// Ways to prove an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignInMethod {
    /// An Ethereum key signs an EIP-4361 message.
    Siwe,
    /// A GitHub account, by OAuth in a browser.
    Github,
    /// An Ethereum account, by an OpenID Connect provider in a browser.
    Oidc,
    /// A single-use code from the operator.
    Invite,
}

/// A participant's place and what it has to do next (`docs/spec/http-api.md#queue-status`).
///
/// The answer of `queue/join`, of `queue/checkin` and the data of every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// Who this is about.
    pub id: Identity,
    /// Number of the current or last stay in the queue; `null` before the first.
    pub ticket: Option<u64>,
    /// Where the participant stands.
    pub queue_status: QueueWord,
    /// Turns until its own: 0 while it has the turn, 1 at the head of the line; `null` when it is not in the queue.
    pub queue_position: Option<u64>,
    /// How many turns went to somebody behind it because it was not there when they were free. It
    /// kept its place, and is next.
    #[serde(default)]
    pub passed: u32,
    /// How many other sessions of the same identity hold a check-in or an event stream now. Leaving
    /// by one of them does not end the stay as long as there is another
    /// (`docs/spec/http-api.md#other-clients`).
    #[serde(default)]
    pub other_clients: u32,
    /// The mode of the ceremony: while it is `halted`, nobody is called and no deadline runs.
    #[serde(default)]
    pub mode: ModeWord,
    /// When its turn is expected to start, in Unix seconds.
    pub expected_start_time: Option<u64>,
    /// The same as milliseconds from now.
    pub expected_start_in_ms: Option<u64>,
    /// Check in (or, in a turn, act) before this time, in Unix seconds.
    pub next_checkin_time: Option<u64>,
    /// The same as milliseconds from now.
    pub next_checkin_in_ms: Option<u64>,
    /// While contributing: how long the last byte of the contribution may still take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contribute_in_ms: Option<u64>,
    /// Why the last stay ended; `null` while one lasts, and before the first.
    pub ended: Option<EndedWord>,
    /// More about `ended`: the check that failed, or the reason given for an abort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_because: Option<String>,
    /// The signed receipt of an accepted contribution.
    pub receipt: Option<SignedReceipt>,
}

/// A participant's standing, as a word of the API (`docs/spec/http-api.md#status-words`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QueueWord {
    /// Not in the queue, and free to join.
    NotQueued,
    /// Waiting in line.
    Queued,
    /// Its turn has come: call `contribution/start`.
    ReadyToContribute,
    /// It has the state and computes or uploads.
    Contributing,
    /// Its contribution has arrived and is being verified.
    Verifying,
    /// Its contribution stands.
    Contributed,
    /// Its stay ended without a contribution; `ended` says why.
    Expired,
}

impl From<Phase> for QueueWord {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Waiting => Self::Queued,
            Phase::Ready => Self::ReadyToContribute,
            Phase::Contributing => Self::Contributing,
            Phase::Verifying => Self::Verifying,
        }
    }
}

impl QueueWord {
    /// The word as it stands in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotQueued => "notQueued",
            Self::Queued => "queued",
            Self::ReadyToContribute => "readyToContribute",
            Self::Contributing => "contributing",
            Self::Verifying => "verifying",
            Self::Contributed => "contributed",
            Self::Expired => "expired",
        }
    }
}

/// How a stay ended, as a word of the API (`docs/spec/http-api.md#ended`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndedWord {
    /// The contribution was accepted.
    Contributed,
    /// No check-in before the deadline.
    MissedCheckin,
    /// Called, and did not start in time.
    FailedToStart,
    /// Started, and the contribution did not arrive in time.
    TimedOut,
    /// Sent check-ins while contributing, then stopped.
    Stalled,
    /// A check on the contribution failed.
    Invalid,
    /// Gave the turn up.
    Aborted,
    /// Gave the place up.
    Left,
    /// The coordinator's fault: the identity is not used up.
    CoordinatorFault,
}

impl From<Outcome> for EndedWord {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Contributed => Self::Contributed,
            Outcome::MissedCheckIn => Self::MissedCheckin,
            Outcome::FailedToStart => Self::FailedToStart,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Stalled => Self::Stalled,
            Outcome::Invalid => Self::Invalid,
            Outcome::Aborted => Self::Aborted,
            Outcome::Left => Self::Left,
            Outcome::CoordinatorFault => Self::CoordinatorFault,
        }
    }
}

impl EndedWord {
    /// The word as it stands in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contributed => "contributed",
            Self::MissedCheckin => "missedCheckin",
            Self::FailedToStart => "failedToStart",
            Self::TimedOut => "timedOut",
            Self::Stalled => "stalled",
            Self::Invalid => "invalid",
            Self::Aborted => "aborted",
            Self::Left => "left",
            Self::CoordinatorFault => "coordinatorFault",
        }
    }
}
