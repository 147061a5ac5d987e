//! Tries: the one call of clients that know no other. They join, check in or start, whichever is
//! due, and try again after a while.

use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_queue_core::{Command, Phase, Refusal, Timestamp};

use super::waiters::{HeldAnswer, Recipient, Seen};
use crate::coordinator::handle::Coordinator;
use crate::coordinator::reply::{Reply, Tried};
use crate::coordinator::task::Task;
use crate::refused::Refused;

impl Coordinator {
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
        self.ask_held(move |task, now, reply| {
            task.try_contribute(now, &who, interval, until, reply);
        })
        .await
    }

    /// Whether this identity's client is one that only tries, as far as the last call tells.
    ///
    /// # Errors
    /// Only when the coordinator is not there to answer.
    pub async fn only_tries(&self, who: &Identity) -> Result<bool, Refused> {
        self.ask(who.clone(), |task, _, who| {
            Ok(task.moment.only_trying.contains(who))
        })
        .await
    }
}

impl Task {
    /// A try: whatever is due at once, and an answer that is held while a turn may come soon.
    fn try_contribute(
        &mut self,
        now: Timestamp,
        who: &Identity,
        interval: Duration,
        until: Timestamp,
        reply: Reply<Tried>,
    ) {
        let id = who.clone();
        if let Err(refusal) = self.carry_out(now, Command::TryContribute { id, interval }, None) {
            return self.refuse(reply, who, refusal);
        }
        self.moment.only_trying.insert(who.clone());
        let answer = HeldAnswer {
            to: Recipient::Try(reply, interval),
            until,
            client: None,
            follows_position: false,
            starts_stall_timer: false,
        };
        // Each held answer costs a connection, and further back the turn cannot come any moment.
        if !self.state().is_near_head(who) || self.moment.released || until <= now {
            self.answer(now, who, answer);
        } else {
            let seen = Seen::of(&self.standing(now, who).status);
            self.hold_back(now, who, answer, seen);
        }
    }

    /// Answers a try, now that it has done what it could.
    pub(super) fn answer_try(&mut self, who: &Identity, reply: Reply<Tried>) {
        let tried = match self.state().stay(who) {
            Some(stay) if stay.phase == Phase::Contributing => Tried::Base(Arc::clone(&self.base)),
            Some(_) => Tried::Wait,
            None => match self.state().used_up(who) {
                Some(outcome) => return self.refuse(reply, who, Refusal::UsedUp { outcome }),
                // The next try joins again.
                None => Tried::Wait,
            },
        };
        self.reply(reply, Ok(tried));
    }
}
