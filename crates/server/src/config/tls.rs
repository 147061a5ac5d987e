//! Settings of TLS.

use std::path::PathBuf;

use clap::Args;

use super::error::SettingsError;

/// TLS at `--listen`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS")]
#[group(skip)]
pub struct TlsSettings {
    /// Certificate to serve HTTPS with at --listen: a PEM file, the server's own certificate first, then
    /// those between it and an authority that clients know (certbot's fullchain.pem).
    ///
    /// Needs --tls-key. When the files change, what is in them is taken within seconds, without a restart;
    /// a pair that does not work changes nothing. Without these two settings --listen serves HTTP, for a
    /// proxy with TLS in front.
    #[arg(long, env = "TAULINE_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,

    /// Private key of the certificate of --tls-certificate: a PEM file without a passphrase, which nobody
    /// but the coordinator's user should be able to read.
    #[arg(long, env = "TAULINE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate and those above it.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

impl TlsSettings {
    /// Where certificate and key are, if HTTPS is to be served.
    #[must_use]
    pub(crate) fn files(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            certificate: self.tls_certificate.clone()?,
            key: self.tls_key.clone()?,
        })
    }

    /// Refuses half a pair.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let missing = match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => "--tls-certificate needs --tls-key FILE, the certificate's key",
            (None, Some(_)) => "--tls-key needs --tls-certificate FILE, the key's certificate",
            _ => return Ok(()),
        };
        Err(SettingsError::Conflict(missing.to_owned()))
    }
}
