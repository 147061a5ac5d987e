//! All of it together: opened, serving, stopped.

mod data;
mod ground;
mod listening;
mod parts;
mod providers;
mod recovery;
pub(crate) mod reload;
mod replica;
mod serving;
mod taking;
mod watching;

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use self::data::Opening;
use self::ground::{Ground, ground};
use self::parts::{Beside, app, places, run_beside, sign_in, sweep, times, warn_of};
use self::providers::Providers;
use self::reload::{InForce, Source};
pub use self::replica::{Replica, start_replica};
use self::serving::Serving;
pub use self::taking::take_over;
use crate::addresses::Proxies;
use crate::admin;
use crate::clock::Clock;
use crate::config::Settings;
use crate::coordinator::Coordinator;
use crate::public_log::origin_of;
use crate::routes;
use crate::traces::Traces;

/// How long a stopping server waits for its last tasks to let go of the data, once all is written: a
/// task that was told to end does so when the runtime polls it next.
const RELEASE_PATIENCE: Duration = Duration::from_secs(1);
/// How often it looks whether they have.
const RELEASE_LOOK: Duration = Duration::from_millis(2);

/// A server that serves.
pub struct Running {
    address: SocketAddr,
    tls: bool,
    metrics_address: Option<SocketAddr>,
    coordinator: Coordinator,
    in_force: Arc<InForce>,
    /// Ends when the data directory is free for another.
    hold: Weak<()>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// The address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of that address.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The address on which metrics are served, where they are.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The coordinator's handle.
    #[must_use]
    pub fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    /// What is in force, to be read again.
    #[must_use]
    pub fn in_force(&self) -> Weak<InForce> {
        Arc::downgrade(&self.in_force)
    }

    /// Stops: takes no more connections, answers what is held, lets a running verification end,
    /// and closes the store.
    ///
    /// # Errors
    /// A fault of the coordinator.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Self {
            coordinator,
            in_force,
            hold,
            stop,
            served,
            address: _,
            tls: _,
            metrics_address: _,
        } = self;
        // It may have ended by itself.
        let _ = stop.send(());
        drop(in_force);
        let served = served.await;
        drop(coordinator);
        // Whoever starts on the same data next finds it free.
        let since = tokio::time::Instant::now();
        while hold.strong_count() > 0 && since.elapsed() < RELEASE_PATIENCE {
            tokio::time::sleep(RELEASE_LOOK).await;
        }
        served.context("the server panicked")?
    }

    /// Serves until `stop` resolves, or a fault of the coordinator ends it.
    ///
    /// # Errors
    /// A fault of the coordinator: the process must end, another start recovers.
    pub async fn until(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::select! {
            served = &mut self.served => served.context("the server panicked")?,
            () = stop => self.stop().await,
        }
    }
}

/// Opens the data, listens and serves, on the machine's clock. Settings that are read again are the
/// process's.
///
/// # Errors
/// Data that cannot be opened, an address that cannot be listened on, unreadable invitations or
/// secrets, an Ethereum node of another chain; each says what to do.
pub async fn start(settings: &Settings) -> anyhow::Result<Running> {
    start_at(settings, Clock::system()).await
}

/// As [`start`], on a given clock.
///
/// # Errors
/// As [`start`].
pub async fn start_at(settings: &Settings, clock: Clock) -> anyhow::Result<Running> {
    anyhow::ensure!(
        settings.replicas.store.is_none(),
        "a coordinator whose data is in the database of --store is a replica, and starts as one"
    );
    start_with(settings, clock, Arc::new(Settings::from_process)).await
}

async fn start_with(settings: &Settings, clock: Clock, source: Source) -> anyhow::Result<Running> {
    let Ground {
        listener,
        address,
        tls,
        health,
        mut watching,
    } = ground(settings).await?;
    let metrics_address = watching.address();
    let origin = settings.origin(address);
    warn_of(&origin, tls.is_some());
    let providers = Providers::open(settings, &origin).await?;
    let traces = Traces::to(settings.watch.otlp_endpoint.as_ref())?;
    let opening = Opening {
        settings: settings.clone(),
        clock,
        log_origin: origin_of(&origin),
        measures: Arc::clone(health.measures()),
        traces: traces.clone(),
        copy: None,
    };
    let opened = data::open(opening).await?;
    watching.watch(&health, tls.as_ref());
    let coordinator = opened.coordinator;
    let sign_in = sign_in(settings, address, providers, opened.store, &coordinator).await?;
    let (stopping, stopped) = watch::channel(false);
    let proxies = Proxies::new(&settings.limits.trusted_proxies);
    let beside = Beside {
        limits: &settings.limits,
        proxies: &proxies,
        health: &health,
        traces: &traces,
    };
    let app = Arc::new(app(settings, beside, sign_in, opened.transcripts, stopped));
    run_beside(settings, &app, &coordinator)?;
    let served = Some(Arc::clone(&app));
    let in_force = InForce::new(served, proxies, tls.clone(), settings, source);
    let socket = operators_socket(settings, &coordinator, &in_force)?;
    let places = places(&settings.connections, &app.proxies);
    health.serves(coordinator.clone(), Arc::clone(&places));
    let serving = Serving {
        listener,
        tls: tls.clone(),
        times: times(&settings.connections),
        places,
        socket,
        sweeper: tokio::spawn(sweep(Arc::clone(&app))),
        router: routes::router(app),
        coordinator: coordinator.clone(),
        task: opened.task,
        stopping,
        health,
        watching,
        traces,
    };
    let (stop, stop_asked) = oneshot::channel();
    let served = tokio::spawn(serving.until(stop_asked));
    say_what_is_served(settings, address);
    Ok(Running {
        address,
        tls: tls.is_some(),
        metrics_address,
        coordinator,
        in_force,
        hold: opened.hold,
        stop,
        served,
    })
}

fn say_what_is_served(settings: &Settings, address: SocketAddr) {
    tracing::info!(
        %address,
        data = %settings.service.data_dir.display(),
        ceremony = %settings.service.ceremony,
        "serving"
    );
}

/// Hears what the operator wants.
fn operators_socket(
    settings: &Settings,
    coordinator: &Coordinator,
    in_force: &Arc<InForce>,
) -> anyhow::Result<admin::Socket> {
    let operator = admin::Operator::new(coordinator.clone(), Some(in_force));
    admin::serve(&settings.service.data_dir, operator)
        .context("the operator's socket cannot be opened")
}
