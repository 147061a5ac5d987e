//! Deleting objects that nothing refers to: powers of turns that failed, and of all contributions but the
//! last.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tauline_protocol::journal::Digest;

use super::reference::referred;
use crate::error::StoreError;
use crate::objects::Objects;
use crate::store::Store;

/// How old an object is at least that is deleted because nothing refers to it: far longer than between
/// making one durable and the commit.
const MIN_AGE: Duration = Duration::from_secs(3600);
/// How often it is looked for them.
const EVERY: Duration = Duration::from_secs(3600);

/// When it was last looked for them.
#[derive(Default)]
pub(super) struct Collector(Mutex<Option<Instant>>);

impl Collector {
    /// Looks for them now and then, on a thread of its own, which has nothing to do with the database: that
    /// is free when the store is dropped.
    pub(super) fn follow<S: Store>(&self, store: &S, objects: &Arc<Objects>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        *last = Some(Instant::now());
        let kept = kept(store);
        let objects = Arc::clone(objects);
        let work = move || match kept.and_then(|kept| objects.collect(kept, MIN_AGE)) {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "old powers were deleted"),
            Err(error) => tracing::warn!(%error, "old powers could not be deleted"),
        };
        // Without a thread it is done an hour later.
        let _ = std::thread::Builder::new()
            .name("objects-keeper".to_owned())
            .spawn(work);
    }
}

/// What the database refers to. An object that a later commit refers to is younger than what is deleted.
pub(super) fn kept<S: Store>(store: &S) -> Result<HashSet<Digest>, StoreError> {
    let mut kept = HashSet::new();
    for ticket in store.blob_tickets()? {
        let stored = store.blob(ticket)?;
        kept.extend(stored.and_then(|stored| referred(stored.bytes())));
    }
    Ok(kept)
}
