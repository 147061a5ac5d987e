//! Moving a ceremony from one store to another, while nobody runs it.
//!
//! Everything goes along: the log, the witnesses, the powers, accounts and sessions, the secret keys, and
//! how much of the public log was signed. What is moved is checked against the log before it is copied, and
//! compared with the copy before that counts. The source stays as it is, so whoever moves a ceremony has to
//! see to it that only one of the two goes on. Powers that are kept apart stay where they are.

use std::path::Path;
use std::sync::Arc;

use tauline_protocol::journal::Digest;
use tauline_queue_core::Rules;

use crate::apart::Apart;
use crate::check::{self, Checked};
use crate::content::{self, Amount};
use crate::directory::{DataDir, database_in};
use crate::error::StoreError;
use crate::making::{New, put_in_place};
use crate::objects::Objects;
use crate::postgres::{Database, Moving, Postgres};
use crate::signed::Signed;
use crate::sqlite::{Fresh, Sqlite, Whole};
use crate::store::Store;

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The coordinator's address.
    pub coordinator: String,
    /// The sizes of the sub-ceremonies, as `--ceremony` takes them.
    pub sizes: String,
    /// How many records the log has.
    pub records: u64,
    /// The chain's hash after the last of them.
    pub hash: Digest,
    /// How many contributions there are.
    pub contributions: u64,
    /// How many GitHub accounts have an identity.
    pub accounts: u64,
    /// How many sessions there are, ended ones included.
    pub sessions: u64,
    /// How much of the public log was signed.
    pub signed: Option<Signed>,
}

impl Moved {
    fn of(store: &dyn Store, checked: &Checked, amount: Amount) -> Self {
        Self {
            coordinator: store.ceremony().address(),
            sizes: store.ceremony().sizes.to_string(),
            records: amount.records,
            hash: *checked.chain.hash(),
            contributions: amount.contributions,
            accounts: amount.accounts,
            sessions: amount.sessions,
            signed: store.last_signed(),
        }
    }
}

/// Copies the ceremony of a data directory to a database that has none.
///
/// # Errors
/// When either cannot be used or is in use, when the data is not sound, or when there is a ceremony in the
/// database. The database then has none, as before.
pub fn to_postgres(
    directory: &Path,
    database: &Database,
    objects: Option<&Arc<Objects>>,
) -> Result<Moved, StoreError> {
    let none = || StoreError::Foreign {
        path: directory.to_owned(),
    };
    let file = database_in(directory)?.ok_or_else(none)?;
    let held = DataDir::take(directory)?;
    let store = Apart::new(Sqlite::look_at(held.path())?, objects.cloned());
    store.inner().check_structure()?;
    let checked = check::everything(&store, Rules::default())?;
    let mut source = Whole::read(&file)?;
    let mut there = Moving::begin(database)?;
    if !there.is_empty()? {
        return Err(StoreError::Refused {
            database: database.to_string(),
            what: "holds a ceremony already: name an empty one, or another schema".to_owned(),
        });
    }
    let amount = content::copy(&mut source, &mut there)?;
    let moved = Moved::of(&store, &checked, amount);
    if let Some(signed) = &moved.signed {
        there.put_signed(signed)?;
    }
    content::compare(&mut source, there.source())?;
    there.commit()?;
    let copied = Postgres::follow(database, held.path())?;
    let copied = copied.ok_or_else(|| StoreError::damaged("the copy is missing"))?;
    let copied = Apart::new(copied, objects.cloned());
    check_copy(&copied, &checked, &moved)?;
    Ok(moved)
}

/// Copies the ceremony of a database to a data directory that has none.
///
/// # Errors
/// When either cannot be used or is in use, when the data is not sound, or when there is a ceremony in the
/// directory. The directory then has none, as before.
pub fn to_sqlite(
    database: &Database,
    directory: &Path,
    objects: Option<&Arc<Objects>>,
) -> Result<Moved, StoreError> {
    if let Some(path) = database_in(directory)? {
        return Err(StoreError::Exists { path });
    }
    // Nobody takes the lead until this is dropped.
    let mut there = Moving::begin(database)?;
    let none = || StoreError::Refused {
        database: database.to_string(),
        what: "holds no ceremony: name the right one, and the right schema".to_owned(),
    };
    let store = Postgres::follow(database, directory)?.ok_or_else(none)?;
    let store = Apart::new(store, objects.cloned());
    let checked = check::everything(&store, Rules::default())?;
    let held = DataDir::take(directory)?;
    put_in_place(&held, |file| -> Result<_, StoreError> {
        let mut copy = Fresh::make(file)?;
        let amount = content::copy(there.source(), &mut copy)?;
        copy.close()?;
        let moved = Moved {
            signed: there.signed()?,
            ..Moved::of(&store, &checked, amount)
        };
        content::compare(there.source(), &mut Whole::read(file)?)?;
        let copied = Apart::new(Sqlite::look_at(file)?, objects.cloned());
        copied.inner().check_structure()?;
        check_copy(&copied, &checked, &moved)?;
        Ok(New {
            signed: moved.signed.clone(),
            mark: copied.inner().mark()?,
            result: moved,
        })
    })
}

/// Checks a copy by itself, and that its log and its sums are those of the source.
fn check_copy(copy: &dyn Store, source: &Checked, moved: &Moved) -> Result<(), StoreError> {
    let copied = check::everything(copy, Rules::default())?;
    let is_same = copied.chain == source.chain
        && copied.tree.head() == source.tree.head()
        && copied.last == source.last
        && copy.ceremony().address() == moved.coordinator
        && copy.first_accounts(u64::MAX)?.count == moved.accounts;
    match is_same {
        true => Ok(()),
        false => Err(StoreError::damaged("the copy is not what was copied")),
    }
}
