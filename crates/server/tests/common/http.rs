//! The HTTP client that tests call a server with.

/// A client that asks no proxy. Its TLS is by `ring`, like the server's, and is used by nobody here.
pub(crate) fn client() -> reqwest::ClientBuilder {
    // Fails where a server in this process was first, which names the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}
