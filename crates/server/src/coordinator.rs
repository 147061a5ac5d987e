//! The coordinator: one task owns the queue, everybody else holds a [`Coordinator`].
//!
//! The task has a thread of its own, because it commits to the store itself. It takes commands
//! from a mailbox, and a clock wakes it for deadlines. Its law (`architecture.md`, server): store
//! the contribution's blob, then `Submit`; step; append; commit; publish; reply. One commit may
//! cover many commands; a commit that fails ends the task, and with it the process, before anybody
//! has heard of what was not durable.
//!
//! What cannot drift apart: everything that one command changes is one transaction
//! ([`store::Batch`](tauline_store::Batch)); what memory holds is a fold over what was committed;
//! and an opening checks each thing that is stored beside the log against the log.

mod log_line;
mod lookup;
mod message;
mod open;
mod operator;
mod presence;
mod refusals;
mod reply;
mod task;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use k256::ecdsa::SigningKey;
use tauline_protocol::Identity;
use tauline_protocol::status::{CeremonyStatus, QueueStatus, SignInMethod};
use tauline_queue_core::Rules;
use tauline_store::{Store, StoreError};
use tauline_transcript::Sizes;
use tokio::sync::{mpsc, oneshot, watch};

pub use open::{Opened, StartError, open};
pub use operator::Order;
pub use presence::waiters::Seen;
pub(crate) use refusals::told_plainly;
pub use reply::Tried;
pub use turn::Admission;

use self::message::{Message, Urgent};
use self::reply::Reply;
use crate::clock::Clock;
use crate::refused::Refused;
use crate::status::Published;
use crate::verifier::Verifier;

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

/// A handle to the coordinator. Clones are handles to the same one.
#[derive(Clone)]
pub struct Coordinator {
    mailbox: mpsc::Sender<Message>,
    urgent_mailbox: mpsc::UnboundedSender<Urgent>,
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

    /// Before a stop: gives all held answers now, and holds no more.
    pub fn release_held(&self) {
        let _ = self.urgent_mailbox.send(Urgent::ReleaseHeld);
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
