//! Answers that say no, and errors of a log.

use crate::{Outcome, Ticket, Timestamp};

/// Why a command was not carried out: an answer to whoever asked, not a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The identity has no place in the queue and never had one, or was pardoned since.
    #[error("not in the queue")]
    NotQueued,
    /// The identity's stay is over.
    #[error("the stay in the queue is over: {outcome:?}")]
    Ended {
        /// How it ended.
        outcome: Outcome,
    },
    /// The identity was used up by an earlier stay and may not join again.
    #[error("this identity was used up: {outcome:?}")]
    UsedUp {
        /// How that stay ended.
        outcome: Outcome,
    },
    /// It is somebody else's turn, or nobody's yet.
    #[error("it is not your turn: you are number {position}")]
    NotYourTurn {
        /// Place in line; 1 is the head.
        position: u64,
    },
    /// A contribution came before its turn was started.
    #[error("the contribution was not started")]
    NotStarted,
    /// The contribution is already with the coordinator, and can be neither replaced nor withdrawn.
    #[error("the contribution was already submitted")]
    AlreadySubmitted,
    /// Nobody may join any more; those in line are served.
    #[error("the queue takes no new entries")]
    Draining,
    /// Nothing new starts at present.
    #[error("the queue is halted")]
    Halted,
    /// A verdict on a stay that is not being verified, for instance because its time ran out.
    #[error("ticket {ticket} is not being verified")]
    StaleVerdict {
        /// The stay that the verdict was on.
        ticket: Ticket,
    },
    /// The identity is not used up.
    #[error("there is nothing to pardon")]
    NothingToPardon,
    /// The identity has contributed, which no pardon undoes.
    #[error("this identity has contributed, which is final")]
    ContributionIsFinal,
    /// No stay has this ticket yet.
    #[error("no stay has ticket {ticket}")]
    UnknownTicket {
        /// The ticket that was named.
        ticket: Ticket,
    },
    /// The stay with this ticket is over.
    #[error("the stay with ticket {ticket} is over")]
    StayOver {
        /// The ticket that was named.
        ticket: Ticket,
    },
}

/// Why there is no pause to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotPaused {
    /// The queue is not halted.
    #[error("the queue is not halted")]
    Running,
    /// The queue was drained: it is halted because its line is empty.
    #[error("the queue is halted because it was drained")]
    Drained,
}

/// A log that no queue of this crate can have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The settings are not usable.
    #[error(transparent)]
    Rules(#[from] crate::RulesError),
    /// An entry does not follow from those before it.
    #[error("entry {index} of the log does not fit: {misfit}")]
    Entry {
        /// Which entry, counted from 0.
        index: u64,
        /// What is wrong with it.
        misfit: Misfit,
    },
}

/// Why an event cannot follow the events before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// Time falls.
    #[error("it is dated {at}, before the entry ahead of it, {log_time}")]
    TimeFalls {
        /// The time of the entry.
        at: Timestamp,
        /// The time of the log so far.
        log_time: Timestamp,
    },
    /// A stay begins with another ticket than the next.
    #[error("ticket {ticket} begins where {next} should")]
    WrongTicket {
        /// The ticket in the entry.
        ticket: Ticket,
        /// The ticket that should have been there.
        next: Ticket,
    },
    /// An identity joins that is in the queue already.
    #[error("the identity is in the queue already")]
    AlreadyQueued,
    /// An identity joins that was used up.
    #[error("the identity was used up")]
    UsedUp,
    /// The stay is not one the event can happen to: not live, or in another phase.
    #[error("ticket {ticket} is in no phase for it")]
    WrongPhase {
        /// The ticket in the entry.
        ticket: Ticket,
    },
    /// A stay is called that is not among the first three in line, or while the turn is taken, or
    /// without naming the stays ahead of it.
    #[error("ticket {ticket} is called out of turn")]
    OutOfTurn {
        /// The ticket in the entry.
        ticket: Ticket,
    },
    /// The mode does not change, or does not allow the event.
    #[error("the mode does not allow it")]
    WrongMode,
    /// A pardon for an identity that needs none, or can have none.
    #[error("there is nothing to pardon")]
    NothingToPardon,
}
