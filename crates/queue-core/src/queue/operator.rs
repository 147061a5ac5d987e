//! The operator's orders: modes and pardons.

use alloc::vec::Vec;
use core::hash::Hash;

use super::Queue;
use crate::{Entry, Event, Mode, Outcome, Refusal, Timestamp};

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
}
