//! The tables of a database, and their version.

use std::path::Path;

use rusqlite::Connection;

use crate::error::StoreError;

mod embedded {
    #![allow(missing_docs, unreachable_pub, reason = "generated")]
    refinery::embed_migrations!("src/migrations");
}

/// The number in the header that marks a database as a ceremony's: "Taul" in ASCII.
const APPLICATION_ID: i32 = 0x5461_756c;

/// The version of the schema in a database; none when it has no tables.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<Option<u32>, StoreError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != APPLICATION_ID && tables > 0 {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    if tables == 0 {
        return Ok(None);
    }
    let found: Option<u32> = connection.query_row(
        "SELECT max(version) FROM refinery_schema_history",
        [],
        |row| row.get(0),
    )?;
    let known = latest_version();
    match found {
        Some(found) if found > known => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        }),
        found => Ok(found),
    }
}

/// Whether a database has the latest version of the schema.
pub(super) fn is_latest(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    Ok(version(connection, path)? == Some(latest_version()))
}

/// The latest version of the schema.
fn latest_version() -> u32 {
    let runner = embedded::migrations::runner();
    let known = runner.get_migrations().iter().map(|one| one.version());
    u32::try_from(known.max().unwrap_or(0)).unwrap_or(u32::MAX)
}

/// Brings the schema up to date; refuses what this program cannot read.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    version(connection, path)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    embedded::migrations::runner()
        .set_abort_missing(true)
        .run(connection)
        .map_err(|error| StoreError::Database(Box::new(error)))?;
    Ok(())
}

/// Whether contributions have the digests of their documents in this version of the schema.
pub(super) fn has_digests(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    Ok(version(connection, path)?.is_some_and(|version| version >= 3))
}
