//! The coordinator: one task owns the queue, everybody else holds a [`Coordinator`].
//!
//! The task has a thread of its own, because it commits to the store itself. It takes commands
//! from a mailbox, and a clock wakes it for deadlines. Its law (`architecture.md`, server): store
//! the contribution's blob, then `Submit`; step; append; commit; publish; reply. One commit may
//! cover many commands; a commit that fails ends the task, and with it the process, before anybody
//! has heard of what was not durable.
//!
//! What cannot drift apart: everything that one command changes is one transaction
//! ([`store::Batch`](crate::store::Batch)); what memory holds is a fold over what was committed;
//! and an opening checks each thing that is stored beside the log against the log.

mod answer;
mod arrival;
mod attend;
mod complete;
mod held;
mod line;
mod lookup;
mod message;
mod opening;
mod operator;
mod task;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use k256::ecdsa::SigningKey;
use tauline_protocol::Identity;
use tauline_protocol::contribution::{SignedReceipt, StartRequest};
use tauline_protocol::status::{CeremonyStatus, QueueStatus, SignInMethod};
use tauline_queue_core::Rules;
use tauline_transcript::Sizes;
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use answer::told_plainly;
pub use answer::{Refused, SubmitError};
pub use held::Seen;
use held::{Hold, Waiting};
pub use message::Polled;
use message::{Message, Reply, Urgent};
pub use opening::{Opened, StartError, open};
pub use operator::Order;

use crate::clock::Clock;
use crate::base::Head;
use crate::store::{Store, StoreError};
use crate::verifier::Verifier;
use crate::status::Published;

/// How often the task looks at the time while somebody is in the queue: as precise as the length
/// of an absence has to be known. Also the pause between two rounds of telling followers their
/// positions.
const TICK: Duration = Duration::from_secs(1);

/// Messages that wait for the task at most; further senders wait for room.
const MAILBOX: usize = 4096;

/// What a coordinator is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The lengths of all deadlines.
    pub rules: Rules,
    /// The sizes of the sub-ceremonies.
    pub sizes: Sizes,
    /// The ways to sign in that the status names.
    pub sign_in: Vec<SignInMethod>,
}

/// Why the task ended without being asked to. The process must end too: another start recovers.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A commit failed: memory is ahead of the store.
    #[error("a commit failed; nobody was told of what it held. {0}")]
    Store(#[source] StoreError),
    /// An invariant was broken.
    #[error("the coordinator broke an invariant of its own: {0}. Start it again, and report this")]
    Panic(String),
}

/// Whether the body of a contribution is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Yes: it is this participant's turn.
    ReadBody,
    /// No: one is being verified. [`Coordinator::verdict`] waits for what comes of it.
    Verifying,
    /// No: one was accepted, and this is its receipt.
    Accepted(SignedReceipt),
}

/// A handle to the coordinator. Clones are handles to the same one.
#[derive(Clone)]
pub struct Coordinator {
    mailbox: mpsc::Sender<Message>,
    urgently: mpsc::UnboundedSender<Urgent>,
    published: watch::Receiver<Arc<Published>>,
    shared: Arc<Shared>,
}

/// What never changes while a coordinator runs.
struct Shared {
    store: Arc<dyn Store>,
    settings: Settings,
    clock: Clock,
    verifier: Verifier,
    key: SigningKey,
    address: String,
}

impl Coordinator {
    /// The clock that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What contributions are verified on, and decoded before that.
    pub(crate) fn verifier(&self) -> &Verifier {
        &self.shared.verifier
    }

    /// The EIP-55 address that receipts recover to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// The sizes of the sub-ceremonies.
    #[must_use]
    pub fn sizes(&self) -> &Sizes {
        &self.shared.settings.sizes
    }

    /// The ceremony's status, as of the last commit. Does not wait for the task.
    #[must_use]
    pub fn status(&self) -> CeremonyStatus {
        let Shared {
            settings,
            clock,
            address,
            ..
        } = &*self.shared;
        let published = Arc::clone(&self.published.borrow());
        published.status(clock.now(), &settings.sizes, &settings.sign_in, address)
    }

    /// A connection of this participant's was cut in the midst of a request. If it has no other, and
    /// checks in while it contributes, its turn ends unless it comes back soon.
    pub(crate) fn disconnected(&self, who: &Identity) {
        let _ = self.urgently.send(Urgent::Disconnected(who.clone()));
    }

    /// Bytes of this participant's contribution arrive. Worth saying once a second.
    pub(crate) fn uploading(&self, who: &Identity) {
        // When the mailbox is full, there will be more of them to say so.
        let _ = self
            .mailbox
            .try_send(Message::Uploading { who: who.clone() });
    }

    /// Puts the participant at the tail; for one in the queue already, a check-in.
    ///
    /// # Errors
    /// When the identity is used up, or the ceremony takes no entries.
    pub async fn join(&self, who: impl Into<Caller>) -> Result<QueueStatus, Refused> {
        let who = who.into();
        let standing = self.ask(|reply| Message::Join { who, reply }).await?;
        self.complete_status(standing).await
    }

    /// Proves presence and says where the participant stands, in the queue or not.
    ///
    /// # Errors
    /// Only when the coordinator is not there to answer.
    pub async fn check_in(&self, who: impl Into<Caller>) -> Result<QueueStatus, Refused> {
        let who = who.into();
        let standing = self.ask(|reply| Message::CheckIn { who, reply }).await?;
        self.complete_status(standing).await
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
                    arms: true,
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
                    arms: false,
                },
                at_once_unless: seen,
            })
            .await?;
        attached.detach();
        Ok((self.complete_status(standing).await?, seen))
    }

    /// What a participant gets whose client knows no other call: it joins, checks in or starts,
    /// whichever is due, and is expected to poll again after `interval`. The answer to one of the
    /// first in line is held for at most `hold`; as long as the future lives, the participant
    /// counts as present, and its turn starts when it comes.
    ///
    /// # Errors
    /// When the identity is used up, or the ceremony takes no entries.
    pub async fn poll(
        &self,
        who: Identity,
        interval: Duration,
        hold: Duration,
    ) -> Result<Polled, Refused> {
        let until = self.clock().now().saturating_add(hold);
        self.ask(|reply| Message::Poll {
            who,
            interval,
            until,
            reply,
        })
        .await
    }

    /// Whether this identity's client is one that polls, as far as the last call tells.
    ///
    /// # Errors
    /// Only when the coordinator is not there to answer.
    pub async fn polls(&self, who: &Identity) -> Result<bool, Refused> {
        let who = who.clone();
        self.ask(|reply| Message::Polls { who, reply }).await
    }

    /// Whether a stay of this identity's lasts.
    ///
    /// # Errors
    /// Only when the coordinator is not there to answer.
    pub async fn is_in_queue(&self, who: &Identity) -> Result<bool, Refused> {
        let who = who.clone();
        self.ask(|reply| Message::InQueue { who, reply }).await
    }

    /// Gives the place up, unless another client of the same identity is there: the status then says
    /// so, and the stay goes on.
    ///
    /// # Errors
    /// When there is none, or the contribution is being verified.
    pub async fn leave(&self, who: impl Into<Caller>) -> Result<QueueStatus, Refused> {
        let who = who.into();
        let standing = self.ask(|reply| Message::Leave { who, reply }).await?;
        self.complete_status(standing).await
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
        let standing = self
            .ask(|reply| Message::Abort { who, reason, reply })
            .await?;
        self.complete_status(standing).await
    }

    /// Starts the turn and gives the state to build on. Repeating it gives the same state and does
    /// not restart the clock. The names of the participant's programs go into the log.
    ///
    /// # Errors
    /// When it is not the participant's turn.
    pub async fn start(&self, who: Identity, tags: StartRequest) -> Result<Arc<Head>, Refused> {
        let note = note_of(&tags);
        let checks_in = tags.checks_in;
        self.ask(|reply| Message::Start {
            who,
            note,
            checks_in,
            reply,
        })
        .await
    }

    /// Before a stop: gives all held answers now, and holds no more.
    pub fn release_held(&self) {
        let _ = self.urgently.send(Urgent::ReleaseHeld);
    }

    /// Stops: takes nothing more, waits for a running verification for at most so long, and ends
    /// the task. What is not verified by then is at the next start.
    pub async fn close(&self, patience: Duration) {
        let _ = self.mailbox.send(Message::Close { patience }).await;
    }

    async fn ask<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.mailbox
            .send(message(reply))
            .await
            .map_err(|_| Refused::unavailable())?;
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(no)) => Err(self.refusal(no).await),
            Err(_) => Err(Refused::unavailable()),
        }
    }

    /// Notices when a request of this participant's is cut before it is answered.
    pub(crate) fn attach(&self, who: &Identity) -> Attached<'_> {
        Attached {
            coordinator: self,
            who: Some(who.clone()),
        }
    }
}

/// Who asks, and by which of its clients. An identity alone is a caller whose client is not known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The identity.
    pub(crate) who: Identity,
    /// What tells its clients apart: the hash of the session's token.
    pub(crate) client: Option<ClientKey>,
}

impl Caller {
    /// An identity, by the client that this key tells from its others.
    #[must_use]
    pub fn new(who: Identity, client: [u8; 32]) -> Self {
        Self {
            who,
            client: Some(client),
        }
    }
}

/// What tells the clients of one identity apart.
pub(crate) type ClientKey = [u8; 32];

impl From<Identity> for Caller {
    fn from(who: Identity) -> Self {
        Self { who, client: None }
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
