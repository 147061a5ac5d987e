//! Presence: who is there, and what the task does for those who wait for an answer.

mod check_in;
pub(super) mod positions;
mod try_contribute;
pub(super) mod waiters;

use tauline_protocol::Identity;
use tauline_queue_core::{Command, Mode, Phase, Timestamp};

use self::waiters::{AHEAD_OF_DEADLINE, HeldAnswer, Recipient, Seen};
use super::handle::Coordinator;
use super::task::{Message, Moment, Task};

impl Coordinator {
    /// A connection of this participant's was cut while a request was on its way. If it has no
    /// other, and checks in while it contributes, its turn ends unless it comes back soon.
    pub(crate) fn disconnected(&self, who: &Identity) {
        let who = who.clone();
        let message = Message::new(move |task, now| task.disconnected(now, &who));
        let _ = self.urgent_mailbox.send(message);
    }

    /// Notices when a request of this participant's is cut before it is answered.
    pub(crate) fn attach(&self, who: &Identity) -> Attached<'_> {
        Attached {
            coordinator: self,
            who: Some(who.clone()),
        }
    }
}

/// A request that is on its way. Dropped before it is answered, its connection was closed.
pub(crate) struct Attached<'a> {
    coordinator: &'a Coordinator,
    who: Option<Identity>,
}

impl Attached<'_> {
    /// The request has arrived, or is answered.
    pub(crate) fn detach(mut self) {
        self.who = None;
    }
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        if let Some(who) = self.who.take() {
            self.coordinator.disconnected(&who);
        }
    }
}

impl Task {
    /// Checks in for those who wait for held answers, and gives the answers that are due.
    pub(super) fn attend(&mut self, now: Timestamp) {
        for who in self.moment.held.take_scheduled(now) {
            if self.shows_presence(now, &who) {
                self.check_in_for(now, &who);
            }
            self.answer_due(now, &who);
        }
        for who in self.moment.held.take_touched() {
            // Called by something else, while a try of its own waits for just that.
            let stay = self.state().stay(&who);
            if stay.is_some_and(|stay| stay.phase == Phase::Ready) {
                self.check_in_for(now, &who);
            }
            self.answer_due(now, &who);
        }
        self.tell_positions(now);
    }

    /// Asks for a free turn on behalf of those who are there without asking, in the order of the
    /// line: before anybody else can ask for it (`docs/spec/queue.md#asked-first`).
    pub(super) fn offer_turn(&mut self, now: Timestamp) {
        if self.state().turn().is_some() || self.state().mode() == Mode::Halted {
            return;
        }
        let near: Vec<_> = self
            .state()
            .near_head()
            .map(|(ticket, who)| (ticket, who.clone()))
            .collect();
        for (ticket, who) in near {
            if self.queue.would_be_called(now, ticket) && self.moment.held.is_present(&who) {
                self.check_in_for(now, &who);
                return;
            }
        }
    }

    /// A connection by which this participant was there is closed: has it another?
    fn disconnected(&mut self, now: Timestamp, who: &Identity) {
        if !self.moment.held.is_present(who) {
            let id = who.clone();
            let _ = self.carry_out(now, Command::Disconnect { id }, None);
        }
    }

    /// Whether the coordinator checks in for a participant whose held answer it looks at. While
    /// it contributes, only what it sends itself shows that it is there, until its deadline is
    /// near: a connection that is cut without a word looks like one that is held.
    fn shows_presence(&self, now: Timestamp, who: &Identity) -> bool {
        self.state().stay(who).is_none_or(|stay| {
            stay.phase != Phase::Contributing
                || stay.deadline <= now.saturating_add(AHEAD_OF_DEADLINE)
        })
    }

    /// Holds an answer back, until something differs from what was `seen` or there is no time left.
    /// A further answer than may be held has the oldest given at once.
    fn hold_back(&mut self, now: Timestamp, who: &Identity, answer: HeldAnswer, seen: Seen) {
        if let Some(oldest) = self.moment.held.insert(who, answer, seen) {
            self.answer(now, who, oldest);
        }
        self.schedule(now, who);
    }

    /// Gives an answer, whatever it waited for.
    fn answer(&mut self, now: Timestamp, who: &Identity, answer: HeldAnswer) {
        // It was there until now, and has a moment to come back: nobody takes its turn meanwhile.
        if let Recipient::CheckIn(reply) = &answer.to
            && !reply.is_closed()
            && self.state().is_near_head(who)
        {
            self.prove_presence(now, who, false);
        }
        match answer.to {
            Recipient::CheckIn(reply) => {
                let standing = self.standing_by(now, who, answer.client);
                let seen = Seen::of(&standing.status);
                self.reply(reply, Ok((standing, seen)));
            }
            Recipient::Try(reply, _) => self.answer_try(who, reply),
        }
    }

    /// Checks in for somebody who waits for a held answer; nothing if nobody does any more.
    fn check_in_for(&mut self, now: Timestamp, who: &Identity) {
        if !self.moment.held.is_present(who) {
            return;
        }
        let phase = self.state().stay(who).map(|stay| stay.phase);
        match (self.moment.held.retry_interval(who), phase) {
            (Some(interval), Some(Phase::Waiting | Phase::Ready)) => {
                let id = who.clone();
                let _ = self.step(now, Command::TryContribute { id, interval }, None);
            }
            _ => {
                let starts_stall_timer = self.moment.held.starts_stall_timer(who);
                self.prove_presence(now, who, starts_stall_timer);
            }
        }
    }

    /// A check-in, where presence alone counts as one.
    fn prove_presence(&mut self, now: Timestamp, who: &Identity, starts_stall_timer: bool) {
        if self.state().presence_counts(who, starts_stall_timer) {
            let _ = self.step(now, Command::CheckIn { id: who.clone() }, None);
        }
    }

    /// Gives this identity's held answers that are due.
    fn answer_due(&mut self, now: Timestamp, who: &Identity) {
        let standing = self.standing(now, who);
        let Moment { held, released, .. } = &mut self.moment;
        for answer in held.take_due(who, now, &standing.status, *released) {
            self.answer(now, who, answer);
        }
        self.schedule(now, who);
    }

    /// Has this identity's held answers looked at again in time for its deadline, where presence
    /// alone moves it.
    fn schedule(&mut self, now: Timestamp, who: &Identity) {
        let starts_stall_timer = self.moment.held.starts_stall_timer(who);
        let state = self.queue.state();
        let counts = state.mode() != Mode::Halted && state.presence_counts(who, starts_stall_timer);
        let by = state.stay(who).filter(|_| counts).map(|stay| stay.deadline);
        self.moment.held.schedule(who, now, by);
    }
}
