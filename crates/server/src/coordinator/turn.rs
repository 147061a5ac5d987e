//! A turn: started and given up here; what is sent in it is in `turn/upload.rs`, what comes of that
//! in `turn/verdict.rs`, and by whom it is verified in `turn/vetted.rs`.

pub(super) mod arrivals;
pub(super) mod upload;
mod verdict;
mod vetted;

use std::sync::Arc;

use tauline_protocol::Identity;
use tauline_protocol::contribution::StartRequest;
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{Command, Refusal, Timestamp};

use super::handle::Coordinator;
use super::reply::Standing;
use super::task::Task;
use crate::base::CurrentBase;
use crate::refused::Refused;

impl Coordinator {
    /// Starts the turn and gives the state to build on. Repeating it gives the same state and does
    /// not restart the clock. The names of the participant's programs go into the log.
    ///
    /// # Errors
    /// When it is not the participant's turn.
    pub async fn start(
        &self,
        who: Identity,
        tags: StartRequest,
    ) -> Result<Arc<CurrentBase>, Refused> {
        let note = note_of(&tags);
        self.ask(who, move |task, now, who| {
            task.start(now, who, tags.checks_in, note)
        })
        .await
    }

    /// Gives the turn up, for a reason that goes into the log.
    ///
    /// # Errors
    /// When it is not the participant's turn, or the contribution is being verified.
    pub async fn abort(
        &self,
        who: Identity,
        reason: Option<String>,
    ) -> Result<QueueStatus, Refused> {
        let standing = self.ask(who, move |task, now, who| task.abort(now, who, reason));
        self.complete_status(standing.await?).await
    }
}

impl Task {
    fn start(
        &mut self,
        now: Timestamp,
        who: &Identity,
        checks_in: bool,
        note: Option<String>,
    ) -> Result<Arc<CurrentBase>, Refusal> {
        self.moment.only_trying.remove(who);
        let id = who.clone();
        self.carry_out(now, Command::Start { id, checks_in }, note)?;
        Ok(Arc::clone(&self.base))
    }

    fn abort(
        &mut self,
        now: Timestamp,
        who: &Identity,
        reason: Option<String>,
    ) -> Result<Standing, Refusal> {
        self.carry_out(now, Command::Abort { id: who.clone() }, reason)?;
        Ok(self.standing_by(now, who, None))
    }
}

/// The names of a participant's programs, as the log notes them.
fn note_of(tags: &StartRequest) -> Option<String> {
    let StartRequest {
        client,
        computation,
        ..
    } = tags;
    match (client, computation) {
        (None, None) => None,
        (Some(client), None) => Some(format!("client {client}")),
        (None, Some(computation)) => Some(format!("computation {computation}")),
        (Some(client), Some(computation)) => {
            Some(format!("client {client}, computation {computation}"))
        }
    }
}
