//! Work that commits leave to be done later: deleting blobs that are not needed any more, and
//! moving the write-ahead log into the database.
//!
//! Both take some ten milliseconds after a contribution of full size, as long as storing it. So a
//! thread does them after a contribution is accepted, and nobody waits for it. It does not matter
//! when: a superseded blob counts as deleted from the commit on that accepted the next
//! contribution, and SQLite reads the log as well as the database.

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
use crate::failpoint::failpoint;
use crate::session::SignInWrite;

/// The length of the log, in bytes, from which on it is moved even if no contribution was accepted.
/// SQLite's own limit of 4 MB would be reached by each contribution before it is verified. A
/// much longer log would make the next start slow.
const MAX_LOG_LEN: u64 = 32 << 20;

/// About how many bytes a small commit, or a row in a larger one, adds to the log: a page or two of
/// 4 KiB.
const SMALL_COMMIT: u64 = 8 << 10;

/// Selects the blobs that are not needed any more: those of all accepted contributions but the
/// last.
pub(super) const SUPERSEDED: &str = "ticket IN (SELECT ticket FROM contributions
    WHERE number < (SELECT max(number) FROM contributions))";

/// The thread that does this work, until this is dropped.
pub(super) struct Upkeep {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// About how many bytes were written since the thread was last woken.
    written: AtomicU64,
}

impl Upkeep {
    /// Starts the thread, which shares the writing connection.
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

    /// Notes a commit.
    pub(super) fn committed(&self, batch: &Batch) {
        let mut bytes = SMALL_COMMIT;
        let mut is_turn_over = false;
        for write in &batch.writes {
            match write {
                Write::Blob { blob, .. } => bytes += blob.bytes().len() as u64,
                Write::Accepted(_) | Write::DropBlob(_) => is_turn_over = true,
                Write::Record(record) => bytes += record.bytes.len() as u64,
                Write::LogKey(_) => {}
            }
        }
        self.wrote(bytes, is_turn_over);
    }

    /// Notes a commit of sign-ins.
    pub(super) fn signed_in(&self, writes: &[SignInWrite]) {
        self.wrote(SMALL_COMMIT * writes.len() as u64, false);
    }

    fn wrote(&self, bytes: u64, wake: bool) {
        let written = bytes + self.written.fetch_add(bytes, Ordering::Relaxed);
        if (wake || written >= MAX_LOG_LEN)
            && let Some(sender) = &self.wake
        {
            self.written.store(0, Ordering::Relaxed);
            // If the channel is full, the thread is going to look again anyway.
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
    // A passive checkpoint waits for nobody, and keeps what readers still need.
    let move_log = || connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    while let Ok(()) = woken.recv() {
        let swept = {
            let writer = lock();
            sweep(&writer)
        };
        failpoint("upkeep-swept");
        let mostly_moved = move_log();
        // Only when all of the log is moved, it begins anew. Few commits have come meanwhile.
        let moved = {
            let _nobody_commits = lock();
            move_log()
        };
        if let Err(error) = swept.and(mostly_moved).and(moved) {
            // It will be tried again.
            warn!(%error, "the store could not be tidied up");
        }
    }
}

/// Deletes the blobs that are not needed any more.
pub(crate) fn sweep(writer: &Connection) -> rusqlite::Result<()> {
    let delete = format!("DELETE FROM blobs WHERE {SUPERSEDED}");
    writer.prepare_cached(&delete)?.execute([]).map(|_| ())
}
