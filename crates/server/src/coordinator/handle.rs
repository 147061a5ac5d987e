//! The handle by which everybody else reaches the coordinator's task.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use k256::ecdsa::SigningKey;
use tauline_protocol::Identity;
use tauline_protocol::public_log::SuccessorKey;
use tauline_protocol::status::{CeremonyStatus, SignInMethod};
use tauline_queue_core::{Refusal, Rules, Ticket, Timestamp};
use tauline_store::Store;
use tauline_store::turns::Made;
use tauline_transcript::{Received, Sizes};
use tokio::sync::{mpsc, oneshot, watch};

use super::reply::{Reply, RulesRefusal};
use super::task::{Message, Task};
use crate::base::CurrentBase;
use crate::clock::Clock;
use crate::public_log::{PublicLog, Served};
use crate::refused::Refused;
use crate::status::Published;
use crate::verifier::{Job, Judging, Verifier};

/// What a coordinator is started with.
#[derive(Debug, Clone)]
pub struct CeremonySettings {
    /// The lengths of all deadlines.
    pub rules: Rules,
    /// The sizes of the sub-ceremonies.
    pub sizes: Sizes,
    /// What the operator calls the ceremony.
    pub name: Option<String>,
    /// The ways to sign in that the status names.
    pub sign_in: Vec<SignInMethod>,
    /// The origin of the public log, unless it was opened with another.
    pub log_origin: String,
    /// Whether to go on although nothing tells how much of the public log was signed.
    pub accept_missing_guard: bool,
}

/// A handle to the coordinator. Clones are handles to the same one.
#[derive(Clone)]
pub struct Coordinator {
    pub(super) mailbox: mpsc::Sender<Message>,
    /// Never full, and heard first.
    pub(super) urgent_mailbox: mpsc::UnboundedSender<Message>,
    pub(super) published: watch::Receiver<Arc<Published>>,
    pub(super) shared: Arc<Shared>,
}

/// What never changes while a coordinator runs.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) settings: CeremonySettings,
    pub(super) clock: Clock,
    pub(super) verifier: Verifier,
    pub(super) key: SigningKey,
    pub(super) address: String,
    pub(super) log: Arc<PublicLog>,
    /// When contributions were made.
    pub(super) made: Arc<RwLock<Made>>,
}

impl Shared {
    /// The key by which this coordinator is named when a ceremony is given to it.
    pub(super) fn public_key(&self) -> SuccessorKey {
        self.store.ceremony().public_key()
    }
}

impl Coordinator {
    /// The clock that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What contributions are decoded and verified on.
    pub(crate) fn verifier(&self) -> &Verifier {
        &self.shared.verifier
    }

    /// Has a contribution verified here, beside whatever else happens.
    pub(crate) fn judge(
        &self,
        ticket: Ticket,
        identity: Identity,
        base: Arc<CurrentBase>,
        contribution: Received,
    ) -> Judging {
        self.verifier().start(Job {
            ticket,
            identity,
            base,
            contribution,
            key: self.shared.key.clone(),
        })
    }

    /// How many contributions were accepted, once that is another number than this. None if nobody tells any
    /// more.
    pub(crate) async fn contributions_after(&self, number: Option<u64>) -> Option<u64> {
        let mut published = self.published.clone();
        let is_another = |now: &Arc<Published>| Some(now.contributions()) != number;
        let now = published.wait_for(is_another).await.ok()?;
        Some(now.contributions())
    }

    /// The EIP-55 address that receipts recover to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// The public log.
    pub(crate) fn log(&self) -> &Arc<PublicLog> {
        &self.shared.log
    }

    /// What the public log has at a path below `/log/`.
    ///
    /// # Errors
    /// When the store fails, or an entry has changed since it was signed.
    pub(crate) async fn serve_log(&self, path: String) -> Result<Served, Refused> {
        let log = Arc::clone(&self.shared.log);
        self.look_up(move |_| log.serve(&path))
            .await?
            .map_err(|error| self.failed(&error))
    }

    /// The sizes of the sub-ceremonies.
    #[must_use]
    pub fn sizes(&self) -> &Sizes {
        &self.shared.settings.sizes
    }

    /// The ceremony's status, as of the last commit. Does not wait for the task.
    #[must_use]
    pub fn status(&self) -> CeremonyStatus {
        self.status_of(&self.published())
    }

    /// The ceremony's status, as of what was published at some time.
    pub(super) fn status_of(&self, published: &Published) -> CeremonyStatus {
        let Shared {
            settings,
            clock,
            address,
            ..
        } = &*self.shared;
        let mut status = published.status(clock.now(), &settings.sizes, &settings.sign_in, address);
        let shown = self.shared.log.told();
        status.log.cosigned = shown.cosigned;
        status.log.at = shown.at.map(Timestamp::as_secs);
        status.name.clone_from(&settings.name);
        status
    }

    /// What the task has published last.
    pub(super) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published.borrow())
    }

    /// Whether the task has ended, or takes nothing more.
    pub(crate) fn has_ended(&self) -> bool {
        self.mailbox.is_closed()
    }

    /// Whether the ceremony is another coordinator's now.
    pub(crate) fn has_moved(&self) -> bool {
        self.published.borrow().moved_to().is_some()
    }

    /// Before a stop: gives all held answers now, and holds no more.
    pub fn release_held(&self) {
        let message = Message::new(|task, _| task.moment.released = true);
        let _ = self.urgent_mailbox.send(message);
    }

    /// Stops: takes nothing more, waits for a running verification, for at most `patience`, and
    /// ends the task. What is not verified by then is verified at the next start.
    pub async fn close(&self, patience: Duration) {
        let message = Message::new(move |task, _| {
            let by = task.clock.now().saturating_add(patience);
            task.close(by);
        });
        let _ = self.mailbox.send(message).await;
    }

    /// Has the task do something for a participant, and waits until what comes of it is durable.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        who: Identity,
        act: impl FnOnce(&mut Task, Timestamp, &Identity) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refused> {
        self.ask_held(answering(who, act)).await
    }

    /// Refuses where the ceremony was given away: whoever waits here has to be told.
    pub(super) fn still_here(&self) -> Result<(), Refused> {
        match self.published.borrow().moved_to() {
            Some(moved_to) => Err(Refused::handed_over(moved_to)),
            None => Ok(()),
        }
    }

    /// The same, heard before whatever else waits in the mailbox.
    pub(super) async fn ask_first<T: Send + 'static>(
        &self,
        who: Identity,
        act: impl FnOnce(&mut Task, Timestamp, &Identity) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refused> {
        let act = answering(who, act);
        let answer = self.send(|reply| Message::first(move |task, now| act(task, now, reply)));
        self.in_words(answer.await?).await
    }

    /// The same, for an answer that the task may hold back for a while.
    pub(super) async fn ask_held<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Task, Timestamp, Reply<T>) + Send + 'static,
    ) -> Result<T, Refused> {
        let answer = self.send(|reply| Message::new(move |task, now| act(task, now, reply)));
        self.in_words(answer.await?).await
    }

    /// Sends the task a message that replies, and waits for the reply.
    ///
    /// # Errors
    /// When the task has ended.
    pub(super) async fn send<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.mailbox
            .send(message(reply))
            .await
            .map_err(|_| Refused::unavailable())?;
        answer.await.map_err(|_| Refused::unavailable())
    }

    async fn in_words<T>(&self, answer: Result<T, RulesRefusal>) -> Result<T, Refused> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(refusal) => Err(self.refused(refusal).await),
        }
    }
}

/// Does something for a participant, and replies with what comes of it.
fn answering<T: Send + 'static>(
    who: Identity,
    act: impl FnOnce(&mut Task, Timestamp, &Identity) -> Result<T, Refusal> + Send + 'static,
) -> impl FnOnce(&mut Task, Timestamp, Reply<T>) + Send + 'static {
    move |task, now, reply| match act(task, now, &who) {
        Ok(answer) => task.reply(reply, Ok(answer)),
        Err(refusal) => task.refuse(reply, &who, refusal),
    }
}
