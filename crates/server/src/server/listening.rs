//! Listening on an address.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Listens on an address that was given by this flag.
///
/// # Errors
/// Why that cannot be, and what to do.
pub(super) async fn listen(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => anyhow::anyhow!(
                "{address} is in use by another program: stop it, or give another {flag}"
            ),
            ErrorKind::AddrNotAvailable => {
                anyhow::anyhow!("{address} is not an address of this machine: give another {flag}")
            }
            ErrorKind::PermissionDenied => anyhow::anyhow!(
                "{address} may not be listened on: give {flag} a port of 1024 or above"
            ),
            _ => anyhow::anyhow!("{address} cannot be listened on: {error}; give another {flag}"),
        })
}
