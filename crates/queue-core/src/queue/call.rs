//! Which stay a free turn goes to, and which stays it passes.

use alloc::vec::Vec;
use core::hash::Hash;

use super::Queue;
use crate::{Entry, Event, Mode, NEAR_HEAD, Ticket, Timestamp};

impl<Id: Clone + Eq + Hash> Queue<Id> {
    /// Whether a free turn goes to this stay if it asks now.
    #[must_use]
    pub fn would_be_called(&self, now: Timestamp, ticket: Ticket) -> bool {
        self.state.mode() != Mode::Halted && self.passes_for(self.monotonic(now), ticket).is_some()
    }

    /// A stay in line asks for the turn: it is called if the turn is free for it.
    pub(super) fn ask(&mut self, now: Timestamp, ticket: Ticket, log: &mut Vec<Entry<Id>>) -> bool {
        if let Some(passed) = self.passes_for(now, ticket) {
            self.call(now, ticket, passed, log);
            return true;
        }
        let presence_limit = self.rules.presence_limit();
        self.heard
            .retain(|&(one, at)| one != ticket && now < at.saturating_add(presence_limit));
        if self
            .state
            .ahead_of(ticket)
            .is_some_and(|ahead| ahead < NEAR_HEAD)
        {
            self.heard.push((ticket, now));
        }
        false
    }

    /// The stays ahead that a free turn passes if it goes to this one now, in order
    /// (`docs/spec/queue.md#passing`).
    ///
    /// `None` if the turn may not go to this stay: it is taken, the stay is not among the first three,
    /// or one ahead may not be passed.
    fn passes_for(&self, now: Timestamp, ticket: Ticket) -> Option<Vec<Ticket>> {
        let ahead = self
            .state
            .ahead_of(ticket)
            .filter(|&ahead| self.state.turn().is_none() && ahead < NEAR_HEAD)?;
        let mut passed = Vec::new();
        let line = self.state.near_head().map(|(one, _)| one);
        for one in line.take_while(|&one| one != ticket) {
            if !self.may_be_passed(now, one) {
                return None;
            }
            passed.push(one);
        }
        (passed.len() as u64 == ahead).then_some(passed)
    }

    /// Whether a free turn may pass this stay: it was not passed too often, did not ask a moment ago,
    /// and is not expected within the shortest interval.
    fn may_be_passed(&self, now: Timestamp, ticket: Ticket) -> bool {
        let Some((by, passed)) = self.state.waiting_until(ticket) else {
            return false;
        };
        let expected = by <= now.saturating_add(self.rules.checkin_min);
        let is_there = self.heard.iter().any(|&(one, at)| {
            one == ticket && now < at.saturating_add(self.rules.presence_limit())
        });
        passed < self.rules.passes && !expected && !is_there
    }

    pub(super) fn call(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        passed: Vec<Ticket>,
        log: &mut Vec<Entry<Id>>,
    ) {
        // It may be called by a check-in while its client sleeps: it needs the time to its next try.
        let retry = self
            .retry_intervals
            .get(&ticket)
            .copied()
            .unwrap_or_default();
        let called = Event::Called {
            ticket,
            start_by: now.saturating_add(self.rules.start_limit.max(retry)),
            passed,
        };
        self.emit(now, called, log);
    }
}
