//! What the log says of connections that are refused: once a minute at most, however many there are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::telemetry::throttle::QUIET;

/// Why a connection was refused, or ended before its time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    /// There are many from its address.
    Address,
    /// There are many.
    Room,
    /// The system did not give it, as when no more files may be open.
    System,
}

/// Counts refusals, and tells of them.
#[derive(Debug, Default, Clone)]
pub(super) struct Refusals(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    is_quiet: bool,
    untold: Counts,
    /// All that there ever were.
    total: Counts,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    by_address: u64,
    for_room: u64,
    by_the_system: u64,
}

impl Counts {
    fn add(&mut self, why: Why) {
        match why {
            Why::Address => self.by_address += 1,
            Why::Room => self.for_room += 1,
            Why::System => self.by_the_system += 1,
        }
    }
}

impl Refusals {
    /// How many there were, and why.
    pub(super) fn total(&self) -> [(&'static str, u64); 3] {
        let Counts {
            by_address,
            for_room,
            by_the_system,
        } = self.told().total;
        [
            ("address", by_address),
            ("room", for_room),
            ("system", by_the_system),
        ]
    }

    /// Counts one. Must be called inside a tokio runtime.
    pub(super) fn count(&self, why: Why) {
        let mut told = self.told();
        told.untold.add(why);
        told.total.add(why);
        if told.is_quiet {
            return;
        }
        told.is_quiet = true;
        drop(told);
        tokio::spawn(self.clone().tell());
    }

    /// Tells of what was counted, and goes on until a minute passes in which nothing was.
    async fn tell(self) {
        loop {
            let counts = {
                let mut told = self.told();
                let counts = std::mem::take(&mut told.untold);
                told.is_quiet = counts != Counts::default();
                counts
            };
            let Counts {
                by_address,
                for_room,
                by_the_system,
            } = counts;
            if counts == Counts::default() {
                return;
            }
            tracing::warn!(
                by_address,
                for_room,
                by_the_system,
                "connections were refused, or closed to make room for others: see --max-connections-per-address, \
                 --max-connections and the limit on open files"
            );
            tokio::time::sleep(QUIET).await;
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
