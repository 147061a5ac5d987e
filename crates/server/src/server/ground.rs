//! What there is before anything is known of the ceremony: addresses that are listened on.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::listening::listen;
use super::parts::measures;
use super::watching::Watching;
use crate::config::Settings;
use crate::health::Health;
use crate::signin::secret::warn_if_others_read;
use crate::tls::Tls;

/// What there is before the data is opened.
pub(super) struct Ground {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) health: Arc<Health>,
    pub(super) watching: Watching,
}

/// Listens, and tells those who watch that nobody can be served yet.
pub(super) async fn ground(settings: &Settings) -> anyhow::Result<Ground> {
    for (what, path) in settings.files_with_secrets() {
        warn_if_others_read(what, &path);
    }
    // The addresses come first: they are the cheapest things to be refused.
    let listener = listen(settings.service.listen, "--listen").await?;
    let address = listener.local_addr()?;
    let tls = settings.tls.files().map(Tls::open).transpose()?;
    let health = Health::opening(settings, measures(settings)?, tls.clone());
    let watching = Watching::start(settings, &health).await?;
    Ok(Ground {
        listener,
        address,
        tls,
        health,
        watching,
    })
}
