//! Deleting objects that nothing refers to: powers of turns that failed, and of all contributions but the
//! last.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::MIN_AGE;
use super::reference::referred;
use crate::error::StoreError;
use crate::objects::Objects;
use crate::store::Store;

/// How often it is looked for them.
const EVERY: Duration = Duration::from_secs(3600);

/// When it was last looked for them.
#[derive(Default)]
pub(super) struct Collector(Mutex<Option<Instant>>);

impl Collector {
    /// Looks for them now and then, on a thread of its own. Nobody waits for it.
    pub(super) fn follow<S: Store>(&self, store: &Arc<S>, objects: &Arc<Objects>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        *last = Some(Instant::now());
        let (store, objects) = (Arc::clone(store), Arc::clone(objects));
        let work = move || match collect(&*store, &objects, MIN_AGE) {
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

/// Deletes them. What is referred to is read first: an object that a later commit refers to is younger than
/// `age`.
pub(super) fn collect<S: Store>(
    store: &S,
    objects: &Objects,
    age: Duration,
) -> Result<usize, StoreError> {
    let mut kept = HashSet::new();
    for ticket in store.blob_tickets()? {
        let stored = store.blob(ticket)?;
        kept.extend(stored.and_then(|stored| referred(stored.bytes())));
    }
    objects.collect(kept, age)
}
