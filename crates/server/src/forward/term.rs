//! How long a leader may take itself for one.
//!
//! The database decides who leads, and refuses what a former leader writes. What a leader only says, and does
//! not write, rests on this: it stops before the lease that it was given can have run out, by the machine's
//! monotonic clock, which a stopped process does not stop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A time in which this replica leads.
#[derive(Debug)]
pub(crate) struct Term {
    epoch: u64,
    began: Instant,
    /// Until when it lasts, in microseconds since `began`.
    lasts: AtomicU64,
    over: watch::Sender<bool>,
    why: Mutex<Option<Over>>,
}

/// Why a term is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Over {
    /// The database has another leader.
    #[error("another replica leads now")]
    Another,
    /// Nobody could renew the lease in time.
    #[error("the lease could not be renewed in time")]
    RunOut,
    /// It was given up.
    #[error("the lead was given up")]
    GivenUp,
}

impl Term {
    /// A term under a lease of this length that was asked for at `asked`.
    pub(crate) fn new(epoch: u64, asked: Instant, length: Duration) -> Self {
        let term = Self {
            epoch,
            began: asked,
            lasts: AtomicU64::new(0),
            over: watch::Sender::new(false),
            why: Mutex::default(),
        };
        term.lasts.store(micros(length), Ordering::Relaxed);
        term
    }

    /// Which leader since the ceremony began this is.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether this replica may still take itself for the leader.
    pub(crate) fn lasts(&self) -> bool {
        !*self.over.borrow() && !self.left().is_zero()
    }

    /// How long it lasts, unless it is renewed.
    pub(crate) fn left(&self) -> Duration {
        let lasts = Duration::from_micros(self.lasts.load(Ordering::Relaxed));
        lasts.saturating_sub(self.began.elapsed())
    }

    /// A renewal that was sent at `sent` was granted. A term that had run out meanwhile stays over.
    pub(crate) fn renewed(&self, sent: Instant, length: Duration) {
        if !self.lasts() {
            return self.end(Over::RunOut);
        }
        let until = sent.duration_since(self.began).saturating_add(length);
        self.lasts.fetch_max(micros(until), Ordering::Relaxed);
    }

    /// It is over. The first reason stays.
    pub(crate) fn end(&self, why: Over) {
        let mut first = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(why);
        drop(first);
        self.over.send_replace(true);
    }

    /// Why it is over, if it is.
    pub(crate) fn why_over(&self) -> Option<Over> {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.clone()
            .or_else(|| self.left().is_zero().then_some(Over::RunOut))
    }

    /// Waits until it is over, and says why.
    pub(crate) async fn until_over(&self) -> Over {
        let mut over = self.over.subscribe();
        loop {
            if let Some(why) = self.why_over() {
                self.end(why.clone());
                return why;
            }
            tokio::select! {
                // The sender is this term's own.
                _ = over.changed() => {}
                () = tokio::time::sleep(self.left()) => {}
            }
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(3);

    fn ago(time: Duration) -> Instant {
        Instant::now().checked_sub(time).unwrap()
    }

    #[test]
    fn it_lasts_from_when_the_lease_was_asked_for() {
        let term = Term::new(7, ago(LENGTH / 2), LENGTH);
        assert!(term.lasts());
        assert!(term.left() <= LENGTH / 2, "{:?}", term.left());
        assert!(!Term::new(7, ago(LENGTH), LENGTH).lasts());
    }

    #[test]
    fn a_renewal_counts_from_when_it_was_sent_and_never_backwards() {
        let term = Term::new(7, ago(LENGTH / 2), LENGTH);
        let sent = ago(LENGTH / 4);
        term.renewed(sent, LENGTH);
        let left = term.left();
        assert!(left > LENGTH / 2 && left <= LENGTH * 3 / 4, "{left:?}");
        term.renewed(ago(LENGTH / 2), LENGTH);
        assert!(term.left() > LENGTH / 2);
    }

    #[test]
    fn a_term_that_has_run_out_is_not_renewed() {
        let term = Term::new(7, ago(LENGTH), LENGTH);
        term.renewed(Instant::now(), LENGTH);
        assert!(!term.lasts());
        assert_eq!(term.why_over(), Some(Over::RunOut));
        let term = Term::new(7, Instant::now(), LENGTH);
        term.end(Over::Another);
        term.end(Over::GivenUp);
        term.renewed(Instant::now(), LENGTH);
        assert!(!term.lasts());
        assert_eq!(term.why_over(), Some(Over::Another), "the first reason");
    }

    #[tokio::test]
    async fn whoever_waits_hears_why_it_is_over() {
        let term = Term::new(7, Instant::now(), Duration::from_millis(20));
        assert_eq!(term.until_over().await, Over::RunOut);
        let term = Term::new(7, Instant::now(), LENGTH);
        let waits = term.until_over();
        let ends = async { term.end(Over::Another) };
        assert_eq!(tokio::join!(waits, ends).0, Over::Another);
    }
}
