//! What a leader notes in its own directory, as the embedded store does: the mark, and how much of the public
//! log was signed.
//!
//! A database can go back: a standby is promoted that had not everything, or an old backup is put in its
//! place. Nothing in it tells. A replica that has led knows what was durable then, and refuses to lead where
//! less is there, or something else. The database's own row of what was signed goes back with it; this note
//! does not.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tauline_protocol::journal::Digest;

use super::database::Database;
use crate::batch::Batch;
use crate::ceremony::Ceremony;
use crate::error::StoreError;
use crate::mark::{self, MARK_NAME, Mark, MarkFile};
use crate::signed::{Signed, SignedFile};

/// How much there is in the database.
pub(super) struct Extent {
    pub(super) records: u64,
    pub(super) contributions: u64,
    /// The chain's hash after the last record.
    pub(super) last: Digest,
    /// The chain's hash after as many records as were noted.
    pub(super) noted: Option<Digest>,
}

/// What was noted when this replica last led.
pub(super) struct Noted {
    directory: PathBuf,
    mark: Option<Mark>,
    signed: SignedFile,
}

/// What is noted while it leads.
pub(super) struct Notes {
    mark: Mutex<MarkFile>,
    signed: Mutex<SignedFile>,
}

impl Noted {
    pub(super) fn read(directory: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory).map_err(|source| StoreError::Unwritable {
            path: directory.to_owned(),
            source,
        })?;
        Ok(Self {
            directory: directory.to_owned(),
            mark: mark::read(directory)?,
            signed: SignedFile::at(directory)?,
        })
    }

    /// How many records were noted.
    pub(super) fn records(&self) -> u64 {
        self.mark.as_ref().map_or(0, |mark| mark.records)
    }

    /// Refuses a database that has not what was noted. Returns what was last signed, as whichever tells of
    /// more has it.
    pub(super) fn compare(
        self,
        database: &Database,
        ceremony: &Ceremony,
        extent: &Extent,
        signed: Option<Signed>,
    ) -> Result<(Notes, Option<Signed>), StoreError> {
        let now = Mark {
            coordinator: ceremony.address(),
            records: extent.records,
            hash: extent.last,
            contributions: extent.contributions,
        };
        if let Some(mark) = &self.mark {
            self.check(mark, &now, extent.noted)
                .map_err(|what| StoreError::Refused {
                    database: database.to_string(),
                    what,
                })?;
        }
        let noted = self.signed.last().cloned();
        let is_more = |noted: &Signed| {
            signed
                .as_ref()
                .is_none_or(|signed| noted.tree.size >= signed.tree.size)
        };
        let last = noted.filter(is_more).or(signed);
        let notes = Notes {
            mark: Mutex::new(MarkFile::at(&self.directory, now)?),
            signed: Mutex::new(self.signed),
        };
        Ok((notes, last))
    }

    fn check(&self, mark: &Mark, now: &Mark, noted: Option<Digest>) -> Result<(), String> {
        let what = if now.coordinator != mark.coordinator {
            format!(
                "holds the ceremony of coordinator {}, and the one that ran here was that of {}",
                now.coordinator, mark.coordinator
            )
        } else if now.records < mark.records {
            format!(
                "ends after {} records, and {} were durable",
                now.records, mark.records
            )
        } else if mark.records > 0 && noted != Some(mark.hash) {
            "has other records than were durable: another past".to_owned()
        } else {
            return Ok(());
        };
        Err(format!(
            "{what}, as {MARK_NAME} in {} tells. Something was lost or exchanged, and nothing was changed now: put the \
             right database back, or a standby that has everything. To go on without what is lost, start with an empty \
             --data-dir",
            self.directory.display()
        ))
    }
}

impl Notes {
    /// Raises the mark after a commit.
    pub(super) fn committed(&self, batch: &Batch) -> Result<(), StoreError> {
        self.mark
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .raise(|mark| mark.count(batch), mark::is_due(batch))
    }

    /// Notes what was signed.
    pub(super) fn signed(&self, signed: &Signed) -> Result<(), StoreError> {
        self.signed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .raise(signed)
    }
}
