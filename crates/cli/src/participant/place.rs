//! The place in the queue: taking it, keeping it, giving it up.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use tauline_protocol::error::Code;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tokio::time::{Instant, sleep_until};

use super::ending::{cannot_join, no_turn_yet};
use super::news::News;
use super::state::{HALTED, Participant, Stop};
use crate::client::Client;
use crate::exit::Failure;

impl Participant<'_> {
    /// Joins the queue, or takes up the place that the participant has already. While the ceremony
    /// is halted, it waits.
    pub(crate) async fn join(&mut self) -> Result<QueueStatus, Stop> {
        let mut halted = false;
        let joined = loop {
            match self
                .call(async |client: &Client| client.join().await)
                .await?
            {
                Err(refused) if refused.is(&[Code::Halted]) => {
                    if !std::mem::replace(&mut halted, true) {
                        self.listener.tell(News::Halted);
                    }
                    self.pause(HALTED).await?;
                }
                joined => break joined,
            }
        };
        if halted && joined.is_ok() {
            self.listener.tell(News::GoesOn);
        }
        self.times.joined.get_or_insert_with(Instant::now);
        match joined {
            Ok(status) => {
                self.check_identity(&status)?;
                self.keep_signed(|tickets| tickets.joined(&status)).await;
                self.standing = Some(status.clone());
                Ok(status)
            }
            // The status has the receipt.
            Err(refused) if refused.is(&[Code::AlreadyContributed]) => {
                self.check_in(Duration::ZERO).await
            }
            Err(refused) => {
                if let (Some(signed), Some(who)) = (&refused.body.signed, self.identity.clone()) {
                    self.keep_signed(|tickets| tickets.refused(&who, signed))
                        .await;
                }
                Err(cannot_join(&refused).into())
            }
        }
    }

    /// Refuses a place that the coordinator holds for another identity: the contribution's
    /// signatures would not be valid for it.
    fn check_identity(&self, status: &QueueStatus) -> Result<(), Stop> {
        match &self.identity {
            Some(own) if *own != status.id => Err(Failure::bad(format!(
                "the coordinator has {} in line, and {own} has signed in",
                status.id
            ))
            .help("run the same command again; if it says so again, tell the ceremony's operator")
            .into()),
            _ => Ok(()),
        }
    }

    /// The status of a participant that has fetched the powers in an earlier run.
    pub(super) async fn turn_to_end(&mut self) -> Result<QueueStatus, Stop> {
        let status = self.check_in(Duration::ZERO).await?;
        self.check_identity(&status)?;
        if status.queue_status == QueueWord::Queued {
            return Err(no_turn_yet(&status).into());
        }
        Ok(status)
    }

    /// Waits until the turn has come or the stay is over.
    pub(crate) async fn wait_for_turn(&mut self) -> Result<QueueStatus, Stop> {
        let mut status = self.check_in(Duration::ZERO).await?;
        while status.queue_status == QueueWord::Queued {
            self.note(&status);
            status = self.wait_on(&status).await?;
        }
        self.note(&status);
        Ok(status)
    }

    /// Gives up the turn, or the place.
    pub(crate) async fn abort(&mut self, reason: &str) -> Result<QueueStatus, Stop> {
        match self
            .call(async |client: &Client| client.abort(reason).await)
            .await?
        {
            Ok(status) => Ok(status),
            Err(refused) => Err(Failure::bad(refused.body.error).into()),
        }
    }

    /// Gives up the place.
    pub(crate) async fn leave(&mut self) -> Result<QueueStatus, Stop> {
        match self
            .call(async |client: &Client| client.leave().await)
            .await?
        {
            Ok(status) => Ok(status),
            Err(refused) => Err(Failure::bad(refused.body.error).into()),
        }
    }

    /// Asks for the participant's status, which also counts as presence.
    pub(crate) async fn check_in(&mut self, wait: Duration) -> Result<QueueStatus, Stop> {
        let status = loop {
            let glances = self.glances(wait);
            let answer = tokio::select! {
                biased;
                answer = self.call(async |client: &Client| client.check_in(wait).await) => answer?,
                never = glances => match never {},
            };
            match answer {
                Ok(status) => break status,
                Err(refused) => self.reconsider(&refused).await?,
            }
        };
        self.keep_signed(|tickets| tickets.checked_in(&status))
            .await;
        self.standing = Some(status.clone());
        Ok(status)
    }

    /// Checks in beside a check-in that is held, or during a rest, so that it is known how long one takes
    /// ([`ParticipantSettings::glances`](super::settings::ParticipantSettings)).
    pub(super) fn glances(&self, held: Duration) -> impl Future<Output = Infallible> + use<> {
        let every = self.settings.glances.filter(|_| !held.is_zero());
        let (client, next) = (self.client.clone(), Rc::clone(&self.next_glance));
        async move {
            let Some(every) = every else {
                return std::future::pending().await;
            };
            loop {
                // Participants who came together do not glance together.
                let first = || Instant::now() + every.mul_f64(rand::random::<f64>());
                let at = next.get().unwrap_or_else(first);
                next.set(Some(at));
                sleep_until(at).await;
                next.set(Some(Instant::now() + every));
                let client = client.clone();
                // It is not cut off when the held one is answered: that would look like a lost connection.
                tokio::spawn(async move { client.check_in(Duration::ZERO).await.map(drop) });
            }
        }
    }
}
