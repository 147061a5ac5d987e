//! The key of a coordinator that is to go on with a ceremony, before it has one.

use std::fs;
use std::io;
use std::path::Path;

use k256::ecdsa::SigningKey;
use tauline_protocol::public_log::SuccessorKey;
use zeroize::Zeroizing;

use crate::directory::{DataDir, database_in, replace_file};
use crate::error::StoreError;
use crate::names::SUCCESSOR_NAME;
use crate::sqlite::Sqlite;
use crate::store::Store as _;

/// The public key of the coordinator of a data directory. Where nothing is there yet, its key is made:
/// a ceremony can then be handed over to it.
///
/// # Errors
/// When the directory cannot be used.
pub fn public_key(directory: &Path) -> Result<SuccessorKey, StoreError> {
    if directory.is_dir() && database_in(directory)?.is_some() {
        return Ok(Sqlite::look_at(directory)?.ceremony().public_key());
    }
    let directory = DataDir::take(directory)?;
    let key = match read(directory.path())? {
        Some(key) => key,
        None => make(directory.path())?,
    };
    Ok(SuccessorKey::from(key.verifying_key()))
}

/// The key that was made for a directory; none if there is none.
pub(super) fn read(directory: &Path) -> Result<Option<SigningKey>, StoreError> {
    let path = directory.join(SUCCESSOR_NAME);
    let text = match fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::file("read", &path)(error)),
    };
    let mut secret = Zeroizing::new([0; 32]);
    let key = match hex::decode_to_slice(text.trim_end(), secret.as_mut()) {
        Ok(()) => SigningKey::from_slice(secret.as_slice()).ok(),
        Err(_) => None,
    };
    key.map(Some).ok_or(StoreError::Mark { path })
}

fn make(directory: &Path) -> Result<SigningKey, StoreError> {
    let path = directory.join(SUCCESSOR_NAME);
    let key = SigningKey::random(&mut rand_core::OsRng);
    let secret = Zeroizing::new(<[u8; 32]>::from(key.to_bytes()));
    let text = Zeroizing::new(hex::encode(secret.as_slice()));
    let line = Zeroizing::new(format!("{}\n", text.as_str()));
    replace_file(&path, line.as_bytes()).map_err(StoreError::file("write", &path))?;
    Ok(key)
}
