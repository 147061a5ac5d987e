//! One stay in the queue: its number, its phases, and how it ends.

use crate::Timestamp;

/// The number of one stay in the queue, counted from 1 in the order of joining.
///
/// It orders the line, names the turn and fences verdicts that come too late. An identity that
/// joins again after a pardon gets a new ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Ticket(u64);

impl Ticket {
    /// The ticket of the first stay.
    pub const FIRST: Ticket = Ticket(1);

    /// The ticket with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of this ticket.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The ticket of the stay that begins after this one.
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl core::fmt::Display for Ticket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a stay has come (`docs/spec/queue.md#phases`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Phase {
    /// In line.
    Waiting,
    /// Called; has not started.
    Ready,
    /// Has the state to build on; its clock runs.
    Contributing,
    /// Has sent its contribution; the coordinator's clock runs.
    Verifying,
}

/// How a stay ended (`docs/spec/queue.md#outcomes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Outcome {
    /// The contribution was accepted. Final.
    Contributed,
    /// The check-in deadline passed.
    MissedCheckIn,
    /// The start deadline passed.
    FailedToStart,
    /// The contribution deadline passed.
    TimedOut,
    /// It checked in while contributing, and then stopped.
    Stalled,
    /// The contribution was bad.
    Invalid,
    /// It gave its turn up.
    Aborted,
    /// It gave its place up.
    Left,
    /// The operator ended it (`docs/spec/queue.md#expelled`).
    Expelled,
    /// The coordinator failed. The only outcome that does not use the identity up
    /// (`docs/spec/queue.md#coordinator-fault`).
    CoordinatorFault,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Outcome::Contributed,
        Outcome::MissedCheckIn,
        Outcome::FailedToStart,
        Outcome::TimedOut,
        Outcome::Stalled,
        Outcome::Invalid,
        Outcome::Aborted,
        Outcome::Left,
        Outcome::Expelled,
        Outcome::CoordinatorFault,
    ];

    /// Whether an identity whose stay ended so may not join again without a pardon
    /// (`docs/spec/queue.md#used-up`).
    #[must_use]
    pub const fn uses_up(self) -> bool {
        !matches!(self, Outcome::CoordinatorFault)
    }

    /// Whether a stay in this phase can end so.
    pub(crate) const fn fits(self, phase: Phase) -> bool {
        match self {
            Outcome::MissedCheckIn => matches!(phase, Phase::Waiting),
            Outcome::FailedToStart => matches!(phase, Phase::Ready),
            Outcome::TimedOut | Outcome::Stalled => matches!(phase, Phase::Contributing),
            Outcome::Contributed | Outcome::Invalid | Outcome::CoordinatorFault => {
                matches!(phase, Phase::Verifying)
            }
            Outcome::Aborted => matches!(phase, Phase::Ready | Phase::Contributing),
            Outcome::Left | Outcome::Expelled => !matches!(phase, Phase::Verifying),
        }
    }
}

/// A stay that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stay {
    /// Its ticket.
    pub ticket: Ticket,
    /// How far it has come.
    pub phase: Phase,
    /// 0: has the turn; 1: is the head of the line; and so on.
    pub position: u64,
    /// What it must do by when: check in, start, or submit, by its phase. While verifying the
    /// deadline is the coordinator's. Grace is not included.
    pub deadline: Timestamp,
    /// When it began.
    pub joined_at: Timestamp,
    /// How many turns went to somebody behind it because it was not there when they were free.
    pub passed: u32,
}

/// The turn: the one stay that has left the line and is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Turn<'a, Id> {
    /// The stay.
    pub ticket: Ticket,
    /// Whose it is.
    pub id: &'a Id,
    /// Ready, contributing or verifying.
    pub phase: Phase,
    /// When it was called. Absences of the coordinator since then have moved it.
    pub called_at: Timestamp,
    /// When the phase began. Absences of the coordinator since then have moved it.
    pub since: Timestamp,
    /// When the phase must be over, grace not included.
    pub deadline: Timestamp,
    /// How the stay ends if it is not.
    pub overdue: Outcome,
    /// Contributing only: when the last byte must have arrived, whatever the check-ins.
    pub contribute_by: Option<Timestamp>,
}

/// A stay that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Past {
    /// Its ticket.
    pub ticket: Ticket,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the operator has pardoned it.
    pub pardoned: bool,
}

impl Past {
    pub(crate) fn uses_up(self) -> bool {
        self.outcome.uses_up() && !self.pardoned
    }
}

/// Whether a contribution is wanted: what [`State::may_submit`](crate::State::may_submit) answers
/// where there is no refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaySubmit {
    /// The contribution of this stay is wanted.
    Yes(Ticket),
    /// The contribution of this stay is here already and being verified.
    Verifying(Ticket),
    /// The contribution of this stay was accepted.
    Accepted(Ticket),
}
