//! What can be read from a state.

use core::hash::Hash;
use core::time::Duration;

use super::State;
use crate::{Mode, NEAR_HEAD, Outcome, Past, Phase, Stay, Ticket, Timestamp, Turn};

impl<Id: Clone + Eq + Hash> State<Id> {
    /// The mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// While halted: since when deadlines stand still.
    #[must_use]
    pub fn halted_since(&self) -> Option<Timestamp> {
        self.halt.map(|halt| halt.since)
    }

    /// The time of the last entry of the log, or the time the log began.
    #[must_use]
    pub fn log_time(&self) -> Timestamp {
        self.log_time
    }

    /// How many are in line. The stay that has the turn is not.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.line.len()
    }

    /// How many contributions were accepted.
    #[must_use]
    pub fn contributions(&self) -> u64 {
        self.contributions
    }

    /// The stay whose contribution is the head of the ceremony.
    #[must_use]
    pub fn last_contributed(&self) -> Option<Ticket> {
        self.last_contributed
    }

    /// The ticket of the next to join.
    #[must_use]
    pub fn next_ticket(&self) -> Ticket {
        self.next_ticket
    }

    /// The head of the line: the stay that the turn comes to next.
    #[must_use]
    pub fn head(&self) -> Option<(Ticket, &Id)> {
        self.line
            .head()
            .map(|(ticket, waiter)| (ticket, &waiter.id))
    }

    /// The first in line, [`NEAR_HEAD`] of them at most: those that a free turn can go to.
    pub fn near_head(&self) -> impl Iterator<Item = (Ticket, &Id)> {
        (0..NEAR_HEAD)
            .map_while(|ahead| self.line.nth(ahead))
            .map(|(ticket, waiter)| (ticket, &waiter.id))
    }

    /// Everybody in line, in order.
    pub fn line(&self) -> impl Iterator<Item = (Ticket, &Id)> {
        self.line
            .iter()
            .map(|(ticket, waiter)| (ticket, &waiter.id))
    }

    /// The current turn, if there is one.
    #[must_use]
    pub fn turn(&self) -> Option<Turn<'_, Id>> {
        self.turn.as_ref().map(|turn| Turn {
            ticket: turn.ticket,
            id: &turn.id,
            phase: turn.phase,
            called_at: turn.called_at,
            since: turn.since,
            deadline: turn.deadline(),
            overdue: turn.overdue(),
            contribute_by: (turn.phase == Phase::Contributing).then_some(turn.by),
        })
    }

    /// The stay of this identity that is not over, if it has one.
    #[must_use]
    pub fn stay(&self, id: &Id) -> Option<Stay> {
        self.stay_with(self.people.get(id)?.live?)
    }

    /// The stay with this ticket, if it is not over.
    pub(crate) fn stay_with(&self, ticket: Ticket) -> Option<Stay> {
        if let Some(turn) = &self.turn
            && turn.ticket == ticket
        {
            return Some(Stay {
                ticket,
                phase: turn.phase,
                position: 0,
                deadline: turn.deadline(),
                joined_at: turn.joined_at,
                passed: turn.passed,
            });
        }
        let waiter = self.line.waiter(ticket)?;
        Some(Stay {
            ticket,
            phase: Phase::Waiting,
            joined_at: waiter.joined_at,
            passed: waiter.passed,
            position: self.line.rank(ticket)? + 1,
            deadline: self.line.deadline(ticket)?,
        })
    }

    /// The place of this identity: 0 if it has the turn, 1 if it is the head of the line, and so on;
    /// `None` if it is not in the queue. Less work than [`State::stay`].
    #[must_use]
    pub fn position(&self, id: &Id) -> Option<u64> {
        let ticket = self.people.get(id)?.live?;
        match &self.turn {
            Some(turn) if turn.ticket == ticket => Some(0),
            _ => self.line.rank(ticket).map(|ahead| ahead + 1),
        }
    }

    /// The last stay of this identity that is over, if it had one.
    #[must_use]
    pub fn past(&self, id: &Id) -> Option<Past> {
        self.people.get(id)?.past
    }

    /// The outcome that used this identity up, if it is used up.
    #[must_use]
    pub fn used_up(&self, id: &Id) -> Option<Outcome> {
        self.past(id)
            .filter(|past| past.uses_up())
            .map(|past| past.outcome)
    }

    /// How many identities are used up without having contributed. Looks at everybody who was ever
    /// in the queue.
    #[must_use]
    pub fn used_up_in_vain(&self) -> u64 {
        let in_vain = |past: &Past| past.uses_up() && past.outcome != Outcome::Contributed;
        let pasts = self.people.values().filter_map(|person| person.past);
        pasts.filter(in_vain).count() as u64
    }

    /// Whose stay this is, if it is not over.
    #[must_use]
    pub fn id_of(&self, ticket: Ticket) -> Option<&Id> {
        match &self.turn {
            Some(turn) if turn.ticket == ticket => Some(&turn.id),
            _ => self.line.waiter(ticket).map(|waiter| &waiter.id),
        }
    }

    /// Mean length of the recent whole turns, failed ones included; what the rules expect before
    /// there was one.
    #[must_use]
    pub fn mean_turn(&self) -> Duration {
        self.estimate.mean()
    }

    /// The wait of a stay that has the current turn and `turns_ahead` whole turns before it
    /// (`docs/spec/queue.md#estimate`).
    #[must_use]
    pub fn estimated_wait(&self, turns_ahead: u64, now: Timestamp) -> Duration {
        let age = self.turn.as_ref().map(|turn| now.since(turn.called_at));
        self.estimate.wait(turns_ahead, age)
    }

    /// How long this identity can expect to wait from now; zero if it has the turn.
    #[must_use]
    pub fn wait_of(&self, id: &Id, now: Timestamp) -> Option<Duration> {
        let stay = self.stay(id)?;
        Some(match stay.position.checked_sub(1) {
            Some(turns_ahead) => self.estimated_wait(turns_ahead, now),
            None => Duration::ZERO,
        })
    }

    /// How long somebody who joined now could expect to wait.
    #[must_use]
    pub fn wait_of_newcomer(&self, now: Timestamp) -> Duration {
        self.estimated_wait(self.waiting(), now)
    }

    /// Whether nobody is in line or has the turn.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.line.is_empty() && self.turn.is_none()
    }

    /// The earliest check-in deadline in line.
    pub(crate) fn earliest_check_in(&self) -> Option<Timestamp> {
        self.line.earliest_deadline()
    }

    /// The first ticket in line that has the earliest check-in deadline.
    pub(crate) fn next_to_miss(&self) -> Option<Ticket> {
        self.line.earliest().map(|(_, ticket)| ticket)
    }

    /// Contributing only: when the next check-in is due, if there was one.
    #[must_use]
    pub fn stalled_by(&self) -> Option<Timestamp> {
        self.turn.as_ref()?.stalled_by
    }

    /// The check-in deadline of somebody in line, and how many turns have passed it.
    #[must_use]
    pub fn waiting_until(&self, ticket: Ticket) -> Option<(Timestamp, u32)> {
        let passed = self.line.waiter(ticket)?.passed;
        Some((self.line.deadline(ticket)?, passed))
    }

    /// How many are ahead of somebody in line.
    #[must_use]
    pub fn ahead_of(&self, ticket: Ticket) -> Option<u64> {
        self.line.rank(ticket)
    }

    /// How long nearly all recent accepted contributions took: see
    /// [`Rules::contribution_min`](crate::Rules::contribution_min). `None` before there were enough.
    #[must_use]
    pub fn longest_usual_work(&self) -> Option<Duration> {
        self.estimate.longest_usual_work()
    }

    /// Contributing only: since when, and when the last byte must have arrived, whatever the check-ins.
    pub(crate) fn contribute_by(&self) -> Option<(Timestamp, Timestamp)> {
        let turn = self.turn.as_ref()?;
        (turn.phase == Phase::Contributing).then_some((turn.since, turn.by))
    }

    /// Up to when the durable log covers the check-in deadline of somebody in line: volatile
    /// check-ins never move the deadline further.
    #[must_use]
    pub fn lasting_by(&self, ticket: Ticket) -> Option<Timestamp> {
        self.line.waiter(ticket).map(|waiter| waiter.lasting_by)
    }
}
