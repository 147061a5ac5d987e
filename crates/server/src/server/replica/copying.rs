//! The follower's own copy of the ceremony, kept up to date.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tauline_protocol::status::CeremonyStatus;
use tauline_queue_core::Timestamp;
use tauline_store::apart::Apart;
use tauline_store::postgres::{Cluster, Postgres};
use tauline_store::{Store, StoreError};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::super::data;
use super::super::parts::{Beside, app, sign_in, sweep_limits};
use super::super::providers::Providers;
use super::leading::Grounds;
use super::states;
use crate::coordinator::{self, CaughtUp, CheckpointTold, Coordinator, Copy};
use crate::forward::{Copies, Deputy, Keeping, Link, Role};
use crate::public_log::origin_of;
use crate::routes;
use crate::snapshot::{FOLDER_NAME, Transcripts};
use crate::traces::Traces;
use crate::verifier::Verifier;

/// The folder of the copy's pieces of the transcript, below the data directory. They are made again.
const FOLDER: &str = "copy";

/// How often the log is looked at beside each time that the database tells of something new.
const LOOK: Duration = Duration::from_secs(1);

/// From one look to the next at least, however many ask.
const OFTEN: Duration = Duration::from_millis(10);

/// How often the leader is asked for what it alone knows of the checkpoint.
const ASK: Duration = Duration::from_secs(1);

/// Pause before a copy is begun again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long the copy may be at work when somebody wants to lead by it: less than replaying a long log takes.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long whoever took the copy may take to lead by it.
const TAKEN: Duration = Duration::from_secs(30);

/// The copy, for whoever is to lead: it goes on from there, and need not replay the log.
#[derive(Clone, Default)]
pub(super) struct Ready {
    copy: Arc<Mutex<Option<Copy>>>,
    is_replaying: Arc<AtomicBool>,
}

impl Ready {
    /// Whether there will be a copy once the log is replayed.
    pub(super) fn is_replaying(&self) -> bool {
        self.is_replaying.load(Ordering::Relaxed)
    }

    /// Takes the copy away, if there is one. It does not answer any more.
    pub(super) async fn take(&self, copies: &Copies) -> Option<Copy> {
        let copy = timeout(PATIENCE, self.copy.lock()).await.ok()?.take();
        if copy.is_some() {
            copies.hide();
        }
        copy
    }
}

/// Why a copy is kept no longer.
enum Ended {
    /// Other keys hold, or this replica leads.
    Over,
    /// It was taken away.
    Taken,
}

/// Keeps a copy for as long as this replica does not lead.
pub(super) async fn keep(
    grounds: Arc<Grounds>,
    cluster: Arc<Cluster>,
    link: Link,
    copies: Copies,
    ready: Ready,
) {
    let mut roles = grounds.roles.changes();
    let mut said = String::new();
    loop {
        let follows = |role: &Role| !matches!(role, Role::Leads(_));
        if roles.wait_for(follows).await.is_err() {
            return;
        }
        let kept = tokio::select! {
            kept = kept(&grounds, &cluster, &link, &copies, &ready) => kept,
            _ = roles.wait_for(|role| matches!(role, Role::Leads(_))) => Ok(Ended::Over),
        };
        copies.hide();
        ready.is_replaying.store(false, Ordering::Relaxed);
        drop(ready.copy.lock().await.take());
        match kept {
            Ok(Ended::Over) => {}
            Ok(Ended::Taken) => {
                let leads = roles.wait_for(|role| matches!(role, Role::Leads(_)));
                let _ = timeout(TAKEN, leads).await;
            }
            Err(error) => {
                let error = format!("{error:#}");
                // The same again and again, as while the database is away, is said once.
                if error != said {
                    tracing::info!(error, "the copy of the ceremony is begun again");
                    said = error;
                }
                sleep(AGAIN).await;
            }
        }
    }
}

/// Begins a copy and keeps it, until other keys hold.
async fn kept(
    grounds: &Grounds,
    cluster: &Cluster,
    link: &Link,
    copies: &Copies,
    ready: &Ready,
) -> anyhow::Result<Ended> {
    ready.is_replaying.store(true, Ordering::Relaxed);
    let (store, coordinator, copy) = begin(grounds).await?;
    *ready.copy.lock().await = Some(copy);
    // Streams end with this.
    let (_serving, stopped) = watch::channel(false);
    ready.is_replaying.store(false, Ordering::Relaxed);
    let states = states::keep(Arc::clone(&store), coordinator.clone());
    let deputy = Deputy::new(coordinator.clone(), states.known());
    let router = router(grounds, store, coordinator.clone(), stopped).await?;
    let mut changes = cluster.changes();
    let mut told = Told {
        told: CheckpointTold {
            at: coordinator.clock().now(),
            cosigned: None,
        },
        asked: None,
    };
    let mut keeping: Option<Keeping> = None;
    let mut router = Some(router);
    loop {
        changes.mark_unchanged();
        let asked = keeping.as_mut().map_or(0, Keeping::asked_by_now);
        let looked = Instant::now();
        told.ask(grounds, link, &coordinator).await;
        let now = told.told;
        match catch_up(ready, now).await? {
            Some(CaughtUp::Yes) => {}
            Some(CaughtUp::OtherKeys) => return Ok(Ended::Over),
            None => return Ok(Ended::Taken),
        }
        match &mut keeping {
            Some(keeping) => keeping.done(asked),
            // It is shown once it is up to date.
            None => {
                keeping = router.take().map(|router| copies.show(router));
                copies.appoint(deputy.clone());
            }
        }
        sleep_until(looked + OFTEN).await;
        let somebody_asks = async {
            match &mut keeping {
                Some(keeping) => keeping.asked().await,
                None => std::future::pending().await,
            }
        };
        let something_new = async {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let _ = timeout(LOOK, async {
            tokio::select! {
                () = somebody_asks => {}
                () = something_new => {}
            }
        })
        .await;
    }
}

/// Brings the copy up to date, unless it was taken away. One that cannot be is of no use to anybody.
async fn catch_up(ready: &Ready, told: CheckpointTold) -> anyhow::Result<Option<CaughtUp>> {
    let ready = Arc::clone(&ready.copy);
    let work = move || -> Result<Option<CaughtUp>, StoreError> {
        let mut slot = ready.blocking_lock();
        let Some(copy) = &mut *slot else {
            return Ok(None);
        };
        let caught_up = copy.catch_up(told);
        match caught_up {
            Ok(CaughtUp::Yes) => copy.check(),
            Ok(CaughtUp::OtherKeys) | Err(_) => *slot = None,
        }
        caught_up.map(Some)
    };
    let caught_up = tokio::task::spawn_blocking(work).await;
    Ok(caught_up.context("following the log panicked")??)
}

/// Replays the log, on a thread that may block.
async fn begin(grounds: &Grounds) -> anyhow::Result<(Arc<dyn Store>, Coordinator, Copy)> {
    let (settings, clock) = (grounds.settings.clone(), grounds.clock.clone());
    let (database, address) = (grounds.database.clone(), grounds.address);
    let measures = Arc::clone(grounds.health.measures());
    let work = move || -> anyhow::Result<_> {
        let data_dir = &settings.service.data_dir;
        let store = Postgres::follow(&database, data_dir)?.context("there is no ceremony yet")?;
        let store: Arc<dyn Store> = Arc::new(Apart::new(store, data::objects(&settings)?));
        let rules = coordinator::CeremonySettings {
            rules: settings.rules(),
            sizes: store.ceremony().sizes.clone(),
            sign_in: settings.sign_in.methods(),
            name: settings.service.name.clone(),
            log_origin: origin_of(&settings.origin(address)),
            accept_missing_guard: false,
        };
        // What is uploaded here is verified here.
        let verifier = Verifier::new(settings.turn.threads)?;
        let verifier = verifier.measured(&measures, Traces::default());
        let copied = coordinator::open_copy(Arc::clone(&store), rules, verifier, clock)?;
        let (coordinator, mut copy) = copied.context("the ceremony is about to begin")?;
        copy.check();
        Ok((store, coordinator, copy))
    };
    tokio::task::spawn_blocking(work)
        .await
        .context("replaying the log panicked")?
}

/// The public interface, of which only what everybody may know is asked.
async fn router(
    grounds: &Grounds,
    store: Arc<dyn Store>,
    coordinator: Coordinator,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<axum::Router> {
    let settings = &grounds.settings;
    let origin = settings.origin(grounds.address);
    let providers = Providers::read(settings, &origin)?;
    let folder = settings.service.data_dir.join(FOLDER).join(FOLDER_NAME);
    let transcripts = Transcripts::new(Arc::clone(&store), folder)?;
    let sign_in = sign_in(settings, grounds.address, providers, store, &coordinator).await?;
    let limits = grounds.in_force.limits();
    let beside = Beside {
        limits: &limits,
        proxies: &grounds.proxies,
        health: &grounds.health,
        traces: &grounds.traces,
    };
    let app = Arc::new(app(settings, beside, sign_in, transcripts, stopped));
    tokio::spawn(Arc::clone(&app.live).run(app.stopping.clone()));
    tokio::spawn(sweep_limits(Arc::downgrade(&app)));
    Ok(routes::router(app))
}

/// What the leader alone knows of the last checkpoint: when it was signed, and who has cosigned it.
struct Told {
    told: CheckpointTold,
    asked: Option<Instant>,
}

impl Told {
    async fn ask(&mut self, grounds: &Grounds, link: &Link, coordinator: &Coordinator) {
        if self.asked.is_some_and(|asked| asked.elapsed() < ASK) {
            return;
        }
        self.asked = Some(Instant::now());
        let Role::Follows(leader) = grounds.roles.now() else {
            return;
        };
        let Ok(bytes) = link.get(&leader, "/ceremony/status").await else {
            return;
        };
        if let Ok(status) = serde_json::from_slice::<CeremonyStatus>(&bytes) {
            let at = status.log.at.map(|at| Timestamp::from_millis(at * 1000));
            self.told = CheckpointTold {
                at: at.unwrap_or(coordinator.clock().now()),
                cosigned: status.log.cosigned,
            };
        }
    }
}
