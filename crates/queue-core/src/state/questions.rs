//! What a coordinator asks before it acts: rules that have an answer and no event.

use core::hash::Hash;

use super::State;
use crate::{MaySubmit, Mode, NEAR_HEAD, NotPaused, Outcome, Phase, Refusal, Stay, Turn};

impl<Id: Clone + Eq + Hash> State<Id> {
    /// Whether a contribution of this identity's is wanted now.
    ///
    /// # Errors
    ///
    /// Why it is not: it has no place, its turn has not come or was not started, or its stay is over.
    pub fn may_submit(&self, id: &Id) -> Result<MaySubmit, Refusal> {
        if let Some(past) = self.past(id)
            && past.outcome == Outcome::Contributed
        {
            return Ok(MaySubmit::Accepted(past.ticket));
        }
        let stay = self.stay_or_refusal(id)?;
        match stay.phase {
            Phase::Waiting => Err(Refusal::NotYourTurn {
                position: stay.position,
            }),
            Phase::Ready => Err(Refusal::NotStarted),
            Phase::Contributing => Ok(MaySubmit::Yes(stay.ticket)),
            Phase::Verifying => Ok(MaySubmit::Verifying(stay.ticket)),
        }
    }

    /// Whether it counts as a check-in that somebody is there: that a connection of its is open,
    /// for example (`docs/spec/queue.md#stall-timer`).
    ///
    /// In line it does. While it contributes, a check-in would oblige it to go on checking in: being
    /// there counts only if it does so already and would stall next, or if `starts_stall_timer` says
    /// that it wants to. In the other phases there is nothing to check in for.
    #[must_use]
    pub fn presence_counts(&self, id: &Id, starts_stall_timer: bool) -> bool {
        self.stay(id).is_some_and(|stay| match stay.phase {
            Phase::Waiting => true,
            Phase::Contributing => {
                let stalls_next = |turn: Turn<'_, Id>| turn.overdue == Outcome::Stalled;
                starts_stall_timer || self.turn().is_some_and(stalls_next)
            }
            Phase::Ready | Phase::Verifying => false,
        })
    }

    /// Whether this identity is among the [`NEAR_HEAD`] first in line, to whom the next free turn
    /// can go (`docs/spec/queue.md#near-head`), and who is worth holding an answer for
    /// (`docs/spec/queue.md#held-positions`).
    #[must_use]
    pub fn is_near_head(&self, id: &Id) -> bool {
        matches!(self.position(id), Some(1..=NEAR_HEAD))
    }

    /// The mode that the queue goes back to when a pause is over: the one before it.
    ///
    /// # Errors
    ///
    /// If this is no pause: the queue is not halted, or it is because it was drained.
    pub fn mode_after_pause(&self) -> Result<Mode, NotPaused> {
        let before = self.halt.ok_or(NotPaused::Running)?.before;
        if before == Mode::Draining && self.is_empty() {
            return Err(NotPaused::Drained);
        }
        Ok(before)
    }

    /// The stay of this identity, or why it has none.
    pub(crate) fn stay_or_refusal(&self, id: &Id) -> Result<Stay, Refusal> {
        if let Some(stay) = self.stay(id) {
            return Ok(stay);
        }
        match self.past(id) {
            Some(past) if !past.pardoned => Err(Refusal::Ended {
                outcome: past.outcome,
            }),
            _ => Err(Refusal::NotQueued),
        }
    }
}
