//! All of it together: opened, serving, stopped.

mod data;
mod listening;
mod providers;
mod recovery;
pub(crate) mod reload;
mod serving;
mod taking;
mod watching;

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use tauline_store::Store;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use self::listening::listen;
use self::providers::Providers;
use self::reload::{InForce, Source};
use self::serving::Serving;
pub use self::taking::take_over;
use self::watching::Watching;
use crate::addresses::Proxies;
use crate::admin;
use crate::clock::Clock;
use crate::config::{ConnectionSettings, Settings, SignInWay};
use crate::connections::{self, Caps, Places, Times};
use crate::coordinator::Coordinator;
use crate::health::Health;
use crate::http::app::{App, Lobby};
use crate::http::limits::Limits;
use crate::http::upload::Uploads;
use crate::live::Live;
use crate::measures::Measures;
use crate::public_log::{Witnesses, origin_of};
use crate::routes;
use crate::signin::SignIn;
use crate::signin::nonce::Nonces;
use crate::signin::origin::Origin;
use crate::signin::redirect::Redirects;
use crate::signin::secret::warn_if_others_read;
use crate::signin::session::Sessions;
use crate::signin::state::States;
use crate::snapshot::Transcripts;
use crate::tls::Tls;
use crate::traces::Traces;

/// How long a stopping server waits for its last tasks to let go of the data, once all is written: a
/// task that was told to end does so when the runtime polls it next.
const RELEASE_PATIENCE: Duration = Duration::from_secs(1);
/// How often it looks whether they have.
const RELEASE_LOOK: Duration = Duration::from_millis(2);

/// A contradiction that keeps people out.
const PUBLIC_URL_WITHOUT_TLS: &str = "HTTPS is served, and --public-url says http://: those who come by https cannot sign in with an                                       Ethereum account. Give --public-url https://…";

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
    start_with(settings, clock, Arc::new(Settings::from_process)).await
}

async fn start_with(settings: &Settings, clock: Clock, source: Source) -> anyhow::Result<Running> {
    for (what, path) in settings.files_with_secrets() {
        warn_if_others_read(what, &path);
    }
    // The addresses come first: they are the cheapest things to be refused.
    let listener = listen(settings.service.listen, "--listen").await?;
    let address = listener.local_addr()?;
    let tls = settings.tls.files().map(Tls::open).transpose()?;
    let health = Health::opening(settings, measures(settings)?, tls.clone());
    // It tells that nobody can be served yet.
    let mut watching = Watching::start(settings, &health).await?;
    let metrics_address = watching.address();

    let origin = settings.origin(address);
    warn_of(&origin, tls.is_some());
    let providers = Providers::open(settings, &origin).await?;
    let recording = Arc::clone(health.measures());
    let traces = Traces::to(settings.watch.otlp_endpoint.as_ref())?;
    let log_origin = origin_of(&origin);
    let opened = data::open(settings, clock, log_origin, recording, traces.clone()).await?;
    watching.watch(&health, tls.as_ref());
    let coordinator = opened.coordinator;
    let sign_in = sign_in(settings, address, providers, opened.store, &coordinator).await?;
    let (stopping, stopped) = watch::channel(false);
    let app = app(
        settings,
        &health,
        &traces,
        sign_in,
        opened.transcripts,
        stopped,
    );
    let app = Arc::new(app);
    run_beside(settings, &app, &coordinator)?;
    let in_force = InForce::new(Arc::clone(&app), tls.clone(), settings, source);
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
    tracing::info!(
        %address,
        data = %settings.service.data_dir.display(),
        ceremony = %settings.service.ceremony,
        "serving"
    );
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

/// Starts what goes on beside the answers: offers to witnesses, the status for all who watch, the page's
/// compressed forms.
fn run_beside(
    settings: &Settings,
    app: &Arc<App>,
    coordinator: &Coordinator,
) -> anyhow::Result<()> {
    let witnesses = Witnesses::new(Arc::clone(coordinator.log()), &settings.service.witness)?;
    tokio::spawn(witnesses.run(app.stopping.clone()));
    tokio::spawn(Arc::clone(&app.live).run(app.stopping.clone()));
    routes::prepare();
    Ok(())
}

/// Tells the operator what keeps participants out, or in danger.
fn warn_of(origin: &Origin, serves_tls: bool) {
    let mut warnings = origin.warnings();
    if serves_tls && !origin.is_tls() {
        warnings.push(PUBLIC_URL_WITHOUT_TLS);
    }
    for warning in warnings {
        tracing::warn!(url = origin.uri(), "{warning}");
    }
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

/// Records what happens, where somebody can ask for it.
fn measures(settings: &Settings) -> anyhow::Result<Arc<Measures>> {
    match settings.watch.metrics_listen {
        None => Ok(Measures::none()),
        Some(_) => Measures::recorded()
            .map_err(|error| anyhow::anyhow!("metrics cannot be recorded: {error}")),
    }
}

/// What the handlers work with.
fn app(
    settings: &Settings,
    health: &Arc<Health>,
    traces: &Traces,
    sign_in: SignIn,
    transcripts: Transcripts,
    stopping: watch::Receiver<bool>,
) -> App {
    let coordinator = sign_in.coordinator.clone();
    let body_timeout = settings.connections.body_timeout;
    let upload_limit = settings.rules().longest_contribution();
    App {
        live: Live::new(coordinator.clone()),
        uploads: Uploads::new(
            coordinator.clone(),
            traces.clone(),
            body_timeout,
            upload_limit,
        ),
        coordinator,
        sign_in,
        transcripts,
        limits: Limits::new(&settings.limits),
        proxies: Proxies::new(&settings.limits.trusted_proxies),
        body_timeout,
        lobby: Lobby {
            interval: settings.sequencer.interval(settings.waiting.checkin_grace),
            hold: settings.sequencer.lobby_hold,
        },
        health: Arc::clone(health),
        measures: Arc::clone(health.measures()),
        traces: traces.clone(),
        stopping,
    }
}

fn times(settings: &ConnectionSettings) -> Times {
    Times {
        idle: settings.idle_timeout,
        head: settings.body_timeout,
        write: settings.write_timeout,
    }
}

/// Room for as many connections as the settings, or the system, allow.
fn places(settings: &ConnectionSettings, proxies: &Proxies) -> Arc<Places> {
    Places::new(Caps {
        total: match settings.max_connections {
            0 => connections::by_open_files(),
            max => max,
        },
        per_address: Some(settings.max_connections_per_address).filter(|max| *max > 0),
        proxies: proxies.clone(),
    })
}

async fn sign_in(
    settings: &Settings,
    address: SocketAddr,
    providers: Providers,
    store: Arc<dyn Store>,
    coordinator: &Coordinator,
) -> anyhow::Result<SignIn> {
    let (lifetime, most_people) = (
        settings.sign_in.session_lifetime,
        settings.sign_in.max_sessions,
    );
    let handle = coordinator.clone();
    let sessions = move || Sessions::open_store(store, handle, lifetime, most_people);
    let sessions = tokio::task::spawn_blocking(sessions).await??;
    Ok(SignIn {
        origin: settings.origin(address),
        accounts: providers.accounts,
        siwe: settings.sign_in.offers(SignInWay::Siwe),
        invites: providers.invites,
        github: providers.github,
        oidc: providers.oidc,
        nonces: Nonces::new(),
        states: States::new(),
        redirects: Redirects::new(
            settings.sign_in.redirect_allow.clone(),
            settings.origin(address),
            routes::is_page,
        ),
        sessions,
        coordinator: coordinator.clone(),
    })
}

/// How often addresses and sessions that have been silent are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

async fn sweep(app: Arc<App>) {
    let first = tokio::time::Instant::now() + SWEEP_EVERY;
    let mut ticks = tokio::time::interval_at(first, SWEEP_EVERY);
    loop {
        ticks.tick().await;
        app.limits.sweep();
        if let Err(refused) = app.sign_in.sessions.sweep().await {
            tracing::warn!(error = refused.error, "sessions could not be swept");
        }
    }
}
