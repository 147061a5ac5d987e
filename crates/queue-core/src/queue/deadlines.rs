//! Deadlines: when each comes due, grace included, and what happens then.

use alloc::vec::Vec;
use core::hash::Hash;

use super::Queue;
use crate::{Entry, Event, Mode, Outcome, Phase, Ticket, Timestamp};

impl<Id: Clone + Eq + Hash> Queue<Id> {
    /// When the next stay ends if nothing is heard. Grace is included. `None` while nothing can come
    /// due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.state.mode() == Mode::Halted {
            return None;
        }
        self.line_due().into_iter().chain(self.turn_ends_at()).min()
    }

    /// Ends every stay whose deadline has passed, the earliest first, ties by ticket
    /// (`docs/spec/queue.md#ties`).
    pub(super) fn expire(&mut self, now: Timestamp, log: &mut Vec<Entry<Id>>) {
        if self.state.mode() == Mode::Halted {
            return;
        }
        loop {
            let in_line = self.line_due();
            // In a tie the turn goes first.
            let in_turn = self
                .turn_due()
                .filter(|(due, _, _)| in_line.is_none_or(|in_line| *due <= in_line));
            let (ticket, outcome) = match (in_turn, in_line) {
                (Some((due, ticket, outcome)), _) if due <= now => (ticket, outcome),
                (None, Some(due)) if due <= now => match self.state.next_to_miss() {
                    Some(ticket) => (ticket, Outcome::MissedCheckIn),
                    None => return,
                },
                _ => return,
            };
            self.emit(now, Event::Ended { ticket, outcome }, log);
        }
    }

    /// When the first in line to miss its check-in has missed it.
    fn line_due(&self) -> Option<Timestamp> {
        let by = self.state.earliest_check_in()?;
        Some(self.due(Phase::Waiting, by))
    }

    /// When the turn ends if nothing more is heard of it. Grace is included. While the queue is
    /// halted the time stands still, and with it this deadline. `None` if nobody has the turn.
    #[must_use]
    pub fn turn_ends_at(&self) -> Option<Timestamp> {
        self.turn_due().map(|(due, _, _)| due)
    }

    /// When the turn ends if nothing more is heard of it, and how.
    fn turn_due(&self) -> Option<(Timestamp, Ticket, Outcome)> {
        let turn = self.state.turn()?;
        let due = self.due(turn.phase, turn.deadline);
        Some((due, turn.ticket, turn.overdue))
    }

    /// When a deadline comes due. Grace is the participant's: verification is the coordinator's own
    /// work, which needs no allowance for latency (`docs/spec/queue.md#grace`).
    fn due(&self, phase: Phase, by: Timestamp) -> Timestamp {
        match phase {
            Phase::Verifying => by,
            _ => by.saturating_add(self.rules.checkin_grace),
        }
    }
}
