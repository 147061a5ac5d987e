//! Group commit: many sign-ins are written in one commit.
//!
//! A commit waits for the disk, and the ceremony's log waits for the same connection. So sign-ins
//! never commit one by one. What comes in during a commit, or within [`GATHERED`], goes into the
//! next one. Each is answered when it is durable.

use std::sync::Arc;
use std::time::Duration;

use tauline_store::{SignInWrite, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

/// How long writes are gathered before a commit. Nobody notices it at a sign-in, and the
/// log gets the connection in between, however many sign in.
const GATHERED: Duration = Duration::from_millis(5);

/// Writes in one commit at most: some milliseconds of work, which the log may have to wait for.
const MAX_WRITES: usize = 1024;

struct Pending {
    write: SignInWrite,
    done: oneshot::Sender<Result<(), Arc<StoreError>>>,
}

/// Where writes go. Its task ends when this is dropped
/// (`docs/spec/known-faults.md#sessions-counted`).
pub(super) struct GroupCommit(mpsc::Sender<Pending>);

impl GroupCommit {
    /// Must be called inside a tokio runtime.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let (sender, pending) = mpsc::channel(MAX_WRITES);
        tokio::spawn(commit_groups(store, pending));
        Self(sender)
    }

    /// Makes a change durable.
    ///
    /// # Errors
    /// A failing store.
    pub(super) async fn write(&self, write: SignInWrite) -> Result<(), String> {
        let (done, wait) = oneshot::channel();
        let stopping = || "the server is stopping".to_owned();
        let pending = Pending { write, done };
        self.0.send(pending).await.map_err(|_| stopping())?;
        let written = wait.await.map_err(|_| stopping())?;
        written.map_err(|error| error.to_string())
    }
}

/// Commits what comes in, group by group.
async fn commit_groups(store: Arc<dyn Store>, mut pending: mpsc::Receiver<Pending>) {
    let mut group = Vec::new();
    loop {
        if pending.recv_many(&mut group, MAX_WRITES).await == 0 {
            return;
        }
        tokio::time::sleep(GATHERED).await;
        while group.len() < MAX_WRITES
            && let Ok(next) = pending.try_recv()
        {
            group.push(next);
        }
        let store = Arc::clone(&store);
        let (writes, waiting): (Vec<_>, Vec<_>) =
            group.drain(..).map(|one| (one.write, one.done)).unzip();
        let written = tokio::task::spawn_blocking(move || store.write_sign_ins(&writes)).await;
        let written = written
            .unwrap_or_else(|error| Err(StoreError::Database(Box::new(error))))
            .map_err(Arc::new);
        for done in waiting {
            // Whoever has gone away needs no answer.
            let _ = done.send(written.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tauline_protocol::Identity;
    use tauline_queue_core::Timestamp;

    use super::*;
    use tauline_store::Session;
    use tauline_store::sqlite::Sqlite;

    /// Commits in the write-ahead log: frames that say how long the database is after them
    /// (<https://sqlite.org/fileformat2.html#the_write_ahead_log>, sections 4.1 and 4.2).
    fn commits(folder: &std::path::Path) -> usize {
        let log = std::fs::read(folder.join("tauline.db-wal")).unwrap();
        let page = usize::try_from(u32::from_be_bytes(log[8..12].try_into().unwrap())).unwrap();
        let frames = log[32..].chunks_exact(24 + page);
        frames.filter(|frame| frame[4..8] != [0; 4]).count()
    }

    #[tokio::test]
    async fn a_crowd_signs_in_with_a_few_commits_and_all_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = "16:4".parse().unwrap();
        let now = Timestamp::from_millis(1_790_000_000_000);
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path(), &sizes, now).unwrap());
        let writes = GroupCommit::new(Arc::clone(&store));
        let before = commits(folder.path());
        let sessions: Vec<Session> = (0..200u8)
            .map(|number| Session {
                hash: [number; 32],
                identity: Identity::invite(&format!("p{number}")).unwrap(),
                expires_at: now,
            })
            .collect();
        let written = sessions
            .iter()
            .map(|session| writes.write(SignInWrite::Put(session.clone())));
        for result in join_all(written).await {
            result.unwrap();
        }
        let commits = commits(folder.path()) - before;
        assert!(commits <= 3, "{commits} commits");
        for session in sessions {
            assert_eq!(store.session(&session.hash).unwrap(), Some(session));
        }
    }
}
