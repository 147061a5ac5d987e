//! The only place that reads the time.
//!
//! Everything else asks a [`Clock`]; tests hold its [`Hands`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tauline_queue_core::Timestamp;
use tokio::sync::watch;

pub(crate) mod alive;

/// A source of the time, in Unix milliseconds. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(Arc<Anchor>),
    Manual(watch::Receiver<Timestamp>),
}

/// The wall clock, read once, and the monotonic clock at that moment.
#[derive(Debug)]
struct Anchor {
    /// Unix milliseconds.
    wall: AtomicU64,
    monotonic: Instant,
}

/// Moves a manual [`Clock`].
#[derive(Debug)]
pub struct Hands(watch::Sender<Timestamp>);

impl Clock {
    /// The machine's clock.
    ///
    /// The wall clock is read once, here; from then on time passes as the monotonic clock says. So
    /// a step of the wall clock while the coordinator runs moves nobody's deadline; the next start
    /// takes it up, as an absence.
    #[must_use]
    pub fn system() -> Self {
        let (wall, monotonic) = (wall(), Instant::now());
        let wall = AtomicU64::new(wall.as_millis());
        Self(Source::System(Arc::new(Anchor { wall, monotonic })))
    }

    /// A clock that stands still until its hands are moved.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, Hands) {
        let (hands, reading) = watch::channel(start);
        (Self(Source::Manual(reading)), Hands(hands))
    }

    /// The queue's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System(anchor) => Timestamp::from_millis(anchor.wall.load(Ordering::Relaxed))
                .saturating_add(anchor.monotonic.elapsed()),
            Source::Manual(reading) => *reading.borrow(),
        }
    }

    /// The machine's own time at this moment, which others go by too. Messages and sessions are dated
    /// by it, however far the queue's time was set forward, and it follows when somebody sets the
    /// machine's clock.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        match &self.0 {
            Source::System(_) => wall(),
            Source::Manual(reading) => *reading.borrow(),
        }
    }

    /// Sets the queue's time forward if it is behind `at`; says by how much it was.
    ///
    /// A log may come from a machine whose clock was ahead of this one's. Time in a log never falls,
    /// so without this it would stand still until this clock has caught up.
    pub(crate) fn catch_up(&self, at: Timestamp) -> Duration {
        let behind = at.since(self.now());
        if let Source::System(anchor) = &self.0 {
            let behind = u64::try_from(behind.as_millis()).unwrap_or(0);
            anchor.wall.fetch_add(behind, Ordering::Relaxed);
        }
        behind
    }

    /// Waits until it is `at` or later.
    pub async fn sleep_until(&self, at: Timestamp) {
        match &self.0 {
            Source::System(_) => {
                let left = at.since(self.now());
                if !left.is_zero() {
                    // A timer may fire early by a fraction of its tick: the extra millisecond
                    // spares a second round.
                    tokio::time::sleep(left + Duration::from_millis(1)).await;
                }
            }
            Source::Manual(reading) => {
                let mut reading = reading.clone();
                if reading.wait_for(|now| *now >= at).await.is_err() {
                    // The hands are gone: this clock never moves again.
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

/// The machine's wall clock.
fn wall() -> Timestamp {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = wall.unwrap_or_default().as_millis();
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

impl Hands {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = now.saturating_add(by));
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, at: Timestamp) {
        self.0.send_replace(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_behind_the_log_is_set_forward_and_never_back() {
        let clock = Clock::system();
        let start = clock.now();
        let ahead = start.saturating_add(Duration::from_secs(3600));
        assert!(clock.catch_up(ahead) > Duration::from_secs(3590));
        assert!(clock.now() >= ahead);
        assert_eq!(clock.catch_up(start), Duration::ZERO);
        assert!(clock.now() >= ahead);
        let wall = clock.wall().since(start);
        assert!(wall < Duration::from_secs(1800), "{wall:?}");
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_hands_reach_its_time() {
        let (clock, hands) = Clock::manual(Timestamp::from_millis(1000));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(Timestamp::from_millis(2000)).await }
        });
        hands.advance(Duration::from_millis(999));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        hands.advance(Duration::from_millis(1));
        sleeper.await.unwrap();
    }
}
