//! A server that serves, and how it stops.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::watching::Watching;
use crate::admin::Socket;
use crate::connections::{self, Places, Times};
use crate::coordinator::{Coordinator, Crash};
use crate::health::Health;
use crate::tls::Tls;
use crate::traces::Traces;

/// How long a stopping server waits for requests that are on their way. With the times below, all
/// is over before the 90 s after which service managers kill.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a stopping server waits for a running verification, before it leaves it to the next
/// start: ten times what a full-size contribution takes.
const VERIFICATION_PATIENCE: Duration = Duration::from_secs(60);
/// How long the last answers, to what waited for a verdict, have to go out.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// What serves, and what ends with it.
pub(super) struct Serving {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) router: Router,
    pub(super) times: Times,
    pub(super) places: Arc<Places>,
    pub(super) socket: Socket,
    pub(super) sweeper: JoinHandle<()>,
    pub(super) coordinator: Coordinator,
    pub(super) task: JoinHandle<Result<(), Crash>>,
    /// Tells streams of events that the server stops.
    pub(super) stopping: watch::Sender<bool>,
    pub(super) health: Arc<Health>,
    pub(super) watching: Watching,
    pub(super) traces: Traces,
}

impl Serving {
    /// Serves until it is asked to stop, or the coordinator ends by itself.
    ///
    /// # Errors
    /// A fault of the coordinator.
    pub(super) async fn until(self, stop_asked: oneshot::Receiver<()>) -> anyhow::Result<()> {
        let Self {
            listener,
            tls,
            router,
            times,
            places,
            socket,
            sweeper,
            coordinator,
            mut task,
            stopping,
            health,
            // To the very end: how a stop goes is watched, too.
            watching: _watching,
            traces,
        } = self;
        let (ending, served) = watch::channel(false);
        let ended = tokio::select! {
            () = connections::accept(&listener, tls, router, times, places, served) => None,
            _ = stop_asked => None,
            ended = &mut task => Some(ended),
        };
        drop(listener);
        drop(socket);
        sweeper.abort();
        let ended = match ended {
            Some(fault) => {
                health.failed();
                fault
            }
            None => {
                tracing::info!("stopping: no more connections are taken");
                health.stops();
                stopping.send_replace(true);
                coordinator.release_held();
                // What arrives now is still answered; then the coordinator hears nobody any more,
                // and what waits for a verdict is answered with it.
                ending.send_replace(true);
                let mut connections = std::pin::pin!(ending.closed());
                let all_ended = timeout(FAREWELL, &mut connections).await.is_ok();
                coordinator.close(VERIFICATION_PATIENCE).await;
                let closed = task.await;
                if !all_ended && timeout(LAST_ANSWERS, connections).await.is_err() {
                    tracing::info!("some connections did not end in time and are cut");
                }
                closed
            }
        };
        traces.shut_down().await;
        ended
            .context("the coordinator panicked")?
            .context("the coordinator stopped")?;
        tracing::info!("stopped; nothing is lost");
        Ok(())
    }
}
