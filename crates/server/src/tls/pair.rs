//! A certificate and its key, read and found to belong together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, InconsistentKeys, ServerConfig};
use tauline_queue_core::Timestamp;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

use super::stamp::Stamp;
use crate::config::TlsFiles;

/// What is spoken inside: what the server behind it understands.
const ALPN: &[u8] = b"http/1.1";

/// A certificate and its key.
pub(crate) struct Pair {
    /// What connections begin with.
    pub(super) config: Arc<ServerConfig>,
    /// The server's own certificate.
    pub(super) certificate: CertificateDer<'static>,
    /// When that expires, as far as it can be read.
    pub(super) expires_at: Option<Timestamp>,
    /// What the files looked like.
    pub(super) stamp: Stamp,
}

/// Why a pair cannot be used. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PairError {
    /// A file cannot be read.
    #[error("the file of {flag}, {}, cannot be read: {error}", path.display())]
    Unreadable {
        flag: &'static str,
        path: PathBuf,
        error: std::io::Error,
    },
    /// The file of certificates has none.
    #[error(
        "there is no certificate in {}, the file of --tls-certificate: it takes PEM files, with lines -----BEGIN CERTIFICATE-----. \
         {}",
        path.display(),
        if *has_key { "A key is in it: are the files of --tls-certificate and --tls-key the wrong way round?" }
        else { "If it is one in binary, `openssl x509 -inform der` writes it as PEM" }
    )]
    NoCertificate { path: PathBuf, has_key: bool },
    /// The key is protected by a passphrase.
    #[error(
        "the key in {}, the file of --tls-key, is protected by a passphrase, which nobody is there to type: \
         `openssl pkey -in FILE -out OTHER` writes it without",
        path.display()
    )]
    Encrypted { path: PathBuf },
    /// The file of the key has none.
    #[error(
        "there is no private key in {}, the file of --tls-key: it takes PEM files, with a line -----BEGIN PRIVATE KEY-----",
        path.display()
    )]
    NoKey { path: PathBuf },
    /// Something between the lines that begin and end it is wrong.
    #[error("{} is damaged, or was not written to its end: no PEM can be read in it", path.display())]
    Damaged { path: PathBuf },
    /// A key of another kind.
    #[error(
        "the key in {}, the file of --tls-key, is of no kind that can be used: take RSA with 2048 bits or more, ECDSA on P-256 or \
         P-384, or Ed25519",
        path.display()
    )]
    UnknownKey { path: PathBuf },
    /// The key is another's.
    #[error(
        "the key in {} is not that of the first certificate in {}: name the files that belong together, and have the server's own \
         certificate stand first",
        key.display(),
        certificate.display()
    )]
    Mismatch { certificate: PathBuf, key: PathBuf },
    /// The first certificate is none.
    #[error(
        "the first certificate in {}, the file of --tls-certificate, cannot be used: {error}",
        path.display()
    )]
    BadCertificate { path: PathBuf, error: Error },
    /// TLS cannot be offered at all.
    #[error("TLS cannot be offered: {0}")]
    Tls(Error),
}

impl Pair {
    /// Reads the pair in these files.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, PairError> {
        let stamp = Stamp::of(files);
        let provider = Arc::new(default_provider());
        let chain = certificates(&files.certificate)?;
        let key = private_key(&files.key)?;
        let certificate = chain.first().cloned();
        let certified = certified(files, chain, key, &provider)?;
        let resolver = Arc::new(SingleCertAndKey::from(certified));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(PairError::Tls)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Who comes back brings what it needs to go on, so nothing is kept for anybody.
        config.ticketer = Ticketer::new().map_err(PairError::Tls)?;
        let certificate = certificate.ok_or_else(|| PairError::NoCertificate {
            path: files.certificate.clone(),
            has_key: false,
        })?;
        Ok(Self {
            config: Arc::new(config),
            expires_at: expires_at(&certificate),
            certificate,
            stamp,
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let bytes = read("--tls-certificate", path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|_| damaged(path))?;
    match chain.is_empty() {
        true => Err(PairError::NoCertificate {
            path: path.to_owned(),
            has_key: holds(&bytes, "PRIVATE KEY-----"),
        }),
        false => Ok(chain),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PairError> {
    let bytes = read("--tls-key", path)?;
    let path = || path.to_owned();
    // The two forms of keys with a passphrase: PKCS #8's, and the one before it.
    if holds(&bytes, "BEGIN ENCRYPTED PRIVATE KEY") || holds(&bytes, "Proc-Type: 4,ENCRYPTED") {
        return Err(PairError::Encrypted { path: path() });
    }
    // What exactly is wrong is not told: it could show some of the key.
    match PrivateKeyDer::pem_slice_iter(&bytes).next() {
        Some(Ok(key)) => Ok(key),
        Some(Err(_)) => Err(PairError::Damaged { path: path() }),
        None => Err(PairError::NoKey { path: path() }),
    }
}

/// The key with its certificates, if they belong together.
fn certified(
    files: &TlsFiles,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, PairError> {
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|_| PairError::UnknownKey {
        path: files.key.clone(),
    })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // Of some keys it cannot be told.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(PairError::Mismatch {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
        }),
        Err(error) => Err(PairError::BadCertificate {
            path: files.certificate.clone(),
            error,
        }),
    }
}

/// The end of a certificate's validity.
fn expires_at(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let not_after = certificate.tbs_certificate.validity.not_after;
    let millis = not_after.to_unix_duration().as_millis();
    Some(Timestamp::from_millis(u64::try_from(millis).ok()?))
}

/// A time as a person reads it.
pub(super) fn date(at: Option<Timestamp>) -> String {
    let millis = at.and_then(|at| i64::try_from(at.as_millis()).ok());
    let date = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    date.map_or_else(|| "unknown".to_owned(), |date| date.to_string())
}

fn read(flag: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, PairError> {
    let bytes = std::fs::read(path).map_err(|error| PairError::Unreadable {
        flag,
        path: path.to_owned(),
        error,
    })?;
    Ok(Zeroizing::new(bytes))
}

fn holds(bytes: &[u8], words: &str) -> bool {
    let mut windows = bytes.windows(words.len());
    windows.any(|window| window == words.as_bytes())
}

fn damaged(path: &Path) -> PairError {
    PairError::Damaged {
        path: path.to_owned(),
    }
}
