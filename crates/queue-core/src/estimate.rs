//! How long turns last, and so how long waiting will.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::time::millis;

/// How many of the last turns the mean is taken over: enough to smooth one slow participant out,
/// few enough to follow a change of crowd within the hour.
const RECENT_TURNS: usize = 32;

/// The recent whole turns, from call to end, failed ones included.
#[derive(Clone, Debug)]
pub(crate) struct Estimate {
    /// What a turn is taken to last until one has been seen. Milliseconds.
    expected: u64,
    /// Lengths of the last turns, oldest first. Milliseconds.
    recent: VecDeque<u64>,
    /// Their sum. Milliseconds.
    sum: u64,
}

impl Estimate {
    pub(crate) fn new(expected: Duration) -> Self {
        Self {
            expected: millis(expected),
            recent: VecDeque::new(),
            sum: 0,
        }
    }

    /// Takes note of a turn that is over.
    pub(crate) fn record(&mut self, turn: Duration) {
        if self.recent.len() == RECENT_TURNS
            && let Some(oldest) = self.recent.pop_front()
        {
            self.sum -= oldest;
        }
        let length = millis(turn);
        self.recent.push_back(length);
        self.sum += length;
    }

    /// Mean length of the recent turns, or the expected length before there were any.
    pub(crate) fn mean(&self) -> Duration {
        let mean = self
            .sum
            .checked_div(self.recent.len() as u64)
            .unwrap_or(self.expected);
        Duration::from_millis(mean)
    }

    /// `turns_ahead` mean turns, and what is left of a current turn of this age.
    pub(crate) fn wait(&self, turns_ahead: u64, current: Option<Duration>) -> Duration {
        let mean = self.mean();
        let whole = Duration::from_millis(millis(mean).saturating_mul(turns_ahead));
        let rest = current.map_or(Duration::ZERO, |age| mean.saturating_sub(age));
        whole.saturating_add(rest)
    }
}

/// Equal if the same turns were seen: what is expected is a setting, not a fact of the log.
impl PartialEq for Estimate {
    fn eq(&self, other: &Self) -> bool {
        self.recent == other.recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn mean_is_expected_until_a_turn_was_seen() {
        let mut estimate = Estimate::new(secs(60));
        assert_eq!(estimate.mean(), secs(60));
        estimate.record(secs(10));
        assert_eq!(estimate.mean(), secs(10));
        estimate.record(secs(20));
        assert_eq!(estimate.mean(), secs(15));
    }

    #[test]
    fn mean_forgets_old_turns() {
        let mut estimate = Estimate::new(secs(60));
        estimate.record(secs(100_000));
        for _ in 0..RECENT_TURNS {
            estimate.record(secs(7));
        }
        assert_eq!(estimate.mean(), secs(7));
    }

    #[test]
    fn wait_is_turns_ahead_and_the_rest_of_the_current_turn() {
        let estimate = Estimate::new(secs(60));
        assert_eq!(estimate.wait(0, None), secs(0));
        assert_eq!(estimate.wait(3, None), secs(180));
        assert_eq!(estimate.wait(3, Some(secs(20))), secs(220));
        assert_eq!(estimate.wait(3, Some(secs(500))), secs(180));
        assert_eq!(
            estimate.wait(u64::MAX, Some(secs(0))).as_millis(),
            u128::from(u64::MAX) + 60_000
        );
    }
}
