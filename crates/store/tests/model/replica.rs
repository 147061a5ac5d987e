//! A replica: it follows, takes the lead, leads, and loses it without noticing.

use crate::database::Answer;

/// A replica, as far as it matters to what is written. Its name does not: what it writes bears its
/// epoch, so two replicas that do the same are one state whichever of them does it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Replica {
    /// Writes nothing. So does one that has crashed, or has not yet been started again.
    Follows,
    /// Has the lease, and has not yet read the journal to its end.
    Takes { epoch: u8 },
    /// Believes that it leads, rightly or not: it has no clock that it could trust. One that is frozen
    /// is in this state as well, and does nothing for as long as the exploration likes.
    Leads {
        epoch: u8,
        /// How many records it has replayed; its answers are made from these.
        replayed: u8,
        /// What it has sent to the database and has not heard of.
        batch: Option<Batch>,
    },
}

/// A batch that is being committed, of one command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Batch {
    pub(crate) command: u8,
    pub(crate) stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Waits for the answer.
    Sent,
    /// The answer is there, and has not been read.
    Answered(Answer),
    /// The connection was cut, perhaps after the commit.
    Cut,
}

impl Replica {
    /// The epoch of the lease that it has or had.
    pub(crate) fn epoch(&self) -> Option<u8> {
        match self {
            Self::Follows => None,
            Self::Takes { epoch } | Self::Leads { epoch, .. } => Some(*epoch),
        }
    }

    /// Takes in what its statement is answered.
    pub(crate) fn answered(&mut self, answer: Answer) {
        if let Self::Leads {
            batch: Some(batch), ..
        } = self
        {
            batch.stage = Stage::Answered(answer);
        }
    }
}
