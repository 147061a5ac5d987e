//! What was fixed when the ceremony was made.

use rand_core::RngCore as _;
use tauline_protocol::public_log::Blinding;
use tauline_queue_core::Timestamp;
use tauline_transcript::Sizes;
use tokio_postgres::Row;
use zeroize::Zeroizing;

use super::rows::{LOG_KEY, put_meta};
use super::writer::Step;
use crate::ceremony::{Ceremony, LogSecrets};
use crate::content::Meta;
use crate::error::StoreError;

/// All that is said of the ceremony as a whole.
pub(super) const META: &str = "SELECT key, value FROM meta ORDER BY key";

const SIZES: &str = "sizes";
const STARTED_AT: &str = "started_at";
const KEY: &str = "key";
const PREDECESSOR: &str = "predecessor";
const LOG_BLINDING: &str = "log_blinding";

/// The names and values of rows.
pub(super) fn read(rows: &[Row]) -> Result<Meta, StoreError> {
    let one = |row: &Row| Ok((row.try_get(0)?, Zeroizing::new(row.try_get(1)?)));
    rows.iter().map(one).collect()
}

/// The ceremony that these make up; none if there are none.
pub(super) fn ceremony(meta: &Meta) -> Result<Option<Ceremony>, StoreError> {
    if meta.is_empty() {
        return Ok(None);
    }
    let find = |key: &str| meta.iter().find(|(name, _)| name == key).map(|it| &it.1);
    let missing = |key: &str| StoreError::damaged(format!("`{key}` is missing or unreadable"));
    let sizes = find(SIZES)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| missing(SIZES))?;
    let started_at = find(STARTED_AT)
        .and_then(|bytes| bytes.as_slice().try_into().ok())
        .map(|bytes| Timestamp::from_millis(u64::from_be_bytes(bytes)))
        .ok_or_else(|| missing(STARTED_AT))?;
    let key = find(KEY)
        .and_then(|bytes| k256::ecdsa::SigningKey::from_slice(bytes).ok())
        .ok_or_else(|| missing(KEY))?;
    let secret = |key: &str| -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let bytes = find(key).ok_or_else(|| missing(key))?;
        let secret = bytes.as_slice().try_into().map_err(|_| missing(key))?;
        Ok(Zeroizing::new(secret))
    };
    let predecessor = find(PREDECESSOR)
        .map(|bytes| k256::ecdsa::VerifyingKey::from_sec1_bytes(bytes))
        .transpose()
        .map_err(|_| missing(PREDECESSOR))?;
    Ok(Some(Ceremony {
        sizes,
        started_at,
        key,
        predecessor,
        log: Some(LogSecrets {
            seed: secret(LOG_KEY)?,
            blinding: Blinding::new(*secret(LOG_BLINDING)?),
        }),
    }))
}

/// What makes a new ceremony, with keys of its own.
pub(super) fn creation(sizes: &Sizes, now: Timestamp) -> Vec<Step> {
    let key = k256::ecdsa::SigningKey::random(&mut rand_core::OsRng);
    let secret = Zeroizing::new(<[u8; 32]>::from(key.to_bytes()));
    let mut steps = vec![
        put_meta(SIZES, sizes.to_string().as_bytes()),
        put_meta(STARTED_AT, &now.as_millis().to_be_bytes()),
        put_meta(KEY, secret.as_slice()),
    ];
    for name in [LOG_KEY, LOG_BLINDING] {
        let mut secret = Zeroizing::new([0; 32]);
        rand_core::OsRng.fill_bytes(secret.as_mut());
        steps.push(put_meta(name, secret.as_slice()));
    }
    steps
}
