//! The high-water mark: a small file beside the database that says how far the log is known to have
//! been durable, and whose it is.
//!
//! A database that lost its end, or all of it, looks like a sound one that is shorter: SQLite drops
//! the tail of a write-ahead log from the first bad checksum on, without a word. The mark notices. It
//! is written after a commit, so it is never ahead of what is durable, and lags behind by little:
//!
//! * it covers an accepted contribution before anybody is told that it was accepted;
//! * otherwise by at most 64 records, and by those of at most a second.
//!
//! It has two slots that are written in turn, in place: a write that is cut short spoils one, and the
//! other still holds. No space is needed for that, and one flush makes it durable.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tauline_protocol::journal::Digest;

use crate::StoreError;
use crate::directory::sync_parent;

/// Name of the mark inside the data directory.
pub const MARK_NAME: &str = "tauline.mark";

/// Bytes of a slot: a disk's sector, which is written whole or not at all.
const SLOT: usize = 512;

/// Records that may be durable beyond the mark. Ours: a flush for that many is lost among theirs.
const EVERY: u64 = 64;

/// Time after which the next commit raises the mark. Ours: at most one more flush a second.
const AFTER: Duration = Duration::from_secs(1);

/// How far the log has come (`docs/spec/known-faults.md#empty-database`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The coordinator's address, with EIP-55's capitals.
    pub coordinator: String,
    /// How many records the log has at least.
    pub records: u64,
    /// The chain's hash after so many.
    pub hash: Digest,
    /// How many contributions they hold.
    pub contributions: u64,
}

/// A slot's text, JSON. The sum is over the text before it.
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

    fn to_slot(&self) -> io::Result<Vec<u8>> {
        let text = Text {
            coordinator: self.coordinator.clone(),
            records: self.records,
            hash: format!("0x{}", hex::encode(self.hash)),
            contributions: self.contributions,
            sum: self.sum(),
        };
        let mut slot = serde_json::to_vec(&text)?;
        slot.resize(SLOT - 1, b' ');
        slot.push(b'\n');
        Ok(slot)
    }

    fn from_slot(slot: &[u8]) -> Option<Self> {
        let text: Text = serde_json::from_slice(slot).ok()?;
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
}

/// Where the mark of a directory is.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join(MARK_NAME)
}

/// The mark of a directory, if there is one.
///
/// # Errors
/// When it cannot be read, or neither of its slots is what was written.
pub(crate) fn read(directory: &Path) -> Result<Option<Mark>, StoreError> {
    let path = path(directory);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(StoreError::File {
                action: "read",
                path,
                source,
            });
        }
    };
    let (_, mark) = newest(&bytes).ok_or(StoreError::Mark { path })?;
    Ok(Some(mark))
}

/// The slot with the higher of the marks, and that mark.
fn newest(bytes: &[u8]) -> Option<(u64, Mark)> {
    (0..)
        .zip(bytes.chunks(SLOT).take(2))
        .filter_map(|(slot, text)| Some((slot, Mark::from_slot(text)?)))
        .max_by_key(|(_, mark)| mark.records)
}

/// The mark of a ceremony that runs.
#[derive(Debug)]
pub(crate) struct Raised {
    path: PathBuf,
    file: File,
    next_slot: u64,
    /// As it is on the disk.
    written: Mark,
    written_at: Instant,
    /// As the database is.
    mark: Mark,
}

impl Raised {
    /// Takes up the mark of a directory at what its database holds, or makes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn at(directory: &Path, mark: Mark) -> Result<Self, StoreError> {
        let path = path(directory);
        let open = || -> io::Result<Self> {
            if !path.try_exists()? {
                make(&path, &mark)?;
            }
            let file = OpenOptions::new().write(true).open(&path)?;
            let bytes = std::fs::read(&path)?;
            let (slot, written) = newest(&bytes).unwrap_or((1, mark.clone()));
            let mut raised = Self {
                path: path.clone(),
                file,
                next_slot: 1 - slot,
                written,
                written_at: Instant::now(),
                mark: mark.clone(),
            };
            raised.write()?;
            Ok(raised)
        };
        open().map_err(|source| StoreError::File {
            action: "write",
            path: path.clone(),
            source,
        })
    }

    /// Takes note of what a commit made durable. Writes it down if it is told to, or if it is time.
    pub(crate) fn raise(
        &mut self,
        change: impl FnOnce(&mut Mark),
        at_once: bool,
    ) -> Result<(), StoreError> {
        change(&mut self.mark);
        let behind = self.mark.records.saturating_sub(self.written.records);
        if at_once || behind >= EVERY || self.written_at.elapsed() >= AFTER {
            self.write().map_err(|source| StoreError::File {
                action: "write",
                path: self.path.clone(),
                source,
            })?;
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if self.written == self.mark {
            return Ok(());
        }
        let slot = self.mark.to_slot()?;
        self.file
            .write_all_at(&slot, self.next_slot * SLOT as u64)?;
        self.file.sync_data()?;
        self.next_slot = 1 - self.next_slot;
        self.written = self.mark.clone();
        self.written_at = Instant::now();
        Ok(())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        // The next start can do without: the mark is behind, which it may be.
        let _ = self.write();
    }
}

/// Puts a mark beside a database that was put in place.
///
/// # Errors
/// When it cannot be written.
pub fn put(directory: &Path, mark: &Mark) -> io::Result<()> {
    make(&path(directory), mark)
}

/// Makes the file under its name only when it is whole.
fn make(path: &Path, mark: &Mark) -> io::Result<()> {
    let partial = path.with_extension("mark.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    let slot = mark.to_slot()?;
    file.write_all(&slot)?;
    file.write_all(&slot)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    sync_parent(path)
}
