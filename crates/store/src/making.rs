//! Making the data of a ceremony that does not begin with nothing.
//!
//! The database gets its name when it is whole, so that half of one is never taken for a ceremony.

use std::path::Path;

use tauline_queue_core::Timestamp;
use tauline_transcript::Sizes;

use crate::directory::DataDir;
use crate::error::StoreError;
use crate::mark::{self, Mark};
use crate::signed::{self, Signed};
use crate::sqlite::Sqlite;

/// What came of it.
pub enum Made {
    /// The data was made now.
    Now,
    /// There is a ceremony in the directory, opened here for looking. Nothing was made.
    Before(Box<Sqlite>),
}

/// Makes the data of a new ceremony, with keys of its own, in a directory that holds none. `fill` puts
/// into it what it begins with, and returns what the public log counts as signed.
///
/// # Errors
/// When the directory cannot be used, or `fill` fails. The directory then holds what it held before.
pub fn make<E: From<StoreError>>(
    directory: &Path,
    sizes: &Sizes,
    now: Timestamp,
    fill: impl FnOnce(&Sqlite) -> Result<Signed, E>,
) -> Result<Made, E> {
    let directory = DataDir::take(directory)?;
    if directory.database()?.is_some() {
        let store = Sqlite::look_at(directory.path())?;
        return Ok(Made::Before(Box::new(store)));
    }
    put_in_place(&directory, |database| -> Result<_, E> {
        let store = Sqlite::make_in(database, sizes, now)?;
        let signed = fill(&store)?;
        let mark = store.mark()?;
        store.close_in_one_file()?;
        Ok(New {
            signed: Some(signed),
            mark,
            result: (),
        })
    })?;
    Ok(Made::Now)
}

/// A database that was made, and what belongs beside it.
pub(crate) struct New<T> {
    /// What the public log counts as signed; none if nothing was.
    pub(crate) signed: Option<Signed>,
    pub(crate) mark: Mark,
    pub(crate) result: T,
}

/// Has a database made in a new file, and makes it that of a directory which holds none.
///
/// # Errors
/// When it cannot be made. The directory then holds what it held before.
pub(crate) fn put_in_place<T, E: From<StoreError>>(
    directory: &DataDir,
    make: impl FnOnce(&Path) -> Result<New<T>, E>,
) -> Result<T, E> {
    let database = directory.new_database()?;
    let new = match make(&database) {
        Ok(new) => new,
        Err(error) => {
            directory.drop_new_database()?;
            return Err(error);
        }
    };
    // The guard comes before the database: nobody signs without it.
    if let Some(signed) = &new.signed {
        signed::begin(directory.path(), signed)?;
    }
    directory.name_database(&database)?;
    mark::create(directory.path(), &new.mark).map_err(|source| StoreError::Unwritable {
        path: directory.path().to_owned(),
        source,
    })?;
    Ok(new.result)
}
