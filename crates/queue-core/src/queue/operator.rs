//! The operator's orders: modes, pardons and expulsions.

use alloc::vec::Vec;
use core::hash::Hash;

use super::Queue;
use crate::{Entry, Event, Mode, Outcome, Phase, Refusal, Ticket, Timestamp};

impl<Id: Clone + Eq + Hash> Queue<Id> {
    pub(super) fn set_mode(&mut self, now: Timestamp, mode: Mode, log: &mut Vec<Entry<Id>>) {
        if mode == self.state.mode() {
            return;
        }
        if let Some(since) = self.state.halted_since() {
            // Before the mode, so that a log cut between the two keeps the deadlines whole.
            let pause = now.since(since);
            if !pause.is_zero() && !self.state.is_empty() {
                self.emit(
                    now,
                    Event::Resumed {
                        pause,
                        restarted: false,
                    },
                    log,
                );
            }
        }
        self.emit(now, Event::ModeSet { mode }, log);
    }

    /// Halts a draining queue that is empty: the last contribution is completely processed
    /// (`docs/spec/queue.md#drained`).
    pub(super) fn halt_if_drained(&mut self, now: Timestamp, log: &mut Vec<Entry<Id>>) {
        if self.state.mode() == Mode::Draining && self.state.is_empty() {
            self.emit(now, Event::ModeSet { mode: Mode::Halted }, log);
        }
    }

    /// The rule: `docs/spec/queue.md#pardon`.
    pub(super) fn pardon(
        &mut self,
        now: Timestamp,
        id: Id,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        match self.state.used_up(&id) {
            None => Err(Refusal::NothingToPardon),
            Some(Outcome::Contributed) => Err(Refusal::ContributionIsFinal),
            Some(_) => {
                self.emit(now, Event::Pardoned { id }, log);
                Ok(())
            }
        }
    }

    /// The rules: `docs/spec/queue.md#expulsion`, `docs/spec/queue.md#expulsion-verifying`.
    pub(super) fn expel(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let Some(stay) = self.state.stay_with(ticket) else {
            let was_given_out = Ticket::FIRST <= ticket && ticket < self.state.next_ticket();
            return Err(match was_given_out {
                true => Refusal::StayOver { ticket },
                false => Refusal::UnknownTicket { ticket },
            });
        };
        if stay.phase == Phase::Verifying {
            return Err(Refusal::AlreadySubmitted);
        }
        let outcome = Outcome::Expelled;
        self.emit(now, Event::Ended { ticket, outcome }, log);
        Ok(())
    }
}
