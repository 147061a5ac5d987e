//! From a store to a running coordinator: replay and checks, then the task.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::status::ModeWord;
use tauline_queue_core::{Queue, Rules, Timestamp};
use tauline_store::check::{self, Checked};
use tauline_store::{Store, StoreError, ThereUntil};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::copy::Copy;
use super::handle::{CeremonySettings, Coordinator, Shared};
use super::history;
use super::log_line::Owners;
use super::presence::waiters::HeldAnswers;
use super::run::{Crash, Mailboxes};
use super::task::{Message, Moment, Pending, Task, Verifying};
use crate::base::CurrentBase;
use crate::clock::Clock;
use crate::fingerprint::Fingerprint;
use crate::measures::{Measures, Turns};
use crate::public_log::{PublicLog, Unopened};
use crate::recent::Recent;
use crate::status::{Announced, Published};
use crate::submission::Verification;
use crate::traces::{Traces, TurnSpans};
use crate::verifier::{Verifier, panic_text};

/// Messages that wait for the task at most; further senders wait for room.
const MAILBOX: usize = 4096;

/// A clock that is behind the log by more than this is worth a warning: two machines that set
/// their clocks by the network differ by less.
const CLOCK_WARNING: Duration = Duration::from_secs(2);

/// After so many restarts during one verification it is given up, as the coordinator's fault: what
/// ends the process each time, as running out of memory does, must not end the ceremony. More
/// than bad luck or an impatient operator brings about.
const RESTARTS_WHILE_VERIFYING: u32 = 10;

/// A running coordinator.
pub struct Opened {
    /// The first handle.
    pub coordinator: Coordinator,
    /// Ends when the coordinator does.
    pub task: JoinHandle<Result<(), Crash>>,
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
    settings: CeremonySettings,
    verifier: Verifier,
    clock: Clock,
) -> Result<Opened, StartError> {
    open_measured(
        store,
        settings,
        verifier,
        clock,
        &Measures::none(),
        Traces::default(),
        None,
    )
}

/// As [`open`], and records and traces what happens from then on. Where there is a copy of the log already,
/// it goes on from that.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_measured(
    store: Arc<dyn Store>,
    settings: CeremonySettings,
    verifier: Verifier,
    clock: Clock,
    measures: &Measures,
    traces: Traces,
    copy: Option<Copy>,
) -> Result<Opened, StartError> {
    let verifier = verifier.measured(measures, traces.clone());
    let runtime = Handle::try_current().map_err(|error| StartError::Thread(error.to_string()))?;
    let ceremony = store.ceremony().clone();
    settings.rules.validate()?;
    let mut checked = verifier.run(|| checked(&*store, settings.rules, copy))?;
    let gives_up = checked.restarts_while_verifying >= RESTARTS_WHILE_VERIFYING;
    take_up_time(&clock, &mut checked, store.there_until());
    let address = ceremony.address();
    let (mailbox, ordinary) = mpsc::channel(MAILBOX);
    let (urgent_mailbox, urgent) = mpsc::unbounded_channel();
    let Unopened { log, notices } = PublicLog::take_up(
        Arc::clone(&store),
        &mut checked,
        &settings.log_origin,
        &settings.rules,
        settings.accept_missing_guard,
    )?;
    let history = std::mem::take(&mut checked.history);
    let recent = Arc::new(history::recent(&*store, &history.latest)?);
    let shared = Shared {
        store,
        settings,
        clock,
        verifier,
        key: ceremony.key,
        address,
        log: Arc::new(log),
        made: Arc::new(RwLock::new(history.contributions)),
    };
    let custody = &checked.custody;
    let announced = Announced::new(custody.plan, custody.given_to.as_ref());
    let now = shared.clock.now();
    let first = Published::new(
        &checked.queue,
        checked.chain,
        announced,
        Arc::clone(&recent),
        now,
    );
    let (publisher, published) = watch::channel(Arc::new(first));
    let mut task = task(
        checked,
        recent,
        &shared,
        measures,
        traces,
        publisher,
        urgent_mailbox.clone(),
    )?;
    task.begin(notices)?;
    let task = spawn(runtime, task, Mailboxes { ordinary, urgent }, gives_up)?;
    let coordinator = Coordinator {
        mailbox,
        urgent_mailbox,
        published,
        shared: Arc::new(shared),
    };
    Ok(Opened { coordinator, task })
}

/// Everything in the store, checked: by the copy that there is, if it has the same log, else from the beginning.
fn checked(store: &dyn Store, rules: Rules, copy: Option<Copy>) -> Result<Checked, StoreError> {
    match copy.map(|copy| copy.take_over(store)) {
        Some(Ok(Some(checked))) => {
            info!("this replica goes on from its copy");
            return Ok(checked);
        }
        Some(Ok(None)) => info!("the copy here is not of the log that is there: it is replayed"),
        // Whatever is wrong with the data is found out again.
        Some(Err(error)) => {
            warn!(%error, "the copy here cannot be gone on from: the log is replayed");
        }
        None => {}
    }
    check::everything(store, rules)
}

/// Has the queue's time go on from where the coordinator before was last there, and tells the operator what
/// was read.
fn take_up_time(clock: &Clock, checked: &mut Checked, before: Option<ThereUntil>) {
    let queue = &mut checked.queue;
    let behind = clock.catch_up(goes_on_at(queue, before).max(checked.last_at));
    let state = queue.state();
    if behind > CLOCK_WARNING {
        warn!(
            behind_ms = u64::try_from(behind.as_millis()).unwrap_or(u64::MAX),
            "this machine's clock is behind the log: set it; time goes on from the log's"
        );
    }
    info!(
        records = checked.chain.records(),
        contributions = state.contributions(),
        waiting = state.waiting(),
        mode = %ModeWord::from(state.mode()).as_str(),
        "the ceremony's log is replayed"
    );
    if let Some(given) = &checked.custody.given_to {
        warn!(
            to = %given.key,
            url = given.url.as_deref().unwrap_or("not known here"),
            "the ceremony was handed over: unless this is the coordinator with that key, nothing happens here any more"
        );
    }
}

/// The queue's time from which a coordinator goes on at the earliest (`docs/spec/queue.md#there-until`).
/// The queue counts the absence from when the one before was last there.
fn goes_on_at(queue: &mut Queue<Identity>, before: Option<ThereUntil>) -> Timestamp {
    let end = queue.state().log_time();
    let Some(ThereUntil { at, ago }) = before else {
        return end;
    };
    queue.was_there_until(at);
    end.max(at.saturating_add(ago))
}

/// The task that goes on where the log ends.
fn task(
    checked: Checked,
    recent: Arc<Recent>,
    shared: &Shared,
    measures: &Measures,
    traces: Traces,
    published: watch::Sender<Arc<Published>>,
    urgent_mailbox: mpsc::UnboundedSender<Message>,
) -> Result<Task, StoreError> {
    let Checked {
        queue,
        chain,
        base,
        verifying,
        binding,
        custody,
        turns: turn_log,
        ..
    } = checked;
    let contributions = queue.state().contributions();
    let base = shared
        .verifier
        .run(|| CurrentBase::new(base, contributions))
        .map_err(|error| StoreError::damaged(error.to_string()))?;
    let verifying = verifying.map(|submitted| Verifying {
        ticket: submitted.ticket,
        identity: submitted.identity,
        fingerprint: Fingerprint::of(&submitted.contribution),
        verification: Some(Verification::ToDo(submitted.contribution.into())),
        waiters: Vec::new(),
    });
    Ok(Task {
        owners: Owners::of(queue.state()),
        turns: Turns::of(measures.turns.clone(), queue.state()),
        turn_log,
        recent,
        made: Arc::clone(&shared.made),
        spans: TurnSpans::of(traces, queue.state()),
        commit_times: measures.commits.clone(),
        queue,
        store: Arc::clone(&shared.store),
        chain,
        binding,
        base: Arc::new(base),
        log: Arc::clone(&shared.log),
        key: shared.key.clone(),
        clock: shared.clock.clone(),
        verifier: shared.verifier.clone(),
        published,
        urgent_mailbox,
        pending: Pending::default(),
        verifying,
        plan: custody.plan,
        // If it was given to this coordinator, it goes on here.
        given_to: (custody.given_to).filter(|given| given.key != shared.public_key()),
        moment: Moment {
            held: HeldAnswers::counted_by(measures.held.clone()),
            ..Moment::default()
        },
    })
}

/// Gives the task a thread of its own, which may block in commits.
fn spawn(
    runtime: Handle,
    task: Task,
    from: Mailboxes,
    gives_up: bool,
) -> Result<JoinHandle<Result<(), Crash>>, StartError> {
    let (ended, end) = oneshot::channel();
    let on_thread = runtime.clone();
    std::thread::Builder::new()
        .name("coordinator".to_owned())
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| {
                on_thread.block_on(task.run(from, gives_up))
            }))
            .unwrap_or_else(|panic| Err(Crash::Panic(panic_text(panic.as_ref()))));
            // Whoever would hear of it may be gone with the runtime.
            let _ = ended.send(result);
        })
        .map_err(|error| StartError::Thread(error.to_string()))?;
    Ok(runtime.spawn(async move {
        end.await
            .unwrap_or_else(|_| Err(Crash::Panic("its thread is gone".to_owned())))
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tauline_queue_core::{Command, Entry, Event, Rules};

    use super::*;

    /// Real time of the first event, in milliseconds; each clock shows it with an error of its own.
    const BEGAN: i64 = 1_790_000_000_000;

    fn shown(real: i64, error: i64) -> Timestamp {
        Timestamp::from_millis(u64::try_from(BEGAN + real + error).unwrap())
    }

    fn log(
        queue: &mut Queue<Identity>,
        at: Timestamp,
        command: Command<Identity>,
    ) -> Vec<Entry<Identity>> {
        let mut entries = queue.step(at, command).entries;
        entries.retain(|entry| !entry.event.is_volatile());
        entries
    }

    fn ada() -> Identity {
        Identity::invite("ada").unwrap()
    }

    fn deadline(queue: &Queue<Identity>) -> Timestamp {
        queue.state().turn().unwrap().deadline
    }

    proptest! {
        /// Whatever the clocks of both leaders and of the database show: the absence is never shorter than
        /// the time without a leader, and no longer than the renewal and the look make it, and what the next
        /// leader's clock is ahead. Nobody has less time left than before.
        #[test]
        fn the_absence_is_no_shorter_than_the_time_without_a_leader(
            errors in [-3_600_000_i64..3_600_000, -3_600_000..3_600_000, -3_600_000..3_600_000],
            quiet in 0_i64..6_000,
            look in 0_i64..1_000,
            on_its_way in 0_i64..500,
            renewal in 0_i64..1_000,
            without in 0_i64..20_000,
            tells in any::<bool>(),
        ) {
            let [first, database, second] = errors;
            // Real time, one after the other: it looks, sends what it saw, is heard, and dies.
            let looked = quiet;
            let heard = looked + look + on_its_way;
            let died = heard + renewal;
            let serves = died + without;

            let mut queue = Queue::new(Rules::default(), shown(0, first)).unwrap();
            let mut entries = log(&mut queue, shown(0, first), Command::Join { id: ada() });
            entries.extend(log(&mut queue, shown(0, first), Command::CheckIn { id: ada() }));
            for look in (0..looked).step_by(1000).chain([looked]) {
                prop_assert!(log(&mut queue, shown(look, first), Command::Tick).is_empty());
            }
            let left = deadline(&queue).since(shown(died, first));
            let end = queue.state().log_time();

            let mut next = Queue::replay(Rules::default(), shown(0, first), entries).unwrap();
            let told = ThereUntil {
                at: shown(looked, first),
                ago: shown(serves, database).since(shown(heard, database)),
            };
            let now = goes_on_at(&mut next, tells.then_some(told)).max(shown(serves, second));
            let step = next.step(now, Command::Tick);
            let Event::Resumed { pause, restarted: true } = step.entries[0].event else {
                panic!("{:?}", step.entries);
            };
            prop_assert!(deadline(&next).since(now) >= left);
            if tells {
                prop_assert!(pause >= Duration::from_millis(without.unsigned_abs()), "{pause:?}");
                let ahead = (second - first).max(0);
                let longest = serves - looked + ahead;
                prop_assert!(pause <= Duration::from_millis(longest.unsigned_abs()), "{pause:?}");
            } else {
                prop_assert_eq!(pause, now.since(end));
            }
        }
    }
}
