//! What is stored about the ceremony as a whole: what was fixed when it was made, and whether its
//! data has sums.

use rusqlite::{Connection, OptionalExtension as _};
use tauline_queue_core::Timestamp;
use zeroize::Zeroizing;

use crate::ceremony::Ceremony;
use crate::error::StoreError;

/// What was fixed when the ceremony was made.
pub(super) fn ceremony(connection: &Connection) -> Result<Ceremony, StoreError> {
    let meta = |key: &str| meta(connection, key);
    let missing = |key| StoreError::damaged(format!("`{key}` is missing or unreadable"));
    let sizes = meta("sizes")?
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| missing("sizes"))?;
    let started_at = meta("started_at")?
        .and_then(|bytes| bytes.try_into().ok())
        .map(|bytes| Timestamp::from_millis(u64::from_be_bytes(bytes)))
        .ok_or_else(|| missing("started_at"))?;
    // What was read is wiped. SQLite's own page stays in memory.
    let key = meta("key")?
        .map(Zeroizing::new)
        .and_then(|bytes| k256::ecdsa::SigningKey::from_slice(&bytes).ok())
        .ok_or_else(|| missing("key"))?;
    Ok(Ceremony {
        sizes,
        started_at,
        key,
    })
}

fn meta(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
            row.get(0)
        })
        .optional()?)
}

/// Whether stored things have sums.
pub(super) fn has_sums(connection: &Connection) -> Result<bool, StoreError> {
    Ok(meta(connection, "sums")?.is_some())
}
