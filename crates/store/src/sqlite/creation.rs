//! Making the database of a new ceremony.

use rusqlite::{Connection, TransactionBehavior, params};
use tauline_queue_core::Timestamp;
use tauline_transcript::Sizes;
use zeroize::Zeroizing;

use super::connection::connect;
use super::schema::migrate;
use crate::directory::DataDir;
use crate::error::StoreError;

/// Makes a ceremony's database. It gets its name when it is whole, so that half of one is never
/// taken for a ceremony.
pub(super) fn create_database(
    directory: &DataDir,
    sizes: &Sizes,
    now: Timestamp,
) -> Result<std::path::PathBuf, StoreError> {
    let new = directory.new_database()?;
    let mut connection = connect(&new)?;
    migrate(&mut connection, &new)?;
    create(&mut connection, sizes, now)?;
    // Nothing is left in a file beside it, which could be lost.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection
        .close()
        .map_err(|(_, error)| StoreError::from(error))?;
    directory.name_database(&new)
}

/// Whether a database contains nothing of a ceremony, as after an interrupted start.
pub(super) fn is_bare(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM meta) AND NOT EXISTS (SELECT 1 FROM journal)
         AND NOT EXISTS (SELECT 1 FROM contributions)",
        [],
        |row| row.get(0),
    )?)
}

/// Makes the ceremony's key, and stores what is fixed when a ceremony is made.
pub(super) fn create(
    connection: &mut Connection,
    sizes: &Sizes,
    now: Timestamp,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let key = k256::ecdsa::SigningKey::random(&mut rand_core::OsRng);
    let mut put = transaction.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")?;
    put.execute(params!["sizes", sizes.to_string().as_bytes()])?;
    put.execute(params!["started_at", now.as_millis().to_be_bytes()])?;
    let secret = Zeroizing::new(<[u8; 32]>::from(key.to_bytes()));
    put.execute(params!["key", secret.as_slice()])?;
    put.execute(params!["sums", [1_u8]])?;
    drop(put);
    transaction.commit()?;
    Ok(())
}
