//! The parts of a server that serves, put together.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tauline_queue_core::Timestamp;
use tauline_store::{Store, StoreError};
use tokio::sync::watch;

use super::providers::Providers;
use crate::addresses::Proxies;
use crate::config::{ConnectionSettings, LimitSettings, Settings, SignInWay};
use crate::connections::{self, Caps, Places, Times};
use crate::coordinator::Coordinator;
use crate::health::Health;
use crate::http::app::{App, Lobby};
use crate::http::limits::Limits;
use crate::http::upload::Uploads;
use crate::live::Live;
use crate::measures::Measures;
use crate::public_log::Witnesses;
use crate::routes;
use crate::signin::SignIn;
use crate::signin::key::SignInKey;
use crate::signin::nonce::Nonces;
use crate::signin::origin::Origin;
use crate::signin::redirect::Redirects;
use crate::signin::session::Sessions;
use crate::signin::state::States;
use crate::snapshot::Transcripts;
use crate::traces::Traces;

/// A contradiction that keeps people out.
const PUBLIC_URL_WITHOUT_TLS: &str = "HTTPS is served, and --public-url says http://: those who come by https cannot sign in with an                                       Ethereum account. Give --public-url https://…";

/// Starts what goes on beside the answers: offers to witnesses, the status for all who watch, the page's
/// compressed forms.
pub(super) fn run_beside(
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
pub(super) fn warn_of(origin: &Origin, serves_tls: bool) {
    let mut warnings = origin.warnings();
    if serves_tls && !origin.is_tls() {
        warnings.push(PUBLIC_URL_WITHOUT_TLS);
    }
    for warning in warnings {
        tracing::warn!(url = origin.uri(), "{warning}");
    }
}

/// Records what happens, where somebody can ask for it.
pub(super) fn measures(settings: &Settings) -> anyhow::Result<Arc<Measures>> {
    match settings.watch.metrics_listen {
        None => Ok(Measures::none()),
        Some(_) => Measures::recorded()
            .map_err(|error| anyhow::anyhow!("metrics cannot be recorded: {error}")),
    }
}

/// What lasts longer than what the handlers work with.
pub(super) struct Beside<'a> {
    pub(super) limits: &'a LimitSettings,
    pub(super) proxies: &'a Proxies,
    pub(super) health: &'a Arc<Health>,
    pub(super) traces: &'a Traces,
}

/// What the handlers work with.
pub(super) fn app(
    settings: &Settings,
    beside: Beside<'_>,
    sign_in: SignIn,
    transcripts: Transcripts,
    stopping: watch::Receiver<bool>,
) -> App {
    let Beside {
        limits,
        proxies,
        health,
        traces,
    } = beside;
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
        limits: Limits::new(limits),
        proxies: proxies.clone(),
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

pub(super) fn times(settings: &ConnectionSettings) -> Times {
    Times {
        idle: settings.idle_timeout,
        head: settings.body_timeout,
        write: settings.write_timeout,
    }
}

/// Room for as many connections as the settings, or the system, allow.
pub(super) fn places(settings: &ConnectionSettings, proxies: &Proxies) -> Arc<Places> {
    Places::new(Caps {
        total: match settings.max_connections {
            0 => connections::by_open_files(),
            max => max,
        },
        per_address: Some(settings.max_connections_per_address).filter(|max| *max > 0),
        proxies: proxies.clone(),
    })
}

pub(super) async fn sign_in(
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
    let open = move || {
        let (nonces, states) = begun_sign_ins(&*store, handle.clock().wall())?;
        let sessions = Sessions::open_store(store, handle, lifetime, most_people)?;
        Ok::<_, StoreError>((nonces, states, sessions))
    };
    let (nonces, states, sessions) = tokio::task::spawn_blocking(open).await??;
    Ok(SignIn {
        origin: settings.origin(address),
        accounts: providers.accounts,
        siwe: settings.sign_in.offers(SignInWay::Siwe),
        invites: providers.invites,
        github: providers.github,
        oidc: providers.oidc,
        nonces,
        states,
        redirects: Redirects::new(
            settings.sign_in.redirect_allow.clone(),
            settings.origin(address),
            routes::is_page,
        ),
        sessions,
        coordinator: coordinator.clone(),
    })
}

/// What recognises sign-ins that have begun: where the store keeps the key, also those that began before.
fn begun_sign_ins(store: &dyn Store, now: Timestamp) -> Result<(Nonces, States), StoreError> {
    let Some(key) = store.sign_in_key()? else {
        return Ok((Nonces::new(), States::new()));
    };
    let key = SignInKey::new(key);
    let used = store.used_nonces(now)?;
    Ok((Nonces::under(&key, used), States::under(&key)))
}

/// How often addresses and sessions that have been silent are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

pub(super) async fn sweep(app: Arc<App>) {
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

/// Forgets addresses and sessions that have been silent, where sessions are not kept, for as long as there is
/// somebody who counts.
pub(super) async fn sweep_limits(app: Weak<App>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        match app.upgrade() {
            Some(app) => app.limits.sweep(),
            None => return,
        }
    }
}
