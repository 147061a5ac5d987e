//! The ceremony, taken up by the replica that leads, and given away.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use tauline_store::apart::Apart;
use tauline_store::postgres::{Database, Lease, Postgres};
use tauline_store::sqlite::Found;
use tauline_store::{DATABASE_NAME, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::super::data::{self, Opening, Stored};
use super::super::parts::{Beside, app, run_beside, sign_in, sweep};
use super::super::providers::Providers;
use super::operator::ReplicaOperator;
use crate::addresses::Proxies;
use crate::admin::Operator;
use crate::clock::Clock;
use crate::config::Settings;
use crate::connections::Places;
use crate::coordinator::{Coordinator, Copy, Crash};
use crate::forward::{Lead, Roles, Term};
use crate::health::Health;
use crate::public_log::origin_of;
use crate::routes;
use crate::server::reload::InForce;
use crate::traces::Traces;

/// How long a running verification is waited for before the lead is given up: the next leader verifies what
/// was submitted, and others wait meanwhile.
const VERIFICATION_PATIENCE: Duration = Duration::from_secs(1);

/// How long a coordinator has to end that does not lead any more. It may hang in a commit, to a database
/// that says nothing: longer than a commit waits for that.
const END: Duration = Duration::from_secs(60);

/// How long its last tasks have to let go of the store.
const RELEASE: Duration = Duration::from_secs(1);

/// What a replica has, whether it leads or not.
pub(super) struct Grounds {
    pub(super) settings: Settings,
    /// Where participants reach it.
    pub(super) address: SocketAddr,
    pub(super) clock: Clock,
    pub(super) database: Database,
    pub(super) roles: Roles,
    pub(super) health: Arc<Health>,
    pub(super) traces: Traces,
    pub(super) in_force: Arc<InForce>,
    pub(super) proxies: Proxies,
    pub(super) operator: ReplicaOperator,
    pub(super) places: Arc<Places>,
}

/// The ceremony of the replica that leads.
pub(super) struct Leading {
    pub(super) coordinator: Coordinator,
    pub(super) task: JoinHandle<Result<(), Crash>>,
    /// Tells streams of events that they end.
    stopping: watch::Sender<bool>,
    sweeper: JoinHandle<()>,
    store: Weak<dyn Store>,
}

impl Grounds {
    /// Takes the ceremony up, from a copy of it where there is one, and serves it.
    ///
    /// # Errors
    /// Data that cannot be opened, or settings that cannot be served with.
    pub(super) async fn take_up(
        &self,
        lease: &Lease,
        term: &Arc<Term>,
        copy: Option<Copy>,
    ) -> anyhow::Result<Leading> {
        let settings = &self.settings;
        let origin = settings.origin(self.address);
        let providers = Providers::read(settings, &origin)?;
        let opening = Opening {
            settings: settings.clone(),
            clock: self.clock.clone(),
            log_origin: origin_of(&origin),
            measures: Arc::clone(self.health.measures()),
            traces: self.traces.clone(),
            copy,
        };
        let (database, lease) = (self.database.clone(), lease.clone());
        let opened = data::open_on(opening, move |opening, _| {
            let store = open_store(opening, &database, &lease)?;
            Ok(Stored {
                store: Arc::new(Apart::new(store, data::objects(&opening.settings)?)),
                hold: Weak::new(),
            })
        })
        .await?;
        let coordinator = opened.coordinator;
        let store = Arc::downgrade(&opened.store);
        let sign_in = sign_in(
            settings,
            self.address,
            providers,
            opened.store,
            &coordinator,
        )
        .await?;
        let (stopping, stopped) = watch::channel(false);
        let limits = self.in_force.limits();
        let beside = Beside {
            limits: &limits,
            proxies: &self.proxies,
            health: &self.health,
            traces: &self.traces,
        };
        let app = app(
            settings,
            beside,
            sign_in,
            opened.transcripts,
            stopped.clone(),
        );
        let app = Arc::new(app);
        run_beside(settings, &app, &coordinator)?;
        self.in_force.serves(Some(Arc::clone(&app)));
        let operator = Operator::new(coordinator.clone(), Some(&self.in_force));
        self.operator.leads(Some(operator));
        self.health
            .serves(coordinator.clone(), Arc::clone(&self.places));
        let sweeper = tokio::spawn(sweep(Arc::clone(&app)));
        self.roles.lead(Lead {
            term: Arc::clone(term),
            among_replicas: routes::among_replicas(Arc::clone(&app)),
            router: routes::router(app),
            stopping: stopped,
        });
        Ok(Leading {
            coordinator,
            task: opened.task,
            stopping,
            sweeper,
            store,
        })
    }

    /// From now on this replica leads no more.
    pub(super) fn leads_no_more(&self) {
        self.roles.nobody();
        self.health.follows();
        self.operator.leads(None);
        self.in_force.serves(None);
    }
}

/// Opens the store, and says what was found: nobody shall take a beginning for what was there.
fn open_store(opening: &Opening, database: &Database, lease: &Lease) -> anyhow::Result<Postgres> {
    let service = &opening.settings.service;
    let data_dir = &service.data_dir;
    anyhow::ensure!(
        !data_dir.join(DATABASE_NAME).exists() || Postgres::follow(database, data_dir)?.is_some(),
        "there is a ceremony in {}, and none in the database {database}: nothing was begun there. Bring the \
         ceremony there first, or choose an empty directory with --data-dir",
        data_dir.display()
    );
    let store = Postgres::lead(
        database,
        lease,
        &service.ceremony,
        opening.clock.now(),
        service.coordinator_address.as_deref(),
        data_dir,
    )?;
    let coordinator = store.ceremony().address();
    match store.found() {
        Found::Nothing => tracing::warn!(
            %database,
            %coordinator,
            "A NEW ceremony begins, coordinator {coordinator}: nothing was in {database}"
        ),
        _ => tracing::info!(%database, %coordinator, "the ceremony goes on"),
    }
    Ok(store)
}

impl Leading {
    /// Answers what is held, and ends the streams: what comes now is soon the next leader's.
    pub(super) fn release(&self) {
        self.stopping.send_replace(true);
        self.coordinator.release_held();
    }

    /// Ends the coordinator, which still leads: all is durable that was said.
    ///
    /// # Errors
    /// A fault of the coordinator.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.sweeper.abort();
        self.coordinator.close(VERIFICATION_PATIENCE).await;
        self.task
            .await
            .context("the coordinator panicked")?
            .context("the coordinator stopped")
    }

    /// Ends the coordinator, which leads no more. Nothing that it still writes is taken.
    ///
    /// # Errors
    /// When it does not end: the process has to.
    pub(super) async fn abandon(self) -> anyhow::Result<()> {
        let Self {
            coordinator,
            task,
            stopping: _,
            sweeper,
            store,
        } = self;
        sweeper.abort();
        let ends = async {
            coordinator.close(Duration::ZERO).await;
            // It may fail by being refused to write, which is why it ends.
            let _ = task.await;
        };
        timeout(END, ends).await.map_err(|_| {
            anyhow::anyhow!(
                "this replica leads no more, and its coordinator does not end: started again, it follows"
            )
        })?;
        drop(coordinator);
        let since = Instant::now();
        while store.strong_count() > 0 && since.elapsed() < RELEASE {
            sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}
