//! Absences of the coordinator, which cost nobody anything, and time that does not fall.

use alloc::vec::Vec;
use core::hash::Hash;

use super::Queue;
use crate::{Entry, Event, Mode, Timestamp};

impl<Id: Clone + Eq + Hash> Queue<Id> {
    /// Time for the rules: it never falls, whatever the clock does (`docs/spec/queue.md#log-time`).
    pub(super) fn monotonic(&self, now: Timestamp) -> Timestamp {
        now.max(self.state.log_time()).max(self.last_step_at)
    }

    /// Moves all deadlines if the coordinator was away: after a restart, or if this step comes
    /// later after the last one than a living coordinator's would (`docs/spec/queue.md#absence`).
    pub(super) fn make_absence_good(&mut self, now: Timestamp, log: &mut Vec<Entry<Id>>) {
        let restarted = self.restarted;
        self.restarted = false;
        let stalled = self.state.mode() != Mode::Halted
            && now.since(self.last_step_at) > self.rules.longest_gap();
        if (restarted || stalled) && !self.state.is_empty() {
            // Who was there before the absence counts as there after it.
            let gap = now.since(self.last_step_at);
            for (_, at) in &mut self.heard {
                *at = at.saturating_add(gap);
            }
            let pause = now.since(self.state.halted_since().unwrap_or(self.last_step_at));
            self.emit(now, Event::Resumed { pause, restarted }, log);
        }
    }

    /// The time that new deadlines are counted from. While the queue is halted, that is the time of
    /// the halt: a check-in made meanwhile gives the full time from the moment that the halt ends
    /// (`docs/spec/queue.md#pause`).
    pub(super) fn deadlines_run_from(&self, now: Timestamp) -> Timestamp {
        match self.state.halted_since() {
            Some(since) => since,
            None => now,
        }
    }
}
