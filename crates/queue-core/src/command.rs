//! What can be asked of the queue.

use core::time::Duration;

use crate::Ticket;

/// Something that somebody wants to happen, handed to [`Queue::step`](crate::Queue::step).
///
/// `Id` is the identity of a participant: whatever the embedding program signs people in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<Id> {
    /// A participant wants a place at the tail. Repeating it while in the queue is a check-in.
    Join {
        /// Who joins.
        id: Id,
    },
    /// A participant proves that it is there, and asks whether its turn has come. A free turn goes
    /// to the first in line who asks; those ahead who are absent are passed: see [`Rules::passes`].
    ///
    /// [`Rules::passes`]: crate::Rules::passes
    CheckIn {
        /// Who checks in.
        id: Id,
    },
    /// Joins, checks in or starts, whichever is due: for programs whose interface has one call, which
    /// they repeat by a rhythm of their own. Whoever is not in the queue joins it. Whoever waits
    /// checks in, and if the turn is free for it, starts at once without being called first. While
    /// it contributes, a further call changes nothing: it neither restarts the clock nor starts the
    /// stall timer.
    TryContribute {
        /// Who tries.
        id: Id,
        /// How long it may take until it tries again. No deadline that this command gives is
        /// shorter; behind the first three in line, none is shorter than twice that. A turn that a
        /// check-in calls it to, and not this command, is held for it as long.
        interval: Duration,
    },
    /// The participant whose turn it is takes the state to build on: its clock starts.
    Start {
        /// Who starts.
        id: Id,
        /// Whether it will check in while it contributes. If it then stops, it counts as gone.
        checks_in: bool,
    },
    /// The last open connection of a participant was closed. This matters only while it contributes
    /// and only if it checks in then: unless it comes back soon, it counts as gone.
    Disconnect {
        /// Whose connection it was.
        id: Id,
    },
    /// Bytes of a contribution are arriving. If the participant checks in while it contributes, this
    /// is a check-in. If the contribution limit follows recent contributions, the turn does not end
    /// while bytes arrive: see [`Rules::contribution_min`].
    ///
    /// [`Rules::contribution_min`]: crate::Rules::contribution_min
    Upload {
        /// Whose contribution it is.
        id: Id,
    },
    /// The last byte of a contribution has arrived: the participant's clock stops.
    Submit {
        /// Whose contribution it is.
        id: Id,
    },
    /// The participant whose turn it is gives the turn up.
    Abort {
        /// Who aborts.
        id: Id,
    },
    /// A participant gives its place up, in line or in its turn.
    Leave {
        /// Who leaves.
        id: Id,
    },
    /// The coordinator has finished verifying the contribution of this stay.
    Judge {
        /// The stay that was verified. A verdict on any other stay than the one being verified is
        /// stale and changes nothing.
        ticket: Ticket,
        /// What verification found.
        verdict: Verdict,
    },
    /// The operator opens, drains or halts the queue.
    SetMode(Mode),
    /// The operator lets an identity that was used up join again.
    Pardon {
        /// Who is pardoned.
        id: Id,
    },
    /// The operator ends a stay, in line or in its turn. One that is being verified gets its verdict
    /// (`docs/spec/queue.md#expulsion`).
    Expel {
        /// The stay to end.
        ticket: Ticket,
    },
    /// Time has passed, and nothing else.
    Tick,
}

/// What verification of a contribution found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Verdict {
    /// The contribution is good and is now part of the ceremony.
    Valid,
    /// The contribution is bad.
    Invalid,
    /// The coordinator could not tell: a fault of its own, which the participant does not pay for.
    CoordinatorFault,
}

/// Whether people may join, and whether time runs (`docs/spec/queue.md#modes`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Mode {
    /// Everything is allowed.
    #[default]
    Open,
    /// Nobody may join; everybody in line is served. The mode becomes [`Mode::Halted`] by itself
    /// once the line is empty and the last turn is over (`docs/spec/queue.md#drained`).
    Draining,
    /// No deadline runs, nobody is called, nothing new starts. With people in line this is a pause.
    Halted,
}
