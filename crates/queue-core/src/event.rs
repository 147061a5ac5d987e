//! What has happened: the log that the queue is a fold over.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{Mode, Outcome, Ticket, Timestamp};

/// An event and when it happened: one record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Entry<Id> {
    /// Log time, which never falls from one entry to the next.
    pub at: Timestamp,
    /// What happened.
    pub event: Event<Id>,
}

/// A fact. Deadlines inside are absolute, so a changed setting never changes a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Event<Id> {
    /// A stay began, at the tail.
    Joined {
        /// The new stay.
        ticket: Ticket,
        /// Whose it is.
        id: Id,
        /// When to check in at the latest.
        check_in_by: Timestamp,
        /// Promises up to this time need no further record: see [`Event::CheckedIn`].
        lasting_by: Timestamp,
    },
    /// A deadline moved: the check-in deadline of somebody in line, or the stall deadline of
    /// somebody who checks in while contributing, which a closed connection brings forward.
    CheckedIn {
        /// The stay.
        ticket: Ticket,
        /// When to check in again at the latest.
        check_in_by: Timestamp,
        /// Present when the new deadline lies past what the durable log covers for this stay. It is
        /// then set some way beyond `check_in_by`, so that the check-ins that follow need no
        /// record. Absent: the event is volatile.
        lasting_by: Option<Timestamp>,
    },
    /// The turn was free, and this stay was the first in line that was there: its turn has come.
    Called {
        /// The stay whose turn it is.
        ticket: Ticket,
        /// When to start at the latest.
        start_by: Timestamp,
        /// The stays ahead in line that were not there, in order. They keep their places and
        /// deadlines, and the first of them is next (`docs/spec/queue.md#passed-named`).
        #[cfg_attr(
            feature = "serde",
            serde(default, skip_serializing_if = "Vec::is_empty")
        )]
        passed: Vec<Ticket>,
    },
    /// The state to build on was handed out.
    Started {
        /// The stay whose turn it is.
        ticket: Ticket,
        /// When the last byte of the contribution must have arrived.
        contribute_by: Timestamp,
        /// When to check in at the latest, if the participant said that it would.
        #[cfg_attr(
            feature = "serde",
            serde(default, skip_serializing_if = "Option::is_none")
        )]
        stall_by: Option<Timestamp>,
    },
    /// A contribution was arriving when its time was nearly over: it has more.
    Extended {
        /// The stay whose turn it is.
        ticket: Ticket,
        /// When the last byte of the contribution must have arrived.
        contribute_by: Timestamp,
    },
    /// The last byte of a contribution has arrived.
    Submitted {
        /// The stay whose turn it is.
        ticket: Ticket,
        /// When the coordinator must have come to a verdict.
        verify_by: Timestamp,
    },
    /// A stay is over.
    Ended {
        /// Which.
        ticket: Ticket,
        /// How it ended.
        outcome: Outcome,
    },
    /// The mode changed.
    ModeSet {
        /// The mode from now on.
        mode: Mode,
    },
    /// An identity that was used up may join again.
    Pardoned {
        /// Who.
        id: Id,
    },
    /// The coordinator is back from an absence, which nobody pays for: every running deadline
    /// moves by `pause`.
    Resumed {
        /// For how long the coordinator was away.
        pause: Duration,
        /// Whether it was a restart, which forgets volatile check-ins: every check-in deadline is
        /// then first raised to the stay's `lasting_by`, the most that can have been promised.
        restarted: bool,
    },
}

impl<Id> Event<Id> {
    /// Whether a store may leave this event out of its durable log.
    ///
    /// Volatile events move deadlines and do nothing else. A replay without them gives the same
    /// tickets, order, phases and outcomes, and no promise is broken by it: the entries that stay
    /// in the log cover every deadline that anybody was told.
    #[must_use]
    pub const fn is_volatile(&self) -> bool {
        matches!(
            self,
            Event::CheckedIn {
                lasting_by: None,
                ..
            }
        )
    }

    /// The stay this event belongs to, if it belongs to one.
    #[must_use]
    pub const fn ticket(&self) -> Option<Ticket> {
        match self {
            Event::Joined { ticket, .. }
            | Event::CheckedIn { ticket, .. }
            | Event::Called { ticket, .. }
            | Event::Started { ticket, .. }
            | Event::Extended { ticket, .. }
            | Event::Submitted { ticket, .. }
            | Event::Ended { ticket, .. } => Some(*ticket),
            Event::ModeSet { .. } | Event::Pardoned { .. } | Event::Resumed { .. } => None,
        }
    }

    /// The same event about somebody else: with `to` of each identity in it, such as a name that
    /// may be published.
    #[must_use]
    pub fn map_id<To>(self, to: impl FnOnce(Id) -> To) -> Event<To> {
        match self {
            Event::Joined {
                ticket,
                id,
                check_in_by,
                lasting_by,
            } => Event::Joined {
                ticket,
                id: to(id),
                check_in_by,
                lasting_by,
            },
            Event::CheckedIn {
                ticket,
                check_in_by,
                lasting_by,
            } => Event::CheckedIn {
                ticket,
                check_in_by,
                lasting_by,
            },
            Event::Called {
                ticket,
                start_by,
                passed,
            } => Event::Called {
                ticket,
                start_by,
                passed,
            },
            Event::Started {
                ticket,
                contribute_by,
                stall_by,
            } => Event::Started {
                ticket,
                contribute_by,
                stall_by,
            },
            Event::Extended {
                ticket,
                contribute_by,
            } => Event::Extended {
                ticket,
                contribute_by,
            },
            Event::Submitted { ticket, verify_by } => Event::Submitted { ticket, verify_by },
            Event::Ended { ticket, outcome } => Event::Ended { ticket, outcome },
            Event::ModeSet { mode } => Event::ModeSet { mode },
            Event::Pardoned { id } => Event::Pardoned { id: to(id) },
            Event::Resumed { pause, restarted } => Event::Resumed { pause, restarted },
        }
    }
}
