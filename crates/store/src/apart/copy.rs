//! Copies that hold the powers themselves.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::reference::HEAD;
use crate::batch::Blob;
use crate::error::StoreError;
use crate::sqlite::delete_superseded;

/// Writes a copy in which powers stand where the database has references: `backup` writes one with
/// references, and `resolve` reads the powers that stored bytes refer to.
pub(super) fn whole(
    to: &Path,
    backup: impl FnOnce(&Path) -> Result<(), StoreError>,
    resolve: impl Fn(Blob) -> Result<Blob, StoreError>,
) -> Result<(), StoreError> {
    let mut name = to.as_os_str().to_owned();
    name.push(".referring");
    let copy = Referring(PathBuf::from(name));
    copy.remove();
    backup(&copy.0)?;
    fill(&copy.0, resolve)?;
    fs::rename(&copy.0, to).map_err(StoreError::file("write", to))
}

fn fill(copy: &Path, resolve: impl Fn(Blob) -> Result<Blob, StoreError>) -> Result<(), StoreError> {
    let connection = Connection::open(copy)?;
    // Nothing stays in a file beside it.
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    // Their objects may be gone.
    delete_superseded(&connection)?;
    let references = format!(
        "SELECT ticket, bytes FROM blobs WHERE substr(bytes, 1, {}) = ?1",
        HEAD.len()
    );
    let mut select = connection.prepare(&references)?;
    let found = select.query_map([HEAD], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(u64, Vec<u8>)> = found.collect::<Result<_, _>>()?;
    for (ticket, stored) in found {
        let powers = resolve(Blob::new(stored))?;
        connection.execute(
            "UPDATE blobs SET digest = ?2, bytes = ?3 WHERE ticket = ?1",
            params![ticket, powers.digest(), powers.bytes()],
        )?;
    }
    drop(select);
    connection
        .close()
        .map_err(|(_, error)| StoreError::from(error))
}

/// A copy with references, which goes when this is dropped.
struct Referring(PathBuf);

impl Referring {
    fn remove(&self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for Referring {
    fn drop(&mut self) {
        self.remove();
    }
}
