//! An authority whose certificates the tests' clients believe.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::common::http;

/// How long the tests' certificates are good for, where that does not matter.
pub(crate) const LONG: Duration = Duration::from_secs(90 * 24 * 3600);

/// An authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: Certificate,
}

/// The files of a certificate and its key.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&key).unwrap();
        Self {
            issuer: Issuer::new(authority, key),
            root,
        }
    }

    /// A certificate for this machine that is good for so long, and its key, as PEM.
    pub(crate) fn issue(&self, left: Duration) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = std::time::SystemTime::now()
            .checked_add(left)
            .unwrap()
            .into();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Its own certificate.
    pub(crate) fn root(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }

    /// An HTTP client that believes this authority alone.
    pub(crate) fn client(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_der(self.root.der()).unwrap();
        http::client()
            .tls_certs_only([root])
            .no_gzip()
            .no_zstd()
            .timeout(Duration::from_secs(120))
            .build()
            .unwrap()
    }

    /// What connections by hand begin with: these protocols are offered.
    pub(crate) fn connector(&self, alpn: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.root()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }

    /// A connection to this address within TLS.
    pub(crate) async fn connect(
        &self,
        address: std::net::SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await.unwrap();
        self.around(stream).await
    }

    /// TLS on this connection.
    pub(crate) async fn around(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        self.connector(&[]).connect(name, stream).await
    }
}

impl Files {
    /// Names in this directory, where nothing is yet.
    pub(crate) fn within(directory: &Path) -> Self {
        Self {
            certificate: directory.join("certificate.pem"),
            key: directory.join("key.pem"),
        }
    }

    /// Names in this directory, with this pair.
    pub(crate) fn with(directory: &Path, pair: &(String, String)) -> Self {
        let files = Self::within(directory);
        files.write(pair);
        files
    }

    /// Replaces what is in them, the certificate first.
    pub(crate) fn write(&self, (certificate, key): &(String, String)) {
        std::fs::write(&self.certificate, certificate).unwrap();
        std::fs::write(&self.key, key).unwrap();
    }

    /// The settings that name them.
    pub(crate) fn settings(&self) -> [(&'static str, String); 2] {
        [
            ("tls-certificate", self.certificate.display().to_string()),
            ("tls-key", self.key.display().to_string()),
        ]
    }

    /// The arguments that name them.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let settings = self.settings().into_iter();
        settings
            .map(|(name, value)| format!("--{name}={value}"))
            .collect()
    }
}
