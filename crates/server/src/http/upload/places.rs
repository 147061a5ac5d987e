//! Which uploads are read at a time: one in earnest, and a few that are only compared.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tauline_protocol::Identity;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

/// The one upload that is read. Only the turn's holder gets to upload, so a further upload is its
/// own second try, or the first of the next turn: either way the one before is given up, and no
/// more than one contribution is in memory.
#[derive(Default)]
pub(super) struct Current(Mutex<Option<oneshot::Sender<()>>>);

impl Current {
    /// Takes its place. The receiver resolves when another upload takes it.
    pub(super) fn enter(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}

/// Uploads at a time that are read only to be compared. Each takes as much memory as its
/// body is long, and a core for as long as a parser needs.
const MAX_REPEATS: usize = 4;

/// The uploads that are read only to be compared with an earlier one: one of each participant's,
/// the latest, and few in all.
pub(super) struct Repeats {
    room: Semaphore,
    latest: Mutex<HashMap<Identity, (u64, oneshot::Sender<()>)>>,
    numbers: AtomicU64,
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            room: Semaphore::new(MAX_REPEATS),
            latest: Mutex::default(),
            numbers: AtomicU64::default(),
        }
    }
}

impl Repeats {
    /// Takes this participant's place. The receiver resolves when a later one takes it.
    pub(super) fn enter<'a>(&'a self, who: &'a Identity) -> (Repeat<'a>, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.latest().insert(who.clone(), (number, sender));
        let repeats = self;
        let repeat = Repeat {
            repeats,
            who,
            number,
        };
        (repeat, receiver)
    }

    /// Waits until few others are being read.
    pub(super) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.room.acquire().await.ok()
    }

    fn latest(&self) -> MutexGuard<'_, HashMap<Identity, (u64, oneshot::Sender<()>)>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A participant's place, until it is dropped.
pub(super) struct Repeat<'a> {
    repeats: &'a Repeats,
    who: &'a Identity,
    number: u64,
}

impl Drop for Repeat<'_> {
    fn drop(&mut self) {
        let mut latest = self.repeats.latest();
        if latest
            .get(self.who)
            .is_some_and(|(number, _)| *number == self.number)
        {
            latest.remove(self.who);
        }
    }
}
