//! Words of the API: modes, ways to sign in, states of participants and ends of stays.

use serde::{Deserialize, Serialize};
use tauline_queue_core::{Mode, Outcome, Phase};

/// The mode of the ceremony, as a word of the API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum ModeWord {
    /// Participants can join.
    #[default]
    Open,
    /// Nobody can join any more; everyone in line is served.
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
    /// The word in the API.
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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

/// A participant's state, as a word of the API (`docs/spec/http-api.md#status-words`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum QueueWord {
    /// Not in the queue, and free to join.
    NotQueued,
    /// Waiting in line.
    Queued,
    /// Called: has to call `contribution/start`.
    ReadyToContribute,
    /// Has got the powers, and computes or uploads.
    Contributing,
    /// The contribution has arrived and is being verified.
    Verifying,
    /// The contribution was accepted.
    Contributed,
    /// The stay ended without a contribution; `ended` says how.
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
    /// The word in the API.
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum EndedWord {
    /// The contribution was accepted.
    Contributed,
    /// Did not check in before the deadline.
    MissedCheckin,
    /// Was called, and did not start in time.
    FailedToStart,
    /// Started, but the contribution did not arrive in time.
    TimedOut,
    /// Checked in while contributing, and then stopped.
    Stalled,
    /// The contribution is not valid.
    Invalid,
    /// Gave up the turn.
    Aborted,
    /// Gave up the place.
    Left,
    /// The operator ended the stay; `endedBecause` has the reason.
    Expelled,
    /// The coordinator failed. The identity is not used up.
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
            Outcome::Expelled => Self::Expelled,
            Outcome::CoordinatorFault => Self::CoordinatorFault,
        }
    }
}

impl EndedWord {
    /// The word in the API.
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
            Self::Expelled => "expelled",
            Self::CoordinatorFault => "coordinatorFault",
        }
    }
}
