//! Who may say for whom it asks.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use ipnet::IpNet;

/// The proxies that are trusted; they may change while the server runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Arc<RwLock<Vec<IpNet>>>);

impl Proxies {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self(Arc::new(RwLock::new(networks.to_vec())))
    }

    /// Whether this address is one of theirs.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let networks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        networks.iter().any(|network| network.contains(&address))
    }

    pub(super) fn set(&self, networks: &[IpNet]) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = networks.to_vec();
    }
}
