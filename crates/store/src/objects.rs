//! Object stores, in which the powers of contributions can be kept: S3, whatever speaks like it, or a
//! directory that all replicas see.
//!
//! An object's name is the SHA-256 of its bytes, in a folder `blobs` below the URL's path. So an object
//! never changes, is the same wherever it is read, and whoever puts it twice has put it once.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt as _, ObjectStoreScheme,
    RetryConfig,
};
use tauline_protocol::journal::Digest;
use url::Url;

use crate::batch::Blob;
use crate::engine::Engine;
use crate::error::StoreError;

/// How long one request may take. The powers of a ceremony of Ethereum's sizes are 3 MB.
const REQUEST_LIMIT: Duration = Duration::from_secs(20);
/// How long a request is repeated that fails for reasons that pass. A participant waits for it.
const RETRY_LIMIT: Duration = Duration::from_secs(30);
const MAX_RETRIES: usize = 8;
/// The folder of all powers.
const FOLDER: &str = "blobs";

/// An object store.
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    folder: Path,
    url: String,
    // Dropped last: what is above lives on its thread.
    engine: Arc<Engine>,
}

impl Objects {
    /// The object store at a URL: `s3://BUCKET/PREFIX`, with credentials, region and endpoint from the
    /// environment as Amazon's tools name them (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`,
    /// `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`), or `file:///DIRECTORY`, which has to be there. Asks nothing yet.
    ///
    /// # Errors
    /// When the URL is none of these.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let parsed = Url::parse(url).map_err(|error| no_place(url, &error))?;
        // Whatever stands there that could be a secret is not shown.
        let shown = shown(&parsed);
        let engine = Engine::start("objects")?;
        let (scheme, path) =
            ObjectStoreScheme::parse(&parsed).map_err(|error| no_place(&shown, &error))?;
        let store: Arc<dyn ObjectStore> = match scheme {
            ObjectStoreScheme::AmazonS3 => Arc::new(s3(&parsed, &shown)?),
            ObjectStoreScheme::Local => return Self::local(&parsed, shown, engine),
            _ => return Err(no_place(&shown, &"its beginning is not known here")),
        };
        Ok(Self {
            store,
            folder: path.join(FOLDER),
            url: shown,
            engine,
        })
    }

    fn local(parsed: &Url, shown: String, engine: Arc<Engine>) -> Result<Self, StoreError> {
        let directory = parsed
            .to_file_path()
            .map_err(|()| no_place(&shown, &"it names no directory"))?;
        let store = LocalFileSystem::new_with_prefix(directory)
            .map_err(|error| no_place(&shown, &error))?
            .with_fsync(true);
        Ok(Self {
            store: Arc::new(store),
            folder: Path::from(FOLDER),
            url: shown,
            engine,
        })
    }

    /// The URL, without secrets.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    fn path(&self, digest: &Digest) -> Path {
        self.folder.clone().join(hex::encode(digest))
    }

    /// Makes an object durable.
    ///
    /// # Errors
    /// When the store does not take it.
    pub fn put(&self, blob: &Blob) -> Result<(), StoreError> {
        let (store, path) = (Arc::clone(&self.store), self.path(blob.digest()));
        let bytes = blob.bytes().to_vec();
        let failed = self.failed("kept in");
        self.engine.run(async move {
            let put = store.put(&path, bytes.into()).await;
            put.map(|_| ()).map_err(failed)
        })
    }

    /// The object with this digest, if it is there; checked.
    ///
    /// # Errors
    /// When the store cannot be read, or the object is not what was stored.
    pub fn get(&self, digest: &Digest) -> Result<Option<Blob>, StoreError> {
        let (store, path) = (Arc::clone(&self.store), self.path(digest));
        let failed = self.failed("read from");
        let bytes = self.engine.run(async move {
            let read = async { store.get(&path).await?.bytes().await };
            match read.await {
                Ok(bytes) => Ok(Some(bytes)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(failed(error)),
            }
        })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let blob = Blob::new(bytes.into());
        match blob.digest() == digest {
            true => Ok(Some(blob)),
            false => Err(StoreError::damaged(format!(
                "the object {} in {} is not what was stored: its SHA-256 differs",
                hex::encode(digest),
                self.url
            ))),
        }
    }

    /// Deletes objects that are not `kept`, if they were put at least this long ago. Returns how many.
    ///
    /// # Errors
    /// When the store cannot be read or written. Some may be deleted.
    pub fn collect(&self, kept: HashSet<Digest>, age: Duration) -> Result<usize, StoreError> {
        let (store, folder) = (Arc::clone(&self.store), self.folder.clone());
        let failed = self.failed("tidied up in");
        self.engine.run(async move {
            let now = std::time::SystemTime::now();
            let is_old = |since: std::time::SystemTime| {
                now.duration_since(since).is_ok_and(|gone| gone >= age)
            };
            let work = async {
                let all: Vec<_> = store.list(Some(&folder)).try_collect().await?;
                let old = all.into_iter().filter(|object| {
                    let name = object.location.filename().unwrap_or_default();
                    let digest = hex::decode(name)
                        .ok()
                        .and_then(|it| Digest::try_from(it).ok());
                    // What has another name is somebody else's.
                    digest.is_some_and(|digest| !kept.contains(&digest))
                        && is_old(object.last_modified.into())
                });
                let paths: Vec<_> = old.map(|object| Ok(object.location)).collect();
                let deleted = store.delete_stream(futures_util::stream::iter(paths).boxed());
                deleted
                    .try_fold(0, |count, _| async move { Ok(count + 1) })
                    .await
            };
            work.await.map_err(failed)
        })
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(Error) -> StoreError + Send + use<> {
        let place = self.url.clone();
        move |error| StoreError::Objects {
            action,
            place,
            source: Box::new(error),
        }
    }
}

fn s3(url: &Url, shown: &str) -> Result<object_store::aws::AmazonS3, StoreError> {
    // The cryptography under TLS, unless this process has chosen one before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_LIMIT,
    };
    let mut plain = url.clone();
    plain.set_query(None);
    AmazonS3Builder::from_env()
        .with_url(plain)
        .with_retry(retry)
        .with_client_options(client_options())
        .build()
        .map_err(|error| no_place(shown, &error))
}

/// `AWS_ALLOW_HTTP` is asked for here, since these options replace those of the environment.
fn client_options() -> ClientOptions {
    let is_true =
        |value: String| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes");
    let allow_http = std::env::var("AWS_ALLOW_HTTP").is_ok_and(is_true);
    ClientOptions::new()
        .with_allow_http(allow_http)
        .with_timeout(REQUEST_LIMIT)
}

fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // Neither can fail for a URL with a host; without one there is nothing to hide.
    let _ = shown.set_password(None);
    let _ = shown.set_username("");
    shown.set_query(None);
    shown.to_string()
}

fn no_place(url: &str, why: &dyn fmt::Display) -> StoreError {
    StoreError::NoPlace {
        url: url.to_owned(),
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_places_are_taken_and_no_secret_is_shown() {
        for url in ["", "powers", "gs://bucket/a", "http://host/a", "memory:///"] {
            let error = Objects::open(url).err().unwrap().to_string();
            assert!(error.contains("Give s3://BUCKET/PREFIX"), "{error}");
        }
        let error = Objects::open("gs://me:secret@bucket/a?key=secret").err();
        let error = error.unwrap().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_directory_has_to_be_there() {
        let error = Objects::open("file:///no/such/directory").err().unwrap();
        assert!(matches!(error, StoreError::NoPlace { .. }), "{error}");
    }
}
