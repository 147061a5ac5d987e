//! What commits leave behind and nobody is to wait for: blobs of no more use, and a write-ahead log
//! that has to go into the database some time.
//!
//! Both cost some ten milliseconds after a full-size contribution, as much as storing it. So a
//! thread does them, when the contribution is accepted and its sender has been told. Nothing
//! depends on when: a superseded blob counts as gone from the commit on that accepted the next one,
//! and SQLite reads the log as it reads the database.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tracing::warn;

use super::connection::connect;
use crate::batch::{Batch, Write};
use crate::error::StoreError;
use crate::session::SignInWrite;

/// Bytes after which the log is moved even if no contribution was accepted. Ours: SQLite's own
/// limit, 4 MB, would be reached by each contribution before it is verified; more than this is not
/// left for the next start to read.
const MAX_LOG_LEN: u64 = 32 << 20;

/// What a small commit, or a row in a larger one, adds to the log, about: a page or two of 4 KiB.
const SMALL_COMMIT: u64 = 8 << 10;

/// The rows of blobs that are of no more use: those of all accepted contributions but the last.
pub(super) const SUPERSEDED: &str = "ticket IN (SELECT ticket FROM contributions
    WHERE number < (SELECT max(number) FROM contributions))";

/// The thread, until it is dropped.
pub(super) struct Upkeep {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Bytes since it was last woken, about.
    written: AtomicU64,
}

impl Upkeep {
    /// Starts the thread, which shares the connection that writes.
    pub(super) fn start(writer: Arc<Mutex<Connection>>, path: &Path) -> Result<Self, StoreError> {
        let connection = connect(path)?;
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-keeper".to_owned())
            .spawn(move || run(&writer, &connection, &woken))
            .map_err(|error| StoreError::Database(Box::new(error)))?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            written: AtomicU64::new(0),
        })
    }

    /// Takes note of a commit.
    pub(super) fn committed(&self, batch: &Batch) {
        let mut bytes = SMALL_COMMIT;
        let mut is_turn_over = false;
        for write in &batch.writes {
            match write {
                Write::Blob { blob, .. } => bytes += blob.bytes().len() as u64,
                Write::Accepted(_) | Write::DropBlob(_) => is_turn_over = true,
                Write::Record(record) => bytes += record.bytes.len() as u64,
            }
        }
        self.wrote(bytes, is_turn_over);
    }

    /// Takes note of a commit of sign-ins.
    pub(super) fn signed_in(&self, writes: &[SignInWrite]) {
        self.wrote(SMALL_COMMIT * writes.len() as u64, false);
    }

    fn wrote(&self, bytes: u64, wake: bool) {
        let written = bytes + self.written.fetch_add(bytes, Ordering::Relaxed);
        if (wake || written >= MAX_LOG_LEN)
            && let Some(sender) = &self.wake
        {
            self.written.store(0, Ordering::Relaxed);
            // If it is full, the thread is going to look again anyway.
            let _ = sender.try_send(());
        }
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(writer: &Mutex<Connection>, connection: &Connection, woken: &Receiver<()>) {
    let lock = || writer.lock().unwrap_or_else(PoisonError::into_inner);
    // Passive: it waits for nobody. What readers still need stays.
    let move_log = || connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    while let Ok(()) = woken.recv() {
        let swept = {
            let writer = lock();
            sweep(&writer)
        };
        let mostly_moved = move_log();
        // The log begins anew only when all of it was moved. Few commits came meanwhile.
        let moved = {
            let _nobody_commits = lock();
            move_log()
        };
        if let Err(error) = swept.and(mostly_moved).and(moved) {
            // The next time is as good.
            warn!(%error, "the store could not be tidied up");
        }
    }
}

/// Deletes what is superseded.
pub(super) fn sweep(writer: &Connection) -> rusqlite::Result<()> {
    let delete = format!("DELETE FROM blobs WHERE {SUPERSEDED}");
    writer.prepare_cached(&delete)?.execute([]).map(|_| ())
}
