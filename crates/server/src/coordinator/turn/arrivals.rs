//! Contributions whose last byte has arrived and that are still being read.
//!
//! The participant's clock stops at the last byte. Reading millions of bytes of JSON takes a
//! moment, in which the deadline may pass: so time for the rules is held short of the deadline as
//! long as a contribution that arrived before it is being read.

use std::time::Duration;

use tauline_protocol::Identity;
use tauline_queue_core::{Phase, Queue, Ticket, Timestamp};

/// The least time that reading may take in which the clock stands still, for when there is no
/// grace. Ours: reading the largest body, 13 MB of JSON, takes a tenth of that.
const LEAST_READING_LIMIT: Duration = Duration::from_secs(1);

/// The most time, for when there is much grace: the rules take a gap of two and a half seconds for an absence,
/// and time that was held is one.
const MOST_READING_LIMIT: Duration = Duration::from_millis(2400);

/// How long reading may hold the time: half the grace. For as long as time was held, others were
/// given deadlines that come too early by that much, and it must leave them grace enough.
fn reading_limit(grace: Duration) -> Duration {
    (grace / 2).clamp(LEAST_READING_LIMIT, MOST_READING_LIMIT)
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

    /// `now`, or the last moment before the turn's deadline comes due, if the contribution of that
    /// turn is being read.
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
