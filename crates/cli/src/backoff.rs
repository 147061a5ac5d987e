//! The pauses between attempts at a call: they grow up to a limit, and are randomised so that many
//! clients do not come back at the same time.

use std::time::Duration;

use rand_core::{OsRng, RngCore};
use tokio::time::Instant;

/// The first and shortest pause. A coordinator that restarts is back within a second or two.
const MIN_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause. Well below the check-in grace of 5 s (`docs/spec/queue.md#grace`),
/// so that a connection that works again in time is used in time.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// A series of attempts at one call.
pub(crate) struct Backoff {
    patience: Duration,
    longest: Duration,
    since: Option<Instant>,
    pause: Duration,
}

impl Backoff {
    /// A series that gives up when no attempt has succeeded for `patience`.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            patience,
            longest: MAX_PAUSE,
            since: None,
            pause: MIN_PAUSE,
        }
    }

    /// A series that never gives up, with pauses that grow to this length: for those who only watch.
    pub(crate) fn growing_to(longest: Duration) -> Self {
        Self {
            longest,
            ..Self::new(Duration::MAX)
        }
    }

    /// Whether an attempt has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.since.is_some()
    }

    /// The pause before the next attempt, or nothing when it is time to give up.
    ///
    /// A longer pause is taken where the coordinator asks for one.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let failing_for = self.since.get_or_insert_with(Instant::now).elapsed();
        if failing_for >= self.patience {
            return None;
        }
        let pause = self.pause;
        self.pause = self.longest.min(pause * 2);
        // Between three quarters and five quarters, so that a thousand clients that lost one
        // coordinator do not come back in the same millisecond.
        let jitter = pause.mul_f64(0.75 + 0.5 * f64::from(OsRng.next_u32()) / f64::from(u32::MAX));
        Some(jitter.max(asked.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_limit_and_end_with_the_patience() {
        let mut backoff = Backoff::new(Duration::from_secs(30));
        assert!(!backoff.has_failed());
        let mut pauses = Vec::new();
        while let Some(pause) = backoff.next(None) {
            pauses.push(pause);
            tokio::time::advance(pause).await;
        }
        assert!(backoff.has_failed());
        assert!(pauses[0] <= MIN_PAUSE.mul_f64(1.25), "{pauses:?}");
        assert!(
            pauses.iter().all(|pause| *pause <= MAX_PAUSE.mul_f64(1.25)),
            "{pauses:?}"
        );
        let total: Duration = pauses.iter().sum();
        assert!((30.0..33.0).contains(&total.as_secs_f64()), "{total:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_only_watches_comes_back_ever_more_seldom() {
        let longest = Duration::from_secs(60);
        let mut backoff = Backoff::growing_to(longest);
        let mut last = Duration::ZERO;
        for _ in 0..100 {
            last = backoff.next(None).unwrap();
            tokio::time::advance(last).await;
        }
        assert!(
            last >= longest.mul_f64(0.75) && last <= longest.mul_f64(1.25),
            "{last:?}"
        );
    }

    #[test]
    fn a_pause_that_the_coordinator_asks_for_is_kept() {
        let mut backoff = Backoff::new(Duration::from_secs(60));
        assert_eq!(
            backoff.next(Some(Duration::from_secs(40))),
            Some(Duration::from_secs(40))
        );
    }
}
