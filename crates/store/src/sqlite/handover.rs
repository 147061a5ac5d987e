//! The database that is handed over: a copy without secret keys and sessions, which gets new keys
//! where it goes on.

use std::fs;
use std::path::{Path, PathBuf};

use k256::ecdsa::SigningKey;
use rand_core::RngCore as _;
use rusqlite::Connection;
use tauline_protocol::public_log::SuccessorKey;
use zeroize::Zeroizing;

use super::{backup, connect, meta, schema};
use crate::bundle::{self, Given};
use crate::ceremony::Ceremony;
use crate::error::StoreError;

/// Writes a bundle.
pub(super) fn write_bundle(
    database: &Path,
    ceremony: &Ceremony,
    to: &Path,
    given: &Given,
) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::Exists {
            path: to.to_owned(),
        });
    }
    write_bundle_of(ceremony, to, given, |copy| backup::backup(database, copy))
}

/// Writes a bundle of a database that is made for it.
pub(crate) fn write_bundle_of(
    ceremony: &Ceremony,
    to: &Path,
    given: &Given,
    make: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let copy = Copy(beside(to));
    copy.remove();
    make(&copy.0)?;
    strip(&copy.0)?;
    bundle::write(&copy.0, ceremony, to, given)
}

fn beside(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".database");
    PathBuf::from(name)
}

/// A copy, which goes when this is dropped.
struct Copy(PathBuf);

impl Copy {
    fn remove(&self) {
        for end in ["", "-wal", "-shm", "-journal"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(end);
            let _ = fs::remove_file(PathBuf::from(name));
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Removes from a copy what another coordinator must not have. What is deleted is overwritten, and the
/// file is written anew.
fn strip(copy: &Path) -> Result<(), StoreError> {
    let connection = Connection::open(copy)?;
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.execute_batch("DELETE FROM sessions; DELETE FROM session_sums")?;
    for key in [meta::KEY, meta::LOG_KEY, meta::PREDECESSOR] {
        connection.execute("DELETE FROM meta WHERE key = ?1", [key])?;
    }
    connection.execute_batch("VACUUM")?;
    connection
        .close()
        .map_err(|(_, error)| StoreError::from(error))
}

/// Gives keys to a database that was handed over.
///
/// # Errors
/// When it is no such database.
pub(crate) fn equip(
    database: &Path,
    key: &SigningKey,
    from: &SuccessorKey,
) -> Result<(), StoreError> {
    let connection = connect(database)?;
    if schema::version(&connection, database)?.is_none() {
        return Err(StoreError::Foreign {
            path: database.to_owned(),
        });
    }
    for name in [meta::KEY, meta::LOG_KEY, meta::PREDECESSOR] {
        if meta::meta(&connection, name)?.is_some() {
            return Err(StoreError::damaged(format!(
                "the database in the bundle has `{name}`, which is never handed over"
            )));
        }
    }
    let mut seed = Zeroizing::new([0; 32]);
    rand_core::OsRng.fill_bytes(seed.as_mut());
    let secret = Zeroizing::new(<[u8; 32]>::from(key.to_bytes()));
    meta::put(&connection, meta::KEY, secret.as_slice())?;
    meta::put(&connection, meta::LOG_KEY, seed.as_slice())?;
    meta::put(&connection, meta::PREDECESSOR, from.as_bytes())?;
    // Nothing is left in a file beside it, which could be lost.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection
        .close()
        .map_err(|(_, error)| StoreError::from(error))
}
