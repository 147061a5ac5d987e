//! A ceremony in a temporary directory, and stores that fail when they are told to.

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::admin::{AdminAnswer, AdminRequest};
use tauline_protocol::contribution::{SignedReceipt, StartRequest};
use tauline_protocol::error::Code;
use tauline_protocol::journal::{Record, Tally};
use tauline_protocol::status::{QueueStatus, QueueWord, SignInMethod};
use tauline_queue_core::{Rules, Ticket, Timestamp};
use tauline_server::testing::admin::Operator;
use tauline_server::testing::base::CurrentBase;
use tauline_server::testing::clock::{Clock, Hands};
use tauline_server::testing::coordinator::{
    self, CeremonySettings, Coordinator, Crash, Opened, StartError,
};
use tauline_server::testing::refused::Refused;
use tauline_server::testing::verifier::Verifier;
use tauline_store::signed::Signed;
use tauline_store::sqlite::Sqlite;
use tauline_store::{
    Asked, Batch, Blob, Ceremony as Made, Contribution, Reading, Session, SignInWrite, Store,
    StoreError, StoredRecord, Write,
};
use tauline_transcript::{RawContribution, Sizes, contribute};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// When the clock of a new ceremony starts.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

pub(crate) fn sizes() -> Sizes {
    "16:4,32:4,64:4,128:4".parse().unwrap()
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The identity of somebody of this name.
pub(crate) fn id(name: &str) -> Identity {
    Identity::invite(name).unwrap()
}

/// A running ceremony.
pub(crate) struct Ceremony {
    pub(crate) coordinator: Coordinator,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) hands: Arc<Hands>,
    pub(crate) directory: Arc<TempDir>,
    pub(crate) rules: Rules,
    task: JoinHandle<Result<(), Crash>>,
}

/// What a ceremony is opened with; the defaults are the specification's.
pub(crate) struct Plan {
    pub(crate) rules: Rules,
    pub(crate) verifier: Verifier,
    pub(crate) directory: Arc<TempDir>,
    pub(crate) clock: (Clock, Arc<Hands>),
    pub(crate) fail: Option<Fail>,
}

impl Default for Plan {
    fn default() -> Self {
        let (clock, hands) = Clock::manual(NOON);
        Self {
            rules: Rules::default(),
            verifier: Verifier::new(1).unwrap(),
            directory: Arc::new(tempfile::tempdir().unwrap()),
            clock: (clock, Arc::new(hands)),
            fail: None,
        }
    }
}

impl Plan {
    pub(crate) fn open(self) -> Ceremony {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(self) -> Result<Ceremony, StartError> {
        let Self {
            rules,
            verifier,
            directory,
            clock: (clock, hands),
            fail,
        } = self;
        let store: Arc<dyn Store> =
            Arc::new(Sqlite::open(directory.path(), &sizes(), clock.now())?);
        let store: Arc<dyn Store> = match fail {
            Some(fail) => Arc::new(Failing { store, fail }),
            None => store,
        };
        let settings = CeremonySettings {
            rules,
            sizes: sizes(),
            sign_in: vec![SignInMethod::Invite],
            name: None,
            log_origin: "ceremony.test/log".to_owned(),
            // Backups are opened as they are.
            accept_missing_guard: true,
        };
        let Opened { coordinator, task } =
            coordinator::open(Arc::clone(&store), settings, verifier, clock.clone())?;
        Ok(Ceremony {
            coordinator,
            store,
            clock,
            hands,
            directory,
            rules,
            task,
        })
    }
}

impl Ceremony {
    pub(crate) fn new() -> Self {
        Plan::default().open()
    }

    /// One that these have joined, in this order.
    pub(crate) async fn joined_by(names: &[&str]) -> Self {
        let ceremony = Self::new();
        for name in names {
            ceremony.join(name).await;
        }
        ceremony
    }

    /// One in which this participant contributes.
    pub(crate) async fn in_turn_of(name: &str) -> Self {
        let ceremony = Self::joined_by(&[name]).await;
        ceremony.start(name).await;
        ceremony
    }

    /// Lets time pass in steps short enough that the coordinator was there all the time.
    pub(crate) async fn pass(&self, by: Duration) {
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(secs(1));
            left -= step;
            self.hands.advance(step);
            self.coordinator.is_in_queue(&id("nobody")).await.unwrap();
        }
    }

    /// Ends the task and gives what another start on the same data needs.
    pub(crate) async fn stop(self) -> Plan {
        self.coordinator.close(Duration::ZERO).await;
        let (plan, ended) = self.ended().await;
        ended.unwrap();
        plan
    }

    /// Waits for the task's end; handles may go on to exist.
    pub(crate) async fn outcome(self) -> Result<(), Crash> {
        self.task.await.unwrap()
    }

    /// Waits for the task's end.
    pub(crate) async fn ended(self) -> (Plan, Result<(), Crash>) {
        let Self {
            coordinator,
            store,
            clock,
            hands,
            directory,
            rules,
            task,
        } = self;
        // A task without handles would end by itself.
        let ended = task.await.unwrap();
        drop(coordinator);
        // The lock of the directory goes with the last user of the store.
        for _ in 0..1000 {
            if Arc::strong_count(&store) == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(
            Arc::strong_count(&store),
            1,
            "somebody still uses the store"
        );
        drop(store);
        (
            Plan {
                rules,
                directory,
                clock: (clock, hands),
                ..Plan::default()
            },
            ended,
        )
    }

    pub(crate) async fn restart(self) -> Self {
        self.stop().await.open()
    }

    pub(crate) async fn join(&self, name: &str) -> QueueStatus {
        self.coordinator.join(id(name)).await.unwrap()
    }

    pub(crate) async fn check_in(&self, name: &str) -> QueueStatus {
        self.coordinator.check_in(id(name)).await.unwrap()
    }

    /// How somebody stands, without a check-in of its own.
    pub(crate) async fn look(&self, name: &str) -> QueueStatus {
        let followed = self.coordinator.follow(id(name), None, Duration::ZERO);
        followed.await.unwrap().0
    }

    pub(crate) async fn start(&self, name: &str) -> Arc<CurrentBase> {
        self.coordinator
            .start(id(name), StartRequest::default())
            .await
            .unwrap()
    }

    pub(crate) async fn complete(
        &self,
        name: &str,
        document: RawContribution,
    ) -> Result<SignedReceipt, Refused> {
        self.coordinator
            .complete(id(name), move || Ok(document))
            .await
    }

    /// A whole turn: checks in until called, starts, computes, completes.
    pub(crate) async fn contribute(&self, name: &str) -> SignedReceipt {
        let status = self.check_in(name).await;
        assert_eq!(
            status.queue_status,
            QueueWord::ReadyToContribute,
            "{status:?}"
        );
        let base = self.start(name).await;
        self.complete(name, update(&base, name)).await.unwrap()
    }

    pub(crate) async fn admin(&self, request: AdminRequest) -> Result<(), String> {
        match self.ask(request).await {
            AdminAnswer::Refused { error } => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) async fn ask(&self, request: AdminRequest) -> AdminAnswer {
        self.operator().admin(request).await
    }

    pub(crate) fn operator(&self) -> Operator {
        Operator::new(self.coordinator.clone(), None)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// A good contribution on this base, signed for somebody of this name.
pub(crate) fn update(base: &CurrentBase, name: &str) -> RawContribution {
    contribute(base.powers().unwrap(), &mut rand_core::OsRng, b"", &|_| ()).sign(&id(name), None)
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Refused>, code: Code) -> String {
    let refused = result.unwrap_err();
    assert_eq!(refused.code, code, "{refused}");
    refused.error
}

/// A verifier of one thread, and the pool that the thread is in.
pub(crate) fn one_thread() -> (Verifier, Arc<rayon::ThreadPool>) {
    let pool = Arc::new(
        rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap(),
    );
    (Verifier::on(Arc::clone(&pool)), pool)
}

/// Keeps the one thread of a pool busy until the guard is dropped.
pub(crate) fn block(pool: &rayon::ThreadPool) -> std::sync::mpsc::Sender<()> {
    let (guard, gone) = std::sync::mpsc::channel::<()>();
    let (ready, is_ready) = std::sync::mpsc::channel();
    pool.spawn(move || {
        ready.send(()).unwrap();
        let _ = gone.recv();
    });
    is_ready.recv().unwrap();
    guard
}

/// When a store fails.
#[derive(Clone)]
pub(crate) struct Fail(pub(crate) Arc<FailPlan>);

pub(crate) struct FailPlan {
    /// Commits that still succeed; after them, all fail.
    left: AtomicI64,
    /// Whether the failing commit is carried out all the same, as in a crash after it.
    after: bool,
    commits: AtomicU64,
    pub(crate) batches: Mutex<Vec<Batch>>,
}

impl Fail {
    pub(crate) fn never() -> Self {
        Self::at(i64::MAX, false)
    }

    pub(crate) fn at(left: i64, after: bool) -> Self {
        Self(Arc::new(FailPlan {
            left: AtomicI64::new(left),
            after,
            commits: AtomicU64::new(0),
            batches: Mutex::default(),
        }))
    }

    pub(crate) fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::SeqCst)
    }
}

/// A store that fails as planned and is otherwise the one inside.
struct Failing {
    store: Arc<dyn Store>,
    fail: Fail,
}

impl Store for Failing {
    fn ceremony(&self) -> &Made {
        self.store.ceremony()
    }

    fn directory(&self) -> Option<&Path> {
        self.store.directory()
    }

    fn last_signed(&self) -> Option<Signed> {
        self.store.last_signed()
    }

    fn keep_signed(&self, signed: &Signed) -> Result<(), StoreError> {
        self.store.keep_signed(signed)
    }

    /// What a coordinator says when it starts is not counted.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let is_notice = |write: &Write| match write {
            Write::Record(record) => Record::from_bytes(&record.bytes).unwrap().notice.is_some(),
            _ => false,
        };
        if batch.writes.iter().all(is_notice) {
            return self.store.commit(batch);
        }
        let plan = &self.fail.0;
        let left = plan.left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 {
            plan.commits.fetch_add(1, Ordering::SeqCst);
            plan.batches.lock().unwrap().push(batch.clone());
            return self.store.commit(batch);
        }
        if left == 0 && plan.after {
            self.store.commit(batch)?;
        }
        Err(StoreError::Database("the plug was pulled".into()))
    }

    fn log(&self, from: u64, at_most: u32) -> Result<Vec<StoredRecord>, StoreError> {
        self.store.log(from, at_most)
    }

    fn ending(&self, ticket: Ticket) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.ending(ticket)
    }

    fn contribution(&self, ticket: Ticket) -> Result<Option<Contribution>, StoreError> {
        self.store.contribution(ticket)
    }

    fn contributions(&self, from: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError> {
        self.store.contributions(from, at_most)
    }

    fn number_of(&self, asked: &Asked) -> Result<Option<u64>, StoreError> {
        self.store.number_of(asked)
    }

    fn blob_tickets(&self) -> Result<Vec<Ticket>, StoreError> {
        self.store.blob_tickets()
    }

    fn blob(&self, ticket: Ticket) -> Result<Option<Blob>, StoreError> {
        self.store.blob(ticket)
    }

    fn reading(&self) -> Result<Box<dyn Reading>, StoreError> {
        self.store.reading()
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.store.backup(to)
    }

    fn write_sign_ins(&self, writes: &[SignInWrite]) -> Result<(), StoreError> {
        self.store.write_sign_ins(writes)
    }

    fn session(&self, hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        self.store.session(hash)
    }

    fn delete_sessions_expired_before(&self, at: Timestamp) -> Result<u64, StoreError> {
        self.store.delete_sessions_expired_before(at)
    }

    fn identity_of_github(&self, account: u64) -> Result<Option<Identity>, StoreError> {
        self.store.identity_of_github(account)
    }

    fn accounts(&self) -> Tally {
        self.store.accounts()
    }

    fn first_accounts(&self, count: u64) -> Result<Tally, StoreError> {
        self.store.first_accounts(count)
    }
}

/// Waits until the task has heard everything sent so far.
pub(crate) async fn settle(ceremony: &Ceremony) {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    ceremony
        .coordinator
        .is_in_queue(&id("nobody"))
        .await
        .unwrap();
}
