//! Absences of the coordinator, which cost nobody anything, and time that does not fall.

use alloc::vec::Vec;
use core::hash::Hash;

use super::Queue;
use crate::{Entry, Event, Mode, Timestamp};

impl<Id: Clone + Eq + Hash> Queue<Id> {
    /// Time for the rules: it never falls, whatever the clock does.
    pub(super) fn monotonic(&self, now: Timestamp) -> Timestamp {
        now.max(self.state.log_time()).max(self.last_step_at)
    }

    /// Moves all deadlines if the coordinator was away: after a restart, and when it comes clearly
    /// later after the last step than one that lives.
    pub(super) fn make_absence_good(&mut self, now: Timestamp, log: &mut Vec<Entry<Id>>) {
        let restarted = self.restarted;
        self.restarted = false;
        let stalled = self.state.mode() != Mode::Halted
            && now.since(self.last_step_at) > self.rules.longest_gap();
        if (restarted || stalled) && !self.state.is_empty() {
            // Whoever was there before the absence is there after it.
            let gap = now.since(self.last_step_at);
            for (_, at) in &mut self.heard {
                *at = at.saturating_add(gap);
            }
            let pause = now.since(self.state.halted_since().unwrap_or(self.last_step_at));
            self.emit(now, Event::Resumed { pause, restarted }, log);
        }
    }

    /// The time that deadlines are counted from: they stand still while the queue is halted, and who
    /// shows itself then has all of its time when it goes on.
    pub(super) fn deadlines_run_from(&self, now: Timestamp) -> Timestamp {
        match self.state.halted_since() {
            Some(since) => since,
            None => now,
        }
    }
}
