//! The high-water mark: a small file beside the database. It tells whose log the database holds,
//! and how many records were durable.
//!
//! A database that has lost its last records, or all of them, looks like a sound but shorter one:
//! SQLite silently drops the end of a write-ahead log from the first bad checksum on. The mark
//! shows that something is missing. It is written after a commit, so it is never ahead of what is
//! durable. It is not far behind, either:
//!
//! * it covers an accepted contribution before anybody is told that it was accepted;
//! * otherwise it is behind by at most 64 records, and by those of at most a second.
//!
//! How it is written: `slots.rs`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tauline_protocol::journal::Digest;

use crate::batch::{Batch, Write};
use crate::error::StoreError;
pub use crate::names::MARK_NAME;
use crate::slots::{self, Slot, SlotFile};

/// How many records the mark may be behind. One flush more for that many makes no difference.
const MAX_RECORDS_BEHIND: u64 = 64;

/// How long the mark may be behind when the next commit comes. At most one flush more in a
/// second.
const MAX_TIME_BEHIND: Duration = Duration::from_secs(1);

/// The length of the log, and whose it is (`docs/spec/known-faults.md#empty-database`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The coordinator's address, with the checksum of EIP-55.
    pub coordinator: String,
    /// How many records the log has at least.
    pub records: u64,
    /// The chain's hash after these records.
    pub hash: Digest,
    /// How many contributions they hold.
    pub contributions: u64,
}

/// The content of a slot, as JSON. The sum covers the other fields.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    coordinator: String,
    records: u64,
    hash: String,
    contributions: u64,
    sum: String,
}

impl Mark {
    /// Counts what was committed.
    pub(crate) fn count(&mut self, batch: &Batch) {
        for write in &batch.writes {
            match write {
                Write::Record(record) => {
                    self.records = record.seq + 1;
                    self.hash = record.hash;
                }
                Write::Accepted(one) => self.contributions = one.number,
                Write::Blob { .. } | Write::DropBlob(_) | Write::LogKey(_) => {}
            }
        }
    }

    fn sum(&self) -> String {
        let Self {
            coordinator,
            records,
            hash,
            contributions,
        } = self;
        let hash = hex::encode(hash);
        let text = format!("mark {coordinator} {records} {hash} {contributions}");
        hex::encode(Sha256::digest(text))
    }
}

/// Whether the mark is written at once after a batch: if a contribution was accepted, since people are told
/// of that.
pub(crate) fn is_due(batch: &Batch) -> bool {
    let accepts = |write: &Write| matches!(write, Write::Accepted(_));
    batch.writes.iter().any(accepts)
}

impl Slot for Mark {
    fn to_text(&self) -> io::Result<Vec<u8>> {
        let text = Text {
            coordinator: self.coordinator.clone(),
            records: self.records,
            hash: format!("0x{}", hex::encode(self.hash)),
            contributions: self.contributions,
            sum: self.sum(),
        };
        Ok(serde_json::to_vec(&text)?)
    }

    fn from_text(text: &[u8]) -> Option<Self> {
        let text: Text = serde_json::from_slice(text).ok()?;
        let mut hash = [0; 32];
        hex::decode_to_slice(text.hash.strip_prefix("0x")?, &mut hash).ok()?;
        let mark = Self {
            coordinator: text.coordinator,
            records: text.records,
            hash,
            contributions: text.contributions,
        };
        (mark.sum() == text.sum).then_some(mark)
    }

    fn height(&self) -> u64 {
        self.records
    }
}

/// The path of a directory's mark.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join(MARK_NAME)
}

/// The mark of a directory, if there is one.
///
/// # Errors
/// When it cannot be read, or both of its slots are spoiled.
pub(crate) fn read(directory: &Path) -> Result<Option<Mark>, StoreError> {
    let path = path(directory);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::file("read", &path)(error)),
    };
    let (_, mark) = slots::newest(&bytes).ok_or(StoreError::Mark { path })?;
    Ok(Some(mark))
}

/// The mark's file, while the ceremony runs.
#[derive(Debug)]
pub(crate) struct MarkFile {
    path: PathBuf,
    file: SlotFile,
    /// The mark on the disk.
    written: Mark,
    written_at: Instant,
    /// The mark that fits the database.
    mark: Mark,
}

impl MarkFile {
    /// Opens the mark of a directory, or makes it, and sets it to what the database holds.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn at(directory: &Path, mark: Mark) -> Result<Self, StoreError> {
        let path = path(directory);
        let open = || -> io::Result<Self> {
            let (file, written) = SlotFile::open(&path, &mark)?;
            let mut raised = Self {
                path: path.clone(),
                file,
                written: written.unwrap_or_else(|| mark.clone()),
                written_at: Instant::now(),
                mark: mark.clone(),
            };
            raised.write()?;
            Ok(raised)
        };
        open().map_err(StoreError::file("write", &path))
    }

    /// Notes what a commit made durable. Writes the mark if `at_once` asks for it, or if it would
    /// be too far behind.
    pub(crate) fn raise(
        &mut self,
        change: impl FnOnce(&mut Mark),
        at_once: bool,
    ) -> Result<(), StoreError> {
        change(&mut self.mark);
        let behind = self.mark.records.saturating_sub(self.written.records);
        if at_once || behind >= MAX_RECORDS_BEHIND || self.written_at.elapsed() >= MAX_TIME_BEHIND {
            self.write()
                .map_err(StoreError::file("write", &self.path))?;
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if self.written == self.mark {
            return Ok(());
        }
        self.file.write(&self.mark)?;
        self.written = self.mark.clone();
        self.written_at = Instant::now();
        Ok(())
    }
}

impl Drop for MarkFile {
    fn drop(&mut self) {
        // If this fails, the mark is behind, which is allowed.
        let _ = self.write();
    }
}

/// Makes the mark of a database that was restored.
///
/// # Errors
/// When it cannot be written.
pub fn create(directory: &Path, mark: &Mark) -> io::Result<()> {
    slots::make(&path(directory), mark)
}
