//! Time that passes only while this process runs.
//!
//! A process can be stopped (SIGSTOP, a debugger, a frozen container) while what others sent waits in
//! the kernel. Timers on the machine's clock have run out by the time it goes on, before anything
//! that waits was looked at. So what another party is given time for is measured here: a thread
//! looks at the machine's clock four times a second, and a longer gap between two looks counts as
//! `GAP` at most.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pause between two looks at the clock.
const BEAT: Duration = Duration::from_millis(250);

/// The most that a gap between two looks counts: twice the pause, so that a thread that is woken
/// late on a busy machine loses nothing.
const GAP: Duration = Duration::from_millis(500);

/// A moment, by the time that this process has been running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

/// The time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in time")]
pub(crate) struct Late;

impl Moment {
    /// The first of all.
    pub(crate) const START: Self = Self(Duration::ZERO);

    /// This moment.
    #[must_use]
    pub(crate) fn now() -> Self {
        static PULSE: LazyLock<Mutex<Pulse>> = LazyLock::new(|| {
            // Without the thread, time passes as long as somebody asks for it.
            let _ = std::thread::Builder::new()
                .name("alive".to_owned())
                .spawn(|| {
                    loop {
                        std::thread::sleep(BEAT);
                        let _ = Moment::now();
                    }
                });
            Mutex::new(Pulse::starting(Instant::now()))
        });
        let mut pulse = PULSE.lock().unwrap_or_else(PoisonError::into_inner);
        Self(pulse.beat(Instant::now()))
    }

    /// So much later.
    #[must_use]
    pub(crate) fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }

    /// How long it is until this moment; nothing once it has come.
    #[must_use]
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_sub(Self::now().0)
    }
}

/// Waits for a moment.
pub(crate) async fn sleep_until(at: Moment) {
    loop {
        let left = at.left();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

/// The future's output, if it is there by then. A future that is ready is asked before the time is.
///
/// # Errors
/// [`Late`].
pub(crate) async fn timeout_at<F: Future>(by: Moment, future: F) -> Result<F::Output, Late> {
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = sleep_until(by) => Err(Late),
    }
}

/// The future's output, if it is there within so much time.
///
/// # Errors
/// [`Late`].
pub(crate) async fn timeout<F: Future>(within: Duration, future: F) -> Result<F::Output, Late> {
    timeout_at(Moment::now().after(within), future).await
}

/// How much time has passed, and when that was found.
struct Pulse {
    passed: Duration,
    looked: Instant,
}

impl Pulse {
    fn starting(now: Instant) -> Self {
        Self {
            passed: Duration::ZERO,
            looked: now,
        }
    }

    fn beat(&mut self, now: Instant) -> Duration {
        self.passed += now.saturating_duration_since(self.looked).min(GAP);
        self.looked = self.looked.max(now);
        self.passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_counts_as_a_moment() {
        let start = Instant::now();
        let mut pulse = Pulse::starting(start);
        let mut at = start;
        for _ in 0..40 {
            at += BEAT;
            pulse.beat(at);
        }
        assert_eq!(
            pulse.passed,
            Duration::from_secs(10),
            "it counts what it saw"
        );
        at += Duration::from_secs(3600);
        assert_eq!(pulse.beat(at), Duration::from_secs(10) + GAP);
        assert_eq!(pulse.beat(at), Duration::from_secs(10) + GAP);
        assert_eq!(
            pulse.beat(start),
            Duration::from_secs(10) + GAP,
            "never back"
        );
        assert_eq!(pulse.beat(at + BEAT), Duration::from_secs(10) + GAP + BEAT);
    }

    #[tokio::test]
    async fn what_is_ready_is_never_late() {
        let now = Moment::now();
        assert_eq!(timeout_at(now, async { 1 }).await, Ok(1));
        let pending = timeout_at(now, std::future::pending::<()>()).await;
        assert_eq!(pending, Err(Late));
    }
}
