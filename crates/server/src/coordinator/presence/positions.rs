//! Followers are told their new positions in line.

use std::time::Duration;

use tauline_queue_core::Timestamp;

use crate::coordinator::task::Task;

/// The pause between two rounds of telling followers their positions.
pub(in crate::coordinator) const TELL_EVERY: Duration = Duration::from_secs(1);

/// Followers that are told before the next commit: some, so that thousands of them keep nobody
/// else waiting.
const MAX_AT_ONCE: usize = 256;

impl Task {
    /// Tells followers their new positions, every [`TELL_EVERY`] at most.
    pub(super) fn tell_positions(&mut self, now: Timestamp) {
        let moment = &mut self.moment;
        let told_by = moment.positions_told.saturating_add(TELL_EVERY);
        if moment.released || (moment.line_moved && told_by <= now) {
            moment.line_moved = false;
            moment.positions_told = now;
            moment.to_tell = moment.held.everybody(!moment.released);
        }
        let rest = moment.to_tell.len().saturating_sub(MAX_AT_ONCE);
        for who in moment.to_tell.split_off(rest) {
            self.answer_due(now, &who);
        }
    }
}
