//! Log lines at most once a minute, for what an attacker could repeat at will.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two lines about the same thing, so that nobody fills an operator's screen.
pub(crate) const QUIET: Duration = Duration::from_secs(60);

/// What is told once a minute at most, however often it happens.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    untold: u64,
}

impl Throttle {
    /// Counts one. How many there were since they were last told of, if it is time to tell of them.
    pub(crate) fn count(&self) -> Option<u64> {
        self.count_at(Instant::now())
    }

    fn count_at(&self, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.untold += 1;
        let is_quiet = told
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < QUIET);
        if is_quiet {
            return None;
        }
        told.last = Some(now);
        Some(std::mem::take(&mut told.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_told_once_a_minute_and_counted() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        assert_eq!(throttle.count_at(start), Some(1));
        for second in 0..60 {
            assert_eq!(throttle.count_at(start + Duration::from_secs(second)), None);
        }
        assert_eq!(throttle.count_at(start + QUIET), Some(61));
    }
}
