//! Check-ins, answered at once or held until something changes, and streams of changes.

use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tauline_queue_core::{Command, Timestamp};
use tauline_store::TokenHash;

use super::waiters::{HeldAnswer, Recipient, Seen};
use crate::coordinator::caller::Caller;
use crate::coordinator::handle::Coordinator;
use crate::coordinator::reply::Standing;
use crate::coordinator::task::Task;
use crate::refused::Refused;

impl Coordinator {
    /// Proves presence and says where the participant stands, in the queue or not.
    ///
    /// # Errors
    /// Only when the coordinator is not there to answer.
    pub async fn check_in(&self, who: impl Into<Caller>) -> Result<QueueStatus, Refused> {
        let Caller { who, client } = who.into();
        let standing = self.ask(who, move |task, now, who| {
            Ok(task.check_in(now, who, client))
        });
        self.complete_status(standing.await?).await
    }

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
        let (status, _) = self.hold(who.into(), hold, WaitsFor::Word).await?;
        Ok(status)
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
        self.hold(who.into(), hold, WaitsFor::Change(seen)).await
    }

    async fn hold(
        &self,
        Caller { who, client }: Caller,
        hold: Duration,
        change: WaitsFor,
    ) -> Result<(QueueStatus, Seen), Refused> {
        let until = self.clock().now().saturating_add(hold);
        let attached = self.attach(&who);
        let answer = self.ask_held(move |task, now, reply| {
            let is_check_in = matches!(change, WaitsFor::Word);
            let answer = HeldAnswer {
                to: Recipient::CheckIn(reply),
                until,
                client,
                follows_position: !is_check_in,
                starts_stall_timer: is_check_in,
            };
            task.hold(now, &who, answer, change);
        });
        let (standing, seen) = answer.await?;
        attached.detach();
        Ok((self.complete_status(standing).await?, seen))
    }
}

/// What an answer is held for.
enum WaitsFor {
    /// Another status word.
    Word,
    /// Anything that differs from what was seen; nothing was seen yet by whoever asks first.
    Change(Option<Seen>),
}

impl Task {
    fn check_in(&mut self, now: Timestamp, who: &Identity, client: Option<TokenHash>) -> Standing {
        self.moment.only_trying.remove(who);
        // Whoever is not in the queue is told where it stands: no error.
        let _ = self.carry_out(now, Command::CheckIn { id: who.clone() }, None);
        self.standing_by(now, who, client)
    }

    fn hold(&mut self, now: Timestamp, who: &Identity, answer: HeldAnswer, change: WaitsFor) {
        // A stream alone is no other client: a page may show it beside one that tries.
        if answer.starts_stall_timer {
            self.moment.only_trying.remove(who);
        }
        let _ = self.carry_out(now, Command::Tick, None);
        self.prove_presence(now, who, answer.starts_stall_timer);
        let standing = self.standing(now, who);
        let seen = Seen::of(&standing.status);
        let waits = match change {
            WaitsFor::Change(before) => before == Some(seen),
            WaitsFor::Word => {
                let is_called = standing.status.queue_status == QueueWord::ReadyToContribute;
                standing.past.is_none() && standing.status.ticket.is_some() && !is_called
            }
        };
        if !waits || self.moment.released || answer.until <= now {
            self.answer(now, who, answer);
        } else {
            self.hold_back(now, who, answer, seen);
        }
    }
}
