//! Contributions read ahead: whoever replays the log asks for one after the other, each by its ticket, and
//! each question would cost a round trip.
//!
//! A contribution is final, so it does not matter when it was read.

use std::collections::VecDeque;

use tauline_queue_core::Ticket;

use crate::contribution::Contribution;

/// How many are read at a time, at most.
const LONGEST: i64 = 512;

/// What was read and is not asked for yet.
#[derive(Default)]
pub(super) struct Ahead {
    read: VecDeque<Contribution>,
    /// The number of the contribution that was last asked for.
    last: u64,
    /// How often the next one was asked for in a row, as a power of two.
    run: i64,
}

impl Ahead {
    /// The contribution of a ticket, if it was read.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Contribution> {
        while self.read.front().is_some_and(|one| one.ticket < ticket) {
            self.read.pop_front();
        }
        let is_it = self.read.front().is_some_and(|one| one.ticket == ticket);
        let one = is_it.then(|| self.read.pop_front()).flatten()?;
        self.last = one.number;
        Some(one)
    }

    /// How many to read now.
    pub(super) fn count(&self) -> i64 {
        self.run.max(1)
    }

    /// Notes what was found for a ticket, and what comes after it.
    pub(super) fn put(&mut self, found: &Contribution, rest: VecDeque<Contribution>) {
        self.run = match found.number == self.last + 1 {
            true => (self.count() * 2).min(LONGEST),
            false => 1,
        };
        self.last = found.number;
        self.read = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(number: u64) -> Contribution {
        Contribution {
            number,
            ticket: Ticket::new(number * 3),
            identity: "invite|a".parse().unwrap(),
            witness: Vec::new(),
            ecdsa: None,
            digest: None,
        }
    }

    #[test]
    fn only_whoever_asks_in_order_is_read_ahead_for() {
        let mut ahead = Ahead::default();
        let mut questions = 0;
        for number in 1..=5000 {
            let ticket = Ticket::new(number * 3);
            if let Some(found) = ahead.take(ticket) {
                assert_eq!(found, one(number));
                continue;
            }
            questions += 1;
            let count = u64::try_from(ahead.count()).unwrap();
            ahead.put(
                &one(number),
                (number + 1..number + count).map(one).collect(),
            );
        }
        assert!(questions < 25, "{questions}");
        for number in [7, 4900, 12, 3000] {
            assert_eq!(ahead.take(Ticket::new(number * 3)), None);
            ahead.put(&one(number), VecDeque::new());
            assert_eq!(ahead.count(), 1);
        }
        assert_eq!(ahead.take(Ticket::new(1)), None);
    }
}
