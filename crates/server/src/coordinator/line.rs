//! A place in line: taken, asked about and given up.

use tauline_protocol::Identity;
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{Command, Refusal, Ticket, Timestamp};
use tauline_store::TokenHash;

use super::caller::Caller;
use super::handle::Coordinator;
use super::reply::Standing;
use super::task::Task;
use crate::public_log::LogMoment;
use crate::refused::Refused;

impl Coordinator {
    /// Puts the participant at the tail; for one in the queue already, a check-in.
    ///
    /// # Errors
    /// When the identity is used up, or the ceremony takes no entries.
    pub async fn join(&self, who: impl Into<Caller>) -> Result<QueueStatus, Refused> {
        let Caller { who, client } = who.into();
        let identity = who.clone();
        let answer = self.ask(who, move |task, now, who| {
            let joined = task.join(now, who, client);
            Ok(joined.map_err(|refusal| (task.refusal(who, refusal), task.moment_of(now))))
        });
        let log = &self.shared.log;
        match answer.await? {
            Ok(standing) => {
                let mut status = self.complete_status(standing).await?;
                status.signed_ticket = status.ticket.and_then(|ticket| {
                    log.ticket(&identity, Ticket::new(ticket), self.clock().now())
                });
                Ok(status)
            }
            Err((refusal, moment)) => {
                let refused = self.refused(refusal).await;
                if refused.moved_to.is_some() {
                    // The log itself says so, with its last entry.
                    return Err(refused);
                }
                Err(log.sign_refusal(&identity, moment, refused))
            }
        }
    }

    /// Whether this identity has a place in the queue.
    ///
    /// # Errors
    /// Only when the coordinator is not there to answer.
    pub async fn is_in_queue(&self, who: &Identity) -> Result<bool, Refused> {
        self.ask(who.clone(), |task, _, who| {
            Ok(task.state().stay(who).is_some())
        })
        .await
    }

    /// Gives the place up, unless another client of the same identity is there: the status then
    /// says so, and the stay goes on.
    ///
    /// # Errors
    /// When there is none, or the contribution is being verified.
    pub async fn leave(&self, who: impl Into<Caller>) -> Result<QueueStatus, Refused> {
        let Caller { who, client } = who.into();
        let standing = self.ask(who, move |task, now, who| task.leave(now, who, client));
        self.complete_status(standing.await?).await
    }
}

impl Task {
    fn join(
        &mut self,
        now: Timestamp,
        who: &Identity,
        client: Option<TokenHash>,
    ) -> Result<Standing, Refusal> {
        self.moment.only_trying.remove(who);
        self.carry_out(now, Command::Join { id: who.clone() }, None)?;
        Ok(self.standing_by(now, who, client))
    }

    fn moment_of(&self, now: Timestamp) -> LogMoment {
        LogMoment {
            mode: self.state().mode(),
            log_size: self.chain.records(),
            at: now,
        }
    }

    fn leave(
        &mut self,
        now: Timestamp,
        who: &Identity,
        client: Option<TokenHash>,
    ) -> Result<Standing, Refusal> {
        // The place is that of all clients of this identity.
        if self.moment.held.others(who, client) == 0 {
            self.carry_out(now, Command::Leave { id: who.clone() }, None)?;
        }
        Ok(self.standing_by(now, who, client))
    }
}
