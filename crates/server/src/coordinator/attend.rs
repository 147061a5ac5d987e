//! Presence without polling: what the task does for those who wait for held answers.

use tauline_protocol::Identity;
use tauline_protocol::status::QueueWord;
use tauline_queue_core::{Command, Mode, Outcome, Phase, Timestamp};

use super::TICK;
use super::held::{Hold, Seen};
use super::task::{BATCH, Task};

impl Task {
    /// Checks in for those who wait for held answers, and gives the answers that are due.
    pub(super) fn attend(&mut self, now: Timestamp) {
        for who in self.now.held.take_scheduled(now) {
            self.check_in_for(now, &who);
            self.answer_held(now, &who);
        }
        // A free turn goes to a head that is there without its asking.
        if self.state().turn().is_none()
            && self.state().mode() != Mode::Halted
            && let Some((_, head)) = self.state().head()
        {
            let head = head.clone();
            self.check_in_for(now, &head);
        }
        for who in self.now.held.take_touched() {
            self.answer_held(now, &who);
        }
        self.tell_positions(now);
    }

    /// Tells followers their new positions: every [`TICK`] at most, and some in each batch, so that
    /// thousands of them keep nobody else waiting.
    fn tell_positions(&mut self, now: Timestamp) {
        let told_by = self.now.positions_told.saturating_add(TICK);
        if self.now.released || (self.now.line_moved && told_by <= now) {
            self.now.line_moved = false;
            self.now.positions_told = now;
            self.now.to_tell = self.now.held.everybody(!self.now.released);
        }
        let rest = self.now.to_tell.len().saturating_sub(BATCH);
        for who in self.now.to_tell.split_off(rest) {
            self.answer_held(now, &who);
        }
    }

    pub(super) fn hold(
        &mut self,
        now: Timestamp,
        who: &Identity,
        hold: Hold,
        at_once_unless: Option<Seen>,
    ) {
        let _ = self.carry_out(now, Command::Tick, None);
        self.prove_presence(now, who, hold.arms);
        let standing = self.standing(now, who);
        let seen = Seen::of(&standing.status);
        let turn_is_ready = standing.status.queue_status == QueueWord::ReadyToContribute;
        let waits = if hold.positions {
            at_once_unless == Some(seen)
        } else {
            standing.past.is_none() && standing.status.ticket.is_some() && !turn_is_ready
        };
        if !waits || self.now.released || hold.until <= now {
            self.reply(hold.reply, Ok((standing, seen)));
            return;
        }
        if let Some(oldest) = self.now.held.insert(who, hold, seen) {
            self.reply(oldest.reply, Ok((standing, seen)));
        }
        self.schedule(now, who);
    }

    /// Checks in for somebody who waits for a held answer; nothing if nobody does any more.
    fn check_in_for(&mut self, now: Timestamp, who: &Identity) {
        if self.now.held.is_present(who) {
            let arms = self.now.held.arms(who);
            self.prove_presence(now, who, arms);
        }
    }

    /// A check-in that leaves a contributing participant without a stall deadline alone, unless it
    /// asked for one.
    fn prove_presence(&mut self, now: Timestamp, who: &Identity, arms: bool) {
        let counts = self
            .state()
            .stay(who)
            .is_some_and(|stay| self.counts(stay.phase, arms));
        if counts {
            let _ = self.carry_out(now, Command::CheckIn { id: who.clone() }, None);
        }
    }

    /// Whether presence alone is a check-in in this phase.
    fn counts(&self, phase: Phase, arms: bool) -> bool {
        match phase {
            Phase::Waiting => true,
            Phase::Contributing => {
                arms || self
                    .state()
                    .turn()
                    .is_some_and(|turn| turn.overdue == Outcome::Stalled)
            }
            Phase::Ready | Phase::Verifying => false,
        }
    }

    /// Gives this identity's held answers that are due.
    fn answer_held(&mut self, now: Timestamp, who: &Identity) {
        let standing = self.standing(now, who);
        let seen = Seen::of(&standing.status);
        let released = self.now.released;
        for hold in self.now.held.take_due(who, now, &standing.status, released) {
            self.reply(hold.reply, Ok((standing.clone(), seen)));
        }
        self.schedule(now, who);
    }

    fn schedule(&mut self, now: Timestamp, who: &Identity) {
        let runs = self.state().mode() != Mode::Halted;
        let by = self
            .state()
            .stay(who)
            .filter(|stay| runs && self.counts(stay.phase, self.now.held.arms(who)))
            .map(|stay| stay.deadline);
        self.now.held.schedule(who, now, by);
    }
}
