//! All of it together: opened, serving, stopped.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use tauline_queue_core::Timestamp;
use tauline_store::Store;
use tauline_store::mark::MARK_NAME;
use tauline_store::sqlite::{Found, Sqlite};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::admin;
use crate::clock::Clock;
use crate::config::{Settings, SignIn as Method};
use crate::connections::{self, Caps, Places, Times};
use crate::coordinator::{self, Coordinator, Opened};
use crate::http::app::{App, Lobby};
use crate::http::limits::Limits;
use crate::routes;
use crate::signin::SignIn;
use crate::signin::nonce::Nonces;
use crate::signin::redirect::Redirects;
use crate::signin::secret::warn_if_others_read;
use crate::signin::session::Sessions;
use crate::signin::state::States;
use crate::snapshot::{FOLDER_NAME, Transcripts};
use crate::verifier::Verifier;

/// How long a stopping server waits for requests that are on their way. With the times below, all
/// is over before the 90 s after which service managers kill.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a stopping server waits for a running verification, before it leaves it to the next
/// start: ten times what a full-size contribution takes.
const VERIFICATION_PATIENCE: Duration = Duration::from_secs(60);
/// How long the last answers, to what waited for a verdict, have to go out.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// How long a stopping server waits for its last tasks to let go of the data, once all is written: a
/// task ends when it is looked at next.
const RELEASE_PATIENCE: Duration = Duration::from_secs(1);
/// How often it looks whether they have.
const RELEASE_LOOK: Duration = Duration::from_millis(2);
/// How often addresses and sessions that have been silent are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

mod providers;
pub mod reload;

use self::providers::Providers;
use self::reload::{InForce, Source};

/// A server that serves.
pub struct Running {
    address: SocketAddr,
    coordinator: Coordinator,
    in_force: Arc<InForce>,
    store: Weak<dyn Store>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// The address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
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
            store,
            stop,
            served,
            address: _,
        } = self;
        // It may have ended by itself.
        let _ = stop.send(());
        drop(in_force);
        let served = served.await;
        drop(coordinator);
        // Whoever starts on the same data next finds it free.
        let since = tokio::time::Instant::now();
        while store.strong_count() > 0 && since.elapsed() < RELEASE_PATIENCE {
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
    // The address comes first: it is the cheapest thing to be refused.
    let listener = listen(settings.listen).await?;
    let address = listener.local_addr()?;

    let origin = settings.origin(address);
    for warning in origin.warnings() {
        tracing::warn!(url = origin.uri(), "{warning}");
    }
    let providers = Providers::open(settings, &origin).await?;
    let parts = open(settings, clock).await?;
    let coordinator = parts.opened.coordinator.clone();
    let store = Arc::downgrade(&parts.store);
    let (stopping, stopped) = watch::channel(false);
    let app = Arc::new(App::new(
        coordinator.clone(),
        sign_in(settings, address, providers, parts.store, &coordinator).await?,
        parts.transcripts,
        Limits::new(settings),
        settings.body_timeout,
        settings.rules().longest_contribution(),
        stopped,
        Lobby {
            interval: settings.lobby_interval(),
            hold: settings.lobby_hold,
        },
    ));
    let in_force = InForce::new(Arc::clone(&app), settings, source);
    let operator = admin::Operator::new(coordinator.clone(), Some(&in_force));
    let socket = admin::serve(&settings.data_dir, operator)
        .context("the operator's socket cannot be opened")?;
    let sweeper = tokio::spawn(sweep(Arc::clone(&app)));
    let (stop, stop_asked) = oneshot::channel();
    let mut task = parts.opened.task;
    let times = Times {
        idle: settings.idle_timeout,
        head: settings.body_timeout,
        write: settings.write_timeout,
    };
    let places = Places::new(Caps {
        total: match settings.max_connections {
            0 => connections::by_open_files(),
            most => most,
        },
        per_address: Some(settings.max_connections_per_address).filter(|most| *most > 0),
        proxies: app.limits.proxies(),
    });
    let handle = coordinator.clone();
    let served = tokio::spawn(async move {
        let (ending, served) = watch::channel(false);
        let ended = tokio::select! {
            () = connections::accept(&listener, routes::router(app), times, places, served) => None,
            _ = stop_asked => None,
            ended = &mut task => Some(ended),
        };
        drop(listener);
        drop(socket);
        sweeper.abort();
        let ended = match ended {
            Some(fault) => fault,
            None => {
                tracing::info!("stopping: no more connections are taken");
                stopping.send_replace(true);
                coordinator.release_held();
                // What arrives now is still answered; then the coordinator hears nobody any more,
                // and what waits for a verdict is answered with it.
                ending.send_replace(true);
                let mut connections = std::pin::pin!(ending.closed());
                let all_ended = tokio::time::timeout(FAREWELL, &mut connections)
                    .await
                    .is_ok();
                coordinator.close(VERIFICATION_PATIENCE).await;
                let closed = task.await;
                if !all_ended
                    && tokio::time::timeout(LAST_ANSWERS, connections)
                        .await
                        .is_err()
                {
                    tracing::info!("some connections did not end in time and are cut");
                }
                closed
            }
        };
        ended
            .context("the coordinator panicked")?
            .context("the coordinator stopped")?;
        tracing::info!("stopped; nothing is lost");
        Ok(())
    });
    tracing::info!(%address, data = %settings.data_dir.display(), ceremony = %settings.ceremony, "serving");
    Ok(Running {
        address,
        coordinator: handle,
        in_force,
        store,
        stop,
        served,
    })
}

struct Parts {
    store: Arc<dyn Store>,
    opened: Opened,
    transcripts: Transcripts,
}

/// Opens the store and the coordinator on a thread that may block.
async fn open(settings: &Settings, clock: Clock) -> anyhow::Result<Parts> {
    let settings = settings.clone();
    let work = move || {
        let store = open_store(&settings, clock.now())?;
        let store: Arc<dyn Store> = Arc::new(store);
        let verifier = Verifier::new(settings.threads)
            .context("threads for verification cannot be started: lower --threads")?;
        let rules = coordinator::CeremonySettings {
            rules: settings.rules(),
            sizes: settings.ceremony.clone(),
            sign_in: settings.sign_in_methods(),
        };
        let opened = coordinator::open(Arc::clone(&store), rules, verifier, clock)?;
        let transcripts =
            Transcripts::new(Arc::clone(&store), settings.data_dir.join(FOLDER_NAME))?;
        Ok(Parts {
            store,
            opened,
            transcripts,
        })
    };
    tokio::task::spawn_blocking(work)
        .await
        .context("opening the data panicked")?
}

/// Opens the store, and says what was found: nobody shall take a beginning for what was there.
fn open_store(settings: &Settings, now: Timestamp) -> anyhow::Result<Sqlite> {
    let pinned = settings.coordinator_address.as_deref();
    let store = Sqlite::open_as(&settings.data_dir, &settings.ceremony, now, pinned)?;
    let coordinator = store.ceremony().address();
    let data = store.directory().display();
    match store.found() {
        Found::Nothing => tracing::warn!(
            %data,
            %coordinator,
            "A NEW ceremony begins, coordinator {coordinator}: nothing was in {data}"
        ),
        Found::WithoutSums => tracing::warn!(
            %data,
            %coordinator,
            "the data is of before there were digests: what was stored has gained them now, and is checked from now on"
        ),
        Found::Unmarked => tracing::warn!(
            %data,
            %coordinator,
            "there was no {MARK_NAME} beside the data, which says how far the ceremony had come: it is taken as it is"
        ),
        Found::Whole => tracing::info!(%data, %coordinator, "the ceremony goes on"),
    }
    Ok(store)
}

async fn sign_in(
    settings: &Settings,
    address: SocketAddr,
    providers: Providers,
    store: Arc<dyn Store>,
    coordinator: &Coordinator,
) -> anyhow::Result<SignIn> {
    let (lifetime, most_people) = (settings.session_lifetime, settings.max_sessions);
    let handle = coordinator.clone();
    let sessions = move || Sessions::open_store(store, handle, lifetime, most_people);
    let sessions = tokio::task::spawn_blocking(sessions).await??;
    Ok(SignIn {
        origin: settings.origin(address),
        accounts: providers.accounts,
        siwe: settings.offers(Method::Siwe),
        invites: providers.invites,
        github: providers.github,
        oidc: providers.oidc,
        nonces: Nonces::new(),
        states: States::new(),
        redirects: Redirects::new(settings.accounts.redirect_allow.clone()),
        sessions,
        coordinator: coordinator.clone(),
    })
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    use std::io::ErrorKind;
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => anyhow::anyhow!(
                "{address} is in use by another program: stop it, or give another --listen"
            ),
            ErrorKind::AddrNotAvailable => {
                anyhow::anyhow!(
                    "{address} is not an address of this machine: give another --listen"
                )
            }
            ErrorKind::PermissionDenied => anyhow::anyhow!(
                "{address} may not be listened on: give --listen a port of 1024 or above"
            ),
            _ => anyhow::anyhow!("{address} cannot be listened on: {error}; give another --listen"),
        })
}

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
