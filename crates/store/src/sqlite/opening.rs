//! Opening the store in a directory or a file, or refusing it with advice.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use tauline_queue_core::Timestamp;
use tauline_transcript::Sizes;

use super::connection::{connect, connect_to_look};
use super::upkeep::{self, Upkeep};
use super::{Found, Sqlite, accounts, creation, extent, meta, schema, sums};
use crate::ceremony::Ceremony;
use crate::directory::{DataDir, database_in, remains, sync_parent};
use crate::error::StoreError;
use crate::mark::{self, Mark, MarkFile};
use crate::names::{DATABASE_NAME, MARK_NAME};
use crate::signed::SignedFile;

impl Sqlite {
    /// Takes the directory and opens the ceremony in it. If nothing shows that there was one, makes
    /// a new ceremony of these sizes with a key of its own.
    ///
    /// # Errors
    /// When the directory cannot be used, does not contain a ceremony of these sizes that this
    /// program understands, or contains less than its mark or other files tell of.
    pub fn open(directory: &Path, sizes: &Sizes, now: Timestamp) -> Result<Self, StoreError> {
        Self::open_as(directory, sizes, now, None)
    }

    /// Like [`open`](Self::open), but if an address is given, only the ceremony of that coordinator
    /// is opened. No new ceremony is made then, since its key would have another address.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and when there is no ceremony, or that of another coordinator.
    pub fn open_as(
        directory: &Path,
        sizes: &Sizes,
        now: Timestamp,
        pinned: Option<&str>,
    ) -> Result<Self, StoreError> {
        // Refused before anything is made there.
        if let Some(pinned) = pinned
            && database_in(directory)?.is_none()
        {
            return Err(no_ceremony(directory, pinned));
        }
        let directory = DataDir::take(directory)?;
        let mark = mark::read(directory.path())?;
        let (path, mut found) = match directory.database()? {
            Some(path) => (path, Found::Whole),
            None => (
                creation::create_database(&directory, sizes, now)?,
                Found::Nothing,
            ),
        };
        let mut writer = connect(&path)?;
        if schema::version(&writer, &path)?.is_none() {
            refuse_emptied(&directory, pinned)?;
        }
        schema::migrate(&mut writer, &path)?;
        if creation::is_bare(&writer)? {
            refuse_emptied(&directory, pinned)?;
            creation::create(&mut writer, sizes, now)?;
            found = Found::Nothing;
        }
        meta::gain_log_secrets(&writer)?;
        let ceremony = meta::ceremony(&writer)?;
        compare(&writer, &path, &ceremony, mark.as_ref(), pinned)?;
        if ceremony.sizes != *sizes {
            let (found, asked) = (ceremony.sizes.to_string(), sizes.to_string());
            return Err(StoreError::OtherSizes { path, found, asked });
        }
        if sums::gain_sums(&mut writer)? {
            found = Found::WithoutSums;
        } else if found == Found::Whole && mark.is_none() {
            found = Found::Unmarked;
        }
        let accounts = accounts::first(&writer, u64::MAX)?;
        upkeep::sweep(&writer)?;
        let reader = connect(&path)?;
        sync_parent(&path).map_err(|source| StoreError::Unwritable {
            path: directory.path().to_owned(),
            source,
        })?;
        let raised = MarkFile::at(directory.path(), extent::mark(&writer, &ceremony)?)?;
        let signed = SignedFile::at(directory.path())?;
        let writer = Arc::new(Mutex::new(writer));
        let upkeep = Upkeep::start(Arc::clone(&writer), &path)?;
        Ok(Self {
            ceremony,
            path,
            upkeep: Some(upkeep),
            writer,
            reader: Mutex::new(reader),
            accounts: Mutex::new(accounts),
            found,
            mark: Some(Mutex::new(raised)),
            signed: Some(Mutex::new(signed)),
            directory: Some(directory),
        })
    }

    /// Makes a new ceremony, with keys of its own, in a file that is there and empty, and opens it to
    /// put more into it. Nobody else knows of the file.
    ///
    /// # Errors
    /// When the medium fails.
    pub(crate) fn make_in(
        database: &Path,
        sizes: &Sizes,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut writer = connect(database)?;
        schema::migrate(&mut writer, database)?;
        creation::create(&mut writer, sizes, now)?;
        meta::gain_log_secrets(&writer)?;
        // There is no thread that moves the log, so it moves by itself, after so many pages.
        writer.pragma_update(None, "wal_autocheckpoint", 1000)?;
        Ok(Self {
            ceremony: meta::ceremony(&writer)?,
            reader: Mutex::new(connect(database)?),
            path: database.to_owned(),
            accounts: Mutex::new(accounts::first(&writer, u64::MAX)?),
            upkeep: None,
            writer: Arc::new(Mutex::new(writer)),
            found: Found::Nothing,
            mark: None,
            signed: None,
            directory: None,
        })
    }

    /// Closes a new database, with all of it in the one file.
    ///
    /// # Errors
    /// When the medium fails.
    pub(crate) fn close_in_one_file(self) -> Result<(), StoreError> {
        let is_busy: bool =
            self.writer()
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        match is_busy {
            true => Err(StoreError::Database(
                "something else reads the new database".into(),
            )),
            false => Ok(()),
        }
    }

    /// Opens a database, or that of a data directory, without changing anything. It may be a
    /// backup, of any version that this program understands, and it may be in use.
    ///
    /// # Errors
    /// When there is no ceremony's database, or it holds less than the mark beside it tells of.
    pub fn look_at(path: &Path) -> Result<Self, StoreError> {
        let (path, mark, signed) = match path.is_dir() {
            // These are read first, so that they cannot be ahead of the database.
            true => {
                let mark = mark::read(path)?;
                let signed = Mutex::new(SignedFile::at(path)?);
                let found = database_in(path)?;
                let foreign = || StoreError::Foreign {
                    path: path.to_owned(),
                };
                (found.ok_or_else(foreign)?, mark, Some(signed))
            }
            false => (path.to_owned(), None, None),
        };
        let writer = connect_to_look(&path)?;
        if schema::version(&writer, &path)?.is_none() || creation::is_bare(&writer)? {
            return Err(StoreError::Foreign { path });
        }
        let ceremony = meta::ceremony(&writer)?;
        compare(&writer, &path, &ceremony, mark.as_ref(), None)?;
        Ok(Self {
            ceremony,
            reader: Mutex::new(connect_to_look(&path)?),
            path,
            accounts: Mutex::new(accounts::first(&writer, u64::MAX)?),
            upkeep: None,
            writer: Arc::new(Mutex::new(writer)),
            found: Found::Whole,
            mark: None,
            signed,
            directory: None,
        })
    }
}

fn no_ceremony(directory: &Path, pinned: &str) -> StoreError {
    StoreError::NoCeremony {
        path: directory.to_owned(),
        pinned: pinned.to_owned(),
    }
}

/// Refuses a database without a ceremony if other files show that there was one. Otherwise a start
/// was interrupted.
fn refuse_emptied(directory: &DataDir, pinned: Option<&str>) -> Result<(), StoreError> {
    let path = directory.path();
    let mut remains = remains(path);
    // SQLite makes these files whenever it opens the database.
    remains.retain(|name| !name.contains(DATABASE_NAME));
    if !remains.is_empty() {
        return Err(StoreError::Gone {
            path: path.to_owned(),
            remains,
            what: "there is no ceremony in tauline.db, the database",
        });
    }
    match pinned {
        Some(pinned) => Err(no_ceremony(path, pinned)),
        None => Ok(()),
    }
}

/// Refuses a ceremony that is not the one asked for or not the mark's, or that has less than the
/// mark tells of.
fn compare(
    connection: &Connection,
    path: &Path,
    ceremony: &Ceremony,
    mark: Option<&Mark>,
    pinned: Option<&str>,
) -> Result<(), StoreError> {
    let found = ceremony.address();
    if let Some(pinned) = pinned
        && !found.eq_ignore_ascii_case(pinned)
    {
        return Err(StoreError::OtherCoordinator {
            path: path.to_owned(),
            found,
            pinned: pinned.to_owned(),
        });
    }
    let Some(mark) = mark else {
        return Ok(());
    };
    let now = extent::mark(connection, ceremony)?;
    let marked = format!(
        "its mark ({MARK_NAME}) tells of {} records and {} contributions of coordinator {}",
        mark.records, mark.contributions, mark.coordinator
    );
    let what = if now.coordinator != mark.coordinator {
        format!("{marked}, but the database is that of {}", now.coordinator)
    } else if now.records < mark.records {
        format!(
            "{marked}, but the database ends after {} records and {} contributions",
            now.records, now.contributions
        )
    } else if extent::hash_after(connection, mark.records)? != Some(mark.hash) {
        format!("{marked}, but the database has other records: another past")
    } else {
        return Ok(());
    };
    Err(StoreError::Lost {
        path: path.parent().unwrap_or(path).to_owned(),
        what,
    })
}
