//! From a store to a running coordinator: replay, and checks of all that is stored beside the log.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::journal::Record;
use tauline_queue_core::{Entry, Event, Outcome, Phase, Queue, ReplayError, Ticket};
use tauline_transcript::signature::{eip55, eth_address};
use tauline_transcript::{Base, RawContribution};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::task::{Now, Task, Verifying};
use super::{Coordinator, Fault, MAILBOX, Settings, Shared};
use crate::arriving::Verification;
use crate::clock::Clock;
use crate::fingerprint::Fingerprint;
use crate::head::Head;
use crate::store::{Chain, Contribution, Store, StoreError};
use crate::verifier::{Verifier, panic_text};
use crate::view::Published;

/// Records and contributions read at a time: a bound on memory.
const PAGE: u32 = 1024;

/// From which difference on a clock behind the log is worth a warning: beyond what two machines
/// that set their clocks by the network differ.
const CLOCK_WARNING: Duration = Duration::from_secs(2);

/// Restarts during one verification after which it is given up as the coordinator's fault: what
/// ends the process each time, as running out of memory does, must not end the ceremony. Ours: more
/// than bad luck or an impatient operator brings about.
const RESTARTS_WHILE_VERIFYING: u32 = 10;

/// A running coordinator.
pub struct Opened {
    /// The first handle.
    pub coordinator: Coordinator,
    /// Ends when the coordinator does.
    pub task: JoinHandle<Result<(), Fault>>,
}

/// Why a coordinator did not start. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The deadlines' settings contradict each other.
    #[error("the deadlines are not usable: {0}; change the settings")]
    Rules(#[from] tauline_queue_core::RulesError),
    /// No thread, or no async runtime.
    #[error("the coordinator's thread could not be started: {0}")]
    Thread(String),
}

/// Starts a coordinator on a store: replays its log, checks what is stored beside the log against
/// it, and goes on where it stopped. Blocks; must be called inside a tokio runtime.
///
/// # Errors
/// When the data contradicts itself, or the settings do.
pub fn open(
    store: Arc<dyn Store>,
    settings: Settings,
    verifier: Verifier,
    clock: Clock,
) -> Result<Opened, StartError> {
    let runtime = Handle::try_current().map_err(|error| StartError::Thread(error.to_string()))?;
    let ceremony = store.ceremony().clone();
    settings.rules.validate()?;
    let Replayed {
        queue,
        chain,
        restarts_while_verifying,
    } = replay(&*store, &settings)?;
    let last = check_contributions(&*store, &queue)?;
    let head = verifier.run(|| head(&*store, &queue, last.as_ref()))?;
    let verifying = verifying(&*store, &queue)?;
    check_blobs(&*store, &queue)?;

    let behind = clock.catch_up(queue.state().log_time());
    if behind > CLOCK_WARNING {
        warn!(
            ?behind,
            "this machine's clock is behind the log: set it; time goes on from the log's"
        );
    }
    let state = queue.state();
    info!(
        records = chain.records(),
        contributions = state.contributions(),
        waiting = state.waiting(),
        mode = ?state.mode(),
        "the ceremony's log is replayed"
    );
    let address = eip55(&eth_address(ceremony.key.verifying_key()));
    let (sender, mailbox) = mpsc::channel(MAILBOX);
    let (urgently, urgent) = mpsc::unbounded_channel();
    let first = Published::new(&queue, chain, clock.now());
    let (publisher, published) = watch::channel(Arc::new(first));
    let task = Task {
        queue,
        store: Arc::clone(&store),
        chain,
        head,
        key: ceremony.key.clone(),
        clock: clock.clone(),
        verifier: verifier.clone(),
        mailbox,
        published: publisher,
        urgent,
        urgently: urgently.clone(),
        verifying,
        now: Now {
            gives_up: restarts_while_verifying >= RESTARTS_WHILE_VERIFYING,
            ..Now::default()
        },
    };
    let task = spawn(runtime, task)?;
    let shared = Shared {
        store,
        settings,
        clock,
        verifier,
        key: ceremony.key,
        address,
    };
    let shared = Arc::new(shared);
    let coordinator = Coordinator {
        mailbox: sender,
        urgently,
        published,
        shared,
    };
    Ok(Opened { coordinator, task })
}

/// Gives the task a thread of its own, which may block in commits.
fn spawn(runtime: Handle, task: Task) -> Result<JoinHandle<Result<(), Fault>>, StartError> {
    let (ended, end) = oneshot::channel();
    let on_thread = runtime.clone();
    std::thread::Builder::new()
        .name("coordinator".to_owned())
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| on_thread.block_on(task.run())))
                .unwrap_or_else(|panic| Err(Fault::Panic(panic_text(panic.as_ref()))));
            // Whoever would hear of it may be gone with the runtime.
            let _ = ended.send(result);
        })
        .map_err(|error| StartError::Thread(error.to_string()))?;
    Ok(runtime.spawn(async move {
        end.await
            .unwrap_or_else(|_| Err(Fault::Panic("its thread is gone".to_owned())))
    }))
}

/// What a log amounts to.
struct Replayed {
    queue: Queue<Identity>,
    chain: Chain,
    restarts_while_verifying: u32,
}

/// Folds the log, checking its chain on the way.
fn replay(store: &dyn Store, settings: &Settings) -> Result<Replayed, StoreError> {
    let mut log = Log {
        store,
        page: Vec::new().into_iter(),
        chain: Chain::EMPTY,
        error: None,
        restarts_while_verifying: 0,
    };
    let started_at = store.ceremony().started_at;
    let replayed = Queue::replay(settings.rules, started_at, &mut log);
    if let Some(error) = log.error {
        return Err(error);
    }
    let queue = replayed.map_err(|error: ReplayError| StoreError::damaged(error.to_string()))?;
    Ok(Replayed {
        queue,
        chain: log.chain,
        restarts_while_verifying: log.restarts_while_verifying,
    })
}

/// The log's entries; ends early at an error, which it keeps.
struct Log<'a> {
    store: &'a dyn Store,
    page: std::vec::IntoIter<crate::store::StoredRecord>,
    chain: Chain,
    error: Option<StoreError>,
    /// Restarts since the last contribution was submitted.
    restarts_while_verifying: u32,
}

impl Log<'_> {
    fn read(&mut self) -> Result<Option<Entry<Identity>>, StoreError> {
        let stored = match self.page.next() {
            Some(stored) => stored,
            None => {
                self.page = self.store.log(self.chain.records(), PAGE)?.into_iter();
                match self.page.next() {
                    Some(stored) => stored,
                    None => return Ok(None),
                }
            }
        };
        let number = self.chain.records();
        let wrong = |what: &str| StoreError::damaged(format!("record {number} of the log {what}"));
        let record = Record::from_bytes(&stored.bytes)
            .map_err(|error| wrong(&format!("cannot be read ({error})")))?;
        match record.entry.event {
            Event::Submitted { .. } => self.restarts_while_verifying = 0,
            Event::Resumed {
                restarted: true, ..
            } => self.restarts_while_verifying += 1,
            _ => {}
        }
        let ended = match record.entry.event {
            Event::Ended { ticket, .. } => Some(ticket),
            _ => None,
        };
        let expected = self.chain.append(stored.bytes.clone(), ended);
        if expected.seq != stored.seq {
            return Err(wrong("is missing"));
        }
        if expected.hash != stored.hash {
            return Err(wrong("is not what was written: its hash differs"));
        }
        if expected.ended != stored.ended {
            return Err(wrong("is filed under another ticket than its own"));
        }
        Ok(Some(record.entry))
    }
}

impl Iterator for Log<'_> {
    type Item = Entry<Identity>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.error.is_some() {
            return None;
        }
        self.read().unwrap_or_else(|error| {
            self.error = Some(error);
            None
        })
    }
}

/// Checks that the stored contributions are those of the log, each and no other; returns the last.
fn check_contributions(
    store: &dyn Store,
    queue: &Queue<Identity>,
) -> Result<Option<Contribution>, StoreError> {
    let state = queue.state();
    let sub_ceremonies = store.ceremony().sizes.len();
    let reading = store.reading()?;
    let mut last: Option<Contribution> = None;
    loop {
        let after = last.as_ref().map_or(0, |one| one.number);
        let page = reading.page(after, PAGE)?;
        if page.is_empty() {
            break;
        }
        for one in page {
            let number = last.as_ref().map_or(1, |last| last.number + 1);
            let in_order = last.as_ref().is_none_or(|last| last.ticket < one.ticket);
            let logged = state.past(&one.identity).is_some_and(|past| {
                past.ticket == one.ticket && past.outcome == Outcome::Contributed
            });
            if one.number != number || !in_order || !logged {
                return Err(StoreError::damaged(format!(
                    "contribution {} of {} (ticket {}) is not in the log",
                    one.number, one.identity, one.ticket
                )));
            }
            if one.witness.len() != sub_ceremonies {
                return Err(StoreError::damaged(format!(
                    "contribution {number} has witnesses for {} sub-ceremonies instead of {sub_ceremonies}",
                    one.witness.len()
                )));
            }
            last = Some(one);
        }
    }
    let stored = last.as_ref().map_or(0, |one| one.number);
    if stored != state.contributions() {
        return Err(StoreError::damaged(format!(
            "the log has {} contributions, but {stored} are stored",
            state.contributions()
        )));
    }
    Ok(last)
}

/// The blob of a ticket, which must be there.
fn blob(store: &dyn Store, ticket: Ticket) -> Result<RawContribution, StoreError> {
    let blob = store.blob(ticket)?.ok_or_else(|| {
        StoreError::damaged(format!("the contribution of ticket {ticket} is missing"))
    })?;
    RawContribution::from_msgpack(blob.bytes()).map_err(|error| {
        StoreError::damaged(format!(
            "the contribution of ticket {ticket} cannot be read: {error}"
        ))
    })
}

/// The head of the ceremony: the blob of the last contributed ticket, and nothing else.
fn head(
    store: &dyn Store,
    queue: &Queue<Identity>,
    last: Option<&Contribution>,
) -> Result<Arc<Head>, StoreError> {
    let sizes = &store.ceremony().sizes;
    let base = match queue.state().last_contributed() {
        None => Base::initial(sizes),
        Some(ticket) => {
            // Verified before it became the head, and its digest is checked: decoding is enough.
            let document = blob(store, ticket)?;
            Base::decode(&document, sizes).map_err(|error| {
                StoreError::damaged(format!("the powers of ticket {ticket} are bad: {error}"))
            })?
        }
    };
    let follows = last.is_none_or(|last| {
        Some(last.ticket) == queue.state().last_contributed()
            && last
                .witness
                .iter()
                .zip(base.powers())
                .all(|(witness, powers)| {
                    powers
                        .g1()
                        .get(1)
                        .is_some_and(|it| it.to_compressed() == witness.running_product)
                })
    });
    if !follows {
        return Err(StoreError::damaged(
            "the powers are not those of the last contribution",
        ));
    }
    let head = Head::new(base, queue.state().contributions())
        .map_err(|error| StoreError::damaged(error.to_string()))?;
    Ok(Arc::new(head))
}

/// The contribution that was being verified when the coordinator stopped.
fn verifying(store: &dyn Store, queue: &Queue<Identity>) -> Result<Option<Verifying>, StoreError> {
    let Some(turn) = queue
        .state()
        .turn()
        .filter(|turn| turn.phase == Phase::Verifying)
    else {
        return Ok(None);
    };
    let document = blob(store, turn.ticket)?;
    Ok(Some(Verifying {
        ticket: turn.ticket,
        identity: turn.id.clone(),
        fingerprint: Fingerprint::of(&document),
        verification: Some(Verification::ToDo(document.into())),
        waiters: Vec::new(),
    }))
}

/// Checks that there is no blob but the head's and that being verified.
fn check_blobs(store: &dyn Store, queue: &Queue<Identity>) -> Result<(), StoreError> {
    let state = queue.state();
    let verifying = state
        .turn()
        .filter(|turn| turn.phase == Phase::Verifying)
        .map(|turn| turn.ticket);
    for ticket in store.blob_tickets()? {
        if Some(ticket) != verifying && Some(ticket) != state.last_contributed() {
            return Err(StoreError::damaged(format!(
                "a contribution of ticket {ticket} is stored that the log knows nothing of"
            )));
        }
    }
    Ok(())
}
