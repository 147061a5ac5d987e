//! Places in which a ceremony is kept.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tauline_queue_core::Timestamp;
use tauline_store::apart::Apart;
use tauline_store::objects::Objects;
use tauline_store::postgres::{Cluster, Database, Lease, Member, Postgres};
use tauline_store::sqlite::Sqlite;
use tauline_store::{Store, StoreError};
use tauline_test_postgres::Server;
use tauline_transcript::Sizes;
use tempfile::TempDir;

pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// Longer than any test, so that only those see a lease end that want to.
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) fn small() -> Sizes {
    "16:4,32:4".parse().unwrap()
}

/// A directory as an object store.
pub(crate) fn objects(directory: &Path) -> Arc<Objects> {
    Arc::new(Objects::open(&format!("file://{}", directory.display())).unwrap())
}

/// The server that tests share which do it no harm; none where PostgreSQL is not installed.
pub(crate) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(Server::start).as_ref()
}

pub(crate) fn database(url: &str) -> Database {
    Database::parse(url).unwrap()
}

pub(crate) fn member(name: &str) -> Member {
    Member {
        name: name.to_owned(),
        url: format!("http://{name}.example"),
    }
}

/// A replica that leads.
pub(crate) struct Replica {
    pub(crate) store: Postgres,
    pub(crate) lease: Lease,
    pub(crate) cluster: Cluster,
    // Removed last.
    directory: Option<TempDir>,
}

impl Replica {
    /// Takes the lead, whoever has it.
    pub(crate) fn lead(url: &str, name: &str) -> Self {
        Self::try_lead(url, name, &small(), None).unwrap()
    }

    pub(crate) fn try_lead(
        url: &str,
        name: &str,
        sizes: &Sizes,
        pinned: Option<&str>,
    ) -> Result<Self, StoreError> {
        let directory = tempfile::tempdir().unwrap();
        let mut replica = Self::open(url, name, sizes, pinned, directory.path())?;
        replica.directory = Some(directory);
        Ok(replica)
    }

    /// Takes the lead as the replica with this directory.
    pub(crate) fn lead_in(url: &str, name: &str, directory: &Path) -> Result<Self, StoreError> {
        Self::open(url, name, &small(), None, directory)
    }

    fn open(
        url: &str,
        name: &str,
        sizes: &Sizes,
        pinned: Option<&str>,
        directory: &Path,
    ) -> Result<Self, StoreError> {
        let database = database(url);
        let cluster = Cluster::join(&database)?;
        let lease = cluster.take_lead(&member(name), LONG)?;
        let lease = lease.expect("nobody's lease lasts");
        let opened = Postgres::lead(&database, &lease, sizes, NOON, pinned, directory);
        match opened {
            Ok(store) => Ok(Self {
                store,
                lease,
                cluster,
                directory: None,
            }),
            Err(error) => {
                lease.give_up()?;
                Err(error)
            }
        }
    }
}

/// A place that survives what is opened in it.
pub(crate) enum Place {
    Directory(TempDir),
    /// A directory, and one for powers.
    Apart(TempDir, TempDir),
    Schema(String),
}

/// A ceremony that is open.
pub(crate) enum Open {
    Sqlite(Box<Sqlite>),
    Apart(Box<Apart<Sqlite>>),
    Postgres(Box<Replica>),
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self::Directory(tempfile::tempdir().unwrap())
    }

    pub(crate) fn apart() -> Self {
        Self::Apart(tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap())
    }

    pub(crate) fn postgres() -> Option<Self> {
        let server = server()?;
        Some(Self::Schema(server.url(&server.fresh())))
    }

    pub(crate) fn open(&self) -> Open {
        self.try_open(&small(), None).unwrap()
    }

    pub(crate) fn try_open(&self, sizes: &Sizes, pinned: Option<&str>) -> Result<Open, StoreError> {
        match self {
            Self::Directory(directory) => Sqlite::open_as(directory.path(), sizes, NOON, pinned)
                .map(|store| Open::Sqlite(Box::new(store))),
            Self::Apart(directory, powers) => {
                let inner = Sqlite::open_as(directory.path(), sizes, NOON, pinned)?;
                let store = Apart::new(inner, Some(objects(powers.path())));
                Ok(Open::Apart(Box::new(store)))
            }
            Self::Schema(url) => Replica::try_lead(url, "one", sizes, pinned)
                .map(|replica| Open::Postgres(Box::new(replica))),
        }
    }
}

impl Open {
    pub(crate) fn store(&self) -> &dyn Store {
        match self {
            Self::Sqlite(store) => &**store,
            Self::Apart(store) => &**store,
            Self::Postgres(replica) => &replica.store,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Self::Postgres(replica) = self {
            // Another may lead by now.
            let _ = replica.lease.give_up();
        }
    }
}

/// A backup opened like a data directory that holds nothing else.
pub(crate) fn restored(backup: &Path) -> (TempDir, Sqlite) {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join(tauline_store::DATABASE_NAME);
    std::fs::copy(backup, to).unwrap();
    let store = Sqlite::open(directory.path(), &small(), NOON).unwrap();
    (directory, store)
}
