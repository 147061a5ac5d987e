//! What is stored about the ceremony as a whole: what was fixed when it was made, and whether its
//! data has sums.

use rand_core::RngCore as _;
use rusqlite::{Connection, OptionalExtension as _, params};
use tauline_protocol::public_log::Blinding;
use tauline_queue_core::Timestamp;
use zeroize::Zeroizing;

use crate::ceremony::{Ceremony, LogSecrets};
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
    let key = meta(KEY)?
        .map(Zeroizing::new)
        .and_then(|bytes| k256::ecdsa::SigningKey::from_slice(&bytes).ok())
        .ok_or_else(|| missing(KEY))?;
    let secret = |key| -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
        let bytes = meta(key)?.map(Zeroizing::new);
        let read = |bytes: Zeroizing<Vec<u8>>| <[u8; 32]>::try_from(bytes.as_slice());
        bytes
            .map(|bytes| read(bytes).map(Zeroizing::new).map_err(|_| missing(key)))
            .transpose()
    };
    let log = match (secret(LOG_KEY)?, secret(LOG_BLINDING)?) {
        (Some(seed), Some(blinding)) => Some(LogSecrets {
            seed,
            blinding: Blinding::new(*blinding),
        }),
        _ => None,
    };
    let predecessor = match meta(PREDECESSOR)? {
        Some(bytes) => Some(
            k256::ecdsa::VerifyingKey::from_sec1_bytes(&bytes).map_err(|_| missing(PREDECESSOR))?,
        ),
        None => None,
    };
    Ok(Ceremony {
        sizes,
        started_at,
        key,
        predecessor,
        log,
    })
}

/// The name of the coordinator's secret key.
pub(super) const KEY: &str = "key";
/// The name of the public key of the coordinator that gave the ceremony to this one.
pub(super) const PREDECESSOR: &str = "predecessor";
/// The name of the seed of the key that signs the public log.
pub(super) const LOG_KEY: &str = "log_key";
/// The name of the secret from which the nonces of commitments follow.
const LOG_BLINDING: &str = "log_blinding";

/// Draws what the public log is made with, unless it is there.
pub(super) fn gain_log_secrets(connection: &Connection) -> Result<(), StoreError> {
    for key in [LOG_KEY, LOG_BLINDING] {
        let mut secret = Zeroizing::new([0; 32]);
        rand_core::OsRng.fill_bytes(secret.as_mut());
        connection.execute(
            "INSERT OR IGNORE INTO meta (key, value) VALUES (?1, ?2)",
            params![key, secret.as_slice()],
        )?;
    }
    Ok(())
}

/// Replaces a value, or adds it.
pub(super) fn put(connection: &Connection, key: &str, value: &[u8]) -> Result<(), StoreError> {
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",
        params![key, value],
    )?;
    Ok(())
}

pub(super) fn meta(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
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
