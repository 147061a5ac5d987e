//! Check-ins: what they promise in line, and what they mean in the turn.

use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;

use super::Queue;
use crate::{Entry, Event, Mode, NEAR_HEAD, Phase, Stay, Ticket, Timestamp};

impl<Id: Clone + Eq + Hash> Queue<Id> {
    pub(super) fn check_in(&mut self, now: Timestamp, stay: Stay, log: &mut Vec<Entry<Id>>) {
        let halted = self.state.mode() == Mode::Halted;
        match stay.phase {
            Phase::Waiting if halted => self.stay_in_line(now, stay, Duration::ZERO, log),
            Phase::Waiting if self.ask(now, stay.ticket, log) => {}
            Phase::Waiting => self.stay_in_line(now, stay, Duration::ZERO, log),
            Phase::Contributing => self.start_stall_timer(now, stay.ticket, log),
            // Called already; the start deadline stands. Or submitted: nothing left to do.
            Phase::Ready | Phase::Verifying => {}
        }
    }

    /// Moves a check-in deadline forward, never back: a participant that does what it was told
    /// keeps its place, even if everybody ahead leaves at once and its long wait is over early
    /// (`docs/spec/queue.md#promise`).
    pub(super) fn stay_in_line(
        &mut self,
        now: Timestamp,
        stay: Stay,
        at_least: Duration,
        log: &mut Vec<Entry<Id>>,
    ) {
        let from = self.deadlines_run_from(now);
        let (promised, margin) = self.promise(from, stay.position, at_least);
        let check_in_by = promised.max(stay.deadline);
        if check_in_by == stay.deadline {
            return;
        }
        let covered = self
            .state
            .lasting_by(stay.ticket)
            .is_some_and(|by| check_in_by <= by);
        let lasting_by = (!covered).then(|| check_in_by.saturating_add(margin));
        self.emit(
            now,
            Event::CheckedIn {
                ticket: stay.ticket,
                check_in_by,
                lasting_by,
            },
            log,
        );
    }

    /// The check-in deadline for somebody at this position, `at_least` so far away, and how far
    /// beyond it a record of it reaches.
    pub(super) fn promise(
        &self,
        now: Timestamp,
        position: u64,
        at_least: Duration,
    ) -> (Timestamp, Duration) {
        let turns_ahead = position.saturating_sub(1);
        let wait = self.state.estimated_wait(turns_ahead, now);
        let in_line = self.state.waiting();
        // Further back it is not waited for yet: one try may be lost.
        let at_least = match position {
            0..=NEAR_HEAD => at_least,
            _ => at_least.saturating_mul(2),
        };
        let interval = self.rules.checkin_interval(position, in_line, wait);
        let interval = interval.max(at_least);
        let check_in_by = now.saturating_add(interval);
        (check_in_by, self.rules.lasting_margin(interval))
    }

    /// Starts the stall timer, or starts it anew: a participant that has once checked in while it
    /// contributes must go on doing so (`docs/spec/queue.md#stall-timer`).
    fn start_stall_timer(&mut self, now: Timestamp, ticket: Ticket, log: &mut Vec<Entry<Id>>) {
        let from = self.deadlines_run_from(now);
        let check_in_by = from.saturating_add(self.rules.stall_limit);
        if self.state.stalled_by() != Some(check_in_by) {
            self.emit(
                now,
                Event::CheckedIn {
                    ticket,
                    check_in_by,
                    lasting_by: None,
                },
                log,
            );
        }
    }

    /// Brings the stall deadline forward if a stall timer runs: a closed connection gives less time to
    /// come back than silence does.
    pub(super) fn disconnect(&mut self, now: Timestamp, stay: &Stay, log: &mut Vec<Entry<Id>>) {
        let by = now.saturating_add(self.rules.disconnect_limit);
        let checks_in = self
            .state
            .stalled_by()
            .filter(|&stalled_by| by < stalled_by);
        if checks_in.is_some()
            && stay.phase == Phase::Contributing
            && self.state.mode() != Mode::Halted
        {
            self.emit(
                now,
                Event::CheckedIn {
                    ticket: stay.ticket,
                    check_in_by: by,
                    lasting_by: None,
                },
                log,
            );
        }
    }
}
