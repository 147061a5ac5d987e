//! What each command does: joining and trying here, the rest in the files beside this one.

use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;

use super::Queue;
use crate::{Command, Entry, Event, Mode, Phase, Refusal, Ticket, Timestamp};

impl<Id: Clone + Eq + Hash> Queue<Id> {
    pub(super) fn decide(
        &mut self,
        now: Timestamp,
        command: Command<Id>,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        match command {
            Command::Join { id } => self.join(now, id, log),
            Command::TryContribute { id, interval } => self.try_contribute(now, id, interval, log),
            Command::CheckIn { id } => {
                let stay = self.state.stay_or_refusal(&id)?;
                self.check_in(now, stay, log);
                Ok(())
            }
            Command::Start { id, checks_in } => self.start(now, &id, checks_in, log),
            Command::Disconnect { id } => {
                let stay = self.state.stay_or_refusal(&id)?;
                self.disconnect(now, &stay, log);
                Ok(())
            }
            Command::Upload { id } => {
                let stay = self.state.stay_or_refusal(&id)?;
                self.upload(now, &stay, log);
                Ok(())
            }
            Command::Submit { id } => self.submit(now, &id, log),
            Command::Abort { id } => self.abort(now, &id, log),
            Command::Leave { id } => self.leave(now, &id, log),
            Command::Judge { ticket, verdict } => self.judge(now, ticket, verdict, log),
            Command::SetMode(mode) => {
                self.set_mode(now, mode, log);
                Ok(())
            }
            Command::Pardon { id } => self.pardon(now, id, log),
            Command::Expel { ticket } => self.expel(now, ticket, log),
            Command::Tick => Ok(()),
        }
    }

    /// The rule: `docs/spec/queue.md#one-place`.
    fn join(&mut self, now: Timestamp, id: Id, log: &mut Vec<Entry<Id>>) -> Result<(), Refusal> {
        if let Some(stay) = self.state.stay(&id) {
            // A page loaded again, perhaps: that alone starts no stall timer.
            if stay.phase != Phase::Contributing || self.state.stalled_by().is_some() {
                self.check_in(now, stay, log);
            }
            return Ok(());
        }
        let ticket = self.begin_stay(now, id, Duration::ZERO, log)?;
        // Joining proves presence as well as a check-in does.
        self.ask(now, ticket, log);
        Ok(())
    }

    /// The rule: `docs/spec/queue.md#polling`.
    fn try_contribute(
        &mut self,
        now: Timestamp,
        id: Id,
        interval: Duration,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<(), Refusal> {
        let Some(stay) = self.state.stay(&id) else {
            let ticket = self.begin_stay(now, id, interval, log)?;
            self.retry_intervals.insert(ticket, interval);
            if self.ask(now, ticket, log) {
                self.begin_contribution(now, ticket, false, log);
            }
            return Ok(());
        };
        let ticket = stay.ticket;
        let halted = self.state.mode() == Mode::Halted;
        match stay.phase {
            Phase::Waiting if !halted && self.ask(now, ticket, log) => {
                self.begin_contribution(now, ticket, false, log);
            }
            Phase::Waiting => {
                self.retry_intervals.insert(ticket, interval);
                self.stay_in_line(now, stay, interval, log);
            }
            Phase::Ready if !halted => self.begin_contribution(now, ticket, false, log),
            Phase::Ready | Phase::Contributing | Phase::Verifying => {}
        }
        Ok(())
    }

    /// Begins a stay, with a first deadline `at_least` so far away
    /// (`docs/spec/queue.md#true-reason`).
    fn begin_stay(
        &mut self,
        now: Timestamp,
        id: Id,
        at_least: Duration,
        log: &mut Vec<Entry<Id>>,
    ) -> Result<Ticket, Refusal> {
        // Used up comes before the mode: the true reason, always.
        if let Some(outcome) = self.state.used_up(&id) {
            return Err(Refusal::UsedUp { outcome });
        }
        match self.state.mode() {
            Mode::Open => {}
            Mode::Draining => return Err(Refusal::Draining),
            Mode::Halted => return Err(Refusal::Halted),
        }
        let ticket = self.state.next_ticket();
        let (check_in_by, margin) = self.promise(now, self.state.waiting() + 1, at_least);
        let lasting_by = check_in_by.saturating_add(margin);
        self.emit(
            now,
            Event::Joined {
                ticket,
                id,
                check_in_by,
                lasting_by,
            },
            log,
        );
        Ok(ticket)
    }
}
