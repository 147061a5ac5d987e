//! Taking a ceremony over from a bundle, into a data directory.

use std::path::{Path, PathBuf};
use std::{fs, io};

use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::VerifierKey;
use tauline_protocol::public_log::SuccessorKey;
use tauline_queue_core::Rules;

use super::successor;
use crate::bundle::{Bundle, BundleError, Statement};
use crate::check::{self, Checked};
use crate::directory::DataDir;
use crate::error::StoreError;
use crate::making::{New, put_in_place};
use crate::names::SUCCESSOR_NAME;
use crate::signed::Signed;
use crate::sqlite::{Sqlite, equip};
use crate::store::Store as _;

/// What came of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// The ceremony was taken over now.
    Now(Statement),
    /// It is here already: the bundle was taken over at an earlier start.
    Before,
}

/// Why a ceremony cannot be taken over. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// The bundle cannot be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The data directory cannot be used, or the data in the bundle.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no key to be named by.
    #[error(
        "there is no key in {} that a ceremony could be handed over to: print one with `tauline-server --data-dir {} public-key`, and have the leaving coordinator name it",
        directory.display(),
        directory.display()
    )]
    NoKey {
        /// The data directory.
        directory: PathBuf,
    },
    /// There is another ceremony.
    #[error(
        "there is another ceremony in {}: take this one over into the directory in which `public-key` was run",
        directory.display()
    )]
    AnotherCeremony {
        /// The data directory.
        directory: PathBuf,
    },
    /// What is in the bundle is not what its statement says, or breaks a rule.
    #[error("the ceremony in the bundle is not taken over: {0}")]
    Unsound(String),
}

/// Takes a ceremony over: checks all of the bundle, and makes it the ceremony of a data directory. What
/// only others can check, such as the transcript as a whole, `inspect` does; what it returns is the
/// reason against it.
///
/// # Errors
/// When anything is not as it should be. The directory then holds what it held before.
pub fn take_over(
    bundle: &Path,
    directory: &Path,
    inspect: impl FnOnce(&Sqlite, &Checked) -> Result<(), String>,
) -> Result<Carried, TakeOverError> {
    let bundle = Bundle::open(bundle)?;
    let directory = DataDir::take(directory)?;
    if directory.database()?.is_some() {
        return carried_before(directory.path(), &bundle.statement);
    }
    let Some(key) = successor::read(directory.path())? else {
        return Err(TakeOverError::NoKey {
            directory: directory.path().to_owned(),
        });
    };
    bundle.check_is_for(&SuccessorKey::from(key.verifying_key()))?;
    let statement = put_in_place(&directory, |database| -> Result<_, TakeOverError> {
        let statement = bundle.copy_database(database)?;
        equip(database, &key, &statement.from)?;
        let store = Sqlite::look_at(database)?;
        store.check_structure()?;
        let checked = check::everything(&store, Rules::default())?;
        let signed = agrees(&store, &checked, &statement).map_err(TakeOverError::Unsound)?;
        inspect(&store, &checked).map_err(TakeOverError::Unsound)?;
        Ok(New {
            signed: Some(signed),
            mark: store.mark()?,
            result: statement,
        })
    })?;
    match fs::remove_file(directory.path().join(SUCCESSOR_NAME)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::Unwritable {
            path: directory.path().to_owned(),
            source,
        }
        .into()),
        _ => Ok(Carried::Now(statement)),
    }
}

/// Whether the ceremony that is there is the one of the bundle.
fn carried_before(directory: &Path, statement: &Statement) -> Result<Carried, TakeOverError> {
    let store = Sqlite::look_at(directory)?;
    let ceremony = store.ceremony();
    let from = statement.from.verifying_key();
    match ceremony.predecessor == from && ceremony.public_key() == statement.to {
        true => Ok(Carried::Before),
        false => Err(TakeOverError::AnotherCeremony {
            directory: directory.to_owned(),
        }),
    }
}

/// Checks the data against the statement, and returns what was signed.
fn agrees(store: &Sqlite, checked: &Checked, statement: &Statement) -> Result<Signed, String> {
    let custody = &checked.custody;
    let Some(holder) = &custody.holder else {
        return Err("its log does not say whose it is".to_owned());
    };
    let from = statement.from.address();
    if from.as_deref() != Some(holder.coordinator.as_str()) {
        return Err(format!(
            "its log is that of {}, which has not signed the bundle",
            holder.coordinator
        ));
    }
    let given_to = custody.given_to.as_ref().map(|it| it.key);
    if given_to != Some(statement.to) {
        return Err("its log does not end with giving the ceremony to this key".to_owned());
    }
    let tree = checked.tree.head();
    if statement.tree() != Some(tree) {
        return Err("its log is not the one that the statement names".to_owned());
    }
    let key: VerifierKey = (holder.key.parse())
        .map_err(|error| format!("the key of its log cannot be read: {error}"))?;
    let signed = SignedCheckpoint::parse(statement.checkpoint.as_bytes())
        .map_err(|error| format!("its checkpoint cannot be read: {error}"))?;
    let checkpoint = signed
        .verify(std::slice::from_ref(&key))
        .map_err(|error| format!("its checkpoint is not signed by the log's key: {error}"))?;
    if checkpoint.tree != tree || checkpoint.origin.as_str() != holder.origin {
        return Err("its checkpoint is for another log".to_owned());
    }
    if store.ceremony().log.is_none() {
        return Err("the secret of its log's commitments is missing".to_owned());
    }
    Ok(Signed {
        origin: holder.origin.clone(),
        tree,
    })
}
