//! Contributions whose last byte has arrived and that are still being read
//! (`docs/spec/queue.md#last-byte`).
//!
//! The participant's clock stops at the last byte. Reading millions of bytes of JSON takes a
//! moment, in which the deadline may pass: so time for the rules is held short of the deadline as
//! long as a contribution that arrived before it is being read.

use std::time::Duration;

use tauline_protocol::Identity;
use tauline_queue_core::{Phase, Queue, Ticket, Timestamp};

/// Reading holds the time for this long even if there is no grace. Reading the largest body,
/// 13 MB of JSON, takes a tenth of that.
const MIN_READING_LIMIT: Duration = Duration::from_secs(1);

/// Reading holds the time for this long at most, however much grace there is: time that was held
/// is a gap, and the rules take a gap of two and a half seconds for an absence.
const MAX_READING_LIMIT: Duration = Duration::from_millis(2400);

/// How long reading may hold the time: half the grace. Deadlines that others are given meanwhile
/// come too early by as long as time was held, and the rest of the grace makes up for that.
fn reading_limit(grace: Duration) -> Duration {
    (grace / 2).clamp(MIN_READING_LIMIT, MAX_READING_LIMIT)
}

/// Contributions that are being read.
#[derive(Debug, Default)]
pub(in crate::coordinator) struct Arrivals(Vec<(Ticket, Timestamp)>);

impl Arrivals {
    /// A contribution of this stay has arrived.
    pub(in crate::coordinator) fn begin(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
        grace: Duration,
    ) {
        self.0.retain(|(_, until)| now < *until);
        self.0
            .push((ticket, now.saturating_add(reading_limit(grace))));
    }

    /// One contribution of this stay is read, or found unreadable.
    pub(in crate::coordinator) fn end(&mut self, ticket: Ticket) {
        if let Some(at) = self.0.iter().position(|(one, _)| *one == ticket) {
            self.0.remove(at);
        }
    }

    /// The stay is over.
    pub(in crate::coordinator) fn forget(&mut self, ticket: Ticket) {
        self.0.retain(|(one, _)| *one != ticket);
    }

    /// `now`; while the contribution of the turn is being read, no later than the last moment
    /// before the turn ends.
    pub(in crate::coordinator) fn hold(
        &self,
        now: Timestamp,
        queue: &Queue<Identity>,
    ) -> Timestamp {
        if self.0.is_empty() {
            return now;
        }
        let Some(turn) = queue
            .state()
            .turn()
            .filter(|turn| turn.phase == Phase::Contributing)
        else {
            return now;
        };
        let being_read = self
            .0
            .iter()
            .any(|(ticket, until)| *ticket == turn.ticket && now < *until);
        if !being_read {
            return now;
        }
        let last_moment = |ends: Timestamp| ends.saturating_sub(Duration::from_millis(1));
        queue
            .turn_ends_at()
            .map_or(now, |ends| now.min(last_moment(ends)))
    }
}
