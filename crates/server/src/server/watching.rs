//! For those who watch: the listener for metrics, and what looks around now and then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::listening::listen;
use crate::addresses::Proxies;
use crate::config::Settings;
use crate::connections::{self, Caps, Places, Times};
use crate::health::Health;
use crate::routes;
use crate::tls::Tls;

/// Connections of those who watch at a time: a few monitors with some connections each.
const CONNECTIONS: usize = 64;

/// How often what was recorded is sorted into buckets: in a busy second there are some hundred values
/// of eight bytes each.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// What is there for those who watch; it ends when this is dropped.
pub(super) struct Watching {
    address: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
    /// Connections end with it.
    _serving: watch::Sender<bool>,
}

impl Watching {
    /// Serves metrics from now on, where the settings say so.
    ///
    /// # Errors
    /// An address that cannot be listened on.
    pub(super) async fn start(settings: &Settings, health: &Arc<Health>) -> anyhow::Result<Self> {
        let (serving, until) = watch::channel(false);
        let mut watching = Self {
            address: None,
            tasks: Vec::new(),
            _serving: serving,
        };
        let Some(address) = settings.watch.metrics_listen else {
            return Ok(watching);
        };
        let listener = listen(address, "--metrics-listen").await?;
        let address = listener.local_addr()?;
        watching.address = Some(address);
        let connections = &settings.connections;
        let times = Times {
            idle: connections.idle_timeout,
            head: connections.body_timeout,
            write: connections.write_timeout,
        };
        let places = Places::new(Caps {
            total: CONNECTIONS,
            per_address: None,
            proxies: Proxies::default(),
        });
        let router = routes::health::private(Arc::clone(health));
        watching.spawn(async move {
            connections::accept(&listener, None, router, times, places, until).await;
        });
        let health = Arc::clone(health);
        watching.spawn(async move {
            loop {
                tokio::time::sleep(TIDY_EVERY).await;
                health.measures().tidy();
            }
        });
        let url = format!("http://{address}/metrics");
        tracing::info!(url, "metrics are served");
        Ok(watching)
    }

    /// Watches the disk, too, now that the data is there; and the certificate, to take another from its files.
    pub(super) fn watch(&mut self, health: &Arc<Health>, tls: Option<&Arc<Tls>>) {
        let health = Arc::clone(health);
        self.spawn(async move { health.watch_disk().await });
        if let Some(tls) = tls {
            self.spawn(Arc::clone(tls).watch());
        }
    }

    /// The address on which metrics are served.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(tokio::spawn(task));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
