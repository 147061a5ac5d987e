//! Presence: held check-ins, event streams and tries, and what the task does for those who wait.

pub(super) mod waiters;

use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tauline_queue_core::{Command, Mode, Phase, Refusal, Timestamp};

use self::waiters::{AHEAD_OF_DEADLINE, Hold, Seen, Waiting};
use super::message::{Message, Urgent};
use super::reply::{No, Reply, Tried};
use super::task::{BATCH, Task};
use super::{Caller, Coordinator, TICK};
use crate::refused::Refused;

impl Coordinator {
    /// A check-in whose answer is held until the status word changes, for at most `hold`; not held
    /// when it is the participant's turn to start, or it is not in the queue. As long as the
    /// future lives, the participant counts as present.
    ///
    /// # Errors
    /// Only when the coordinator is not there to answer.
    pub async fn check_in_held(
        &self,
        who: impl Into<Caller>,
        hold: Duration,
    ) -> Result<QueueStatus, Refused> {
        let until = self.clock().now().saturating_add(hold);
        let Caller { who, client } = who.into();
        let attached = self.attach(&who);
        let (standing, _) = self
            .ask(|reply| Message::Hold {
                who,
                hold: Hold {
                    reply: Waiting::Standing(reply),
                    until,
                    client,
                    positions: false,
                    starts_stall_timer: true,
                },
                at_once_unless: None,
            })
            .await?;
        attached.detach();
        self.complete_status(standing).await
    }

    /// Waits until the status word, the ticket or the position differs from what was `seen`, for
    /// at most `hold`; without `seen`, answers at once. As long as the future lives, the
    /// participant counts as present, but this alone never starts a stall deadline.
    ///
    /// # Errors
    /// Only when the coordinator is not there to answer.
    pub async fn follow(
        &self,
        who: impl Into<Caller>,
        seen: Option<Seen>,
        hold: Duration,
    ) -> Result<(QueueStatus, Seen), Refused> {
        let until = self.clock().now().saturating_add(hold);
        let Caller { who, client } = who.into();
        let attached = self.attach(&who);
        let (standing, seen) = self
            .ask(|reply| Message::Hold {
                who,
                hold: Hold {
                    reply: Waiting::Standing(reply),
                    until,
                    client,
                    positions: true,
                    starts_stall_timer: false,
                },
                at_once_unless: seen,
            })
            .await?;
        attached.detach();
        Ok((self.complete_status(standing).await?, seen))
    }

    /// What a participant gets whose client knows no other call: it joins, checks in or starts,
    /// whichever is due, and is expected to try again after `interval`. The answer to one of the
    /// first in line is held for at most `hold`; as long as the future lives, the participant
    /// counts as present, and its turn starts when it comes.
    ///
    /// # Errors
    /// When the identity is used up, or the ceremony takes no entries.
    pub async fn try_contribute(
        &self,
        who: Identity,
        interval: Duration,
        hold: Duration,
    ) -> Result<Tried, Refused> {
        let until = self.clock().now().saturating_add(hold);
        self.ask(|reply| Message::TryContribute {
            who,
            interval,
            until,
            reply,
        })
        .await
    }

    /// Whether this identity's client is one that only tries, as far as the last call tells.
    ///
    /// # Errors
    /// Only when the coordinator is not there to answer.
    pub async fn only_tries(&self, who: &Identity) -> Result<bool, Refused> {
        let who = who.clone();
        self.ask(|reply| Message::TriesOnly { who, reply }).await
    }

    /// A connection of this participant's was cut in the midst of a request. If it has no other, and
    /// checks in while it contributes, its turn ends unless it comes back soon.
    pub(crate) fn disconnected(&self, who: &Identity) {
        let _ = self.urgent_mailbox.send(Urgent::Disconnected(who.clone()));
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
    /// It has arrived, or is answered.
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
        for who in self.now.held.take_scheduled(now) {
            if self.is_to_be_shown(now, &who) {
                self.check_in_for(now, &who);
            }
            self.answer_held(now, &who);
        }
        for who in self.now.held.take_touched() {
            // Called by something else, while a try of its own waits for just that.
            let stay = self.state().stay(&who);
            if stay.is_some_and(|stay| stay.phase == Phase::Ready) {
                self.check_in_for(now, &who);
            }
            self.answer_held(now, &who);
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
            if self.queue.would_be_called(now, ticket) && self.now.held.is_present(&who) {
                self.check_in_for(now, &who);
                return;
            }
        }
    }

    /// A connection by which this participant was there is closed: has it another?
    pub(super) fn disconnected(&mut self, who: &Identity) {
        if !self.now.held.is_present(who) {
            let id = who.clone();
            let _ = self.carry_out(self.time(), Command::Disconnect { id }, None);
        }
    }

    /// Whether a held answer that is looked at shows that its participant is there. While it
    /// contributes, only what it sends itself does, until its deadline is near: a connection that is
    /// cut without a word looks like one that is held.
    fn is_to_be_shown(&self, now: Timestamp, who: &Identity) -> bool {
        self.state().stay(who).is_none_or(|stay| {
            stay.phase != Phase::Contributing
                || stay.deadline <= now.saturating_add(AHEAD_OF_DEADLINE)
        })
    }

    /// Tells followers their new positions: every [`TICK`] at most, and some in each batch, so that
    /// thousands of them keep nobody else waiting.
    fn tell_positions(&mut self, now: Timestamp) {
        let told_by = self.now.positions_told.saturating_add(TICK);
        if self.now.released || (self.now.line_moved && told_by <= now) {
            self.now.line_moved = false;
            self.now.positions_told = now;
            self.now.to_tell = self.now.held.everybody(!self.now.released);
        }
        let rest = self.now.to_tell.len().saturating_sub(BATCH);
        for who in self.now.to_tell.split_off(rest) {
            self.answer_held(now, &who);
        }
    }

    pub(super) fn hold(
        &mut self,
        now: Timestamp,
        who: &Identity,
        hold: Hold,
        at_once_unless: Option<Seen>,
    ) {
        let _ = self.carry_out(now, Command::Tick, None);
        self.prove_presence(now, who, hold.starts_stall_timer);
        let standing = self.standing(now, who);
        let seen = Seen::of(&standing.status);
        let turn_is_ready = standing.status.queue_status == QueueWord::ReadyToContribute;
        let waits = if hold.positions {
            at_once_unless == Some(seen)
        } else {
            standing.past.is_none() && standing.status.ticket.is_some() && !turn_is_ready
        };
        if !waits || self.now.released || hold.until <= now {
            self.answer(now, who, hold);
            return;
        }
        if let Some(oldest) = self.now.held.insert(who, hold, seen) {
            self.answer(now, who, oldest);
        }
        self.schedule(now, who);
    }

    /// A try: whatever is due at once, and an answer that is held while a turn may come soon.
    pub(super) fn try_contribute(
        &mut self,
        now: Timestamp,
        who: Identity,
        interval: Duration,
        until: Timestamp,
        reply: Reply<Tried>,
    ) {
        let id = who.clone();
        if let Err(refusal) = self.carry_out(now, Command::TryContribute { id, interval }, None) {
            let no = self.no(&who, refusal);
            self.reply(reply, Err(no));
            return;
        }
        self.now.only_trying.insert(who.clone());
        let hold = Hold {
            reply: Waiting::Tried(reply, interval),
            until,
            client: None,
            positions: false,
            starts_stall_timer: false,
        };
        // Each held answer costs a connection, and further back the turn cannot come any moment.
        if !self.state().is_near_head(&who) || self.now.released || until <= now {
            self.answer(now, &who, hold);
            return;
        }
        let seen = Seen::of(&self.standing(now, &who).status);
        if let Some(oldest) = self.now.held.insert(&who, hold, seen) {
            self.answer(now, &who, oldest);
        }
        self.schedule(now, &who);
    }

    /// Gives an answer, whatever it waited for.
    fn answer(&mut self, now: Timestamp, who: &Identity, hold: Hold) {
        // It was there until now, and has a moment to come back: nobody takes its turn meanwhile.
        if let Waiting::Standing(reply) = &hold.reply
            && !reply.is_closed()
            && self.state().is_near_head(who)
        {
            self.prove_presence(now, who, false);
        }
        match hold.reply {
            Waiting::Standing(reply) => {
                let standing = self.standing_by(now, who, hold.client);
                let seen = Seen::of(&standing.status);
                self.reply(reply, Ok((standing, seen)));
            }
            Waiting::Tried(reply, _) => {
                let tried = self.tried(who);
                self.reply(reply, tried);
            }
        }
    }

    /// What a try comes to, now that it has done what it could.
    fn tried(&self, who: &Identity) -> Result<Tried, No> {
        match self.state().stay(who) {
            Some(stay) if stay.phase == Phase::Contributing => {
                Ok(Tried::Base(Arc::clone(&self.base)))
            }
            Some(_) => Ok(Tried::Wait),
            None => match self.state().used_up(who) {
                Some(outcome) => Err(self.no(who, Refusal::UsedUp { outcome })),
                // The next try joins again.
                None => Ok(Tried::Wait),
            },
        }
    }

    /// Checks in for somebody who waits for a held answer; nothing if nobody does any more.
    fn check_in_for(&mut self, now: Timestamp, who: &Identity) {
        if !self.now.held.is_present(who) {
            return;
        }
        let phase = self.state().stay(who).map(|stay| stay.phase);
        match (self.now.held.retry_interval(who), phase) {
            (Some(interval), Some(Phase::Waiting | Phase::Ready)) => {
                let id = who.clone();
                let _ = self.step(now, Command::TryContribute { id, interval }, None);
            }
            _ => {
                let starts_stall_timer = self.now.held.starts_stall_timer(who);
                self.prove_presence(now, who, starts_stall_timer);
            }
        }
    }

    /// A check-in that leaves a contributing participant without a stall deadline alone, unless it
    /// asked for one.
    fn prove_presence(&mut self, now: Timestamp, who: &Identity, starts_stall_timer: bool) {
        if self.state().presence_counts(who, starts_stall_timer) {
            let _ = self.step(now, Command::CheckIn { id: who.clone() }, None);
        }
    }

    /// Gives this identity's held answers that are due.
    fn answer_held(&mut self, now: Timestamp, who: &Identity) {
        let standing = self.standing(now, who);
        let released = self.now.released;
        for hold in self.now.held.take_due(who, now, &standing.status, released) {
            self.answer(now, who, hold);
        }
        self.schedule(now, who);
    }

    fn schedule(&mut self, now: Timestamp, who: &Identity) {
        let runs = self.state().mode() != Mode::Halted;
        let by = self
            .state()
            .stay(who)
            .filter(|_| {
                runs && self
                    .state()
                    .presence_counts(who, self.now.held.starts_stall_timer(who))
            })
            .map(|stay| stay.deadline);
        self.now.held.schedule(who, now, by);
    }
}
